//! Sessions as tokens: who says what in them, and until when they count.

use std::sync::LazyLock;

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use jose::{
    ClaimRules, Expiry, KeyState, SigningAlgorithm, SigningKey, TenantKeys, TokenType, UnverifiedJwt,
};
use portcullis_identity::session::LiveSession;
use portcullis_identity::session::tokenize::{TokenizeError, Tokenizer, tokenize};
use portcullis_identity::settings::{SubjectSource, TokenTemplate};
use primitives::hooks::{HookContext, HookFailure};
use primitives::rng::SeededRng;
use primitives::time::ClockTolerance;
use primitives::transform::{
    NoTransformHook, TransformDecision, TransformHook, TransformPlace, TransformRequest,
};
use primitives::{ActingParty, Actor, Timestamp};
use serde_json::{Map, Value, json};

use crate::world::{BASE, NOW, World};

/// A plugin that always says the same.
#[derive(Debug)]
struct Says(TransformDecision);

impl TransformHook for Says {
    fn transform<'a>(
        &'a self,
        _: &'a HookContext,
        plugin: &'a str,
        request: &'a TransformRequest,
    ) -> BoxFuture<'a, Result<TransformDecision, HookFailure>> {
        assert_eq!((plugin, request.place), ("mapper", TransformPlace::SessionToken));
        let input: Value = serde_json::from_str(request.input.as_str()).unwrap();
        assert_eq!(input["session"]["identity"]["id"], input["claims"]["sub"]);
        ready(Ok(self.0.clone())).boxed()
    }
}

/// The tenant's, made once.
fn keys() -> &'static TenantKeys {
    static KEYS: LazyLock<TenantKeys> = LazyLock::new(made);
    &KEYS
}

fn made() -> TenantKeys {
    let later = Timestamp::from_seconds(NOW.seconds() + 1_000_000);
    let state = KeyState::Active { rotate_at: later };
    let key = SigningKey::generate(SigningAlgorithm::Es256, state, NOW, &SeededRng::new(4)).unwrap();
    TenantKeys::new(&[key], NOW).unwrap()
}

fn world(template: TokenTemplate) -> World {
    let mut world = World::new();
    world.settings.session.whoami.tokenizer.templates.insert("api".to_owned(), template);
    world
}

async fn make(world: &World, live: &LiveSession, hook: &dyn TransformHook) -> Result<String, TokenizeError> {
    let keys = keys();
    let signer = keys.signer(SigningAlgorithm::Es256).unwrap();
    tokenize(world.room(), Tokenizer { issuer: BASE, signer, hook }, live, "api").await
}

