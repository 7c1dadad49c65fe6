"""Puts the setting `signature` under every e-mail, in the language of whoever gets it, e.g. `en = "Yours, Acme"`."""

from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import (
    Channel,
    Message,
    MessageDecision,
    MessageDecision_AsIs,
    MessageDecision_Rewritten,
    Rewriting,
)
from wit_world.imports.types import CallContext


class Hook(exports.Hook):
    """The hook. An exception means that the message is offered again."""

    def send(self, call: CallContext, message: Message) -> MessageDecision:
        if message.channel == Channel.SMS:
            return MessageDecision_AsIs()
        language = (message.locale or "en").split("-")[0]
        signature = setting("signature", language)
        if signature is None:
            return MessageDecision_AsIs()
        html = None if message.html is None else f"{message.html}<p>{signature}</p>"
        return MessageDecision_Rewritten(Rewriting(message.subject, f"{message.text}\n\n{signature}", html, []))
