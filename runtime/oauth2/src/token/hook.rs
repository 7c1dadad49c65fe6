//! Phase 6: a server of the tenant's own may say other claims, then its plugins may add some; each may deny. Fails closed.

use primitives::audit::Actor;
use primitives::hooks::HookContext;
use primitives::{ClientId, RequestId};
use serde_json::Map;

use super::{Granted, TokenError};
use crate::client::{Client, GrantType};
use crate::grant::{Grant, GrantedClaims};
use crate::hooks::{TokenDecision, TokenExchange, TokenRequest, TokenShape, TokenSubject};
use crate::liveness::LiveGrant;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::token_webhook::{self, Question};
use crate::write::Write;

/// What tokens that are about to be issued say beside what the server says.
pub(super) struct Shaped {
    pub(super) shape: TokenShape,
    /// Keeps with the grant what the token hook says.
    pub(super) kept: Option<Write>,
}

/// Asks the hook about tokens that are about to be issued.
pub(super) async fn shape_tokens(
    server: &AuthorizationServer,
    (client, granted): (&Client, &Granted),
    form: Option<&Parameters<'_>>,
    request: RequestId,
) -> Result<Shaped, TokenError> {
    let grant = granted.grant.as_ref();
    let context = context(server, &client.id, grant.map(LiveGrant::grant), request);
    // What a consent app or the token hook of the tenant's own wants said comes first: a plugin may correct it.
    let own = grant.map(LiveGrant::grant).filter(|grant| grant.client == client.id);
    let mut said = own.map(|grant| grant.claims.said()).unwrap_or_default();
    // An address of somebody has no business in the browser's history.
    if granted.grant_type == GrantType::Implicit {
        said.id_token.clear();
    }
    let question = || Question::about(server, (client, granted), &said, form);
    let answered = token_webhook::ask(server, question, request).await?;
    let kept = own.zip(answered.as_ref()).and_then(|(grant, said)| keep(granted.grant_type, grant, said));
    let mut said = answered.unwrap_or(said);
    // Whatever was said before, it is what the exchange decided.
    if let Some(may_act) = granted.exchanged.as_ref().and_then(|exchanged| exchanged.may_act.clone()) {
        said.access_token.insert("may_act".to_owned(), may_act);
    }
    if !server.ports.hook.applies(&context) {
        return Ok(Shaped { shape: said, kept });
    }
    let input = TokenRequest {
        grant_type: granted.grant_type.as_str().to_owned(),
        subject: grant.map(subject).or_else(|| granted.subject.as_ref().map(|subject| named(&subject.name))),
        scopes: granted.scope.to_vec(),
        audience: granted.audience.clone(),
        id_token: granted.has_id_token(),
        exchange: granted.exchanged.as_ref().map(|exchanged| TokenExchange {
            subject_client: exchanged.subject_client.clone(),
            act: granted.act(),
        }),
    };
    match server.ports.hook.shape_tokens(&context, &input).await? {
        TokenDecision::Issue(shape) => {
            said.access_token.extend(shape.access_token);
            said.id_token.extend(shape.id_token);
            Ok(Shaped { shape: said, kept })
        }
        TokenDecision::Deny { description } => Err(TokenError::AccessDenied(description)),
    }
}

/// Keeps what the token hook says for the next question, a 204, introspection and userinfo, as Hydra keeps its session. What it says
/// at an exchange is of that token alone; and of those that go through the browser, about which Hydra asks nobody, it was not told all.
fn keep(grant_type: GrantType, grant: &Grant, said: &TokenShape) -> Option<Write> {
    let is_passing = matches!(grant_type, GrantType::TokenExchange | GrantType::Implicit);
    if is_passing || grant.claims.said() == *said {
        return None;
    }
    let claims = GrantedClaims { hooked: Some(said.clone()), ..grant.claims.clone() };
    Some(Write::ReplaceClaims { grant: grant.id, claims: Box::new(claims) })
}

/// Who the hook is called for.
pub(crate) fn context(
    server: &AuthorizationServer,
    client: &ClientId,
    grant: Option<&Grant>,
    request: RequestId,
) -> HookContext {
    HookContext {
        tenant: server.tenant.clone(),
        organisation: grant.and_then(|grant| grant.subject.organisation),
        client: Some(client.clone()),
        actor: grant.map_or_else(|| Actor::Client(client.clone()), |grant| Actor::Subject(grant.subject.id)),
        request,
    }
}

/// The person as the hook sees them.
pub(crate) fn subject(live: &LiveGrant) -> TokenSubject {
    let (subject, profile) = (&live.grant().subject, live.profile());
    TokenSubject {
        id: subject.sub(),
        session: subject.has_session().then(|| subject.session.to_string()),
        assurance: subject.acr.clone(),
        methods: subject.amr.clone(),
        traits: profile.traits.clone(),
        metadata: profile.metadata_public.clone(),
        session_claims: subject.session_claims.as_object().clone(),
    }
}

