//! What jobs leave behind: when each ran last, for how long, how much it did and how it ended.

use std::time::Duration;

use primitives::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::job::JobName;
use crate::runner::Outcome;

/// Seconds; a run takes from a millisecond to minutes.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 30.0, 120.0, 600.0];

/// The metrics of all jobs of the node. Cloning shares them.
#[derive(Debug, Clone)]
pub struct JobMetrics {
    runs: Family<RunLabels, Counter>,
    pieces: Family<JobLabels, Counter>,
    last_run: Family<JobLabels, Gauge>,
    duration: Family<JobLabels, Histogram, fn() -> Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    job: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RunLabels {
    job: &'static str,
    outcome: &'static str,
}

impl Default for JobMetrics {
    fn default() -> Self {
        Self {
            runs: Family::default(),
            pieces: Family::default(),
            last_run: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        }
    }
}

impl JobMetrics {
    /// Puts the metrics into the node's registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("portcullis_job_runs", "Runs of background work on this node", self.runs.clone());
        registry.register(
            "portcullis_job_pieces",
            "Tenants rotated, rows deleted, messages delivered",
            self.pieces.clone(),
        );
        registry.register_with_unit(
            "portcullis_job_last_run_time",
            "When a job last ended on this node, since the epoch",
            Unit::Seconds,
            self.last_run.clone(),
        );
        registry.register_with_unit(
            "portcullis_job_duration",
            "How long a run took",
            Unit::Seconds,
            self.duration.clone(),
        );
    }

    pub(crate) fn of(&self, job: JobName) -> MetricsOfJob {
        MetricsOfJob { all: self.clone(), job: job.as_str() }
    }
}

/// The metrics of one job.
#[derive(Debug)]
pub(crate) struct MetricsOfJob {
    all: JobMetrics,
    job: &'static str,
}

impl MetricsOfJob {
    /// Records one run that took its turn.
    pub(crate) fn record(&self, outcome: Outcome, pieces: u64, took: Duration, ended: Timestamp) {
        let labels = JobLabels { job: self.job };
        let run = RunLabels { job: self.job, outcome: outcome_label(outcome) };
        self.all.runs.get_or_create_owned(&run).inc();
        self.all.pieces.get_or_create_owned(&labels).inc_by(pieces);
        self.all.last_run.get_or_create_owned(&labels).set(ended.seconds());
        self.all.duration.get_or_create_owned(&labels).observe(took.as_secs_f64());
    }
}

const fn outcome_label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::NotDue => "not_due",
        Outcome::Stopped => "stopped",
        Outcome::LeaseLost => "lease_lost",
        Outcome::Failed => "failed",
        Outcome::Panicked => "panicked",
    }
}
