//! Identity assertion grants (draft-ietf-oauth-identity-assertion-authz-grant-04, "ID-JAG"): a company's own provider says that one of
//! its people may use this client here. An assertion of the JWT bearer grant, told apart by its `typ`.
//!
//! The token stands for the person who is linked to that provider, and hangs on a grant of theirs, so that it ends with the account,
//! is seen and taken back like any other. There is no session, no ID token and no refresh token: the client asks its
//! provider again, which may have changed its mind.
//!
//! | attack | what stops it |
//! |---|---|
//! | a client uses an assertion that another was given, or found | `client_id` is the authenticated client; none is public |
//! | another assertion of the issuer's is put in its place, or this one in the place of another | `typ`, here and where clients authenticate |
//! | one for another server | `aud` is our issuer and nothing else, not even an endpoint of ours |
//! | used twice | `jti` is a row of the very change that issues |
//! | used when it is stale | `iat` and `exp`, close together |
//! | it gives more than its issuer meant | `scope` and `resource` bound it; so do the trust and the client; `authorization_details`, which we do not know, are refused |
//! | bound to a key, used by somebody else | `cnf` is the key that the client shows |
//! | an issuer that may name anybody for machines says that one of our people is there | a trust is of one kind: `id_jag` |
//! | the issuer names somebody who is not its own | `sub` counts as the issuer's link alone: nobody is found by an address |

use jose::ValidClaims;
use primitives::{Actor, AuditEvent, SessionId, Timestamp};
use serde_json::Value;

use super::holder::Holder;
use super::jwt_bearer::{Assertion, use_once};
use super::request::{check_audience, check_scope};
use super::{Asked, Granted, InvalidGrant, Refused, TokenError};
use crate::client::{Client, GrantType};
use crate::confirmation::Confirmation;
use crate::details;
use crate::grant::{Grant, GrantSubject};
use crate::liveness::{SessionRule, check_grant};
use crate::parameters::Parameters;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;

/// As discovery has it (section 7.2).
pub(crate) const PROFILE: &str = "urn:ietf:params:oauth:grant-profile:id-jag";

const fn wrong() -> TokenError {
    TokenError::InvalidGrant(InvalidGrant::Assertion)
}

pub(super) async fn run(
    server: &AuthorizationServer,
    asked: &Asked<'_>,
    assertion: Assertion,
) -> Result<Granted, Refused> {
    let Asked { client, parameters, holder } = *asked;
    let Assertion { trust, claims } = assertion;
    if client.is_public() {
        return Err(TokenError::UnauthorizedClient.into());
    }
    check_claims(client, &claims, holder)?;
    let used = use_once(server, &trust, &claims).await?;
    let scope = scope(parameters, client, &trust.scope, &claims)?;
    let audience = audience(parameters, client, &claims)?;
    let subject = claims.subject().unwrap_or_default();
    let found = server.ports.federated.find_federated(&server.tenant, &trust.issuer, subject).await?;
    let id = found.ok_or(TokenError::InvalidGrant(InvalidGrant::Subject))?;
    let subject = GrantSubject {
        id,
        session: SessionId::NONE,
        organisation: None,
        authenticated_at: authenticated_at(&claims, server.now()),
        // How they signed in elsewhere was not seen here.
        acr: String::new(),
        amr: Vec::new(),
        session_claims: primitives::SessionClaims::default(),
        actor: None,
        external: None,
        forced: server.forced_name(client, id).await?,
    };
    let grant = Grant::plain(server, client, subject, (&scope, &audience));
    let insert = server.insert_grant(client, grant.clone());
    let live = check_grant(server, client, grant, SessionRule::AsGranted).await?;
    let live = live.map_err(|_| TokenError::InvalidGrant(InvalidGrant::Subject))?;
    let actor = Actor::Client(client.id.clone());
    let event = AuditEvent::new("id_jag.redeemed", actor, "trust", &trust.id)
        .with("subject", &id)
        .with("grant", &live.grant().id);
    Ok(Granted {
        grant_type: GrantType::JwtBearer,
        grant: Some(live),
        subject: None,
        exchanged: None,
        scope,
        audience,
        details: details::check_none(parameters)?,
        refresh_token: None,
        confirmation: holder.map(Holder::confirmation),
        writes: [used].into_iter().chain(insert).collect(),
        audit: vec![event],
    })
}

