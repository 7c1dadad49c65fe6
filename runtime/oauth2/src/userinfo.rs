//! The userinfo endpoint (OpenID Connect Core section 5.3), a resource protected by our own access
//! tokens (RFC 6750, RFC 9449 section 7).

use std::borrow::Cow;

use jose::TokenType;
use primitives::hooks::HookFailure;
use primitives::{Change, RequestId};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::access_token::{DescribedToken, HeldToken, NotHeld, find_token};
pub use crate::access_token::{PresentedToken, TokenScheme};
use crate::claims::scope_claims;
use crate::claims_request::named_claims;
use crate::client::Client;
use crate::client::responses::Told;
use crate::decision::Decision;
use crate::dpop::{DpopError, ProofFault, ProvenKey};
use crate::hooks::{TokenDecision, TokenRequest};
use crate::ports::PortError;
use crate::protection::Protection;
use crate::server::AuthorizationServer;
use crate::step_up::StepUp;
use crate::token::hook;

/// What userinfo tells.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Userinfo {
    /// As JSON.
    Plain(Map<String, Value>),
    /// As a token that we have signed, and encrypted where the client wants that: `application/jwt`.
    Signed(String),
}

/// Why userinfo is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// The caller's fault: the token is unknown or dead; 401.
    #[error("the access token is unknown, expired or revoked")]
    InvalidToken,
    /// The caller's fault: the token is bound to a key and came without proof of it, or the other way round; 401.
    #[error("the access token was not presented in the way that it was issued for")]
    Scheme,
    /// The caller's fault: the token is bound to another certificate than it came with; 401.
    #[error("the access token is bound to a certificate, and this connection does not show that one")]
    Certificate,
    /// The caller's fault: its proof of possession; 401.
    #[error(transparent)]
    InvalidProof(#[from] ProofFault),
    /// The caller must make a proof with the nonce that comes with the answer (RFC 9449 section 9); 401.
    #[error("the DPoP proof must hold the nonce of this server")]
    UseDpopNonce,
    /// Denied: the token is not for this; 403.
    #[error("the access token does not have the scope that is needed")]
    InsufficientScope,
    /// Denied for now: the sign-in behind the token is less, or longer ago, than is asked here (RFC 9470 section 3); 401.
    #[error("a stronger or a later sign-in is needed")]
    InsufficientUserAuthentication(StepUp),
    /// Denied by a hook; the text is for the client; 403.
    #[error("{0}")]
    AccessDenied(String),
    /// Ours: a hook gave no usable answer; 500.
    #[error(transparent)]
    Hook(#[from] HookFailure),
    /// Ours: storage; 500, or 503 when busy.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UserinfoError {
    /// `error` of the answer and of `WWW-Authenticate` (RFC 6750 section 3.1).
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidToken | Self::Scheme | Self::Certificate => "invalid_token",
            Self::InvalidProof(_) => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication(_) => "insufficient_user_authentication",
            Self::AccessDenied(_) => "access_denied",
            Self::Port(PortError::Busy(_)) => "temporarily_unavailable",
            Self::Hook(_) | Self::Port(PortError::Unavailable(_)) => "server_error",
        }
    }

    /// `error_description`: never the inside of a failure of ours.
    pub fn description(&self) -> Cow<'static, str> {
        match self {
            Self::InvalidToken
            | Self::Scheme
            | Self::Certificate
            | Self::InvalidProof(_)
            | Self::UseDpopNonce
            | Self::InsufficientScope
            | Self::InsufficientUserAuthentication(_) => self.to_string().into(),
            Self::AccessDenied(text) => text.clone().into(),
            Self::Port(PortError::Busy(_)) => "the server is busy; try again".into(),
            Self::Hook(_) | Self::Port(PortError::Unavailable(_)) => {
                "the server could not answer; ask its operator, naming the request id".into()
            }
        }
    }

    /// Whether it is our failure, to be logged with its cause.
    pub const fn is_internal(&self) -> bool {
        match self {
            Self::Hook(_) | Self::Port(_) => true,
            Self::InvalidToken
            | Self::Scheme
            | Self::Certificate
            | Self::InvalidProof(_)
            | Self::UseDpopNonce
            | Self::InsufficientScope
            | Self::InsufficientUserAuthentication(_)
            | Self::AccessDenied(_) => false,
        }
    }
}

