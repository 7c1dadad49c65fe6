//! Token introspection (RFC 7662): whether a token is live, and what it stands for.

use primitives::hooks::HookFailure;
use primitives::{Change, ClientId, RequestId};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::access_token::{LiveToken, find_client, find_token};
use crate::client_authentication::{AuthenticatedClient, FailedCause, authenticate};
use crate::decision::Decision;
use crate::hooks::{IntrospectedToken, IntrospectionDecision};
use crate::liveness::{LiveGrant, SessionRule, check_grant};
use crate::ports::PortError;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::token::{ClientRequest, TokenError, check_form, hook, refresh_token};
use crate::token_format::{REFRESH_TOKEN, has_form};

/// The answer. An inactive token says nothing but that: neither why, nor whether it ever existed.
#[derive(Debug, Clone, PartialEq)]
pub enum Introspection {
    /// Not a token of ours, or dead.
    Inactive,
    /// Live.
    Active(Box<ActiveToken>),
}

/// What a live token stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct ActiveToken {
    pub active: bool,
    pub scope: String,
    pub client_id: String,
    pub sub: String,
    pub exp: i64,
    pub iat: i64,
    pub nbf: i64,
    pub aud: Vec<String>,
    pub iss: String,
    pub token_type: &'static str,
    pub token_use: &'static str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub ext: Map<String, Value>,
}

/// How a token is asked about.
struct Asked<'a> {
    /// Without any of these it is inactive.
    required: Scopes,
    /// The client that asks; none for an administrator.
    resource_server: Option<&'a ClientId>,
    request: RequestId,
}

impl Introspection {
    fn of(active: Option<ActiveToken>) -> Self {
        active.map_or(Self::Inactive, |active| Self::Active(Box::new(active)))
    }
}

impl Serialize for Introspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Active(token) => token.serialize(serializer),
            Self::Inactive => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("active", &false)?;
                map.end()
            }
        }
    }
}

impl AuthorizationServer {
    /// Introspects for an admin. With `scope`, a token that lacks one of these scopes is inactive.
    pub async fn introspect(
        &self,
        token: &str,
        scope: Option<&str>,
        request: RequestId,
    ) -> Result<Introspection, TokenError> {
        let Ok(required) = Scopes::parse(scope.unwrap_or("")) else { return Ok(Introspection::Inactive) };
        let found = if has_form(token, REFRESH_TOKEN) {
            let found = self.introspect_refresh_token(token, None).await?;
            found.filter(|(scope, _)| scope.covers(&required)).map(|(_, active)| active)
        } else {
            self.introspect_access_token(token, &Asked { required, resource_server: None, request }).await?
        };
        Ok(Introspection::of(found))
    }

    /// Introspects for a client that authenticates with the request. A confidential client, as every
    /// resource server is one, learns about any access token that it was shown; about a refresh token
    /// only its owner does. A public client could be anybody, and is refused.
    pub async fn introspect_as_client(
        &self,
        request: ClientRequest<'_>,
    ) -> Decision<Introspection, TokenError> {
        match self.introspect_for(request).await {
            Ok(decision) => decision,
            Err(error) => Decision::without_change(self.tenant.clone(), Err(error)),
        }
    }

    async fn introspect_for(
        &self,
        request: ClientRequest<'_>,
    ) -> Result<Decision<Introspection, TokenError>, TokenError> {
        let parameters = check_form(request.parameters)?;
        let AuthenticatedClient { client, writes } =
            authenticate(self, request.authorization, parameters).await?;
        if client.is_public() {
            return Err(TokenError::InvalidClient { basic: false, cause: FailedCause::Method });
        }
        let token = parameters
            .find("token")
            .ok_or(TokenError::InvalidRequest("parameter token is missing".into()))?;
        let found = if has_form(token, REFRESH_TOKEN) {
            self.introspect_refresh_token(token, Some(&client.id)).await?.map(|(_, active)| active)
        } else {
            let required = Scopes::default();
            let asked = Asked { required, resource_server: Some(&client.id), request: request.request };
            self.introspect_access_token(token, &asked).await?
        };
        let answer = Introspection::of(found);
        // The use of an assertion is written before the answer goes out.
        let mut change = Change::new(self.tenant.clone());
        change.writes = writes;
        Ok(Decision::new(change, Ok(answer)))
    }

