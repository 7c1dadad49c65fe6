//! The circuit breaker of one plugin.
//!
//! A guest that keeps running into its limits makes every request of its tenant wait for them. So once
//! timeouts and memory kills have struck several subjects, and at least half of the calls, calls fail at
//! once for a while; then probes are let through one by one, and several that answer close the circuit.
//! One subject alone never opens it: else whoever can make a guest slow with their own data could stop
//! the hook for everybody.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use primitives::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use tenancy::plugin::CircuitState;

/// Kills are counted from the first one on for so long, then afresh.
const WINDOW: Duration = Duration::from_secs(30);
/// So many subjects must have been struck.
const SUBJECTS: usize = 5;
/// So many are told apart. When there are more, every kill counts, since it is evidently not one subject.
const SUBJECTS_KEPT: usize = 32;
/// How long the circuit stays open at first; each failed probe doubles it.
const PAUSE: Duration = Duration::from_secs(5);
/// The longest that it stays open between probes.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
/// So many probes must answer, one after another.
const PROBES: u32 = 3;

/// The breaker of one plugin.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// Whether calls go through without asking `circuit`, so that an ordinary call takes no lock.
    closed: AtomicBool,
    /// Calls that were not killed, since the window began.
    answered: AtomicU32,
    circuit: Mutex<Circuit>,
    /// Counts the circuits that are not closed.
    not_closed: Gauge,
}

#[derive(Debug)]
enum Circuit {
    Closed { since: Option<Timestamp>, kills: u32, subjects: Vec<u64> },
    Open { until: Timestamp, pause: Duration },
    HalfOpen { probing: bool, answered: u32, pause: Duration },
}

impl Circuit {
    const CLOSED: Self = Self::Closed { since: None, kills: 0, subjects: Vec::new() };

    fn open(now: Timestamp, pause: Duration) -> Self {
        Self::Open { until: now.after(pause), pause }
    }
}

impl Breaker {
    pub(crate) fn new(not_closed: Gauge) -> Self {
        Self {
            closed: AtomicBool::new(true),
            answered: AtomicU32::new(0),
            circuit: Mutex::new(Circuit::CLOSED),
            not_closed,
        }
    }

