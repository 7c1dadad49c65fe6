"""Closes the door: for everybody, with the words in the setting `closed`, and for whom an administrator has barred,
with those in `barred` of their metadata_admin.
"""

import json

from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import LoginAttempt, LoginDecision, LoginDecision_Allow, LoginDecision_Deny
from wit_world.imports import log
from wit_world.imports.people import Person, Refusal
from wit_world.imports.types import CallContext


class Hook(exports.Hook):
    """The hook. An exception means that nobody is signed in."""

    def before(self, call: CallContext, attempt: LoginAttempt) -> LoginDecision:
        # Nothing is known of the account here: the answer must not depend on whether there is one.
        closed = setting("closed")
        return LoginDecision_Allow() if closed is None else LoginDecision_Deny(Refusal(closed, []))

    def after(self, call: CallContext, attempt: LoginAttempt, person: Person) -> LoginDecision:
        # The password was right.
        barred = (json.loads(person.metadata_admin) or {}).get("barred")
        if barred is None:
            return LoginDecision_Allow()
        log.write(log.Level.INFO, "somebody is barred")
        return LoginDecision_Deny(Refusal(barred, []))
