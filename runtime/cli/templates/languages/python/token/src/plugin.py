"""Adds the plan of an app to its tokens, and gives none to apps that may not have them any more.

The settings name the plan of each app by its client_id; `false` means that it gets no tokens:

    [settings.plans]
    web = "team"
    legacy = false
"""

import json

from wit_world import exports
from wit_world.exports.hook import (
    Denial,
    TokenClaims,
    TokenDecision,
    TokenDecision_Deny,
    TokenDecision_Issue,
    TokenRequest,
    UserinfoClaims,
    UserinfoDecision,
    UserinfoDecision_Answer,
)
from wit_world.imports import config, log
from wit_world.imports.types import CallContext


def setting(*keys: str):
    """The part of the settings that these keys lead to, or None.

    Keys are escaped (RFC 6901), so that one from outside cannot name another place.
    """
    text = config.get("".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys))
    return None if text is None else json.loads(text)


class Hook(exports.Hook):
    """The hook. An exception means that no token is issued."""

    def shape_tokens(self, call: CallContext, request: TokenRequest) -> TokenDecision:
        client = call.client or ""
        plan = setting("plans", client)
        if plan is False:
            return TokenDecision_Deny(Denial("This app may not get tokens any more.", []))
        if plan is None:
            log.write(log.Level.INFO, f"no plan for {client}")
            return TokenDecision_Issue(TokenClaims("", "", []))
        claims = json.dumps({"plan": plan})
        return TokenDecision_Issue(TokenClaims(claims, claims, []))

    def shape_userinfo(self, call: CallContext, request: TokenRequest) -> UserinfoDecision:
        return UserinfoDecision_Answer(UserinfoClaims("", []))
