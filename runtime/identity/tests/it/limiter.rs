//! Attempts count by the client behind trusted proxies, not by what anybody claims.

use portcullis_identity::flow::{Caller, FlowError, Transport};
use portcullis_identity::settings::Rate;
use portcullis_identity::{Settings, Submission, next_step};
use primitives::{ClientAddress, TrustedProxies};

use crate::world::{World, login};

/// Tries once as a request from `peer` that claims `forwarded` would.
async fn try_once(world: &World, peer: &str, forwarded: &str, who: &str) -> bool {
    let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
    let address: ClientAddress = proxies.client_address(peer.parse().unwrap(), [forwarded].into_iter());
    let body = format!(r#"{{"method":"password","identifier":"{who}","password":"wrong"}}"#);
    let caller = Caller { address, user_agent: None, session: None };
    let flow = world.flow(login(None), Transport::Api);
    let submission = Submission::from_json(body.as_bytes()).unwrap();
    match Box::pin(next_step(world.room(), caller, flow, submission)).await {
        Ok(_) => true,
        Err(FlowError::Limited(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

fn limited() -> World {
    let mut settings = Settings::default();
    settings.limits.address = Rate { burst: 2, refill_seconds: 60 };
    World::with(settings)
}

#[tokio::test]
async fn claims_of_an_untrusted_peer_open_no_new_count() {
    let world = limited();
    let mut answers = Vec::new();
    for number in 0..4 {
        let claimed = format!("198.51.100.{number}");
        answers.push(try_once(&world, "203.0.113.9", &claimed, &format!("user{number}")).await);
    }
    assert_eq!(answers, [true, true, false, false]);
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_count_one_by_one() {
    let world = limited();
    for client in ["198.51.100.1", "198.51.100.2"] {
        // What the client itself put in front counts for nothing.
        let forwarded = |number: u32| format!("192.0.2.{number}, {client}");
        let mut answers = Vec::new();
        for number in 0..3 {
            answers
                .push(try_once(&world, "10.0.0.1", &forwarded(number), &format!("{client}-{number}")).await);
        }
        assert_eq!(answers, [true, true, false], "{client}");
    }
}

#[tokio::test]
async fn addresses_of_one_64_share_a_count() {
    let world = limited();
    let mut answers = Vec::new();
    for number in 1..4 {
        let client = format!("2001:db8:1:2::{number}");
        answers.push(try_once(&world, &client, "", &format!("user{number}")).await);
    }
    assert_eq!(answers, [true, true, false]);
    assert!(try_once(&world, "2001:db8:1:3::1", "", "user9").await, "the next /64 is somebody else");
}