/// What the general rules of assertions do not say (section 4.4.1).
fn check_claims(client: &Client, claims: &ValidClaims, holder: Option<&Holder>) -> Result<(), TokenError> {
    let is_for_client = claims.claim("client_id").and_then(Value::as_str) == Some(client.id.as_str());
    let is_dated = claims.issued_at().is_some();
    let is_understood = claims.claim("authorization_details").is_none();
    if !is_for_client || !is_dated || !is_understood {
        return Err(wrong());
    }
    let Some(bound) = claims.claim("cnf") else { return Ok(()) };
    let bound: Confirmation = serde_json::from_value(bound.clone()).map_err(|_| wrong())?;
    if holder.is_some_and(|holder| holder.confirmation() == bound) {
        Ok(())
    } else {
        Err(TokenError::InvalidGrant(InvalidGrant::Key))
    }
}

/// The scopes that were asked for, or all that the assertion, its trust and the client have. Nothing is offline without a
/// refresh token.
fn scope(
    parameters: &Parameters<'_>,
    client: &Client,
    trusted: &Scopes,
    claims: &ValidClaims,
) -> Result<Scopes, TokenError> {
    let of_claim = match claims.claim("scope") {
        None => None,
        Some(scope) => {
            let scope = scope.as_str().and_then(|text| Scopes::parse(text).ok());
            Some(scope.ok_or_else(wrong)?)
        }
    };
    let may = |scope: &&str| {
        trusted.contains(scope)
            && client.scope.contains(scope)
            && of_claim.as_ref().is_none_or(|listed| listed.contains(scope))
            && !matches!(*scope, "offline_access" | "offline")
    };
    let all: Scopes = trusted.iter().filter(may).collect();
    let asked = check_scope(parameters, &all)?;
    Ok(if parameters.find("scope").is_some() { asked } else { all })
}