/// The claims of a token that the tenant's published keys verify.
fn verified(token: &str) -> Map<String, Value> {
    let keys = keys();
    let published = jose::JwkSet::parse(keys.jwks_json().as_bytes()).unwrap();
    let verifying = published.keys.iter().map(|key| jose::VerifyingKey::new(key, None).unwrap()).collect();
    let verifying = jose::VerifyingKeys::new(verifying).unwrap();
    let signed = UnverifiedJwt::parse(token).unwrap().verify(&verifying).unwrap();
    let rules = ClaimRules {
        token_type: Some(TokenType::Jwt),
        issuer: Some(BASE),
        audience: &[],
        expiry: Expiry::Enforced,
        max_lifetime: None,
        tolerance: ClockTolerance::default(),
    };
    signed.clone().validate(&rules, NOW).unwrap();
    let payload = token.split('.').nth(1).and_then(primitives::base64url::decode).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

#[tokio::test]
async fn the_tenants_keys_verify_what_a_session_is_as_a_token() {
    let claims = [
        ("mail", json!("{identity.traits.email}")),
        ("aal", json!("{session.authenticator_assurance_level}")),
    ];
    let claims = claims.map(|(name, value)| (name.to_owned(), value)).into();
    let world = world(TokenTemplate { claims, ttl_seconds: 90, ..TokenTemplate::default() });
    let ada = world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    let claims = verified(&make(&world, &live, &NoTransformHook).await.unwrap());
    let now = NOW.seconds();
    assert_eq!(
        Value::Object(claims.clone()),
        json!({
            "iss": BASE,
            "sub": ada.id,
            "sid": live.session().id,
            "iat": now,
            "nbf": now,
            "exp": now + 90,
            "jti": claims["jti"],
            "mail": "ada@example.com",
            "aal": "aal1",
        })
    );
    let again = verified(&make(&world, &live, &NoTransformHook).await.unwrap());
    assert_ne!(claims["jti"], again["jti"], "each has an id of its own");
}

#[tokio::test]
async fn neither_template_nor_plugin_says_who_somebody_is_or_until_when() {
    // A template of this kind is refused where it is written; one that was stored before is none the stronger.
    let lies = json!({
        "iss": "https://evil.example", "sub": "root", "sid": "x", "iat": 1, "nbf": 1, "exp": 9_999_999_999_i64,
        "jti": "x", "act": {"sub": "nobody"}, "role": "user",
    });
    let Value::Object(said) = lies.clone() else { unreachable!() };
    let template = TokenTemplate {
        claims: said.into_iter().collect(),
        plugin: Some("mapper".to_owned()),
        ..TokenTemplate::default()
    };
    let world = world(template);
    let ada = world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    let hook = Says(TransformDecision::Output(json!({ "claims": lies })));
    let claims = verified(&make(&world, &live, &hook).await.unwrap());
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!(BASE), &json!(ada.id)));
    assert_eq!((&claims["sid"], &claims["exp"]), (&json!(live.session().id), &json!(NOW.seconds() + 60)));
    assert_eq!((&claims["iat"], &claims["nbf"]), (&json!(NOW.seconds()), &json!(NOW.seconds())));
    assert_eq!((claims.get("act"), &claims["role"]), (None, &json!("user")));
    assert_ne!(claims["jti"], "x");
}

#[tokio::test]
async fn token_ends_with_its_session_and_says_who_acts_in_it() {
    let world = world(TokenTemplate { ttl_seconds: 3600, ..TokenTemplate::default() });
    world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    let mut session = live.session().clone();
    session.expires_at = Timestamp::from_seconds(NOW.seconds() + 30);
    session.actor = Some(ActingParty::from(&Actor::Listener("ops".to_owned())));
    let short = LiveSession::check(session.clone(), live.identity().clone(), NOW).unwrap();
    let claims = verified(&make(&world, &short, &NoTransformHook).await.unwrap());
    assert_eq!(claims["exp"], NOW.seconds() + 30);
    assert_eq!(claims["act"], json!(session.actor));
}

#[tokio::test]
async fn without_an_answer_there_is_no_token() {
    let plugin = Some("mapper".to_owned());
    let world = world(TokenTemplate { plugin, ..TokenTemplate::default() });
    world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    for answer in [json!({}), json!({ "claims": 1 }), json!(["claims"]), Value::Null] {
        let made = make(&world, &live, &Says(TransformDecision::Output(answer.clone()))).await;
        assert!(matches!(made, Err(TokenizeError::Hook(_))), "{answer}");
    }
    let cancelled = make(&world, &live, &Says(TransformDecision::Cancel)).await;
    assert!(matches!(cancelled, Err(TokenizeError::Hook(_))));
    assert!(matches!(make(&world, &live, &NoTransformHook).await, Err(TokenizeError::Hook(_))));
}

#[tokio::test]
async fn external_id_is_a_subject_only_of_who_has_one() {
    let source = SubjectSource::ExternalId;
    let world = world(TokenTemplate { subject_source: source, ..TokenTemplate::default() });
    world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    assert_eq!(make(&world, &live, &NoTransformHook).await, Err(TokenizeError::NoExternalId));
    let mut known = live.identity().clone();
    known.external_id = Some("crm-7".to_owned());
    let known = LiveSession::check(live.session().clone(), known, NOW).unwrap();
    assert_eq!(verified(&make(&world, &known, &NoTransformHook).await.unwrap())["sub"], "crm-7");
}
