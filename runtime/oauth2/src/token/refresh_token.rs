//! The refresh token grant (RFC 6749 section 6, RFC 9700 section 4.14).
//!
//! Every use rotates the token, but that of a client with a security profile. Attack: a copied refresh token
//! is used beside the real one. Whoever comes second presents a rotated token, which revokes the grant: the thief is out, and the person
//! signs in again. Only within the grace window is a second use answered, with the very successor that
//! the first one got, so that two requests at once, or one repeated after a lost answer, do no harm;
//! it gives the thief nothing that lasts, since the family still has one newest token.
//!
//! A public client's token is bound to the key that the client has shown (RFC 9449 section 5). Whoever cannot show it is not the
//! client, and changes nothing (RFC 8705 section 4 says the same of its certificate): neither gets tokens, nor can end the grant with an old token that was found somewhere.

use primitives::{SealContext, base64url};

use super::authorization_code::{event, refusal, revoked};
use super::holder::Holder;
use super::request::check_scope;
use super::{Asked, Granted, InvalidGrant, Refused, TokenError};
use crate::client::{Client, GrantType};
use crate::confirmation::Confirmation;
use crate::details;
use crate::grant::{Grant, RefreshToken, Rotation};
use crate::lifespan::{Lifetime, lifespan};
use crate::liveness::{SessionRule, check_grant};
use crate::parameters::Parameters;
use crate::ports::PortError;
use crate::resource;
use crate::scope::Scopes;
use crate::security_profile;
use crate::server::AuthorizationServer;
use crate::token_format::{REFRESH_TOKEN, has_form, hash_token, hashes, new_token};
use crate::write::Write;

const SUCCESSOR: &str = "refresh_token_successor";

pub(super) async fn run(server: &AuthorizationServer, asked: &Asked<'_>) -> Result<Granted, Refused> {
    let Asked { client, parameters, holder } = *asked;
    let token = parameters
        .find("refresh_token")
        .ok_or(TokenError::InvalidRequest("parameter refresh_token is missing".into()))?;
    let unknown = TokenError::InvalidGrant(InvalidGrant::UnknownRefreshToken);
    let Some((token, grant)) = find(server, token).await? else { return Err(unknown.into()) };
    if grant.client != client.id {
        return Err(unknown.into());
    }
    if grant.revoked_at.is_some() {
        return Err(TokenError::InvalidGrant(InvalidGrant::Revoked).into());
    }
    check_key(&token, holder)?;
    let now = server.now();
    let repeated = match &token.rotation {
        Some(rotation) if now < rotation.at.after(server.settings.refresh_token_grace.0) => Some(rotation),
        Some(_) => {
            let cause = InvalidGrant::ReusedRefreshToken;
            return Err(revoked(server, client, &grant, cause, "refresh_token.reused"));
        }
        None => None,
    };
    if now >= token.expires_at {
        return Err(unknown.into());
    }
    let live = check_grant(server, client, grant, SessionRule::AsGranted).await?.map_err(refusal)?;
    let grant = live.grant();
    let scope = access_scope(parameters, client, &token)?;
    let audience = resource::remaining(server, client, parameters, grant)?;
    let details = details::remaining(server, client, parameters, grant)?;

    let (refresh_token, writes) = match repeated {
        Some(rotation) => (Some(open_successor(server, &token, rotation)?), Vec::new()),
        // FAPI 2.0 Security Profile section 5.3.2.1: its client proves who it is, and keeps the token that it has.
        None if security_profile::of(server, client).is_some() => (None, Vec::new()),
        None => {
            let (successor, writes) = rotate(server, asked, &token, grant);
            (Some(successor), writes)
        }
    };
    Ok(Granted {
        grant_type: GrantType::RefreshToken,
        subject: None,
        exchanged: None,
        scope,
        audience,
        details,
        refresh_token,
        confirmation: holder.map(Holder::confirmation),
        writes,
        audit: vec![event("token.refreshed", client, grant)],
        grant: Some(live),
    })
}

/// That the caller holds the key that the token is bound to.
fn check_key(token: &RefreshToken, holder: Option<&Holder>) -> Result<(), TokenError> {
    match &token.confirmation {
        None => Ok(()),
        Some(bound) if holder.is_some_and(|holder| holder.confirmation() == *bound) => Ok(()),
        Some(_) => Err(TokenError::InvalidGrant(InvalidGrant::Key)),
    }
}

