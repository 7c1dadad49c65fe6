"""Adds the plan of an app to its tokens, and gives none to apps that may not have them any more.

The settings name the plan of each app by its client_id; `false` means that it gets no tokens:

    [settings.plans]
    web = "team"
    legacy = false
"""

import json

from portcullis import setting
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
from wit_world.imports import log
from wit_world.imports.types import CallContext


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
