"""Says at introspection which plan an app has now, and that tokens of apps that may not have any are live no more.

The settings name the plan of each app by its client_id; `false` means that its tokens are worth nothing:

    [settings.plans]
    web = "team"
    legacy = false
"""

import json

from portcullis import setting
from wit_world import exports
from wit_world.exports.hook import (
    TokenClaims,
    TokenDecision,
    TokenDecision_Issue,
    TokenRequest,
    UserinfoClaims,
    UserinfoDecision,
    UserinfoDecision_Answer,
)
from wit_world.exports.introspection import (
    IntrospectedToken,
    IntrospectionClaims,
    IntrospectionDecision,
    IntrospectionDecision_Answer,
    IntrospectionDecision_Inactive,
)
from wit_world.imports import log
from wit_world.imports.types import CallContext


class Hook(exports.Hook):
    """The hook: tokens and userinfo stay as they are. An exception means that no token is issued."""

    def shape_tokens(self, call: CallContext, request: TokenRequest) -> TokenDecision:
        return TokenDecision_Issue(TokenClaims("", "", []))

    def shape_userinfo(self, call: CallContext, request: TokenRequest) -> UserinfoDecision:
        return UserinfoDecision_Answer(UserinfoClaims("", []))


class Introspection(exports.Introspection):
    """What is said when a token is introspected. An exception means that whoever asks does not learn that it is live."""

    def shape_introspection(self, call: CallContext, token: IntrospectedToken) -> IntrospectionDecision:
        client = call.client or ""
        plan = setting("plans", client)
        if plan is False:
            return IntrospectionDecision_Inactive()
        if plan is None:
            log.write(log.Level.INFO, f"no plan for {client}")
            return IntrospectionDecision_Answer(IntrospectionClaims("", []))
        return IntrospectionDecision_Answer(IntrospectionClaims(json.dumps({"plan": plan}), []))