    async fn introspect_access_token(
        &self,
        token: &str,
        asked: &Asked<'_>,
    ) -> Result<Option<ActiveToken>, TokenError> {
        let Some(found) = find_token(self, token).await? else { return Ok(None) };
        let Some(live) = found.check_live(self).await? else { return Ok(None) };
        if !live.token().scope.covers(&asked.required) {
            return Ok(None);
        }
        let Some(ext) = self.shape_introspection(&live, asked).await? else { return Ok(None) };
        let token = live.token();
        let active = ActiveToken {
            active: true,
            scope: token.scope.to_text(),
            client_id: token.client.as_str().to_owned(),
            sub: live
                .grant()
                .map_or_else(|| token.client.to_string(), |live| live.grant().subject.id.to_string()),
            exp: token.expires_at.seconds(),
            iat: token.issued_at.seconds(),
            nbf: token.issued_at.seconds(),
            aud: token.audience.clone(),
            iss: self.issuer.as_str().to_owned(),
            token_type: "Bearer",
            token_use: "access_token",
            ext,
        };
        Ok(Some(active))
    }

    /// What `ext` of a live token is, by the tenant's plugins; none where one has it be inactive.
    async fn shape_introspection(
        &self,
        live: &LiveToken,
        asked: &Asked<'_>,
    ) -> Result<Option<Map<String, Value>>, HookFailure> {
        let (token, grant) = (live.token(), live.grant());
        let context = hook::context(self, &token.client, grant.map(LiveGrant::grant), asked.request);
        if !self.ports.hook.introspects(&context) {
            return Ok(Some(token.claims.clone()));
        }
        let input = IntrospectedToken {
            subject: grant.map(hook::subject),
            scopes: token.scope.to_vec(),
            audience: token.audience.clone(),
            claims: token.claims.clone(),
            resource_server: asked.resource_server.cloned(),
        };
        Ok(match self.ports.hook.shape_introspection(&context, &input).await? {
            IntrospectionDecision::Answer(added) => {
                let mut ext = input.claims;
                ext.extend(added);
                Some(ext)
            }
            IntrospectionDecision::Inactive => None,
        })
    }

    async fn introspect_refresh_token(
        &self,
        token: &str,
        owner: Option<&ClientId>,
    ) -> Result<Option<(Scopes, ActiveToken)>, PortError> {
        let Some((token, grant)) = refresh_token::find(self, token).await? else { return Ok(None) };
        let spent = token.rotation.is_some() || self.now() >= token.expires_at;
        if spent || owner.is_some_and(|owner| *owner != grant.client) {
            return Ok(None);
        }
        let Some(client) = find_client(self, &grant.client).await? else { return Ok(None) };
        let Ok(live) = check_grant(self, &client, grant, SessionRule::AsGranted).await? else {
            return Ok(None);
        };
        let grant = live.grant();
        let active = ActiveToken {
            active: true,
            scope: token.scope.to_text(),
            client_id: grant.client.as_str().to_owned(),
            sub: grant.subject.id.to_string(),
            exp: token.expires_at.seconds(),
            iat: token.issued_at.seconds(),
            nbf: token.issued_at.seconds(),
            aud: grant.audience.clone(),
            iss: self.issuer.as_str().to_owned(),
            token_type: "Bearer",
            token_use: "refresh_token",
            ext: Map::new(),
        };
        Ok(Some((token.scope.clone(), active)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::{BoxFuture, ready};
    use primitives::Timestamp;
    use primitives::hooks::{HookContext, HookFailureKind};
    use serde_json::json;

    use super::*;
    use crate::hooks::{TokenDecision, TokenHook, TokenRequest, TokenShape};
    use crate::memory::{REQUEST, World, as_app, form, now, request};
    use crate::parameters::Parameters;
    use crate::settings::Settings;

    fn world(strategy: &str) -> World {
        let world = World::new();
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
            "access_token_strategy": strategy}));
        world
    }

    fn introspect(world: &World, token: &str) -> Value {
        serde_json::to_value(now(world.server.introspect(token, None, REQUEST)).unwrap()).unwrap()
    }

    #[test]
    fn live_tokens_say_what_they_stand_for() {
        for strategy in ["jwt", "opaque"] {
            let world = world(strategy);
            let tokens = world.redeem(&world.code("openid read offline_access")).unwrap();
            let at = 1_800_000_000;
            let mut expect = json!({
                "active": true, "scope": "openid read offline_access", "client_id": "app",
                "sub": "00000000-0000-0000-0000-000000000001", "exp": at + 3_600, "iat": at, "nbf": at,
                "aud": ["https://api.example"], "iss": "https://id.example", "token_type": "Bearer",
                "token_use": "access_token"
            });
            assert_eq!(introspect(&world, &tokens.access_token), expect, "{strategy}");
            expect["token_use"] = "refresh_token".into();
            expect["exp"] = (at + 720 * 3_600).into();
            assert_eq!(introspect(&world, &tokens.refresh_token.unwrap()), expect, "{strategy}");
        }
    }

