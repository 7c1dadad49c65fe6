use std::sync::Mutex;

use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::{Actor, AuditEvent, Change, TenantId};

use super::*;
use crate::runner::Outcome;
use crate::testing::World;

/// Takes events, but of the plugins that it is told; remembers what it was offered.
#[derive(Debug, Default)]
struct Told {
    fails: Mutex<Vec<&'static str>>,
    unbound: Mutex<Vec<&'static str>>,
    offered: Mutex<Vec<String>>,
}

impl Told {
    /// What was offered since it was asked last: tenant, plugin and the events' targets.
    fn offered(&self) -> Vec<String> {
        let mut offered = std::mem::take(&mut *self.offered.lock().unwrap());
        offered.sort();
        offered
    }
}

impl EventHook for Told {
    fn consume<'a>(
        &'a self,
        tenant: &'a TenantId,
        plugin: &'a str,
        events: &'a [PluginEvent],
    ) -> BoxFuture<'a, Result<Consumed, HookFailure>> {
        let targets: Vec<&str> = events.iter().map(|event| &*event.target_id).collect();
        let shown = if targets.len() > 5 { targets.len().to_string() } else { targets.join(" ") };
        self.offered.lock().unwrap().push(format!("{tenant} {plugin}: {shown}"));
        let answer = if self.unbound.lock().unwrap().contains(&plugin) {
            Ok(Consumed::NotBound)
        } else if self.fails.lock().unwrap().contains(&plugin) {
            let (plugin, kind, detail) = (plugin.to_owned(), HookFailureKind::Trap, String::new());
            Err(HookFailure { plugin, kind, detail })
        } else {
            Ok(Consumed::Taken)
        };
        Box::pin(async { answer })
    }
}

struct Job {
    world: World,
    told: Arc<Told>,
    runner: crate::runner::Runner,
}

impl Job {
    /// A tenant `a` whose plugins `x` and `y` are told from now on.
    async fn new(settings: config::jobs::Outbox) -> Self {
        let (world, told) = (World::open().await, Arc::new(Told::default()));
        for plugin in ["x", "y"] {
            world.storage.begin_plugin_events(&tenant("a"), plugin, world.now()).await.unwrap();
        }
        let runner = world.runner("one", Events::new(world.storage.clone(), told.clone(), settings));
        Self { world, told, runner }
    }

    async fn record(&self, of: &str, targets: impl IntoIterator<Item = u32>) {
        for target in targets {
            self.world.clock.advance(Duration::from_micros(1));
            let event = AuditEvent::new("thing.done", Actor::System, "thing", &target);
            let change = Change::<tenancy::Write>::new(tenant(of)).audit(event);
            self.world.storage.apply(change).await.unwrap();
        }
    }

    async fn run_after(&self, time: Duration) -> (Outcome, Vec<String>) {
        self.world.clock.advance(time);
        (self.world.run(&self.runner).await, self.told.offered())
    }
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

#[tokio::test]
async fn each_plugin_is_told_once_and_in_order_of_what_has_settled() {
    let job = Job::new(config::jobs::Outbox::default()).await;
    job.record("a", 1..=3).await;
    job.record("b", 9..=9).await;
    assert_eq!(job.run_after(Duration::from_secs(9)).await, (Outcome::NotDue, vec![]));
    let all = vec!["a x: 1 2 3".to_owned(), "a y: 1 2 3".to_owned()];
    assert_eq!(job.run_after(SETTLED_AFTER).await, (Outcome::Done(6), all));
    assert_eq!(job.run_after(SETTLED_AFTER).await, (Outcome::NotDue, vec![]), "never again");
    job.record("a", 4..=4).await;
    let one = vec!["a x: 4".to_owned(), "a y: 4".to_owned()];
    assert_eq!(job.run_after(SETTLED_AFTER).await, (Outcome::Done(2), one));
}

#[tokio::test]
async fn many_events_come_in_bounded_batches() {
    let job = Job::new(config::jobs::Outbox::default()).await;
    *job.told.unbound.lock().unwrap() = vec!["y"];
    job.record("a", 1..=150).await;
    let batches = ["a x: 22", "a x: 64", "a x: 64", "a y: 64"].map(str::to_owned).to_vec();
    assert_eq!(job.run_after(SETTLED_AFTER).await, (Outcome::Done(150), batches));
    job.record("a", 151..=151).await;
    let (_, offered) = job.run_after(SETTLED_AFTER).await;
    assert_eq!(offered, ["a x: 151"], "who is not bound any more is forgotten");
}

#[tokio::test]
async fn plugin_that_fails_is_told_later_and_keeps_nobody_waiting() {
    let job = Job::new(config::jobs::Outbox::default()).await;
    *job.told.fails.lock().unwrap() = vec!["x"];
    job.record("a", 1..=2).await;
    let both = vec!["a x: 1 2".to_owned(), "a y: 1 2".to_owned()];
    assert_eq!(job.run_after(SETTLED_AFTER).await, (Outcome::Done(2), both));
    assert_eq!(job.run_after(Duration::ZERO).await, (Outcome::NotDue, vec![]), "not before its time");
    job.record("a", 3..=3).await;
    let (_, offered) = job.run_after(Duration::from_hours(24)).await;
    assert_eq!(offered, ["a x: 1 2 3", "a y: 3"], "what came meanwhile comes along");
    job.told.fails.lock().unwrap().clear();
    let (outcome, offered) = job.run_after(Duration::from_hours(24)).await;
    assert_eq!((outcome, offered), (Outcome::Done(3), vec!["a x: 1 2 3".to_owned()]));
}

#[tokio::test]
async fn batch_that_is_never_taken_is_passed_over_at_last() {
    let settings = config::jobs::Outbox { attempts: 3, ..config::jobs::Outbox::default() };
    let job = Job::new(settings).await;
    *job.told.fails.lock().unwrap() = vec!["x"];
    job.record("a", 1..=1).await;
    for attempt in 1..=3 {
        let (_, offered) = job.run_after(Duration::from_hours(24)).await;
        assert!(offered.contains(&"a x: 1".to_owned()), "{attempt}: {offered:?}");
    }
    assert_eq!(job.run_after(Duration::from_hours(24)).await, (Outcome::NotDue, vec![]));
    job.record("a", 2..=2).await;
    let (_, offered) = job.run_after(SETTLED_AFTER).await;
    assert_eq!(offered, ["a x: 2", "a y: 2"]);
}

#[tokio::test]
async fn of_two_nodes_with_the_same_place_one_goes_on() {
    let job = Job::new(config::jobs::Outbox::default()).await;
    job.record("a", 1..=1).await;
    let (storage, now) = (&job.world.storage, job.world.now().after(SETTLED_AFTER));
    let due = storage.take_due_plugin_events(now, now, 10).await.unwrap();
    let [x, _] = &*due else { panic!("{due:?}") };
    let claimed = storage.claim_plugin_events(x.clone(), now).await.unwrap().unwrap();
    assert_eq!(storage.claim_plugin_events(x.clone(), now).await.unwrap(), None);
    let to = storage.list_plugin_events(&claimed, now, 1).await.unwrap()[0].position();
    assert!(!storage.advance_plugin_events(x, to, now).await.unwrap(), "what it read is no longer so");
    assert!(storage.advance_plugin_events(&claimed, to, now).await.unwrap());
    assert!(!storage.end_plugin_events(&claimed).await.unwrap());
}