/// Whom a trusted issuer names (RFC 7523), and of whom nothing else is known here: who may be called as somebody of ours is. The actor
/// is the client.
fn named(name: &str) -> TokenSubject {
    TokenSubject {
        id: name.to_owned(),
        session: None,
        assurance: String::new(),
        methods: Vec::new(),
        traits: Map::new(),
        metadata: Map::new(),
        session_claims: Map::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use futures_util::future::{BoxFuture, ready};
    use primitives::hooks::{HookFailure, HookFailureKind};
    use serde_json::{Value, json};

    use super::*;
    use crate::hooks::{IntrospectedToken, IntrospectionDecision, TokenHook};
    use crate::memory::{World, now};
    use crate::settings::Settings;
    use crate::token::ErrorCode;

    /// Checks what it is told, and answers what it was made with.
    #[derive(Debug)]
    struct Answers(Result<TokenDecision, HookFailure>);

    impl TokenHook for Answers {
        fn applies(&self, context: &HookContext) -> bool {
            context.client.as_ref().is_some_and(|client| client.as_str() == "app")
        }

        fn shape_tokens<'a>(
            &'a self,
            context: &'a HookContext,
            request: &'a TokenRequest,
        ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
            let is_person = matches!(context.actor, Actor::Subject(_));
            assert_eq!(request.subject.is_some(), is_person);
            assert_eq!(request.grant_type == "client_credentials", !is_person);
            let said = request.subject.as_ref().map(|subject| json!(subject.session_claims));
            assert_eq!(said, is_person.then(|| json!({"desk": "3.14"})));
            Box::pin(ready(self.0.clone()))
        }

        fn shape_userinfo<'a>(
            &'a self,
            _: &'a HookContext,
            _: &'a TokenRequest,
        ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
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

    /// A plugin that denies everything.
    pub(crate) fn denying(description: &str) -> Arc<dyn TokenHook> {
        Arc::new(Answers(Ok(TokenDecision::Deny { description: description.to_owned() })))
    }

    fn world(answer: Result<TokenDecision, HookFailure>, strategy: &str) -> World {
        let world = World::with(Settings::default(), Arc::new(Answers(answer)));
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
            "access_token_strategy": strategy}));
        world
    }

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else { panic!("{value}") };
        object
    }

    fn payload(token: &str) -> Value {
        let payload = token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
        serde_json::from_slice(&payload).unwrap()
    }

    #[test]
    fn claims_reach_the_documents_that_they_are_for() {
        for strategy in ["jwt", "opaque"] {
            let shape = TokenShape {
                id_token: object(json!({"plan": "gold", "email": "corrected@example.org"})),
                access_token: object(json!({"seats": 5})),
            };
            let world = world(Ok(TokenDecision::Issue(shape)), strategy);
            let tokens = world.redeem(&world.code("openid email offline_access")).unwrap();
            for tokens in [world.refresh(tokens.refresh_token.as_ref().unwrap()).unwrap(), tokens] {
                let id_token = payload(&tokens.id_token.unwrap());
                assert_eq!((&id_token["plan"], &id_token["seats"]), (&json!("gold"), &Value::Null));
                assert_eq!(id_token["email"], "corrected@example.org", "a hook may correct a scope's claim");
                let answer =
                    now(world.server.introspect(&tokens.access_token, None, crate::memory::REQUEST)).unwrap();
                let answer = serde_json::to_value(answer).unwrap();
                assert_eq!(answer["ext"], json!({"seats": 5}), "{strategy}");
            }
            assert!(world.token(&[("grant_type", "client_credentials")]).is_ok());
        }
    }

    #[test]
    fn what_the_token_hook_says_is_kept_with_the_grant_that_its_tokens_are_of() {
        let world = World::of_app(|_| {}, &json!({}));
        world.code("openid");
        let grant = world.rows(|rows| rows.grants.values().next().unwrap().clone());
        let said = TokenShape { access_token: object(json!({"seats": 5})), ..TokenShape::default() };
        for (grant_type, expect) in [
            (GrantType::AuthorizationCode, true),
            (GrantType::RefreshToken, true),
            (GrantType::DeviceCode, true),
            (GrantType::JwtBearer, true),
            (GrantType::Password, true),
            (GrantType::Implicit, false),
            (GrantType::TokenExchange, false),
        ] {
            assert_eq!(keep(grant_type, &grant, &said).is_some(), expect, "{}", grant_type.as_str());
        }
        assert!(keep(GrantType::RefreshToken, &grant, &grant.claims.said()).is_none(), "it is kept already");
    }

    #[test]
    fn nothing_is_issued_or_consumed_when_it_denies_or_fails() {
        let denied = TokenDecision::Deny { description: "suspended".to_owned() };
        let failure = HookFailure {
            plugin: "p".to_owned(),
            kind: HookFailureKind::CpuLimit,
            detail: "inside".to_owned(),
        };
        for (answer, code, description) in [
            (Ok(denied), ErrorCode::AccessDenied, "suspended"),
            (
                Err(failure),
                ErrorCode::ServerError,
                "the server could not answer; ask its operator, naming the request id",
            ),
        ] {
            let world = world(answer, "opaque");
            let error = world.redeem(&world.code("openid offline_access")).unwrap_err();
            assert_eq!((error.code(), &*error.description()), (code, description));
            world.rows(|rows| {
                assert!(rows.access_tokens.is_empty() && rows.refresh_tokens.is_empty());
                assert!(rows.codes.values().all(|code| code.consumed_at.is_none()));
            });
        }
    }
}