    #[test]
    fn client_is_the_subject_of_its_own_tokens() {
        for strategy in ["jwt", "opaque"] {
            let world = world(strategy);
            let token = world.token(&[("grant_type", "client_credentials")]).unwrap().access_token;
            assert_eq!(introspect(&world, &token)["sub"], "app", "{strategy}");
        }
    }

    #[test]
    fn whatever_a_token_hangs_on_kills_it() {
        let later = Timestamp::from_seconds(1_800_000_001);
        let check = |what: &str, offline: bool, alive: bool, break_it: &dyn Fn(&World)| {
            for strategy in ["jwt", "opaque"] {
                let world = world(strategy);
                let scope = if offline { "openid offline_access" } else { "openid" };
                let tokens = world.redeem(&world.code(scope)).unwrap();
                break_it(&world);
                for token in [Some(tokens.access_token), tokens.refresh_token].into_iter().flatten() {
                    let answer = introspect(&world, &token);
                    assert_eq!(answer["active"], alive, "{what} {strategy} {answer}");
                    assert!(alive || answer == json!({"active": false}), "{what}: nothing else is told");
                }
            }
        };
        check("nothing", true, true, &|_| {});
        check("time", true, false, &|world| world.wait(720 * 3_600));
        check("session", false, false, &|world| world.rows(|rows| rows.sessions.clear()));
        check("session of an offline grant", true, true, &|world| world.rows(|rows| rows.sessions.clear()));
        check("person", true, false, &|world| world.rows(|rows| rows.subjects.clear()));
        check("client", true, false, &|world| world.rows(|rows| rows.clients.clear()));
        check("grant row", true, false, &|world| world.rows(|rows| rows.grants.clear()));
        check("grant", true, false, &|world| {
            world.rows(|rows| rows.grants.values_mut().for_each(|grant| grant.revoked_at = Some(later)));
        });
        check("not_before of the person", true, false, &|world| {
            world.rows(|rows| rows.subjects.values_mut().for_each(|who| who.not_before = later));
        });
        check("not_before of the client", true, false, &|world| {
            world.rows(|rows| rows.clients.values_mut().for_each(|client| client.not_before = later));
        });
        check("disabled client", true, false, &|world| {
            world.rows(|rows| rows.clients.values_mut().for_each(|client| client.enabled = false));
        });
    }

    #[test]
    fn token_of_a_client_dies_with_its_not_before() {
        for strategy in ["jwt", "opaque"] {
            let world = world(strategy);
            let token = world.token(&[("grant_type", "client_credentials")]).unwrap().access_token;
            let later = Timestamp::from_seconds(1_800_000_001);
            world.rows(|rows| rows.clients.values_mut().for_each(|client| client.not_before = later));
            assert_eq!(introspect(&world, &token), json!({"active": false}), "{strategy}");
        }
    }

    #[test]
    fn what_is_no_access_token_of_ours_is_inactive() {
        let world = world("jwt");
        let tokens = world.redeem(&world.code("openid")).unwrap();
        let elsewhere = world.other_tenant();
        let foreign = now(elsewhere.introspect(&tokens.access_token, None, REQUEST)).unwrap();
        assert_eq!(foreign, Introspection::Inactive, "another tenant");
        let tampered = format!("{}A", tokens.access_token);
        let id_token = tokens.id_token.unwrap();
        for text in ["", ".", "a.b.c", "ory_at_", &format!("ory_at_{}", "A".repeat(43)), &tampered, &id_token]
        {
            assert_eq!(introspect(&world, text), json!({"active": false}), "{text}");
        }
    }

    #[test]
    fn rotated_refresh_token_is_inactive() {
        let world = world("jwt");
        let token = world.redeem(&world.code("offline_access")).unwrap().refresh_token.unwrap();
        world.refresh(&token).unwrap();
        assert_eq!(introspect(&world, &token), json!({"active": false}));
    }

    #[test]
    fn missing_scope_makes_inactive() {
        let world = world("jwt");
        let token = world.redeem(&world.code("openid read")).unwrap().access_token;
        for (scope, expect) in
            [("read", true), ("read openid", true), ("write", false), ("read write", false)]
        {
            let answer = now(world.server.introspect(&token, Some(scope), REQUEST)).unwrap();
            assert_eq!(matches!(answer, Introspection::Active(_)), expect, "{scope}");
        }
    }

