"""Refuses people who sign up with an address of a domain that the setting `blocked` lists, and keeps the domain of
everybody else in their metadata_admin.
"""

import json

from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import (
    Additions,
    Allowance,
    Denial,
    RegistrationDecision,
    RegistrationDecision_Allow,
    RegistrationDecision_Deny,
    RegistrationForm,
    Source,
)
from wit_world.imports.people import Person
from wit_world.imports.types import CallContext


def domain_of(traits: str) -> str | None:
    """The domain of the e-mail address in traits."""
    _, at, domain = json.loads(traits).get("email", "").rpartition("@")
    return domain.lower() if at else None


class Hook(exports.Hook):
    """The hook. An exception means that no account is made."""

    def before(self, call: CallContext, form: RegistrationForm) -> RegistrationDecision:
        domain = domain_of(form.traits)
        if form.source == Source.SELF_SERVICE and domain is not None:
            for blocked in setting("blocked") or []:
                if domain == blocked or domain.endswith("." + blocked):
                    fields = [("traits.email", "Please use an address that lasts.")]
                    return RegistrationDecision_Deny(Denial(None, fields, []))
        return RegistrationDecision_Allow(Allowance(None, []))

    def after(self, call: CallContext, person: Person) -> Additions:
        domain = domain_of(person.traits)
        return Additions("", "" if domain is None else json.dumps({"domain": domain}), [])
