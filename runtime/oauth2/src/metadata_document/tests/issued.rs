//! What was issued to a client that describes itself, in either form: it is found and ended, and what was another's is not its own.

use primitives::Actor;

use super::*;
use crate::memory::as_bearer;
use crate::settings::AccessTokenStrategy;

const FORMS: [AccessTokenStrategy; 2] = [AccessTokenStrategy::Jwt, AccessTokenStrategy::Opaque];
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A tenant that lets the agent in, and whose access tokens have this form.
fn world_of(form: AccessTokenStrategy) -> World {
    let world = world_with(|settings| settings.access_token_strategy = form);
    world.publish_at(ID, &document(&json!({})), &[("content-type", "application/json")]);
    world
}

#[test]
fn token_of_either_form_is_found_though_its_client_is_stored_nowhere() {
    for form in FORMS {
        let world = world_of(form);
        let token = tokens(&world).access_token;
        assert_eq!(token.contains('.'), form == AccessTokenStrategy::Jwt);
        assert!(world.is_active(&token), "{form:?}");
        let told = now(world.server.userinfo(as_bearer(&token), REQUEST)).result;
        assert!(told.is_ok(), "{form:?}: {told:?}");
    }
}

/// Attack: an operator hears that an agent was broken into, and what they take back of it goes on, since there is no record of it.
#[test]
fn operator_takes_back_every_token_of_a_client_that_is_stored_nowhere() {
    let id = ID.parse().unwrap();
    for form_of in FORMS {
        let world = world_of(form_of);
        let before = tokens(&world);
        world.commit(|| now(world.server.revoke_tokens_of(&id, Actor::System))).unwrap();
        assert!(!world.is_active(&before.access_token), "{form_of:?}");
        let refresh = before.refresh_token.unwrap();
        let encoded =
            form(&[("grant_type", "refresh_token"), ("refresh_token", &*refresh), ("client_id", ID)]);
        let refused = world.commit(|| world.decide_token(&encoded)).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidGrant, "{form_of:?}");
        let actions: Vec<_> = world.rows(|rows| rows.audit.iter().map(|event| event.action).collect());
        assert!(actions.contains(&"client.tokens_revoked"), "{actions:?}");
        assert!(world.is_active(&tokens(&world).access_token), "{form_of:?}: the client itself goes on");
    }
    // Where its host is not let in any more, it may be again.
    let world = world_of(AccessTokenStrategy::Opaque);
    let token = tokens(&world).access_token;
    let closed = world.other_node(|settings| settings.registration.metadata_document_hosts.clear());
    world.commit(|| now(closed.revoke_tokens_of(&id, Actor::System))).unwrap();
    assert!(!world.is_active(&token));
    let nobody = now(world.server.revoke_tokens_of(&"nobody".parse().unwrap(), Actor::System)).change;
    assert!(nobody.writes.is_empty() && nobody.audit.is_empty(), "it is nobody's id");
}

/// An access token of a client that is stored, which proves itself by its secret.
fn issued_to(world: &World, client: &str, pairs: &[(&str, &str)]) -> String {
    let secret = format!("s3cret-of-{client}");
    let mut all = vec![("client_id", client), ("client_secret", secret.as_str())];
    all.extend_from_slice(pairs);
    let encoded = form(&all);
    world.commit(|| world.decide_token(&encoded)).unwrap().access_token
}

fn own(world: &World, client: &str) -> String {
    let pairs =
        [("grant_type", "client_credentials"), ("scope", "read"), ("audience", "https://api.example")];
    issued_to(world, client, &pairs)
}

fn exchanged(world: &World, client: &str, token: &str) -> String {
    let pairs = [("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", ACCESS)];
    issued_to(world, client, &pairs)
}

/// Attack: an operator deletes a client that has an address for its id, and what it had lives again as that of one which describes
/// itself there, for which no document need be.
#[test]
fn what_a_deleted_client_had_stays_dead_where_its_id_may_describe_itself() {
    for form in FORMS {
        let world = world_of(form);
        for id in [ID, "first", "last"] {
            world.add_client(&json!({"client_id": id, "token_endpoint_auth_method": "client_secret_post",
                "grant_types": ["client_credentials", EXCHANGE],
                "token_exchange": {"identifiers": ["https://api.example"]}}));
        }
        let own_token = own(&world, ID);
        let of_its_own = exchanged(&world, "last", &own_token);
        let first = own(&world, "first");
        let held = exchanged(&world, ID, &first);
        let handed_on = exchanged(&world, "last", &held);
        let all = [own_token, of_its_own, held, handed_on];
        assert_eq!(all.each_ref().map(|token| world.is_active(token)), [true; 4], "{form:?}");
        let id = ID.parse().unwrap();
        world.commit(|| now(world.server.delete_client(&id, Actor::System))).unwrap();
        assert!(world.is_client(ID), "it describes itself");
        assert_eq!(all.each_ref().map(|token| world.is_active(token)), [false; 4], "{form:?}");
        assert!(world.is_active(&first), "{form:?}");
    }
}