/// What a new refresh token is bound to: the key of a public client, which has nothing else to prove itself with; nothing
/// where the client authenticates whenever it uses one (RFC 9449 section 5, RFC 8705 section 4).
fn binding(client: &Client, holder: Option<&Holder>) -> Option<Confirmation> {
    holder.filter(|_| client.is_public()).map(Holder::confirmation)
}

/// Finds a refresh token, rotated or not.
pub(crate) async fn find(
    server: &AuthorizationServer,
    token: &str,
) -> Result<Option<(RefreshToken, Grant)>, PortError> {
    if !has_form(token, REFRESH_TOKEN) {
        return Ok(None);
    }
    for hash in hashes(server, token) {
        if let Some(found) = server.ports.tokens.find_refresh_token(&server.tenant, &hash).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The refresh token that a new grant gives beside its access token, if it may have one; bound to what the caller holds.
pub(super) fn first_refresh_token(
    server: &AuthorizationServer,
    asked: &Asked<'_>,
    grant_type: GrantType,
    grant: &Grant,
) -> Option<(String, RefreshToken)> {
    let may_have = grant.scope.offline() && asked.client.may_use(GrantType::RefreshToken);
    let bound = || binding(asked.client, asked.holder);
    may_have.then(|| new_refresh_token(server, asked, grant_type, (grant, bound())))
}

/// Makes a refresh token with everything that the grant allows, bound as said.
fn new_refresh_token(
    server: &AuthorizationServer,
    asked: &Asked<'_>,
    grant_type: GrantType,
    (grant, confirmation): (&Grant, Option<Confirmation>),
) -> (String, RefreshToken) {
    let now = server.now();
    let token = new_token(server, REFRESH_TOKEN);
    let row = RefreshToken {
        hash: hash_token(server, &token),
        grant: grant.id,
        scope: grant.scope.clone(),
        confirmation,
        issued_at: now,
        expires_at: now.after(lifespan(server, asked.client, grant_type, Lifetime::RefreshToken)),
        rotation: None,
    };
    (token, row)
}

/// The successor has the scope of the token that it follows, also if less was asked for this time
/// (RFC 6749 section 6).
fn rotate(
    server: &AuthorizationServer,
    asked: &Asked<'_>,
    token: &RefreshToken,
    grant: &Grant,
) -> (String, Vec<Write>) {
    // A family that began without a key is bound to the first that its client shows.
    let bound = token.confirmation.clone().or_else(|| binding(asked.client, asked.holder));
    let (successor, row) = new_refresh_token(server, asked, GrantType::RefreshToken, (grant, bound));
    let row = RefreshToken { scope: token.scope.clone(), ..row };
    let rotation = Rotation {
        at: row.issued_at,
        successor: row.hash.clone(),
        sealed_successor: server.sealer.seal(place(server, &row_name(token)), successor.as_bytes()),
    };
    let writes = vec![
        Write::RotateRefreshToken {
            token: token.hash.clone(),
            grant: grant.id,
            rotation: Box::new(rotation),
        },
        Write::InsertRefreshToken(Box::new(row)),
    ];
    (successor, writes)
}

fn open_successor(
    server: &AuthorizationServer,
    token: &RefreshToken,
    rotation: &Rotation,
) -> Result<String, PortError> {
    let broken =
        || PortError::Unavailable("a rotated refresh token's sealed_successor does not open".to_owned());
    let opened = server
        .sealer
        .open(place(server, &row_name(token)), &rotation.sealed_successor)
        .map_err(|_| broken())?;
    std::str::from_utf8(&opened).map(str::to_owned).map_err(|_| broken())
}

fn row_name(token: &RefreshToken) -> String {
    base64url::encode(&token.hash.0)
}

fn place<'a>(server: &'a AuthorizationServer, row: &'a str) -> SealContext<'a> {
    SealContext { tenant: &server.tenant, purpose: SUCCESSOR, row }
}

/// What is asked for, never more than the token has; all of it if nothing is named. What the client
/// may not have any more is left out.
fn access_scope(
    parameters: &Parameters<'_>,
    client: &Client,
    token: &RefreshToken,
) -> Result<Scopes, TokenError> {
    let asked = match parameters.find("scope") {
        None => token.scope.clone(),
        Some(_) => check_scope(parameters, &token.scope)?,
    };
    Ok(asked.iter().filter(|scope| client.scope.contains(scope)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::{World, as_app};
    use crate::settings::Settings;

    fn world_with(edit: impl FnOnce(&mut Settings)) -> World {
        World::of_app(edit, &json!({}))
    }

    fn world() -> World {
        world_with(|_| {})
    }

    fn first(world: &World) -> String {
        world.redeem(&world.code("openid read offline_access")).unwrap().refresh_token.unwrap()
    }

    fn refused(cause: InvalidGrant) -> TokenError {
        TokenError::InvalidGrant(cause)
    }

    #[test]
    fn each_use_rotates() {
        let world = world();
        let one = first(&world);
        let two = world.refresh(&one).unwrap().refresh_token.unwrap();
        let three = world.refresh(&two).unwrap().refresh_token.unwrap();
        assert!(one != two && two != three);
    }

    #[test]
    fn rotated_token_gives_the_same_successor_within_grace_and_revokes_after() {
        let world = world();
        let one = first(&world);
        let two = world.refresh(&one).unwrap().refresh_token.unwrap();
        world.wait(9);
        assert_eq!(world.refresh(&one).unwrap().refresh_token.as_ref(), Some(&two));
        world.wait(1);
        assert_eq!(world.refresh(&one).err(), Some(refused(InvalidGrant::ReusedRefreshToken)));
        assert_eq!(world.refresh(&two).err(), Some(refused(InvalidGrant::Revoked)));
    }

    #[test]
    fn without_grace_any_second_use_revokes() {
        let world = world_with(|settings| settings.refresh_token_grace = "0s".parse().unwrap());
        let one = first(&world);
        let two = world.refresh(&one).unwrap().refresh_token.unwrap();
        assert_eq!(world.refresh(&one).err(), Some(refused(InvalidGrant::ReusedRefreshToken)));
        assert_eq!(world.refresh(&two).err(), Some(refused(InvalidGrant::Revoked)));
    }

    #[test]
    fn reuse_is_noticed_after_the_token_has_expired() {
        let world = world_with(|settings| settings.refresh_token_lifespan = "1m".parse().unwrap());
        let one = first(&world);
        world.wait(50);
        let two = world.refresh(&one).unwrap().refresh_token.unwrap();
        world.wait(50);
        assert_eq!(world.refresh(&one).err(), Some(refused(InvalidGrant::ReusedRefreshToken)));
        assert_eq!(world.refresh(&two).err(), Some(refused(InvalidGrant::Revoked)));
    }

    #[test]
    fn parallel_refreshes_all_get_the_same_successor() {
        let world = world();
        let token = first(&world);
        let encoded = as_app(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let refresh = || world.commit(|| world.decide_token(&encoded));
            let threads: Vec<_> = (0..50).map(|_| scope.spawn(refresh)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| answer.refresh_token == answers[0].refresh_token));
        assert!(world.refresh(answers[0].refresh_token.as_ref().unwrap()).is_ok());
    }

    #[test]
    fn parallel_refreshes_without_grace_give_one_answer_and_leave_nothing_alive() {
        let world = world_with(|settings| settings.refresh_token_grace = "0s".parse().unwrap());
        let token = first(&world);
        let encoded = as_app(&[("grant_type", "refresh_token"), ("refresh_token", &token)]);
        let answers: Vec<_> = std::thread::scope(|scope| {
            let refresh = || world.commit(|| world.decide_token(&encoded));
            let threads: Vec<_> = (0..20).map(|_| scope.spawn(refresh)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert!(world.rows(|rows| rows.grants.values().all(|grant| grant.revoked_at.is_some())));
    }

    #[test]
    fn scope_may_shrink_and_never_grow() {
        let check = |scope: &str, expect: Result<&str, &str>| {
            let world = world();
            let token = first(&world);
            let pairs = [("grant_type", "refresh_token"), ("refresh_token", &*token), ("scope", scope)];
            let answer = world.token(&pairs);
            let found = answer.as_ref().map(|answer| &*answer.scope).map_err(|error| error.code().as_str());
            assert_eq!(found, expect, "{scope}");
            if let Ok(answer) = &answer {
                let next = world.refresh(answer.refresh_token.as_ref().unwrap()).unwrap();
                assert_eq!(next.scope, "openid read offline_access", "the refresh token keeps its scope");
            }
        };
        check("", Ok("openid read offline_access"));
        check("read", Ok("read"));
        check("write", Err("invalid_scope"));
        check("read write", Err("invalid_scope"));
        check("read\u{7}", Err("invalid_scope"));
    }

    #[test]
    fn scope_and_audience_that_the_client_lost_are_left_out() {
        let world = world();
        let token = first(&world);
        world.rows(|rows| {
            for client in rows.clients.values_mut() {
                client.document.scope = "openid offline_access".to_owned();
                client.document.audience = None;
            }
        });
        assert_eq!(world.refresh(&token).unwrap().scope, "openid offline_access");
    }

    #[test]
    fn token_outlives_the_session_and_not_the_person_or_the_client() {
        let later = primitives::Timestamp::from_seconds(1_800_000_001);
        let check = |break_it: &dyn Fn(&World), expect: Option<TokenError>| {
            let world = world();
            let token = first(&world);
            break_it(&world);
            assert_eq!(world.refresh(&token).err(), expect);
        };
        check(&|world| world.rows(|rows| rows.sessions.clear()), None);
        check(&|world| world.rows(|rows| rows.subjects.clear()), Some(refused(InvalidGrant::Subject)));
        check(
            &|world| world.rows(|rows| rows.subjects.values_mut().for_each(|who| who.not_before = later)),
            Some(refused(InvalidGrant::Subject)),
        );
        check(
            &|world| {
                world.rows(|rows| rows.clients.values_mut().for_each(|client| client.not_before = later));
            },
            Some(refused(InvalidGrant::Revoked)),
        );
        check(&|world| world.wait(720 * 3_600), Some(refused(InvalidGrant::UnknownRefreshToken)));
    }

    /// Attack: somebody who has left an organisation goes on in its name.
    #[test]
    fn token_of_an_organisation_ends_with_the_membership_and_keeps_its_organisation_until_then() {
        let acme = "00000000-0000-0000-0000-00000000000a";
        let world = world();
        let token = first(&world);
        world.rows(|rows| {
            for grant in rows.grants.values_mut() {
                grant.subject.organisation = Some(acme.parse().unwrap());
            }
        });
        let next = world.refresh(&token).unwrap();
        let (access, id_token) = (next.access_token, next.id_token.unwrap());
        let claims = |token: &str| {
            let payload = token.split('.').nth(1).unwrap();
            serde_json::from_slice::<serde_json::Value>(&base64url::decode(payload).unwrap()).unwrap()
        };
        assert_eq!(claims(&id_token)["organization"], acme);
        let asked = crate::memory::now(world.server.introspect(&access, None, crate::memory::REQUEST));
        assert_eq!(serde_json::to_value(asked.unwrap()).unwrap()["ext"]["organization"], acme);
        let told = crate::memory::now(
            world.server.userinfo(crate::memory::as_bearer(&access), crate::memory::REQUEST),
        );
        let told = serde_json::to_value(told.result.unwrap()).unwrap();
        assert_eq!(told["organization"], acme);

        let left = |rows: &mut crate::memory::Rows| {
            let person = rows.grants.values().next().unwrap().subject.id;
            rows.left.insert((acme.parse().unwrap(), person));
        };
        world.rows(left);
        let next = next.refresh_token.unwrap();
        assert_eq!(world.refresh(&next).err(), Some(refused(InvalidGrant::Subject)));
        let asked = crate::memory::now(world.server.introspect(&access, None, crate::memory::REQUEST));
        assert_eq!(serde_json::to_value(asked.unwrap()).unwrap(), json!({"active": false}));
    }

    #[test]
    fn token_of_another_client_is_unknown_and_stays_good() {
        let world = world();
        world.add_client(&json!({"client_id": "thief", "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"]}));
        let token = first(&world);
        let stolen = crate::memory::form(&[
            ("client_id", "thief"),
            ("grant_type", "refresh_token"),
            ("refresh_token", &token),
        ]);
        let answer = world.commit(|| world.decide_token(&stolen));
        assert_eq!(answer.err(), Some(refused(InvalidGrant::UnknownRefreshToken)));
        assert!(world.refresh(&token).is_ok());
    }

    #[test]
    fn sealed_successor_opens_only_in_its_own_row() {
        let world = world();
        let one = first(&world);
        world.refresh(&one).unwrap();
        // Somebody with write access to the table gives the token another row's successor.
        let other = first(&world);
        world.refresh(&other).unwrap();
        world.rows(|rows| {
            let [first, second] = ["one", "other"].map(|name| {
                let token = if name == "one" { &one } else { &other };
                hash_token(&world.server, token)
            });
            let rotation = rows.refresh_tokens[&second].rotation.clone();
            rows.refresh_tokens.get_mut(&first).unwrap().rotation = rotation;
        });
        assert!(matches!(world.refresh(&one), Err(TokenError::Port(PortError::Unavailable(_)))));
    }
}
