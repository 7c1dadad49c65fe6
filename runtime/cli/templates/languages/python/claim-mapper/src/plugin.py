"""Takes people of the providers in the setting `domains` by their e-mail address, if it is verified and of the domain
there, e.g. `corporate = "acme.example"`.
"""

import json

from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import (
    AddressKind,
    Mapping,
    MappingDecision,
    MappingDecision_Deny,
    MappingDecision_Mapped,
    MappingDecision_Pass,
    Upstream,
    VerifiedAddress,
)
from wit_world.imports.refusals import Refusal
from wit_world.imports.types import CallContext


class Hook(exports.Hook):
    """The hook. An exception means that nobody is signed in."""

    def map_claims(self, call: CallContext, upstream: Upstream) -> MappingDecision:
        domain = setting("domains", upstream.provider)
        if domain is None:
            return MappingDecision_Pass()
        claims = json.loads(upstream.claims)
        email = claims.get("email")
        if email is None or claims.get("email_verified") is not True:
            return MappingDecision_Deny(Refusal("Your address is not verified there.", []))
        if email.rpartition("@")[2] != domain:
            return MappingDecision_Deny(Refusal(f"Sign in with an address of {domain}.", []))
        verified = [VerifiedAddress(AddressKind.EMAIL, email)]
        return MappingDecision_Mapped(Mapping(json.dumps({"email": email}), "", "", None, verified, []))
