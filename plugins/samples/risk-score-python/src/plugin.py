"""Scores each sign-in by what is new about it: the device, the network, the hour of the day. From one score on it requires
a second factor, from another on it denies. The settings are in settings.schema.json.
"""

from componentize_py_types import Err
from habits import Habits
from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import (
    LoginAttempt,
    LoginDecision,
    LoginDecision_Allow,
    LoginOutcome,
    LoginOutcome_Allow,
    LoginOutcome_Deny,
    LoginOutcome_RequireSecondFactor,
    SessionAdditions,
)
from wit_world.imports import kv, log
from wit_world.imports.people import Person
from wit_world.imports.refusals import Refusal
from wit_world.imports.types import CallContext

POINTS = {"new_device": 40, "new_network": 30, "unusual_hour": 25, "first": 0}
USUAL = {**POINTS, "second_factor_at": 50, "deny_at": 90, "remember_days": 180}
DENIAL = "This sign-in looks unusual. Please ask your administrator."


class Settings(exports.Settings):
    """Whether the plugin takes its settings, before it is called with them. `Err` says why not, to the operator."""

    def check(self) -> None:
        settings = {**USUAL, **(setting() or {})}
        if settings["second_factor_at"] > settings["deny_at"]:
            raise Err("second_factor_at: is above deny_at, so that nobody would ever be asked for a second factor")


class Hook(exports.Hook):
    """The hook. An exception means that nobody is signed in."""

    def before(self, call: CallContext, attempt: LoginAttempt) -> LoginDecision:
        # Who it is is not known yet.
        return LoginDecision_Allow()

    def after(self, call: CallContext, attempt: LoginAttempt, person: Person) -> LoginOutcome:
        settings = {**USUAL, **(setting() or {})}
        key = f"habits/{person.id}"
        kept = kv.get(key)
        habits = Habits.read(kept)
        signs = habits.signs(call.now, attempt.origin)
        score = sum(settings[sign] for sign in signs)
        if signs:
            log.write(log.Level.INFO, f"score {score}: {', '.join(signs)}")
        if score >= settings["deny_at"]:
            return LoginOutcome_Deny(Refusal(DENIAL, []))
        if score >= settings["second_factor_at"]:
            # Nothing is remembered: else whoever has the password alone is known when they try again.
            return LoginOutcome_RequireSecondFactor()
        remember(key, kept, habits.with_this(call.now, attempt.origin), settings["remember_days"])
        return LoginOutcome_Allow(SessionAdditions("", []))


def remember(key: str, kept: bytes | None, habits: Habits, days: int) -> None:
    """Keeps the habits. Who cannot be remembered is as new the next time, which lets nobody in."""
    try:
        # Of two sign-ins at once one is remembered.
        kv.compare_and_swap(key, kept, habits.written(), days * 24 * 60 * 60)
    except Err as error:
        log.write(log.Level.WARN, f"nothing was remembered: {error.value}")
