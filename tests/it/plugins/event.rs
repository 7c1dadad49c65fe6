//! The hook `event` in real requests: what happens in a tenant is told afterwards, from its first visit on.

use std::time::Duration;

use jobs::{JobName, Outcome};
use serde_json::json;

use super::people::{set, sign_in, sign_up};
use crate::world::{World, guest};

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_told_afterwards_and_what_is_not_taken_again() {
    let world = World::start().await;
    let plugins = [("takes", false), ("fails", true)].map(|(name, fails)| {
        json!({
            "name": name,
            "component": guest("event_notes"),
            "bind": [{ "hook": "event" }],
            "settings": { "fails": fails },
        })
    });
    assert_eq!(world.run_job(JobName::Events).await, Outcome::NotDue);
    set(&world, &json!({ "plugin": plugins })).await;
    assert_eq!(sign_up(&world, "ada@acme.example", "Ada").await.0, 200);
    assert_eq!(sign_in(&world, "ada@acme.example").await.0, 200);
    assert_eq!(world.run_job(JobName::Events).await, Outcome::NotDue, "nothing has settled");
    world.clock.advance(Duration::from_mins(1));
    let Outcome::Done(taken) = world.run_job(JobName::Events).await else { panic!("not done") };
    let records = world.storage.list_audit_records(&"acme".parse().unwrap(), None, 1000).await.unwrap();
    let at = |action: &str| records.iter().filter(|record| record.action == action).count();
    assert_eq!((at("identity.created"), at("session.created")), (1, 1));
    assert!((2..=records.len() as u64).contains(&taken), "{taken} of {}", records.len());

    // The other one has its time later; the first is told nothing twice.
    world.clock.advance(Duration::from_hours(1));
    let plugins = ["takes", "fails"].map(
        |name| json!({ "name": name, "component": guest("event_notes"), "bind": [{ "hook": "event" }] }),
    );
    set(&world, &json!({ "plugin": plugins })).await;
    world.clock.advance(Duration::from_mins(1));
    let Outcome::Done(again) = world.run_job(JobName::Events).await else { panic!("not done") };
    assert!(again >= taken, "{again}, after {taken}");
    world.clock.advance(Duration::from_hours(24));
    assert_eq!(world.run_job(JobName::Events).await, Outcome::NotDue, "told once");
}
