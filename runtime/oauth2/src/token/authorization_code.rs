//! The authorization code grant (RFC 6749 section 4.1.3, RFC 7636, RFC 9700 section 4.5).
//!
//! Attacks: a code that leaked is redeemed by somebody else (it is bound to its client, its redirect
//! URI and a verifier), or a second time. Consuming is guarded, so that of any number of parallel
//! redemptions one wins; each other decides again, sees that the code is spent, and revokes the grant
//! with everything that was issued for it, because nobody can tell which of them was the thief. Waiting
//! gains a thief nothing: a redeemed code is remembered with its grant, for as long as anything that it
//! gave lives, however often that was renewed.

use primitives::{Actor, AuditEvent};

use super::holder::Holder;
use super::redeemed::{GoodCode, redeem};
use super::{Asked, Granted, InvalidGrant, Refused, TokenError};
use crate::client::{Client, GrantType};
use crate::grant::{AuthorizationCode, Grant};
use crate::liveness::{Dead, SessionRule, check_grant};
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::token_format::{AUTHORIZATION_CODE, has_form, hashes};
use crate::write::Write;

pub(super) async fn run(server: &AuthorizationServer, asked: &Asked<'_>) -> Result<Granted, Refused> {
    let Asked { client, parameters, holder } = *asked;
    let code =
        parameters.find("code").ok_or(TokenError::InvalidRequest("parameter code is missing".into()))?;
    let unknown = TokenError::InvalidGrant(InvalidGrant::UnknownCode);
    let (code, grant) = match find(server, code).await? {
        None => return Err(unknown.into()),
        Some(Found::Waiting(code, grant)) => (Some(code), grant),
        Some(Found::Redeemed(grant)) => (None, grant),
    };
    if grant.client != client.id {
        return Err(unknown.into());
    }
    if grant.revoked_at.is_some() {
        return Err(TokenError::InvalidGrant(InvalidGrant::Revoked).into());
    }
    // Before anything else is looked at: a replay is an alarm, whatever else is wrong with it.
    let Some(code) = code else {
        return Err(revoked(server, client, &grant, InvalidGrant::ReplayedCode, "code.replayed"));
    };
    let now = server.now();
    if now >= code.expires_at {
        return Err(unknown.into());
    }
    check_redirect_uri(client, &code, parameters)?;
    check_verifier((server, client), &code, parameters)?;
    check_key(&code, holder)?;
    let live = check_grant(server, client, grant, SessionRule::MustBeLive).await?.map_err(refusal)?;
    let good = GoodCode {
        grant_type: GrantType::AuthorizationCode,
        expires_at: code.expires_at,
        action: "code.redeemed",
    };
    let (hash, grant) = (code.hash, live.grant().id);
    let consume = |kept_until| Write::ConsumeAuthorizationCode { code: hash, grant, at: now, kept_until };
    Ok(redeem(server, asked, &good, live, consume)?)
}

/// What is known of a code.
#[derive(Debug)]
enum Found {
    /// It was not redeemed; perhaps it has expired.
    Waiting(AuthorizationCode, Grant),
    /// It was redeemed for this grant, now or long ago.
    Redeemed(Grant),
}

async fn find(server: &AuthorizationServer, code: &str) -> Result<Option<Found>, TokenError> {
    if !has_form(code, AUTHORIZATION_CODE) {
        return Ok(None);
    }
    for hash in hashes(server, code) {
        let tokens = &server.ports.tokens;
        // Its own row leaves when it has expired, redeemed or not.
        if let Some((code, grant)) = tokens.find_authorization_code(&server.tenant, &hash).await? {
            let redeemed = code.consumed_at.is_some();
            return Ok(Some(if redeemed { Found::Redeemed(grant) } else { Found::Waiting(code, grant) }));
        }
        if let Some(grant) = tokens.find_grant_of_redeemed_code(&server.tenant, &hash).await? {
            return Ok(Some(Found::Redeemed(grant)));
        }
    }
    Ok(None)
}

