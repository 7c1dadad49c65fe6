//! Cases of the hook `token`: `wit/token/token.wit` in TOML and JSON, with the texts of JSON objects as objects.

use oauth2::hooks::{
    IntrospectedToken, IntrospectionDecision, TokenDecision, TokenHook as _, TokenRequest, TokenShape,
    TokenSubject,
};
use plugin_host::PluginHost;
use primitives::ClientId;
use primitives::hooks::{HookContext, HookFailure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HookCases;

/// The hook.
pub(super) struct Token;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) enum Function {
    #[serde(rename = "shape-tokens")]
    Tokens,
    #[serde(rename = "shape-userinfo")]
    Userinfo,
    #[serde(rename = "shape-introspection")]
    Introspection,
}

/// `token-request`, and what `introspected-token` has besides.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Request {
    grant_type: String,
    subject: Option<Subject>,
    scopes: Vec<String>,
    audience: Vec<String>,
    id_token: bool,
    claims: Map<String, Value>,
    resource_server: Option<ClientId>,
}

/// `subject`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Subject {
    id: String,
    session: Option<String>,
    assurance: String,
    methods: Vec<String>,
    traits: Map<String, Value>,
    metadata: Map<String, Value>,
    #[serde(rename = "session-claims")]
    session_claims: Map<String, Value>,
}

/// `token-decision`, `userinfo-decision` and `introspection-decision`. Documents without claims are left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Decision {
    #[serde(rename_all = "kebab-case")]
    Issue {
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        id_token: Map<String, Value>,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        access_token: Map<String, Value>,
    },
    Answer {
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        claims: Map<String, Value>,
    },
    Inactive {},
    Deny {
        description: String,
    },
}

impl HookCases for Token {
    type Function = Function;
    type Request = Request;
    type Answer = Decision;

    async fn ask(
        host: &PluginHost,
        function: Function,
        context: &HookContext,
        request: &Request,
    ) -> Result<Decision, HookFailure> {
        let tokens = request.of_the_room();
        let denied = |description| Decision::Deny { description };
        Ok(match function {
            Function::Tokens => match host.shape_tokens(context, &tokens).await? {
                TokenDecision::Issue(TokenShape { id_token, access_token }) => {
                    Decision::Issue { id_token, access_token }
                }
                TokenDecision::Deny { description } => denied(description),
            },
            // The room has one type for both; userinfo's claims are in the place of the ID token's.
            Function::Userinfo => match host.shape_userinfo(context, &tokens).await? {
                TokenDecision::Issue(shape) => Decision::Answer { claims: shape.id_token },
                TokenDecision::Deny { description } => denied(description),
            },
            Function::Introspection => {
                match host.shape_introspection(context, &request.introspected()).await? {
                    IntrospectionDecision::Answer(claims) => Decision::Answer { claims },
                    IntrospectionDecision::Inactive => Decision::Inactive {},
                }
            }
        })
    }
}

impl Request {
    fn introspected(&self) -> IntrospectedToken {
        let TokenRequest { subject, scopes, audience, .. } = self.of_the_room();
        let (claims, resource_server) = (self.claims.clone(), self.resource_server.clone());
        IntrospectedToken { subject, scopes, audience, claims, resource_server }
    }

    fn of_the_room(&self) -> TokenRequest {
        TokenRequest {
            grant_type: self.grant_type.clone(),
            subject: self.subject.clone().map(|subject| {
                let Subject { id, session, assurance, methods, traits, metadata, session_claims } = subject;
                TokenSubject { id, session, assurance, methods, traits, metadata, session_claims }
            }),
            scopes: self.scopes.clone(),
            audience: self.audience.clone(),
            id_token: self.id_token,
            exchange: None,
        }
    }
}
