"""Closes the door: for everybody, with the words in the setting `closed`, and for whom an administrator has barred,
with those in `barred` of their metadata_admin. Sends people whose domain the setting `homes` has to sign in there, and
keeps the desk that an administrator gave somebody with their session.
"""

import json

from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import (
    LoginAttempt,
    LoginDecision,
    LoginDecision_Allow,
    LoginDecision_Deny,
    LoginDecision_Redirect,
    LoginOutcome,
    LoginOutcome_Allow,
    LoginOutcome_Deny,
    Redirection,
    SessionAdditions,
)
from wit_world.imports import log
from wit_world.imports.people import Person
from wit_world.imports.refusals import Refusal
from wit_world.imports.types import CallContext


class Hook(exports.Hook):
    """The hook. An exception means that nobody is signed in."""

    def before(self, call: CallContext, attempt: LoginAttempt) -> LoginDecision:
        # Nothing is known of the account here: the answer must not depend on whether there is one.
        closed = setting("closed")
        if closed is not None:
            return LoginDecision_Deny(Refusal(closed, []))
        home = setting("homes", attempt.identifier.rpartition("@")[2])
        return LoginDecision_Allow() if home is None else LoginDecision_Redirect(Redirection(home, []))

    def after(self, call: CallContext, attempt: LoginAttempt, person: Person) -> LoginOutcome:
        # The password was right.
        metadata = json.loads(person.metadata_admin) or {}
        if "barred" in metadata:
            log.write(log.Level.INFO, "somebody is barred")
            return LoginOutcome_Deny(Refusal(metadata["barred"], []))
        claims = json.dumps({"desk": metadata["desk"]}) if "desk" in metadata else ""
        return LoginOutcome_Allow(SessionAdditions(claims, []))
