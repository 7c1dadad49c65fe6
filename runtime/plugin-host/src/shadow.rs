//! A candidate beside what runs: it sees a share of the live calls, its answers are compared and never used.
//!
//! Attacks and accidents. A candidate that is slow, loops or traps: it runs after the answer is on its way, in a
//! task of its own, so the request never waits for it or fails with it. One that eats its tenant's CPU, so that
//! real calls wait: it pays for what it uses, it runs only where its limit leaves half of what the tenant may save
//! up, one call at a time, and never waits for a place. One that sends mails twice: nothing that it does
//! has an effect (`pretend`). Differences that fill the memory: so many are kept, each cut.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use primitives::RequestId;
use primitives::hooks::{HookContext, HookFailureKind};
use tenancy::plugin::HookName;
use tenancy::plugin::uploaded::{Difference, ShadowReport};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::call::{Caller, Failure, GuestCall};
use crate::capabilities::printable;
use crate::meter::Meter;
use crate::metrics::{Used, outcome};
use crate::plugin::Plugin;
use crate::runner::{Runner, Waits};
use crate::tenant::TenantGate;

/// How many differences are kept as examples, and how long each side may be in bytes.
const EXAMPLES: usize = 8;
const EXAMPLE_BYTES: usize = 512;

/// A candidate that sees calls of what runs in the same slot.
#[derive(Debug)]
pub(crate) struct Shadow {
    /// The candidate, or why it cannot be loaded.
    pub(crate) plugin: Result<Arc<Plugin>, String>,
    /// Which component it is to have.
    pub(crate) sha256: String,
    /// Of a thousand calls, it sees so many.
    pub(crate) per_mille: u16,
    /// What it is compared with. The comparison begins anew with another.
    pub(crate) beside: Option<Arc<Plugin>>,
    turn: Arc<Semaphore>,
    tally: Mutex<Tally>,
}

/// What came of the calls so far.
#[derive(Debug, Default)]
struct Tally {
    equal: u64,
    different: u64,
    failed: u64,
    skipped: u64,
    candidate: Times,
    current: Times,
    examples: Vec<Difference>,
}

#[derive(Debug, Default)]
struct Times {
    count: u32,
    total: Duration,
    longest: Duration,
}

impl Times {
    fn add(&mut self, took: Duration) {
        self.count = self.count.saturating_add(1);
        self.total += took;
        self.longest = self.longest.max(took);
    }

    fn micros(&self) -> (u64, u64) {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        (micros(self.total.checked_div(self.count).unwrap_or_default()), micros(self.longest))
    }
}

/// A call that the candidate is to see, once it was answered.
pub(crate) struct Seen<C> {
    call: C,
    shadow: Arc<Shadow>,
    plugin: Arc<Plugin>,
    turn: OwnedSemaphorePermit,
}

impl Shadow {
    pub(crate) fn new(
        plugin: Result<Arc<Plugin>, String>,
        (sha256, per_mille): (String, u16),
        beside: Option<Arc<Plugin>>,
    ) -> Self {
        let turn = Arc::new(Semaphore::new(1));
        Self { plugin, sha256, per_mille, beside, turn, tally: Mutex::default() }
    }

    /// Whether it sees a call, with what it needs for it.
    pub(crate) fn see<C: GuestCall>(self: &Arc<Self>, caller: Caller<'_>, call: &C) -> Option<Seen<C>> {
        let plugin = self.plugin.as_ref().ok()?;
        if !is_chosen(caller.context.request, self.per_mille) {
            return None;
        }
        let turn = Arc::clone(&self.turn)
            .try_acquire_owned()
            .ok()
            .filter(|_| caller.gate.has_to_spare(plugin.limits.cpu()));
        let Some(turn) = turn else {
            self.tally().skipped += 1;
            return None;
        };
        Some(Seen { call: call.clone(), shadow: Arc::clone(self), plugin: Arc::clone(plugin), turn })
    }

    pub(crate) fn report(&self) -> ShadowReport {
        let tally = self.tally();
        let ((candidate_mean, candidate_longest), (current_mean, current_longest)) =
            (tally.candidate.micros(), tally.current.micros());
        ShadowReport {
            sha256: self.sha256.clone(),
            per_mille: self.per_mille,
            not_loaded: self.plugin.as_ref().err().cloned(),
            calls: tally.equal + tally.different + tally.failed,
            equal: tally.equal,
            different: tally.different,
            failed: tally.failed,
            skipped: tally.skipped,
            candidate_mean_microseconds: candidate_mean,
            candidate_longest_microseconds: candidate_longest,
            current_mean_microseconds: current_mean,
            current_longest_microseconds: current_longest,
            examples: tally.examples.clone(),
        }
    }