    /// Lets a call through, as a probe where the circuit is half open. Otherwise, says when it will be.
    pub(crate) fn admit(&self, now: impl FnOnce() -> Timestamp) -> Result<Admission<'_>, Timestamp> {
        if self.closed.load(Ordering::Relaxed) {
            return Ok(Admission { breaker: self, probe: false });
        }
        let now = now();
        let mut circuit = self.circuit();
        match &mut *circuit {
            Circuit::Closed { .. } => Ok(Admission { breaker: self, probe: false }),
            Circuit::Open { until, pause } if now >= *until => {
                *circuit = Circuit::HalfOpen { probing: true, answered: 0, pause: *pause };
                Ok(Admission { breaker: self, probe: true })
            }
            Circuit::Open { until, .. } => Err(*until),
            Circuit::HalfOpen { probing: probing @ false, .. } => {
                *probing = true;
                Ok(Admission { breaker: self, probe: true })
            }
            Circuit::HalfOpen { .. } => Err(now),
        }
    }

    pub(crate) fn state(&self) -> CircuitState {
        match &*self.circuit() {
            Circuit::Closed { .. } => CircuitState::Closed,
            Circuit::Open { .. } => CircuitState::Open,
            Circuit::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_kill(&self, subject: &str, now: Timestamp) {
        let mut circuit = self.circuit();
        let Circuit::Closed { since, kills, subjects } = &mut *circuit else { return };
        if since.is_none_or(|since| now.since(since) > WINDOW) {
            (*since, *kills) = (Some(now), 0);
            subjects.clear();
            self.answered.store(0, Ordering::Relaxed);
        }
        let subject = fingerprint(subject);
        let full = subjects.len() >= SUBJECTS_KEPT;
        if full || !subjects.contains(&subject) {
            *kills = kills.saturating_add(1);
        }
        if !full && !subjects.contains(&subject) {
            subjects.push(subject);
        }
        if subjects.len() >= SUBJECTS && *kills >= self.answered.load(Ordering::Relaxed) {
            *circuit = Circuit::open(now, PAUSE);
            self.closed.store(false, Ordering::Relaxed);
            self.not_closed.inc();
        }
    }

    fn end_probe(&self, killed_at: Option<Timestamp>) {
        let mut circuit = self.circuit();
        let Circuit::HalfOpen { probing, answered, pause } = &mut *circuit else { return };
        if let Some(now) = killed_at {
            let pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            *circuit = Circuit::open(now, pause);
            return;
        }
        *probing = false;
        *answered += 1;
        if *answered >= PROBES {
            *circuit = Circuit::CLOSED;
            self.closed.store(true, Ordering::Relaxed);
            self.not_closed.dec();
        }
    }

    /// A probe that came to nothing, e.g. since its client went away, tells nothing.
    fn drop_probe(&self) {
        if let Circuit::HalfOpen { probing, .. } = &mut *self.circuit() {
            *probing = false;
        }
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        if !self.closed.load(Ordering::Relaxed) {
            self.not_closed.dec();
        }
    }
}

/// A call that was let through. To be told what came of it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Admission<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Admission<'_> {
    /// The guest ended by itself, whatever it answered.
    pub(crate) fn ended(mut self) {
        if self.probe {
            self.probe = false;
            self.breaker.end_probe(None);
        } else {
            self.breaker.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The guest was stopped at a limit of time or memory, in a call about this subject.
    pub(crate) fn killed(mut self, subject: &str, now: Timestamp) {
        if self.probe {
            self.probe = false;
            self.breaker.end_probe(Some(now));
        } else {
            self.breaker.count_kill(subject, now);
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.drop_probe();
        }
    }
}

/// Tells subjects apart. No secret is needed: they are identifiers that this node has drawn.
fn fingerprint(subject: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use primitives::Clock as _;
    use primitives::time::FixedClock;

    use super::*;

    struct Case {
        breaker: Breaker,
        clock: FixedClock,
        gauge: Gauge,
    }

    impl Case {
        fn new() -> Self {
            let gauge = Gauge::default();
            let clock = FixedClock::new(Timestamp::from_seconds(1_000));
            Self { breaker: Breaker::new(gauge.clone()), clock, gauge }
        }

        fn admit(&self) -> Option<Admission<'_>> {
            self.breaker.admit(|| self.clock.now()).ok()
        }

        /// Each word is a call: `.` ends by itself, a letter is killed for that subject, `x` must not be
        /// let through; a number is so many seconds that pass.
        fn play(&self, script: &str) -> CircuitState {
            for word in script.split_whitespace() {
                match (word, word.parse()) {
                    (_, Ok(seconds)) => self.clock.advance(Duration::from_secs(seconds)),
                    ("x", _) => assert!(self.admit().is_none(), "{script}"),
                    (".", _) => self.admit().expect(script).ended(),
                    (subject, _) => self.admit().expect(script).killed(subject, self.clock.now()),
                }
            }
            assert_eq!(self.gauge.get(), i64::from(self.breaker.state() != CircuitState::Closed));
            self.breaker.state()
        }
    }

    fn check(script: &str, expect: CircuitState) {
        assert_eq!(Case::new().play(script), expect, "{script}");
    }

    #[test]
    fn opens_when_half_of_the_calls_are_killed_for_several_subjects() {
        check("a b c d", CircuitState::Closed);
        check("a b c d e x x", CircuitState::Open);
        check("a . b . c . d . e x", CircuitState::Open);
        check("a . . b . . c . . d . . e", CircuitState::Closed);
    }

    #[test]
    fn one_subject_never_opens_it() {
        check(&"a ".repeat(1_000), CircuitState::Closed);
        check(&format!("b c d . . . . . . {}", "a ".repeat(1_000)), CircuitState::Closed);
        check(&format!("b c d e . . . . . . {}", "a ".repeat(1_000)), CircuitState::Closed);
    }

    #[test]
    fn many_subjects_open_it_however_much_was_answered_before_the_window() {
        check(&format!("{} a b c d e x", ". ".repeat(1_000)), CircuitState::Open);
        let many = (0..SUBJECTS_KEPT).fold(String::new(), |all, n| all + &format!("s{n} "));
        let busy = format!("s {} {many}", ". ".repeat(100));
        check(&busy, CircuitState::Closed);
        check(&format!("{busy} {}", "t ".repeat(67)), CircuitState::Open);
    }

    #[test]
    fn kills_of_long_ago_are_forgotten() {
        check("a b c d 31 e", CircuitState::Closed);
        check("a b c d 29 e x", CircuitState::Open);
    }

    #[test]
    fn half_opens_after_a_pause_and_closes_after_probes() {
        check("a b c d e 4 x 1 .", CircuitState::HalfOpen);
        check("a b c d e 5 . . .", CircuitState::Closed);
        check("a b c d e 5 . . . a b c d", CircuitState::Closed);
    }

    #[test]
    fn killed_probe_opens_it_for_twice_as_long() {
        check("a b c d e 5 f x 9 x 1 .", CircuitState::HalfOpen);
        check("a b c d e 5 . . f x", CircuitState::Open);
        let stubborn = "a b c d e 5 f 10 f 20 f 40 f 80 f 120 f 119 x 1 .";
        check(stubborn, CircuitState::HalfOpen);
    }

    #[test]
    fn one_probe_at_a_time_and_one_that_is_given_up_makes_room() {
        let case = Case::new();
        case.play("a b c d e 5");
        let probe = case.admit().unwrap();
        assert!(case.admit().is_none());
        drop(probe);
        assert_eq!(case.play(". . ."), CircuitState::Closed);
    }

    #[test]
    fn dropped_breaker_leaves_the_gauge() {
        let case = Case::new();
        case.play("a b c d e");
        drop(case.breaker);
        assert_eq!(case.gauge.get(), 0);
    }
}
