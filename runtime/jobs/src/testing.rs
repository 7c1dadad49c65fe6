//! A database and a clock for this room's tests.

use std::sync::Arc;

use primitives::rng::SeededRng;
use primitives::time::FixedClock;
use primitives::{Change, Clock as _, OutboxMessage, Rng, TenantId, Timestamp};
use storage::{Location, MasterKey, Storage};
use tokio::sync::watch;

use crate::job::Job;
use crate::metrics::JobMetrics;
use crate::runner::{Node, Outcome, Runner};

pub(crate) struct World {
    pub(crate) storage: Storage,
    pub(crate) storage_rng: Arc<dyn Rng>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) metrics: JobMetrics,
    /// Asks the jobs to stop.
    pub(crate) stop: watch::Sender<bool>,
    _directory: tempfile::TempDir,
}

impl World {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("test.db"));
        let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
        Storage::migrate(&location).await.unwrap();
        let master = MasterKey::new([7; 32]);
        let rng = Arc::new(SeededRng::new(7));
        let storage = Storage::open(&location, &master, clock.clone(), rng.clone()).await.unwrap();
        let (stop, _) = watch::channel(false);
        Self { storage, storage_rng: rng, clock, metrics: JobMetrics::default(), stop, _directory: directory }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A job as the node of that name runs it.
    pub(crate) fn runner(&self, node: &str, job: impl Job + 'static) -> Runner {
        let holder = node.to_owned();
        let node = Node { storage: self.storage.clone(), clock: self.clock.clone(), holder };
        Runner::new(node, Box::new(job), &self.metrics)
    }

    pub(crate) async fn run(&self, runner: &Runner) -> Outcome {
        runner.run_once(&self.stop.subscribe()).await
    }

    pub(crate) async fn send(&self, tenant: &str, topic: &str, payload: &str) {
        let message = OutboxMessage { topic: topic.to_owned(), payload: payload.to_owned() };
        let change = Change::<tenancy::Write>::new(tenant.parse().unwrap()).send(message);
        self.storage.apply(change).await.unwrap();
    }
}

pub(crate) fn default_tenant() -> TenantId {
    TenantId::default_tenant()
}