/// The audiences that were asked for, or all that the assertion names. What it names and the client may not have is not given.
fn audience(
    parameters: &Parameters<'_>,
    client: &Client,
    claims: &ValidClaims,
) -> Result<Vec<String>, TokenError> {
    let Some(resource) = claims.claim("resource") else {
        return check_audience(parameters, client.audience());
    };
    let named: Vec<String> = match resource {
        Value::String(one) => vec![one.clone()],
        Value::Array(many) => {
            let texts = many.iter().map(|one| one.as_str().map(str::to_owned));
            texts.collect::<Option<_>>().ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    let both: Vec<String> = named.into_iter().filter(|one| client.audience().contains(one)).collect();
    let asked = check_audience(parameters, &both)?;
    match (asked.is_empty(), both.is_empty()) {
        (false, _) => Ok(asked),
        (true, false) => Ok(both),
        (true, true) => Err(TokenError::InvalidTarget),
    }
}

/// When the person signed in elsewhere, as far as it says; never later than now.
fn authenticated_at(claims: &ValidClaims, now: Timestamp) -> Timestamp {
    let said = claims.claim("auth_time").and_then(Value::as_i64).map(Timestamp::from_seconds);
    said.or(claims.issued_at()).map_or(now, |at| at.min(now))
}

#[cfg(test)]
mod tests {
    use jose::{PrivateJwk, Signer, TokenType};
    use primitives::base64url;
    use serde_json::json;

    use super::*;
    use crate::dpop::PresentedProof;
    use crate::introspection::Introspection;
    use crate::memory::{Prover, REQUEST, World, as_app, as_bearer, named_key, now, request};
    use crate::token::{ClientRequest, TokenResponse};
    use crate::trust::{TrustKind, TrustedIssuer, TrustedSubject};

    const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    const IDP: &str = "https://idp.example";

    fn key(seed: u64) -> PrivateJwk {
        named_key(seed, "k")
    }

    /// Ada is `7` at the provider, which is trusted for everybody and for `openid read write`.
    fn world(patch: &Value) -> World {
        let world = World::of_app(|_| {}, patch);
        let ada = world.subject(1).subject;
        world.rows(|rows| {
            rows.federated.insert((IDP.to_owned(), "7".to_owned()), ada);
            let trust = TrustedIssuer {
                id: "t".to_owned(),
                kind: TrustKind::IdJag,
                issuer: IDP.to_owned(),
                subject: TrustedSubject::Any,
                scope: Scopes::parse("openid read write offline_access").unwrap(),
                jwk: key(5).public().clone(),
                created_at: Timestamp::from_seconds(1),
                expires_at: Timestamp::from_seconds(1_900_000_000),
            };
            rows.trusts.insert("t".to_owned(), trust);
        });
        world
    }

    fn assertion(patch: &Value) -> String {
        let mut claims = json!({"iss": IDP, "sub": "7", "aud": "https://id.example", "client_id": "app", "jti": "j1",
            "iat": 1_800_000_000, "exp": 1_800_000_060, "scope": "openid read", "resource": "https://api.example"});
        for (name, value) in patch.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        Signer::new(&key(5)).unwrap().sign(TokenType::IdentityAssertionGrant, &claims).unwrap()
    }

    fn bear(world: &World, assertion: &str, more: &[(&str, &str)]) -> Result<TokenResponse, TokenError> {
        world.token(&[&[("grant_type", GRANT), ("assertion", assertion)], more].concat())
    }

    fn code(answer: Result<TokenResponse, TokenError>) -> String {
        answer.map_or_else(|error| error.code().as_str().to_owned(), |answer| answer.scope)
    }

    #[test]
    fn token_stands_for_the_linked_person_without_a_session() {
        for strategy in ["jwt", "opaque"] {
            let world = world(&json!({"access_token_strategy": strategy}));
            let answer = bear(&world, &assertion(&json!({})), &[]).unwrap();
            assert_eq!((answer.id_token, answer.refresh_token), (None, None), "{strategy}");
            assert_eq!(answer.scope, "openid read");
            let said = now(world.server.introspect(&answer.access_token, None, REQUEST)).unwrap();
            let said = serde_json::to_value(said).unwrap();
            assert_eq!(said["sub"], "00000000-0000-0000-0000-000000000001", "{strategy}");
            assert_eq!(said["aud"], json!(["https://api.example"]));
            let told = now(world.server.userinfo(as_bearer(&answer.access_token), REQUEST)).result;
            assert!(told.is_ok(), "{strategy}");
            if strategy == "jwt" {
                let claims = answer.access_token.split('.').nth(1).and_then(base64url::decode).unwrap();
                let claims: Value = serde_json::from_slice(&claims).unwrap();
                assert_eq!(claims.get("sid"), None, "there is no session");
            }
            // It ends with the account, and not with a session that it never had.
            world.rows(|rows| rows.sessions.clear());
            let asked =
                |world: &World| now(world.server.introspect(&answer.access_token, None, REQUEST)).unwrap();
            assert_ne!(asked(&world), Introspection::Inactive, "{strategy}");
            world.rows(|rows| rows.subjects.clear());
            assert_eq!(asked(&world), Introspection::Inactive, "{strategy}");
        }
    }

    #[test]
    fn assertion_is_for_this_client_and_server_and_says_all_it_must() {
        let check = |patch: Value, expect: &str| {
            let world = world(&json!({}));
            assert_eq!(code(bear(&world, &assertion(&patch), &[])), expect, "{patch}");
            let is_written = world.rows(|rows| !rows.grants.is_empty() || !rows.bearer_assertions.is_empty());
            assert_eq!(is_written, expect == "openid read", "{patch}");
        };
        check(json!({}), "openid read");
        check(json!({"client_id": "other"}), "invalid_grant");
        check(json!({"client_id": null}), "invalid_grant");
        check(json!({"client_id": ["app"]}), "invalid_grant");
        // Not even an endpoint of ours, which is right for other assertions.
        check(json!({"aud": "https://id.example/oauth2/token"}), "invalid_grant");
        check(json!({"aud": ["https://id.example", "https://b.example"]}), "invalid_grant");
        check(json!({"aud": "https://other.example"}), "invalid_grant");
        for missing in ["jti", "iat", "exp", "sub", "aud"] {
            check(json!({ missing: null }), "invalid_grant");
        }
        check(json!({"exp": 1_799_999_000}), "invalid_grant");
        check(json!({"exp": 1_800_090_000}), "invalid_grant");
        check(json!({"iss": "https://other.example"}), "invalid_grant");
        check(json!({"authorization_details": []}), "invalid_grant");
        check(json!({"scope": 7}), "invalid_grant");
        check(json!({"resource": {}}), "invalid_grant");
        check(json!({"cnf": {"jkt": "x"}}), "invalid_grant");
        // Nobody is linked by that name, whatever else it says of them.
        check(json!({"sub": "8", "email": "ada@example.org", "email_verified": true}), "invalid_grant");
        check(json!({"sub": "00000000-0000-0000-0000-000000000001"}), "invalid_grant");
    }

    #[test]
    fn assertion_is_used_once() {
        let world = world(&json!({}));
        let once = assertion(&json!({}));
        assert_eq!(code(bear(&world, &once, &[])), "openid read");
        let again = bear(&world, &once, &[]);
        assert_eq!(again.err(), Some(TokenError::InvalidGrant(InvalidGrant::ReplayedAssertion)));
    }

    #[test]
    fn scope_and_resource_are_bounded_by_all_that_have_a_say() {
        let check = |claims: Value, more: &[(&str, &str)], expect: &str| {
            assert_eq!(
                code(bear(&world(&json!({})), &assertion(&claims), more)),
                expect,
                "{claims} {more:?}"
            );
        };
        check(json!({}), &[("scope", "read")], "read");
        check(json!({}), &[("scope", "write")], "invalid_scope");
        // The issuer says more than it is trusted with, and than the client has.
        check(json!({"scope": "read profile admin offline_access"}), &[], "read");
        check(json!({"scope": "read profile"}), &[("scope", "profile")], "invalid_scope");
        check(json!({"scope": null}), &[], "openid read write");
        check(json!({}), &[("resource", "https://b.example")], "invalid_target");
        check(json!({"resource": ["https://b.example", "https://c.example"]}), &[], "openid read");
        check(json!({"resource": "https://c.example"}), &[], "invalid_target");
        check(json!({"resource": null}), &[("resource", "https://b.example")], "openid read");
    }

    #[test]
    fn typ_tells_it_apart_from_every_other_assertion() {
        let world = world(&json!({}));
        let claims = json!({"iss": IDP, "sub": "7", "aud": "https://id.example", "client_id": "app", "jti": "j2",
            "iat": 1_800_000_000, "exp": 1_800_000_060});
        let plain = Signer::new(&key(5)).unwrap().sign(TokenType::Jwt, &claims).unwrap();
        assert_eq!(
            code(bear(&world, &plain, &[("scope", "read")])),
            "invalid_grant",
            "its issuer is trusted with the other kind"
        );
        world.rows(|rows| rows.federated.clear());
        assert_eq!(
            code(bear(&world, &assertion(&json!({})), &[])),
            "invalid_grant",
            "never as the plain one"
        );
    }

    #[test]
    fn assertion_of_a_key_is_of_no_use_without_it() {
        let world = world(&json!({}));
        let (right, wrong) = (Prover::generate(), Prover::generate());
        let bound = assertion(&json!({"cnf": {"jkt": right.thumbprint()}}));
        let ask = |key: Option<&Prover>| {
            let proof = key.map(|key| {
                let claims = json!({"jti": world.server.rng.token(), "htm": "POST", "iat": 1_800_000_000,
                    "htu": "https://id.example/oauth2/token"});
                key.prove(&claims)
            });
            let encoded = as_app(&[("grant_type", GRANT), ("assertion", &bound)]);
            let parameters = Parameters::parse(encoded.as_bytes());
            let proof = proof.as_deref().map_or(PresentedProof::Absent, PresentedProof::One);
            world.commit(|| now(world.server.token(ClientRequest { proof, ..request(&parameters) })))
        };
        for key in [None, Some(&wrong)] {
            assert_eq!(ask(key).err(), Some(TokenError::InvalidGrant(InvalidGrant::Key)));
        }
        assert_eq!(ask(Some(&right)).unwrap().token_type, "DPoP");
    }

    #[test]
    fn trust_is_for_one_kind_of_assertions() {
        let check = |kind: TrustKind, typ: TokenType, expect: &str| {
            let world = world(&json!({}));
            world.rows(|rows| rows.trusts.get_mut("t").unwrap().kind = kind);
            let claims = json!({"iss": IDP, "sub": "7", "aud": "https://id.example", "client_id": "app", "jti": "j1",
                "iat": 1_800_000_000, "exp": 1_800_000_060});
            let assertion = Signer::new(&key(5)).unwrap().sign(typ, &claims).unwrap();
            let answer = bear(&world, &assertion, &[("scope", "read")]);
            assert_eq!(code(answer), expect, "{kind:?} {typ:?}");
            let is_written = world.rows(|rows| !rows.bearer_assertions.is_empty());
            assert_eq!(is_written, expect == "read", "{kind:?} {typ:?}");
        };
        check(TrustKind::IdJag, TokenType::IdentityAssertionGrant, "read");
        check(TrustKind::IdJag, TokenType::Jwt, "invalid_grant");
        check(TrustKind::JwtBearer, TokenType::Jwt, "read");
        check(TrustKind::JwtBearer, TokenType::IdentityAssertionGrant, "invalid_grant");
    }

    #[test]
    fn public_client_is_refused() {
        let world = world(&json!({"token_endpoint_auth_method": "none", "grant_types": [GRANT]}));
        let encoded = crate::memory::form(&[
            ("client_id", "app"),
            ("grant_type", GRANT),
            ("assertion", &assertion(&json!({}))),
        ]);
        let answer = world.commit(|| world.decide_token(&encoded));
        assert_eq!(answer.err(), Some(TokenError::UnauthorizedClient));
    }
}
