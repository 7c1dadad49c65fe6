"""Writes a line into the log for each event whose action the setting `actions` lists."""

from componentize_py_types import Err
from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import Event
from wit_world.imports import log
from wit_world.imports.types import CallContext, HookError


class Hook(exports.Hook):
    """The hook. An error that is raised means that all of these events are offered again: whoever sends them somewhere
    tells by their `id` which it has sent already.
    """

    def consume(self, call: CallContext, events: list[Event]) -> None:
        actions = setting("actions") or []
        if not isinstance(actions, list):
            raise Err(HookError("actions: not a list", []))
        for event in events:
            if event.action in actions:
                log.write(log.Level.INFO, f"{event.action} by {event.actor}: {event.target_kind} {event.target_id}")
