//! `portcullis plugin bench`: what a call and a load of the plugin cost, through the real host.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use plugin_host::{Limits, PluginSpec, Settings};
use serde_json::json;

use super::cases::{self, Case, Outcome};
use super::manifest::Project;
use super::trial::{PerCall, Trial, runtime};
use crate::commands::Common;
use crate::outcome::Failure;

/// Options of `plugin bench`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The project
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// The first case that has this in its name [default: the first case]
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// How often it is called
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// How many threads call it at once; each calls it that often
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
    /// How many calls one instance may serve [default: what the project's file says]
    #[arg(long, value_name = "NUMBER")]
    calls_per_instance: Option<NonZeroU32>,
    #[command(flatten)]
    common: Common,
}

/// What was measured.
#[derive(Debug)]
struct Figures {
    cold_load: Duration,
    warm_load: Duration,
    /// Sorted.
    times: Vec<Duration>,
    /// From the first call to the end of the last one, with what each leaves to be done.
    total: Duration,
    per_call: PerCall,
    threads: u32,
    calls_per_instance: NonZeroU32,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let project = Project::open(&options.directory)?;
    let mut spec = project.spec()?;
    let cases = cases::read(&project, options.only.as_deref())?;
    let case = cases.first().ok_or_else(|| Failure::Usage(anyhow!("there is no case to call")))?;
    if let Some(settings) = &case.settings {
        spec.settings.clone_from(settings);
    }
    if let Some(calls) = options.calls_per_instance {
        spec.calls_per_instance = calls;
    }
    let figures = measure(case, &spec, options)?;
    show(case, &figures, options.common.json);
    Ok(())
}

fn measure(case: &Case, spec: &PluginSpec, options: &Options) -> Result<Figures, Failure> {
    // The share of one tenant would slow this down, as it should on a node.
    let settings = Settings { tenant_cpu_ms_per_second: 1_000_000, ..Settings::default() };
    // How long it takes is what is asked, on a machine that may be busy.
    let spec =
        &PluginSpec { limits: Limits { wall_ms: settings.ceiling.wall_ms, ..spec.limits }, ..spec.clone() };
    let trial = Trial::new(settings)?;
    let runtime = runtime()?;
    let timed = |trial: &Trial| -> anyhow::Result<Duration> {
        let start = Instant::now();
        runtime.block_on(trial.install(case, spec.clone()))?;
        Ok(start.elapsed())
    };
    let cold_load = timed(&trial)?;
    let trial = trial.again()?;
    let warm_load = timed(&trial)?;
    let start = Instant::now();
    let mut times = thread::scope(|scope| {
        let call = || call(&trial, case, options.calls);
        let others: Vec<_> = (1..options.threads).map(|_| scope.spawn(call)).collect();
        let mut times = call()?;
        for other in others {
            times.extend(other.join().map_err(|_| Failure::Failed(anyhow!("a thread panicked")))??);
        }
        Ok::<_, Failure>(times)
    })?;
    let total = start.elapsed();
    times.sort();
    let (threads, calls_per_instance) = (options.threads, spec.calls_per_instance);
    Ok(Figures {
        cold_load,
        warm_load,
        times,
        total,
        per_call: trial.per_call(),
        threads,
        calls_per_instance,
    })
}

/// Calls so often, one call after the other; what each took.
fn call(trial: &Trial, case: &Case, calls: u32) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    runtime()?.block_on(async {
        for _ in 0..calls {
            let start = Instant::now();
            let answer = trial.ask(case).await;
            times.push(start.elapsed());
            // A failure that the case expects is as good as an answer; any other is no measure of anything.
            if let (Err(failure), false) = (answer, matches!(case.expect.outcome, Outcome::Failure(..))) {
                return Err(Failure::Failed(anyhow!("{}: {failure}", case.name)));
            }
            // What a call leaves to be done, such as to make the next instance, a node does beside the answer.
            tokio::task::yield_now().await;
        }
        Ok(())
    })?;
    Ok(times)
}

impl Figures {
    /// The time that so many thousandths of the calls do not exceed.
    fn quantile(&self, thousandths: usize) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get((self.times.len() * thousandths / 1_000).min(last)).copied().unwrap_or_default()
    }

    fn per_second(&self) -> f64 {
        f64::from(u32::try_from(self.times.len()).unwrap_or(u32::MAX)) / self.total.as_secs_f64()
    }
}

fn show(case: &Case, figures: &Figures, json: bool) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let (p50, p99) = (micros(figures.quantile(500)), micros(figures.quantile(990)));
    let (cold, warm) = (micros(figures.cold_load), micros(figures.warm_load));
    let PerCall { memory, guest_cpu, host_calls } = figures.per_call;
    let per_second = figures.per_second();
    if json {
        let figures = json!({
            "case": case.name,
            "calls": figures.times.len(),
            "threads": figures.threads,
            "calls_per_instance": figures.calls_per_instance,
            "p50_us": p50,
            "p99_us": p99,
            "calls_per_second": per_second,
            "guest_cpu_us": guest_cpu,
            "host_calls": host_calls,
            "peak_memory_bytes": memory,
            "cold_load_us": cold,
            "warm_load_us": warm,
        });
        return println!("{figures:#}");
    }
    let instances = match figures.calls_per_instance.get() {
        1 => "a fresh instance each".to_owned(),
        calls => format!("{calls} calls to an instance"),
    };
    println!("{} calls of {:?}, {instances}, threads: {}", figures.times.len(), case.name, figures.threads);
    println!("call         p50 {p50:.1} µs, p99 {p99:.1} µs, {per_second:.0} per second");
    println!(
        "guest        CPU {guest_cpu:.1} µs, host calls: {host_calls:.0}, memory: {:.0} kB",
        memory / 1e3
    );
    println!("load         {:.1} ms compiled anew, {:.1} ms compiled before", cold / 1e3, warm / 1e3);
}
