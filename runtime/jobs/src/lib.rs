//! Background work: keys that are rotated, rows that expire, audit records that are old, messages that are delivered,
//! mail that is sent to people, events that plugins and webhooks are told of, tenants that were deleted.
//!
//! A node starts [`Jobs`] once and stops it by its shutdown token. Each job is one file here and decides
//! nothing by itself: it asks a room or storage what is due and does it, a bounded piece at a time. On
//! several nodes one does a job at a time (see `turn.rs`); since a lease can be lost in the middle, every
//! write of a job is guarded and may be tried twice.
//!
//! What a job must never do: hold a thread of the runtime, hold a transaction, or take the process with
//! it. One that fails or panics is logged and tried again at its next turn.
//! Start with [`Jobs`], then `runner.rs`.

mod audit;
pub mod courier;
mod events;
mod expiry;
mod job;
pub mod metrics;
pub mod outbox;
mod rotation;
mod runner;
mod tenants;
mod terms;
#[cfg(test)]
mod testing;
mod turn;
mod webhooks;

use std::sync::Arc;

use primitives::{Clock, Rng};
use storage::Storage;
use tenancy::plugin::EventHook;
use tenancy::webhook::WebhookSender;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use courier::{Channels, HttpChannel, Mailer, Parcel, SmtpError, SmtpMailer, Ways};
pub use job::JobName;
pub use metrics::JobMetrics;
pub use outbox::{Deliver, DeliveryError, Handlers};
pub use runner::Outcome;

use crate::audit::Audit;
use crate::courier::Courier;
use crate::events::Events;
use crate::expiry::Expiry;
use crate::outbox::Outbox;
use crate::rotation::Rotation;
use crate::runner::{Node, Runner};
use crate::tenants::Tenants;
use crate::terms::Terms;
use crate::webhooks::Webhooks;

/// All background work of a node.
#[derive(Debug)]
pub struct Jobs {
    runners: Vec<Runner>,
}

/// Who takes what is delivered.
#[derive(Debug, Clone)]
pub struct Receivers {
    /// Messages of the outbox, by topic.
    pub messages: Handlers,
    /// Messages to people.
    pub mail: Ways,
    /// Events, for plugins and webhooks.
    pub events: Arc<dyn EventHook>,
    /// Messages to webhooks.
    pub webhooks: Arc<dyn WebhookSender>,
}

/// What the operator says of it.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// `[jobs]`
    pub jobs: &'a config::Jobs,
    /// `[courier]`
    pub courier: &'a config::Courier,
}

/// Background work that runs. Dropping it ends all of it at once, which loses nothing but time.
#[derive(Debug)]
pub struct RunningJobs {
    tasks: JoinSet<()>,
}

impl Jobs {
    /// Puts the jobs together; nothing runs yet.
    pub fn new(
        storage: &Storage,
        clock: Arc<dyn Clock>,
        rng: &Arc<dyn Rng>,
        settings: Settings<'_>,
        receivers: Receivers,
        metrics: &JobMetrics,
    ) -> Self {
        let Settings { jobs: settings, courier } = settings;
        // Not the name of the machine: two nodes may run on one.
        let node = Node { storage: storage.clone(), clock, holder: rng.uuid().to_string() };
        let runner = |job| Runner::new(node.clone(), job, metrics);
        let runners = vec![
            runner(Box::new(Rotation::new(storage.clone(), rng.clone(), settings.rotation_every.0))),
            runner(Box::new(Expiry::new(storage.clone(), settings, courier.kept))),
            runner(Box::new(Audit::new(storage.clone(), settings))),
            runner(Box::new(Outbox::new(storage.clone(), receivers.messages, settings.outbox.clone()))),
            runner(Box::new(Courier::new(storage.clone(), receivers.mail, rng.clone(), courier.clone()))),
            runner(Box::new(Events::new(storage.clone(), receivers.events, settings.outbox.clone()))),
            runner(Box::new(Webhooks::new(storage.clone(), receivers.webhooks, settings.outbox.clone()))),
            runner(Box::new(Terms::new(storage.clone()))),
            runner(Box::new(Tenants::new(storage.clone(), settings))),
        ];
        Self { runners }
    }

