//! What a plugin keeps is its own, bounded, and counted right when calls come at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use oauth2::hooks::TokenHook as _;
use portcullis_plugin_host::{Capability, HostError, PluginSpec, Services, Settings};
use primitives::hooks::HookFailureKind;
use primitives::{TenantId, Timestamp};
use serde_json::{Value, json};
use tenancy::plugin::PluginValues;
use tenancy::plugin::values::{KeptValue, PutValue, Replaces, ValueError, ValueOwner};

use crate::fixture::{Fixture, issued, request, run, spec};

pub(crate) type Place = (TenantId, String, Vec<u8>);

/// Keeps values in memory. Each call waits for a turn of the others first, so that they come between.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    values: Mutex<HashMap<Place, KeptValue>>,
    hangs: bool,
    works: bool,
}

fn place(owner: ValueOwner<'_>, key: &[u8]) -> Place {
    (owner.tenant.clone(), owner.plugin.to_owned(), key.to_vec())
}

impl Kept {
    /// Looks at everything that is kept.
    pub(crate) fn check_places(&self, check: impl Fn(&Place, &[u8])) {
        let values = self.values.lock().unwrap();
        assert!(!values.is_empty());
        values.iter().for_each(|(place, kept)| check(place, &kept.value));
    }

    async fn turn(&self) {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        for _ in 0..if self.works { 40 } else { 1 } {
            let start = Instant::now();
            while self.works && start.elapsed() < Duration::from_millis(2) {}
            tokio::task::yield_now().await;
        }
    }

    fn live(&self, place: &Place, now: Timestamp) -> Option<KeptValue> {
        let values = self.values.lock().unwrap();
        values.get(place).filter(|kept| kept.expires_at.is_none_or(|end| end > now)).cloned()
    }
}

impl PluginValues for Kept {
    fn find_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        key: &'a [u8],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<KeptValue>, ValueError>> {
        async move {
            self.turn().await;
            Ok(self.live(&place(owner, key), now))
        }
        .boxed()
    }

    fn put_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        put: PutValue,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        async move {
            self.turn().await;
            let place = place(owner, &put.key);
            let live = self.live(&place, now).map(|kept| kept.value);
            let fits = match &put.replaces {
                Replaces::Anything => true,
                Replaces::Nothing => live.is_none(),
                Replaces::Value(value) => live.as_ref() == Some(value),
            };
            let mut values = self.values.lock().unwrap();
            if live.is_none() && values.len() as u64 >= put.room.entries {
                return Err(ValueError::Full);
            }
            if !fits {
                return Err(ValueError::Other);
            }
            values.insert(place, put.kept);
            Ok(())
        }
        .boxed()
    }

    fn delete_value<'a>(
        &'a self,
        owner: ValueOwner<'a>,
        key: &'a [u8],
    ) -> BoxFuture<'a, Result<(), ValueError>> {
        async move {
            self.values.lock().unwrap().remove(&place(owner, key));
            Ok(())
        }
        .boxed()
    }
}

fn fixture(kept: Kept) -> Fixture {
    let services = Services { values: Some(Arc::new(kept)), ..Services::default() };
    Fixture::new(Settings::default()).offering(services)
}

fn keeper(steps: &Value) -> PluginSpec {
    let mut spec = spec("capability_kv");
    spec.grants.insert(Capability::Kv);
    spec.settings.insert("steps".to_owned(), steps.clone());
    spec
}

impl Fixture {
    /// What comes of these steps, with what was kept before.
    fn steps(&self, steps: &Value) -> Value {
        run(self.host.install_plugin(&self.tenant, keeper(steps))).unwrap();
        issued(self.shape(None, "")).id_token["results"].clone()
    }
}

fn error(words: &str) -> Value {
    json!(format!("HookError({words:?})"))
}

#[test]
pub(crate) fn capability_kv() {
    let mut fixture = fixture(Kept::default());
    let steps = json!([
        ["get", "a"],
        ["set", "a", "1"],
        ["get", "a"],
        ["swap", "a", null, "2"],
        ["swap", "a", "1", "2"],
        ["add", "a", 40],
        ["get", "a"],
        ["delete", "a"],
        ["delete", "a"],
        ["get", "a"],
        ["swap", "a", null, "text"],
        ["add", "a", 1],
        ["add", "b", i64::MAX],
        ["add", "b", 1],
        ["get", "b\u{0}"],
    ]);
    let largest = i64::MAX.to_string();
    let expect = json!([
        null,
        true,
        "1",
        false,
        true,
        42,
        "42",
        true,
        true,
        null,
        true,
        error("the value is not a number"),
        i64::MAX,
        error("the number would be too large"),
        null,
    ]);
    assert_eq!(fixture.steps(&steps), expect);
    assert_eq!(fixture.steps(&json!([["get", "b"]])), json!([largest]), "it is kept between calls");
    fixture.tenant = "rival".parse().unwrap();
    assert_eq!(fixture.steps(&json!([["get", "a"], ["get", "b"]])), json!([null, null]), "in its tenant");
}