/// The same text as in the authorization request. If that had none, the client has a single address,
/// and naming it now is no harm.
fn check_redirect_uri(
    client: &Client,
    code: &AuthorizationCode,
    parameters: &Parameters<'_>,
) -> Result<(), TokenError> {
    let fits = match (&code.redirect_uri, parameters.find("redirect_uri")) {
        (Some(requested), presented) => presented == Some(requested),
        (None, None) => true,
        (None, Some(presented)) => client.find_redirect_uri(presented).is_some(),
    };
    if fits { Ok(()) } else { Err(TokenError::InvalidGrant(InvalidGrant::RedirectUri)) }
}

/// A verifier without a challenge is refused too: somebody cut the challenge out of the authorization
/// request (RFC 9700 section 2.1.1).
fn check_verifier(
    (server, client): (&AuthorizationServer, &Client),
    code: &AuthorizationCode,
    parameters: &Parameters<'_>,
) -> Result<(), TokenError> {
    let method = code.code_challenge_method;
    let fits = match (&code.code_challenge, parameters.find("code_verifier")) {
        (Some(challenge), Some(verifier)) => {
            method.is_allowed(server, client) && method.verifies(verifier, challenge)
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if fits { Ok(()) } else { Err(TokenError::InvalidGrant(InvalidGrant::CodeVerifier)) }
}

/// The key that the authorization request has named (RFC 9449 section 10): a code that was caught on its way, with its verifier,
/// is worth nothing without it.
fn check_key(code: &AuthorizationCode, holder: Option<&Holder>) -> Result<(), TokenError> {
    match (&code.dpop_jkt, holder) {
        (None, _) => Ok(()),
        (Some(named), Some(holder)) if holder.key() == Some(named) => Ok(()),
        (Some(_), _) => Err(TokenError::InvalidGrant(InvalidGrant::Key)),
    }
}

/// What a dead grant answers.
pub(super) const fn refusal(dead: Dead) -> TokenError {
    match dead {
        Dead::Grant => TokenError::InvalidGrant(InvalidGrant::Revoked),
        Dead::Subject | Dead::Session => TokenError::InvalidGrant(InvalidGrant::Subject),
    }
}

/// A refusal that revokes the grant.
pub(super) fn revoked(
    server: &AuthorizationServer,
    client: &Client,
    grant: &Grant,
    cause: InvalidGrant,
    action: &'static str,
) -> Refused {
    Refused {
        error: TokenError::InvalidGrant(cause),
        writes: vec![Write::RevokeGrant { grant: grant.id, at: server.now() }],
        audit: vec![event(action, client, grant)],
    }
}

pub(super) fn event(action: &'static str, client: &Client, grant: &Grant) -> AuditEvent {
    let mut event = AuditEvent::new(action, Actor::Client(client.id.clone()), "grant", &grant.id)
        .with("subject", &grant.subject.id);
    event.organisation = grant.subject.organisation;
    event
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::{CALLBACK, CHALLENGE, VERIFIER, World, as_app, redemption};

    fn world() -> World {
        let world = World::new();
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
        world
    }

    fn refused(cause: InvalidGrant) -> TokenError {
        TokenError::InvalidGrant(cause)
    }

    #[test]
    fn code_gives_tokens_once() {
        let world = world();
        let code = world.code("openid read");
        let response = world.redeem(&code).unwrap();
        assert!(response.id_token.is_some());
        assert_eq!(response.scope, "openid read");
        assert_eq!(response.refresh_token, None, "offline_access was not granted");
        assert_eq!(world.redeem(&code).err(), Some(refused(InvalidGrant::ReplayedCode)));
        assert_eq!(world.redeem(&code).err(), Some(refused(InvalidGrant::Revoked)));
        assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_some())));
    }

    #[test]
    fn refresh_token_needs_the_scope_and_the_grant_type() {
        for (grant_types, scope, expect) in [
            (json!(["authorization_code", "refresh_token"]), "offline_access", true),
            (json!(["authorization_code", "refresh_token"]), "offline", true),
            (json!(["authorization_code", "refresh_token"]), "openid", false),
            (json!(["authorization_code"]), "offline_access", false),
        ] {
            let world = World::new();
            let patch =
                json!({"grant_types": grant_types, "token_endpoint_auth_method": "client_secret_post"});
            world.add_client(&patch);
            let response = world.redeem(&world.code(scope)).unwrap();
            assert_eq!(response.refresh_token.is_some(), expect, "{grant_types} {scope}");
        }
    }

    #[test]
    fn code_is_bound_to_its_request() {
        let check = |name: &str, value: &str, expect: Option<TokenError>| {
            let world = world();
            let code = world.code("openid");
            let mut pairs = redemption(&code).to_vec();
            pairs.retain(|(other, _)| *other != name);
            pairs.push((name, value));
            assert_eq!(world.token(&pairs).err(), expect, "{name}={value}");
        };
        check("code", "", Some(TokenError::InvalidRequest("parameter code is missing".into())));
        check("code", "nonsense", Some(refused(InvalidGrant::UnknownCode)));
        check("code", &format!("ory_ac_{}", "A".repeat(43)), Some(refused(InvalidGrant::UnknownCode)));
        check("redirect_uri", CALLBACK, None);
        check("redirect_uri", "", Some(refused(InvalidGrant::RedirectUri)));
        check("redirect_uri", "https://app.example/cb/", Some(refused(InvalidGrant::RedirectUri)));
        check("code_verifier", VERIFIER, None);
        check("code_verifier", "", Some(refused(InvalidGrant::CodeVerifier)));
        check("code_verifier", CHALLENGE, Some(refused(InvalidGrant::CodeVerifier)));
        check("code_verifier", &"A".repeat(43), Some(refused(InvalidGrant::CodeVerifier)));
        check("resource", "https://api.example", None);
        check("resource", "https://b.example", Some(TokenError::InvalidTarget));
    }

    #[test]
    fn verifier_without_challenge_is_refused() {
        let world = world();
        let code = world.code("openid");
        world.rows(|rows| rows.codes.values_mut().for_each(|code| code.code_challenge = None));
        assert_eq!(world.redeem(&code).err(), Some(refused(InvalidGrant::CodeVerifier)));
    }

    #[test]
    fn code_of_another_client_or_tenant_is_unknown_and_stays_good() {
        let world = world();
        world.add_client(&json!({"client_id": "thief", "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]}));
        let code = world.code("openid");
        let stolen = crate::memory::form(&[&[("client_id", "thief")], redemption(&code).as_slice()].concat());
        let answer = world.commit(|| world.decide_token(&stolen));
        assert_eq!(answer.err(), Some(refused(InvalidGrant::UnknownCode)));
        let elsewhere = world.other_tenant();
        assert!(crate::memory::now(find(&elsewhere, &code)).unwrap().is_none());
        assert!(world.redeem(&code).is_ok());
    }

    #[test]
    fn code_dies_with_time_person_session_and_client() {
        let check = |break_it: &dyn Fn(&World), expect: InvalidGrant| {
            let world = world();
            let code = world.code("openid offline_access");
            break_it(&world);
            assert_eq!(world.redeem(&code).err(), Some(refused(expect)), "{expect}");
        };
        check(&|world| world.wait(60), InvalidGrant::UnknownCode);
        check(&|world| world.rows(|rows| rows.subjects.clear()), InvalidGrant::Subject);
        check(&|world| world.rows(|rows| rows.sessions.clear()), InvalidGrant::Subject);
        let later = primitives::Timestamp::from_seconds(1_800_000_001);
        check(
            &|world| world.rows(|rows| rows.subjects.values_mut().for_each(|who| who.not_before = later)),
            InvalidGrant::Subject,
        );
        check(
            &|world| {
                world.rows(|rows| rows.clients.values_mut().for_each(|client| client.not_before = later));
            },
            InvalidGrant::Revoked,
        );
    }

    #[test]
    fn replay_is_noticed_after_the_code_has_expired() {
        let world = world();
        let code = world.code("openid");
        world.redeem(&code).unwrap();
        world.wait(3_600);
        // As the job does that deletes what has expired.
        world.rows(|rows| rows.codes.clear());
        assert_eq!(world.redeem(&code).err(), Some(refused(InvalidGrant::ReplayedCode)));
        assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_some())));
    }

    #[test]
    fn replay_after_the_code_has_left_is_an_alarm_for_its_own_client_only() {
        let world = world();
        world.add_client(&json!({"client_id": "thief", "token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]}));
        let code = world.code("openid");
        world.redeem(&code).unwrap();
        world.rows(|rows| rows.codes.clear());
        let stolen = crate::memory::form(&[&[("client_id", "thief")], redemption(&code).as_slice()].concat());
        let answer = world.commit(|| world.decide_token(&stolen));
        assert_eq!(answer.err(), Some(refused(InvalidGrant::UnknownCode)));
        assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_none())));
    }

    #[test]
    fn grant_of_a_redeemed_code_is_kept_while_its_tokens_live() {
        let check = |scope: &str, lifespans: serde_json::Value, expect: u64| {
            let world = World::new();
            let mut patch = json!({"grant_types": ["authorization_code", "refresh_token"],
                "token_endpoint_auth_method": "client_secret_post"});
            patch.as_object_mut().unwrap().extend(lifespans.as_object().unwrap().clone());
            world.add_client(&patch);
            let code = world.code(scope);
            let now = world.server.now();
            let decision = world.decide_token(&as_app(&redemption(&code)));
            let kept = decision.change.writes.iter().find_map(|write| match write {
                Write::ConsumeAuthorizationCode { kept_until, .. } => Some(*kept_until),
                _ => None,
            });
            let kept = kept.unwrap();
            assert_eq!(kept, now.after(std::time::Duration::from_secs(expect)), "{scope} {lifespans}");
        };
        let access = |span: &str| json!({"authorization_code_grant_access_token_lifespan": span});
        let refresh = |span: &str| json!({"authorization_code_grant_refresh_token_lifespan": span});
        check("openid", json!({}), 3_600);
        check("openid", access("3h"), 3 * 3_600);
        check("openid", access("5s"), 60);
        check("openid", refresh("48h"), 3_600);
        check("offline_access", refresh("48h"), 48 * 3_600);
        check("offline_access", refresh("30m"), 3_600);
    }

    #[test]
    fn parallel_redemptions_give_one_answer_and_leave_nothing_alive() {
        let world = world();
        let code = world.code("openid offline_access");
        let encoded = as_app(&redemption(&code));
        let answers: Vec<_> = std::thread::scope(|scope| {
            let redeem = || world.commit(|| world.decide_token(&encoded));
            let threads: Vec<_> = (0..50).map(|_| scope.spawn(redeem)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for answer in lost {
            let error = answer.unwrap_err();
            assert!(matches!(error, TokenError::InvalidGrant(_)), "{error}");
        }
        let refresh_token = won[0].as_ref().unwrap().refresh_token.clone().unwrap();
        assert_eq!(world.refresh(&refresh_token).err(), Some(refused(InvalidGrant::Revoked)));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        /// Every interleaving of decisions and changes ends the same way.
        #[test]
        fn order_of_a_race_does_not_matter(schedule in proptest::collection::vec(0_usize..4, 8..40)) {
            let world = world();
            let encoded = as_app(&redemption(&world.code("openid")));
            let mut pending: [Option<_>; 4] = [const { None }; 4];
            let mut answers = [const { None }; 4];
            // Whatever the schedule leaves undone is done in order.
            for who in schedule.into_iter().chain([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]) {
                if answers[who].is_some() {
                    continue;
                }
                match pending[who].take() {
                    None => pending[who] = Some(world.decide_token(&encoded)),
                    Some(decision) => {
                        let crate::decision::Decision { change, result, .. } = decision;
                        if world.memory.apply(change).is_ok() {
                            answers[who] = Some(result);
                        }
                    }
                }
            }
            let answers: Vec<_> = answers.into_iter().map(Option::unwrap).collect();
            assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
            assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_some())));
        }
    }
}