    /// Runs each job at its times until `stop` turns true or its sender is gone.
    pub fn start(self, stop: &watch::Receiver<bool>) -> RunningJobs {
        let mut tasks = JoinSet::new();
        for runner in self.runners {
            tasks.spawn(runner.run_until(stop.clone()));
        }
        RunningJobs { tasks }
    }

    /// Runs a job now, if it is due and no other node has it.
    pub async fn run_once(&self, job: JobName, stop: &watch::Receiver<bool>) -> Outcome {
        match self.runners.iter().find(|runner| runner.name() == job) {
            Some(runner) => runner.run_once(stop).await,
            None => Outcome::NotDue,
        }
    }
}

impl RunningJobs {
    /// Waits until every job has come to a place where it can stop.
    pub async fn finished(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "background work ended by itself");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;
    use identity::courier::NoTenantCarriers;
    use primitives::message::NoMessageHook;
    use primitives::rng::SeededRng;
    use storage::DueMessage;
    use tenancy::plugin::NoEventHook;
    use tenancy::webhook::NoWebhooks;

    use super::*;
    use crate::testing::World;

    /// Asks the node to end with the first message that it delivers.
    #[derive(Debug)]
    struct LastMessage(watch::Sender<bool>);

    impl Deliver for LastMessage {
        fn deliver<'a>(&'a self, _: &'a DueMessage) -> BoxFuture<'a, Result<(), DeliveryError>> {
            self.0.send_replace(true);
            Box::pin(async { Ok(()) })
        }
    }

    fn receivers(messages: Handlers) -> Receivers {
        let mail = Ways {
            mailer: None,
            channels: Channels::default(),
            hook: Arc::new(NoMessageHook),
            tenants: Arc::new(NoTenantCarriers),
        };
        Receivers { messages, mail, events: Arc::new(NoEventHook), webhooks: Arc::new(NoWebhooks) }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn node_that_ends_finishes_what_it_has_begun() {
        let world = World::open().await;
        world.send("default", "mail", "last").await;
        let handlers = Handlers::default().on("mail", Arc::new(LastMessage(world.stop.clone())));
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(3));
        let (jobs, courier) = (config::Jobs::default(), config::Courier::default());
        let settings = Settings { jobs: &jobs, courier: &courier };
        let receivers = receivers(handlers);
        let jobs = Jobs::new(&world.storage, world.clock.clone(), &rng, settings, receivers, &world.metrics);
        jobs.start(&world.stop.subscribe()).finished().await;
        let far = primitives::Timestamp::from_seconds(4_000_000_000);
        assert_eq!(world.storage.take_due_messages(far, 10).await.unwrap(), [], "delivered, and said so");
    }

    #[tokio::test]
    async fn each_job_can_be_run_by_its_name() {
        let world = World::open().await;
        let rng: Arc<dyn Rng> = Arc::new(SeededRng::new(3));
        let (jobs, courier) = (config::Jobs::default(), config::Courier::default());
        let settings = Settings { jobs: &jobs, courier: &courier };
        let receivers = receivers(Handlers::default());
        let jobs = Jobs::new(&world.storage, world.clock.clone(), &rng, settings, receivers, &world.metrics);
        let stop = world.stop.subscribe();
        for (job, expect) in [
            (JobName::Rotation, Outcome::Done(0)),
            (JobName::Expiry, Outcome::Done(0)),
            (JobName::Outbox, Outcome::NotDue),
            (JobName::Courier, Outcome::NotDue),
            (JobName::Events, Outcome::NotDue),
            (JobName::Webhooks, Outcome::NotDue),
            (JobName::Terms, Outcome::NotDue),
            (JobName::Tenants, Outcome::NotDue),
        ] {
            assert_eq!(jobs.run_once(job, &stop).await, expect, "{job:?}");
        }
    }
}