impl From<NotHeld> for UserinfoError {
    fn from(error: NotHeld) -> Self {
        match error {
            NotHeld::Scheme => Self::Scheme,
            NotHeld::Certificate => Self::Certificate,
            NotHeld::Proof(DpopError::InvalidProof(fault)) => Self::InvalidProof(fault),
            NotHeld::Proof(DpopError::UseNonce) => Self::UseDpopNonce,
            NotHeld::Proof(DpopError::Port(error)) => Self::Port(error),
        }
    }
}

impl AuthorizationServer {
    /// The claims about the person whom an access token stands for, in the form that its client has registered.
    pub async fn userinfo(
        &self,
        presented: PresentedToken<'_>,
        request: RequestId,
    ) -> Decision<Userinfo, UserinfoError> {
        let mut change = Change::new(self.tenant.clone());
        match self.find_holder(&presented, &self.endpoints.userinfo).await {
            Ok(held) => {
                // A proof that was right is used up, whatever the answer is.
                change.writes.extend(held.proof.as_ref().map(ProvenKey::write));
                let told = match self.claims_of(held.described(), request).await {
                    Ok(claims) => self.in_form(held.described().client(), claims).await,
                    Err(error) => Err(error),
                };
                Decision::new(change, told)
            }
            Err(error) => Decision::new(change, Err(error)),
        }
    }

    /// OpenID Connect Core section 5.3.2. It has no `exp`, by which it could be taken for an ID token.
    async fn in_form(
        &self,
        client: &Client,
        mut claims: Map<String, Value>,
    ) -> Result<Userinfo, UserinfoError> {
        let protection = Protection::of(self, client, Told::Userinfo).await?;
        if !protection.is_registered() {
            return Ok(Userinfo::Plain(claims));
        }
        for of_id_token in ["exp", "nonce"] {
            claims.remove(of_id_token);
        }
        // Ours last: no plugin says for whom it is.
        claims.insert("iss".to_owned(), self.issuer.as_str().into());
        claims.insert("aud".to_owned(), client.id.as_str().into());
        let keys = self.load_keys().await?;
        let signer = protection.signer(self, &keys)?;
        Ok(Userinfo::Signed(protection.seal(self, signer, (TokenType::Jwt, &claims)).await?))
    }

    /// A live token in the hands of whoever may show it to this endpoint.
    pub(crate) async fn find_holder(
        &self,
        presented: &PresentedToken<'_>,
        endpoint: &str,
    ) -> Result<HeldToken, UserinfoError> {
        let found = find_token(self, presented.text).await?.ok_or(UserinfoError::InvalidToken)?;
        let live = found.check_live(self).await?.ok_or(UserinfoError::InvalidToken)?;
        Ok(live.check_holder(self, presented, endpoint).await?)
    }

