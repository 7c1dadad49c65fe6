"""Lets apps have only people who signed in as strongly as the setting `assurance` says for them, e.g.
`"client:bank" = "aal2"`.
"""

import json

from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import (
    Decision,
    Decision_Deny,
    Decision_Permit,
    Denial,
    Permission,
    PolicyRequest,
)
from wit_world.imports.types import CallContext


class Hook(exports.Hook):
    """The hook. An exception means that it is not done."""

    def decide(self, call: CallContext, request: PolicyRequest) -> Decision:
        wanted = setting("assurance", request.resource)
        if wanted is None or request.subject is None or json.loads(request.context).get("assurance") == wanted:
            return Decision_Permit(Permission([], [], []))
        return Decision_Deny(Denial(f"This app wants {wanted}.", []))