    fn tally(&self) -> std::sync::MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn compare<T: PartialEq + fmt::Debug>(
        &self,
        hook: HookName,
        (current, current_took): (&Result<T, Failure>, Duration),
        (candidate, candidate_took): (&Result<T, Failure>, Duration),
    ) {
        let mut tally = self.tally();
        tally.current.add(current_took);
        tally.candidate.add(candidate_took);
        let differs = match (current, candidate) {
            (Ok(current), Ok(candidate)) if current == candidate => {
                tally.equal += 1;
                return;
            }
            (Err((current, _)), Err((candidate, _))) if current == candidate => {
                tally.equal += 1;
                return;
            }
            (_, Err(_)) => &mut tally.failed,
            (_, Ok(_)) => &mut tally.different,
        };
        *differs += 1;
        if tally.examples.len() < EXAMPLES {
            let (current, candidate) = (words(current), words(candidate));
            tally.examples.push(Difference { hook, current, candidate });
        }
    }
}

impl<C: GuestCall> Seen<C> {
    /// Has the candidate called, when the answer of what runs is on its way.
    pub(crate) fn run<T: PartialEq + fmt::Debug + Send + Sync + 'static>(
        self,
        runner: Runner,
        (gate, context, subject): (Arc<TenantGate>, HookContext, String),
        current: (Result<T, Failure>, Duration),
        check: impl Fn(&Plugin, C::Answer) -> Result<T, Failure> + Send + 'static,
    ) {
        let Self { call, shadow, plugin, turn } = self;
        tokio::spawn(async move {
            let meter = Meter::new();
            let caller = Caller { gate: &gate, context: &context, subject: &subject };
            let answer = runner.attempt(caller, &plugin, call, &meter, Waits::Never).await;
            let answer = answer.and_then(|answer| check(&plugin, answer));
            if let Err((HookFailureKind::Concurrency, _)) = &answer {
                // There was no place for it: that says nothing about it.
                shadow.tally().skipped += 1;
            } else {
                let (current, took) = &current;
                shadow.compare(C::HOOK, (current, *took), (&answer, Used::of(&meter).total));
            }
            drop(turn);
        });
    }
}

/// Chooses so many of a thousand requests. Two plugins of one request see the same.
fn is_chosen(request: RequestId, per_mille: u16) -> bool {
    let bytes = request.0.as_bytes();
    // These bits of an identifier are random.
    u16::from_be_bytes([bytes[12], bytes[13]]) % 1_000 < per_mille
}

/// An answer in words, cut. It may tell of people, so it is kept in memory alone.
fn words<T: fmt::Debug>(answer: &Result<T, Failure>) -> String {
    let words = match answer {
        Ok(answer) => format!("{answer:?}"),
        Err((kind, detail)) => format!("{}: {detail}", outcome(*kind)),
    };
    let mut end = words.len().min(EXAMPLE_BYTES);
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    printable(words.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn so_many_of_a_thousand_requests_are_chosen() {
        for per_mille in [0, 1, 100, 999, 1_000] {
            let chosen = (0..u16::MAX)
                .filter(|number| {
                    let mut bytes = [0; 16];
                    bytes[12..14].copy_from_slice(&number.to_be_bytes());
                    is_chosen(RequestId(Uuid::from_bytes(bytes)), per_mille)
                })
                .count();
            let share = f64::from(u32::try_from(chosen).unwrap()) / f64::from(u16::MAX) * 1_000.0;
            assert!((share - f64::from(per_mille)).abs() < 10.0, "{per_mille}: {share}");
        }
    }

    #[test]
    fn examples_are_few_and_short() {
        let shadow = Shadow::new(Err(String::new()), (String::new(), 1_000), None);
        let answer = |text: &str| -> Result<String, Failure> { Ok(text.to_owned()) };
        let took = Duration::from_micros(3);
        let failed = Err((HookFailureKind::Trap, "é".repeat(2_000)));
        for _ in 0..100 {
            shadow.compare(HookName::Token, (&answer("a"), took), (&answer("a"), took));
            shadow.compare(HookName::Token, (&answer("a"), took), (&answer("b"), took));
            shadow.compare(HookName::Token, (&answer("a"), took), (&failed, took));
        }
        let report = shadow.report();
        assert_eq!((report.calls, report.equal, report.different, report.failed), (300, 100, 100, 100));
        assert_eq!((report.examples.len(), report.candidate_mean_microseconds), (EXAMPLES, 3));
        assert!(report.examples.iter().all(|example| example.candidate.len() <= EXAMPLE_BYTES + 3));
    }
}
