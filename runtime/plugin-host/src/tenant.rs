//! What guests of one tenant may use together: places to run in, turns in the slow lane, and a bucket of
//! CPU time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use tenancy::plugin::Settings;

use crate::failure_log::FailureLog;
use crate::meter::Meter;
use crate::recent::{NodeLines, RecentLines};
use crate::usual::Usual;

/// How much of its rate a tenant may save up.
const SAVED: f64 = 0.5;

/// So many calls of a tenant may wait for each of its places.
///
/// Attack: a tenant's clients ask as often as they can while its guests hold all its places. Every call that waits
/// keeps its connection, its request and what was read for it, and of these a node has no share per tenant.
const WAIT_FOR_A_PLACE: usize = 4;

/// The system's timers are no finer.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// The bounds of one tenant.
#[derive(Debug)]
pub(crate) struct TenantGate {
    places: Arc<Semaphore>,
    /// Who waits for one of them. Who waits for CPU has one.
    waiting: Semaphore,
    /// One of its guests at a time may run in the slow lane.
    turns: Arc<Semaphore>,
    bucket: Mutex<Bucket>,
    /// The log lines of its failures.
    pub(crate) failures: FailureLog,
    /// What its plugins said lately.
    pub(crate) recent: RecentLines,
}

/// Guest CPU in seconds. A call is let in while something is in it, sets aside what its like use, and pays
/// the difference when it ends; so the level can go below zero by what the calls in flight use beyond that.
#[derive(Debug)]
struct Bucket {
    rate: f64,
    level: f64,
    filled: Instant,
}

impl Bucket {
    fn fill(&mut self, now: Instant) {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * self.rate;
        self.level = (self.level + gained).min(self.rate * SAVED);
        self.filled = now;
    }
}

impl TenantGate {
    pub(crate) fn new(settings: &Settings, lines: &Arc<NodeLines>) -> Arc<Self> {
        let places = usize::try_from(settings.concurrent_calls_per_tenant.max(1)).unwrap_or(1);
        let rate = f64::from(settings.tenant_cpu_ms_per_second) / 1_000.0;
        let bucket = Bucket { rate, level: rate * SAVED, filled: Instant::now() };
        Arc::new(Self {
            places: Arc::new(Semaphore::new(places)),
            waiting: Semaphore::new(places.saturating_mul(WAIT_FOR_A_PLACE).min(Semaphore::MAX_PERMITS)),
            turns: Arc::new(Semaphore::new(1)),
            bucket: Mutex::new(bucket),
            failures: FailureLog::new(),
            recent: RecentLines::new(lines),
        })
    }

    /// Takes a place, waiting for one until `deadline`; at once, says why not when too many wait already.
    pub(crate) async fn enter(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, &'static str> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let _waiting = self.waiting.try_acquire().map_err(|_| "too many calls of the tenant wait already")?;
        take(&self.places, deadline).await.ok_or("no place to run became free in time")
    }

    /// The turns of this tenant's guests that need long.
    pub(crate) const fn turns(&self) -> &Arc<Semaphore> {
        &self.turns
    }

    /// Whether half of what the tenant may save up stays there, whatever of `most` is used: then what nobody waits
    /// for may run.
    pub(crate) fn has_to_spare(&self, most: Duration) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.fill(Instant::now());
        bucket.level - most.as_secs_f64() >= bucket.rate * SAVED / 2.0
    }

    /// Sets aside CPU time for a call as its like use it, waiting for it until `deadline`. Otherwise says how
    /// long it would have had to wait on.
    ///
    /// A call that cannot have any is refused no sooner than that: whoever calls again and again gets no
    /// further, and costs the node less, than with an answer at once.
    pub(crate) async fn draw<'a>(
        &'a self,
        usual: &'a Usual,
        deadline: Instant,
        meter: &'a Meter,
    ) -> Result<Draw<'a>, Duration> {
        loop {
            let set_aside = usual.cpu();
            let Err(wait) = self.try_draw(set_aside) else {
                return Ok(Draw { gate: self, usual, set_aside, meter, ended: false });
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(wait);
            }
            tokio::time::sleep(wait.min(left)).await;
        }
    }

    fn try_draw(&self, set_aside: Duration) -> Result<(), Duration> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.fill(Instant::now());
        if bucket.level > 0.0 {
            bucket.level -= set_aside.as_secs_f64();
            return Ok(());
        }
        let wait = if bucket.rate > 0.0 { -bucket.level / bucket.rate } else { f64::MAX };
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX).max(SHORTEST_WAIT))
    }

    /// Pays for what is used beyond what was set aside, or gets the rest back.
    pub(crate) fn pay(&self, used: Duration, set_aside: Duration) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.level += set_aside.as_secs_f64() - used.as_secs_f64();
    }
}

/// CPU time that was set aside for a call.
///
/// Attack: a client asks and goes away, again and again, so that its calls cost nothing and always look
/// quick. So the end of this pays and learns, however the call ends.
#[derive(Debug)]
pub(crate) struct Draw<'a> {
    gate: &'a TenantGate,
    usual: &'a Usual,
    set_aside: Duration,
    meter: &'a Meter,
    /// Whether the guest came to its end.
    ended: bool,
}

impl Draw<'_> {
    /// Notes that the guest came to its end.
    pub(crate) const fn guest_ended(&mut self) {
        self.ended = true;
    }
}

impl Drop for Draw<'_> {
    fn drop(&mut self) {
        let used = self.meter.used();
        self.gate.pay(used, self.set_aside);
        if self.ended {
            self.usual.learn(used);
        } else {
            self.usual.learn_given_up(used);
        }
    }
}

/// Takes a permit at once, or until `deadline`.
pub(crate) async fn take(places: &Arc<Semaphore>, deadline: Instant) -> Option<OwnedSemaphorePermit> {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Some(place);
    }
    tokio::time::timeout_at(deadline.into(), Arc::clone(places).acquire_owned()).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn draw_that_is_dropped_pays_and_learns() {
        for (ended, learned) in [(true, Duration::from_micros(500)), (false, Duration::from_millis(10))] {
            let gate = TenantGate::new(
                &Settings { tenant_cpu_ms_per_second: 1, ..Settings::default() },
                &Arc::default(),
            );
            let (usual, meter, now) = (Usual::new(Duration::from_millis(80)), Meter::new(), Instant::now());
            let mut draw = gate.draw(&usual, now, &meter).await.unwrap();
            // By the clock on the wall a poll counts as two ticks at most: more than the tenant had saved.
            for _ in 0..2 {
                meter.poll(false, || std::thread::sleep(Duration::from_millis(3)));
            }
            if ended {
                draw.guest_ended();
            }
            drop(draw);
            assert_eq!(usual.cpu(), learned);
            assert!(gate.draw(&usual, now, &meter).await.is_err());
        }
    }

    #[test]
    fn bucket_fills_at_its_rate_and_keeps_a_bounded_saving() {
        let start = Instant::now();
        let mut bucket = Bucket { rate: 0.5, level: -1.0, filled: start };
        for (seconds, expect) in [(1, -0.5), (2, 0.0), (3, 0.25), (100, 0.25)] {
            bucket.fill(start + Duration::from_secs(seconds));
            assert!((bucket.level - expect).abs() < 1e-9, "after {seconds} s: {}", bucket.level);
        }
    }
}
