"""Writes a line into the log for what the setting `watched` lists: `profile`, `password`, `logout`."""

from componentize_py_types import Err
from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import AccountEvent
from wit_world.imports import log
from wit_world.imports.types import CallContext, HookError


class Hook(exports.Hook):
    """The hook. It has happened, and stays: an error that is raised is for the operator to see."""

    def after(self, call: CallContext, event: AccountEvent) -> None:
        watched = setting("watched") or []
        if not isinstance(watched, list):
            raise Err(HookError("watched: not a list", []))
        what = event.what.name.lower()
        if what in watched:
            log.write(log.Level.INFO, f"{what} of {event.person.id} from {event.origin.address}")