    #[test]
    fn clients_introspect_access_tokens_and_only_their_own_refresh_tokens() {
        let world = world("opaque");
        for (id, method) in [("api", "client_secret_post"), ("spa", "none")] {
            world.add_client(&json!({"client_id": id, "token_endpoint_auth_method": method,
                "grant_types": ["authorization_code"]}));
        }
        let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
        let (access, refresh) = (tokens.access_token, tokens.refresh_token.unwrap());
        let ask = |encoded: &str| {
            let parameters = Parameters::parse(encoded.as_bytes());
            now(world.server.introspect_as_client(request(&parameters))).result
        };
        let api = [("client_id", "api"), ("client_secret", "s3cret-of-api")];
        let active =
            |answer: Result<Introspection, TokenError>| matches!(answer.unwrap(), Introspection::Active(_));
        assert!(active(ask(&as_app(&[("token", &access)]))));
        assert!(active(ask(&as_app(&[("token", &refresh)]))));
        assert!(active(ask(&form(&[&api[..], &[("token", &access)]].concat()))));
        assert!(!active(ask(&form(&[&api[..], &[("token", &refresh)]].concat()))));
        let public = ask(&form(&[("client_id", "spa"), ("token", &access)]));
        assert_eq!(public.unwrap_err().code().as_str(), "invalid_client");
        assert_eq!(ask(&as_app(&[])).unwrap_err().code().as_str(), "invalid_request");
    }

    /// Answers what it was made with; a token's own claims are `plan` alone.
    #[derive(Debug)]
    struct Answers(Result<IntrospectionDecision, HookFailure>);

    impl TokenHook for Answers {
        fn applies(&self, _: &HookContext) -> bool {
            true
        }

        fn shape_tokens<'a>(
            &'a self,
            _: &'a HookContext,
            _: &'a TokenRequest,
        ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
            let access_token = Map::from_iter([("plan".to_owned(), json!("gold"))]);
            Box::pin(ready(Ok(TokenDecision::Issue(TokenShape { access_token, ..TokenShape::default() }))))
        }

        fn shape_userinfo<'a>(
            &'a self,
            _: &'a HookContext,
            _: &'a TokenRequest,
        ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
            Box::pin(ready(Ok(TokenDecision::Issue(TokenShape::default()))))
        }

        fn introspects(&self, context: &HookContext) -> bool {
            context.client.as_ref().is_some_and(|client| client.as_str() == "app")
        }

        fn shape_introspection<'a>(
            &'a self,
            _: &'a HookContext,
            token: &'a IntrospectedToken,
        ) -> BoxFuture<'a, Result<IntrospectionDecision, HookFailure>> {
            assert_eq!(json!(token.claims), json!({"plan": "gold"}));
            Box::pin(ready(self.0.clone()))
        }
    }

    #[test]
    fn hook_adds_hides_and_fails_closed_and_only_for_live_access_tokens() {
        let added = Map::from_iter([("seats".to_owned(), json!(5))]);
        let failure =
            HookFailure { plugin: "p".to_owned(), kind: HookFailureKind::Trap, detail: "d".to_owned() };
        for (answer, expect) in [
            (Ok(IntrospectionDecision::Answer(added)), Some(json!({"plan": "gold", "seats": 5}))),
            (Ok(IntrospectionDecision::Inactive), Some(Value::Null)),
            (Err(failure), None),
        ] {
            for strategy in ["jwt", "opaque"] {
                let world = World::with(Settings::default(), Arc::new(Answers(answer.clone())));
                world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post",
                    "access_token_strategy": strategy}));
                let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
                let parameters = as_app(&[("token", &tokens.access_token)]);
                let parameters = Parameters::parse(parameters.as_bytes());
                let by_client = now(world.server.introspect_as_client(request(&parameters))).result;
                let by_admin = now(world.server.introspect(&tokens.access_token, None, REQUEST));
                for answer in [by_client, by_admin] {
                    match (&expect, answer) {
                        (Some(ext), Ok(answer)) => {
                            let answer = serde_json::to_value(answer).unwrap();
                            assert_eq!(answer["active"], !ext.is_null(), "{strategy}");
                            assert_eq!(answer["ext"], *ext, "{strategy}");
                        }
                        (None, Err(error)) => assert_eq!(error.code().as_str(), "server_error"),
                        (expect, answer) => panic!("{strategy}: {answer:?}, expected {expect:?}"),
                    }
                }
                let other = now(world.server.introspect(&tokens.access_token, Some("write"), REQUEST));
                assert_eq!(other, Ok(Introspection::Inactive), "it is not asked: it may have failed");
                let refresh = introspect(&world, &tokens.refresh_token.unwrap());
                assert_eq!((&refresh["active"], &refresh["ext"]), (&json!(true), &Value::Null));
                world.rows(|rows| rows.clients.clear());
                assert_eq!(introspect(&world, &tokens.access_token), json!({"active": false}));
            }
        }
    }
}