#[test]
fn what_is_too_long_or_too_many_is_refused_with_a_reason() {
    let fixture = fixture(Kept::default());
    let mut greedy = keeper(&json!([
        ["set", "", "x"],
        ["set", "x*257", "x"],
        ["set", "x*256", "x*16385"],
        ["set", "x*256", "x*16384"],
        ["set", "second", "x"],
    ]));
    greedy.limits.kv_entries = 1;
    run(fixture.host.install_plugin(&fixture.tenant, greedy)).unwrap();
    let found = issued(fixture.shape(None, "")).id_token["results"].clone();
    let key = error("a key has 1 to 256 bytes");
    let value = error("a value has at most 16384 bytes");
    assert_eq!(found, json!([key, key, value, true, error("the plugin keeps as much as it may")]));
}

#[test]
fn value_ends_and_a_counter_keeps_the_end_of_its_beginning() {
    let fixture = fixture(Kept::default());
    let count = json!([["add", "n", 1, 60], ["set", "v", "x", 60]]);
    assert_eq!(fixture.steps(&count), json!([1, true]));
    fixture.clock.advance(Duration::from_secs(59));
    assert_eq!(fixture.steps(&json!([["add", "n", 1, 60], ["get", "v"]])), json!([2, "x"]));
    fixture.clock.advance(Duration::from_secs(1));
    assert_eq!(fixture.steps(&json!([["get", "v"], ["add", "n", 1, 60]])), json!([null, 1]));
}

#[test]
fn two_calls_at_once_count_two() {
    let fixture = fixture(Kept::default());
    run(fixture.host.install_plugin(&fixture.tenant, keeper(&json!([["add", "n", 1]])))).unwrap();
    let (context, request) = (fixture.context(None), request(""));
    let calls = (0..8).map(|_| fixture.host.shape_tokens(&context, &request));
    let mut counts: Vec<i64> = run(join_all(calls))
        .into_iter()
        .map(|call| issued(call).id_token["results"][0].as_i64().unwrap())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=8).collect::<Vec<_>>(), "each is told another number");
}

#[test]
fn every_function_counts_against_the_host_calls() {
    let fixture = fixture(Kept::default());
    let mut counted = keeper(&json!([["set", "a", "1"], ["get", "a"], ["add", "a", 1], ["delete", "a"]]));
    // The settings are the first.
    counted.limits.host_calls = 3;
    run(fixture.host.install_plugin(&fixture.tenant, counted)).unwrap();
    let refused = error("a call may make 3 host calls");
    let found = issued(fixture.shape(None, "")).id_token["results"].clone();
    assert_eq!(found, json!([true, "1", refused, refused]));
}

#[test]
fn database_that_does_not_answer_takes_the_calls_wall_time() {
    let fixture = fixture(Kept { hangs: true, ..Kept::default() });
    let mut waiting = keeper(&json!([["get", "a"]]));
    waiting.limits.wall_ms = Some(100);
    run(fixture.host.install_plugin(&fixture.tenant, waiting)).unwrap();
    let failure = fixture.shape(None, "").unwrap_err();
    assert_eq!((failure.kind, &*failure.detail), (HookFailureKind::WallLimit, "ran past 100 ms"));
}

#[test]
fn what_the_host_does_for_a_guest_is_not_the_guests_cpu() {
    let fixture = fixture(Kept { works: true, ..Kept::default() });
    let mut asking = keeper(&json!([["get", "a"], ["get", "a"]]));
    asking.limits.cpu_ms = 20;
    run(fixture.host.install_plugin(&fixture.tenant, asking)).unwrap();
    assert_eq!(issued(fixture.shape(None, "")).id_token["results"], json!([null, null]));
}

#[test]
fn node_without_a_store_refuses_the_grant() {
    let fixture = Fixture::new(Settings::default());
    let refused = run(fixture.host.install_plugin(&fixture.tenant, keeper(&json!([]))));
    assert!(matches!(refused, Err(HostError::NotOffered { capability: "kv" })), "{refused:?}");
}
