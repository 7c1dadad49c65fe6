//! How often a client's server is asked for its keys, whatever others send.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use futures_util::future::{BoxFuture, poll_fn};
use jose::{PrivateJwk, Signer, SigningAlgorithm, TokenType, generate};
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use primitives::rng::SeededRng;
use serde_json::json;

use super::*;
use crate::client_authentication::FailedCause;
use crate::memory::{World, form, now, request};
use crate::parameters::Parameters;
use crate::registration::SelfRegistered;
use crate::token::{ErrorCode, TokenError};

const KEYS: &str = "https://app.example/keys";

fn key(seed: u64) -> PrivateJwk {
    generate(SigningAlgorithm::EdDsa, &SeededRng::new(seed)).unwrap()
}

fn set(seed: u64) -> String {
    json!({"keys": [serde_json::to_value(key(seed).public()).unwrap()]}).to_string()
}

fn world() -> World {
    let world = World::new();
    world.add_client(&json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": KEYS}));
    world
}

fn body(key: &PrivateJwk, client: &str, jti: u32) -> String {
    let claims = json!({"iss": client, "sub": client, "aud": "https://id.example", "jti": jti.to_string(),
        "exp": 1_800_000_060});
    let assertion = Signer::new(key).unwrap().sign(TokenType::Jwt, &claims).unwrap();
    form(&[
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", &assertion),
    ])
}

fn ask(world: &World, seed: u64, client: &str, jti: u32) -> Result<(), FailedCause> {
    let encoded = body(&key(seed), client, jti);
    let parameters = Parameters::parse(encoded.as_bytes());
    match world.commit(|| now(world.server.token(request(&parameters)))) {
        Ok(_) => Ok(()),
        Err(TokenError::InvalidClient { cause, .. }) => Err(cause),
        Err(other) => panic!("{other}"),
    }
}

fn asked(world: &World) -> usize {
    world.rows(|rows| rows.requests.len())
}

#[test]
fn flood_of_unknown_keys_asks_once_in_an_interval() {
    let world = world();
    world.rows(|rows| rows.web.insert(KEYS.to_owned(), (200, set(1))));
    assert_eq!(ask(&world, 1, "app", 1), Ok(()));
    for jti in 2..30 {
        assert_eq!(ask(&world, 9, "app", jti), Err(FailedCause::AssertionSignature));
    }
    assert_eq!(asked(&world), 1, "it was asked a moment ago");
    world.wait(10);
    for jti in 30..60 {
        assert_eq!(ask(&world, 9, "app", jti), Err(FailedCause::AssertionSignature));
    }
    assert_eq!(asked(&world), 2);
    // Whoever has a new key waits no longer than that.
    world.rows(|rows| rows.web.insert(KEYS.to_owned(), (200, set(2))));
    world.wait(10);
    assert_eq!(ask(&world, 2, "app", 60), Ok(()));
}

#[test]
fn address_that_gives_nothing_is_left_alone_for_a_while() {
    let world = world();
    for jti in 0..30 {
        assert_eq!(ask(&world, 1, "app", jti), Err(FailedCause::Keys));
    }
    assert_eq!(asked(&world), 1);
    world.rows(|rows| rows.web.insert(KEYS.to_owned(), (200, set(1))));
    assert_eq!(ask(&world, 1, "app", 30), Err(FailedCause::Keys), "nobody has looked since");
    world.wait(10);
    assert_eq!(ask(&world, 1, "app", 31), Ok(()));
    // What was good a moment ago stays good while its server is down, and no longer than ever.
    world.rows(|rows| rows.web.clear());
    world.wait(10);
    assert_eq!(ask(&world, 9, "app", 32), Err(FailedCause::AssertionSignature));
    assert_eq!(ask(&world, 1, "app", 33), Ok(()));
    assert_eq!(asked(&world), 3);
    // One client's failure is none of another's.
    world.add_client(
        &json!({"client_id": "two", "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": KEYS}),
    );
    world.rows(|rows| rows.web.insert(KEYS.to_owned(), (200, set(1))));
    assert_eq!(ask(&world, 1, "two", 1), Ok(()));
}

#[test]
fn key_of_another_algorithm_is_told_in_the_log() {
    let world = world();
    let other = generate(SigningAlgorithm::Es256, &SeededRng::new(1)).unwrap();
    let published = json!({"keys": [serde_json::to_value(other.public()).unwrap()]}).to_string();
    world.rows(|rows| rows.web.insert(KEYS.to_owned(), (200, published)));
    let refused = ask(&world, 1, "app", 1).unwrap_err();
    assert_eq!(refused.to_string(), "the client has no key for EdDSA");
}

/// Answers when it is let.
#[derive(Debug, Default)]
struct Slow {
    asked: AtomicUsize,
    is_let: AtomicBool,
}

impl Outbound for Slow {
    fn fetch(&self, _: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(poll_fn(|_| {
            if self.is_let.load(Ordering::SeqCst) {
                let (body, headers) = (set(1).into_bytes(), Vec::new());
                Poll::Ready(Ok(OutboundResponse { status: 200, headers, body }))
            } else {
                Poll::Pending
            }
        }))
    }
}

#[test]
fn one_asks_and_the_others_wait_for_what_it_brings() {
    let slow = Arc::new(Slow::default());
    let mut world = world();
    world.server.ports.outbound = slow.clone();
    let server = &world.server;
    let bodies = [1, 2, 3].map(|jti| body(&key(1), "app", jti));
    let parameters = bodies.each_ref().map(|body| Parameters::parse(body.as_bytes()));
    let mut waiting = parameters.each_ref().map(|one| Box::pin(server.token(request(one))));
    let mut context = Context::from_waker(Waker::noop());
    for one in &mut waiting {
        assert!(one.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
    slow.is_let.store(true, Ordering::SeqCst);
    for one in &mut waiting {
        let Poll::Ready(decision) = one.as_mut().poll(&mut context) else { panic!("it waits on") };
        decision.result.unwrap();
    }
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
}

/// Attack: a client that hangs up at once has the address asked by each of its requests.
#[test]
fn who_hangs_up_has_asked() {
    let slow = Arc::new(Slow::default());
    let mut world = world();
    world.server.ports.outbound = slow.clone();
    let server = &world.server;
    let mut context = Context::from_waker(Waker::noop());
    for jti in 0..20 {
        let encoded = body(&key(1), "app", jti);
        let parameters = Parameters::parse(encoded.as_bytes());
        let hung_up = pin!(server.token(request(&parameters)));
        let _ = hung_up.poll(&mut context);
    }
    assert_eq!(slow.asked.load(Ordering::SeqCst), 1);
    slow.is_let.store(true, Ordering::SeqCst);
    world.wait(1);
    assert_eq!(ask(&world, 1, "app", 30), Ok(()), "nobody is kept out for long");
}

/// A client that registered itself.
fn add_stranger(world: &World, id: &str) {
    world.add_client(
        &json!({"client_id": id, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": KEYS}),
    );
    world.rows(|rows| {
        let client = rows.clients.get_mut(&id.parse::<ClientId>().unwrap()).unwrap();
        client.registration = Some(SelfRegistered { unused_until: None });
    });
}

/// Attack: a stranger registers clients without end, each of which has its keys at a server that does not answer.
#[test]
fn keys_of_clients_that_strangers_made_are_asked_for_in_so_many_places() {
    let slow = Arc::new(Slow::default());
    let mut world = world();
    world.server.ports.outbound = slow.clone();
    let server = &world.server;
    let strangers: Vec<_> = (0..17).map(|n| format!("stranger-{n}")).collect();
    for stranger in &strangers {
        add_stranger(&world, stranger);
    }
    let names = strangers.iter().map(String::as_str).chain(["app"]);
    let bodies: Vec<_> = names.map(|name| body(&key(1), name, 1)).collect();
    let parameters: Vec<_> = bodies.iter().map(|body| Parameters::parse(body.as_bytes())).collect();
    let mut asking: Vec<_> = parameters.iter().map(|one| Box::pin(server.token(request(one)))).collect();
    let mut context = Context::from_waker(Waker::noop());
    let told: Vec<_> = asking
        .iter_mut()
        .map(|one| match one.as_mut().poll(&mut context) {
            Poll::Ready(decision) => decision.result.err().map(|error| error.code()),
            Poll::Pending => None,
        })
        .collect();
    let refused: Vec<_> = (0..told.len()).filter(|n| told[*n].is_some()).collect();
    assert_eq!(refused, [12, 13, 14, 15, 16], "whom an operator has made needs no place");
    assert_eq!(told[16], Some(ErrorCode::TemporarilyUnavailable));
    assert_eq!(slow.asked.load(Ordering::SeqCst), 13);
    // Nor is it kept out where a browser that nobody knows brings what it has signed.
    let find = |id: &str| now(server.ports.clients.find_client(&server.tenant, &id.parse().unwrap()));
    let (app, stranger) = (find("app").unwrap().unwrap(), find("stranger-16").unwrap().unwrap());
    assert!(server.fetch_places.take_for(&stranger).is_none());
    let kept: Vec<_> = std::iter::from_fn(|| server.fetch_places.take_for(&app)).collect();
    assert_eq!(kept.len(), 4);
}

/// Attack: strangers' servers that do not answer hold every place, and the keys of everybody else grow old meanwhile.
#[test]
fn known_keys_are_used_while_every_place_is_taken_and_not_for_ever() {
    let world = World::new();
    add_stranger(&world, "app");
    world.rows(|rows| rows.web.insert(KEYS.to_owned(), (200, set(1))));
    let server = &world.server;
    let client = now(server.ports.clients.find_client(&server.tenant, &"app".parse().unwrap()));
    let client = client.unwrap().unwrap();
    let load = |again| {
        let asking = Asking { again, ..Asking::default() };
        now(server.published_keys.load(server, &client, (KEYS, asking))).err()
    };
    assert_eq!(load(false), None);
    let taken: Vec<_> = std::iter::from_fn(|| server.fetch_places.take()).collect();
    for seconds in [11 * 60, 3_539] {
        world.wait(seconds);
        assert_eq!(load(false), None);
        assert_eq!(load(true), Some(KeysFault::Busy), "there are no newer ones");
    }
    assert_eq!(asked(&world), 1);
    world.wait(1);
    assert_eq!(load(false), Some(KeysFault::Busy), "an hour after their end");
    drop(taken);
    assert_eq!(load(false), None);
    assert_eq!(asked(&world), 2);
}
