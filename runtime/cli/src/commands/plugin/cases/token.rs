//! Cases of the hook `token`: `wit/token/token.wit` in TOML and JSON, with the texts of JSON objects as objects.

use oauth2::hooks::{TokenDecision, TokenHook as _, TokenRequest, TokenShape, TokenSubject};
use plugin_host::PluginHost;
use primitives::hooks::{HookContext, HookFailure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::HookCases;

/// The hook.
pub(super) struct Token;

/// Its functions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Function {
    ShapeTokens,
    ShapeUserinfo,
}

/// `token-request`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct Request {
    grant_type: String,
    subject: Option<Subject>,
    scopes: Vec<String>,
    audience: Vec<String>,
    id_token: bool,
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

/// `token-decision` and `userinfo-decision`. Documents without claims are left out.
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
        let request = request.of_the_room();
        let decision = match function {
            Function::ShapeTokens => host.shape_tokens(context, &request).await?,
            Function::ShapeUserinfo => host.shape_userinfo(context, &request).await?,
        };
        Ok(match (function, decision) {
            (_, TokenDecision::Deny { description }) => Decision::Deny { description },
            (Function::ShapeTokens, TokenDecision::Issue(TokenShape { id_token, access_token })) => {
                Decision::Issue { id_token, access_token }
            }
            // The room has one type for both; userinfo's claims are in the place of the ID token's.
            (Function::ShapeUserinfo, TokenDecision::Issue(shape)) => {
                Decision::Answer { claims: shape.id_token }
            }
        })
    }
}

impl Request {
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
        }
    }
}