    /// What its scope, its client's wishes and the tenant's plugins let be told of the person whom a token stands for.
    pub(crate) async fn claims_of(
        &self,
        live: &DescribedToken,
        request: RequestId,
    ) -> Result<Map<String, Value>, UserinfoError> {
        let token = live.token();
        // A client's own token stands for nobody, whatever its scope.
        let grant = live.grant().filter(|_| token.scope.openid()).ok_or(UserinfoError::InsufficientScope)?;
        let step_up = &self.settings.userinfo_step_up;
        if !step_up.is_met(&grant.grant().subject, self.now()) {
            return Err(UserinfoError::InsufficientUserAuthentication(step_up.clone()));
        }
        let mut claims = scope_claims(grant.profile(), &token.scope);
        let named = &grant.grant().requested.userinfo;
        claims.extend(named_claims(grant.profile(), named, &live.client().scope));
        // What a consent app or the token hook has said was for the app that it was asked about.
        if grant.grant().client == token.client {
            claims.extend(grant.grant().claims.said().id_token);
        }
        let context = hook::context(self, &token.client, Some(grant.grant()), request);
        if self.ports.hook.applies(&context) {
            let input = TokenRequest {
                grant_type: "userinfo".to_owned(),
                subject: Some(hook::subject(grant)),
                scopes: token.scope.to_vec(),
                audience: token.audience.clone(),
                id_token: false,
                exchange: None,
            };
            match self.ports.hook.shape_userinfo(&context, &input).await? {
                TokenDecision::Issue(shape) => claims.extend(shape.id_token),
                TokenDecision::Deny { description } => return Err(UserinfoError::AccessDenied(description)),
            }
        }
        if let Some(organisation) = grant.grant().subject.organisation {
            // As in the tokens: what a plugin says by that name stands.
            claims.entry("organization").or_insert_with(|| organisation.to_string().into());
        }
        if let Some(Ok(act)) = live.act().map(serde_json::to_value) {
            claims.insert("act".to_owned(), act);
        }
        claims.insert("sub".to_owned(), self.subject_of_grant(live.client(), grant.grant()).into());
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::{BoxFuture, ready};
    use primitives::hooks::{HookContext, HookFailureKind};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::hooks::{IntrospectedToken, IntrospectionDecision, TokenHook, TokenShape};
    use crate::memory::{World, as_bearer, now};
    use crate::settings::Settings;

    const REQUEST: RequestId = RequestId(Uuid::nil());

    fn ask(world: &World, token: &str) -> Result<Value, UserinfoError> {
        now(world.server.userinfo(as_bearer(token), REQUEST))
            .result
            .map(|told| serde_json::to_value(told).unwrap())
    }

    fn with_client(world: World) -> World {
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
        world
    }

    #[test]
    fn claims_follow_the_scope() {
        let world = with_client(World::new());
        let sub = "00000000-0000-0000-0000-000000000001";
        for (scope, expect) in [
            ("openid", json!({"sub": sub})),
            ("openid email", json!({"sub": sub, "email": "ada@example.org", "email_verified": true})),
        ] {
            let token = world.redeem(&world.code(scope)).unwrap().access_token;
            assert_eq!(ask(&world, &token), Ok(expect), "{scope}");
        }
    }

    #[test]
    fn tokens_that_are_not_for_it_are_refused() {
        let world = with_client(World::new());
        let without = world.redeem(&world.code("email")).unwrap().access_token;
        assert_eq!(ask(&world, &without), Err(UserinfoError::InsufficientScope));
        let own = world.token(&[("grant_type", "client_credentials"), ("scope", "openid")]).unwrap();
        assert_eq!(ask(&world, &own.access_token), Err(UserinfoError::InsufficientScope));
        let tokens = world.redeem(&world.code("openid")).unwrap();
        for dead in ["", "x", &tokens.id_token.unwrap()] {
            assert_eq!(ask(&world, dead), Err(UserinfoError::InvalidToken), "{dead}");
        }
        world.rows(|rows| rows.sessions.clear());
        assert_eq!(ask(&world, &tokens.access_token), Err(UserinfoError::InvalidToken));
    }

    #[derive(Debug)]
    struct Answers(Result<TokenDecision, HookFailure>);

    impl TokenHook for Answers {
        fn applies(&self, _: &HookContext) -> bool {
            true
        }

        fn shape_tokens<'a>(
            &'a self,
            _: &'a HookContext,
            _: &'a TokenRequest,
        ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
            Box::pin(ready(Ok(TokenDecision::Issue(TokenShape::default()))))
        }

        fn shape_userinfo<'a>(
            &'a self,
            context: &'a HookContext,
            request: &'a TokenRequest,
        ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
            assert_eq!(context.client.as_ref().unwrap().as_str(), "app");
            assert_eq!(request.grant_type, "userinfo");
            Box::pin(ready(self.0.clone()))
        }

        fn introspects(&self, _: &HookContext) -> bool {
            false
        }

        fn shape_introspection<'a>(
            &'a self,
            _: &'a HookContext,
            _: &'a IntrospectedToken,
        ) -> BoxFuture<'a, Result<IntrospectionDecision, HookFailure>> {
            Box::pin(async { Ok(IntrospectionDecision::Answer(Map::new())) })
        }
    }

    #[test]
    fn hook_adds_denies_and_fails_closed() {
        let Value::Object(added) = json!({"plan": "gold", "sub": "somebody else"}) else { unreachable!() };
        let added = TokenDecision::Issue(TokenShape { id_token: added, ..TokenShape::default() });
        let denied = TokenDecision::Deny { description: "suspended".to_owned() };
        let failure =
            HookFailure { plugin: "p".to_owned(), kind: HookFailureKind::Trap, detail: "d".to_owned() };
        for (answer, expect) in [
            (Ok(added), Ok(json!({"plan": "gold", "sub": "00000000-0000-0000-0000-000000000001"}))),
            (Ok(denied), Err(UserinfoError::AccessDenied("suspended".to_owned()))),
            (Err(failure.clone()), Err(UserinfoError::Hook(failure))),
        ] {
            let world = with_client(World::with(Settings::default(), Arc::new(Answers(answer))));
            let token = world.redeem(&world.code("openid")).unwrap().access_token;
            assert_eq!(ask(&world, &token), expect);
        }
    }
}
