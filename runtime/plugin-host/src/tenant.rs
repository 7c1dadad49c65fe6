//! What guests of one tenant may use together: places to run in, and a bucket of CPU time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use tenancy::plugin::Settings;

/// How much of its rate a tenant may save up.
const SAVED: f64 = 2.0;

/// The bounds of one tenant.
#[derive(Debug)]
pub(crate) struct TenantGate {
    places: Semaphore,
    /// One of its guests at a time may run beyond its first slice.
    slow: Semaphore,
    bucket: Mutex<Bucket>,
}

/// Guest CPU in seconds. Calls are admitted while something is in it and paid for afterwards, so it can
/// go below zero by what the calls in flight may use.
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
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        let places = usize::try_from(settings.concurrent_calls_per_tenant.max(1)).unwrap_or(1);
        let rate = f64::from(settings.tenant_cpu_ms_per_second) / 1_000.0;
        let bucket = Bucket { rate, level: rate * SAVED, filled: Instant::now() };
        Arc::new(Self { places: Semaphore::new(places), slow: Semaphore::new(1), bucket: Mutex::new(bucket) })
    }

    /// Takes a place, waiting for one at most `patience`.
    pub(crate) async fn enter(&self, patience: Duration) -> Option<SemaphorePermit<'_>> {
        take(&self.places, patience).await
    }

    /// The turns of this tenant's guests that need long.
    pub(crate) const fn slow(&self) -> &Semaphore {
        &self.slow
    }

    /// Whether the tenant has CPU time left; otherwise, how long until it does.
    pub(crate) fn check_cpu(&self) -> Result<(), Duration> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.fill(Instant::now());
        if bucket.level > 0.0 {
            return Ok(());
        }
        let wait = if bucket.rate > 0.0 { -bucket.level / bucket.rate } else { f64::MAX };
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }

    /// Pays for what a call used.
    pub(crate) fn pay(&self, cpu: Duration) {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.level -= cpu.as_secs_f64();
    }
}

/// Takes a permit at once or within `patience`.
pub(crate) async fn take(places: &Semaphore, patience: Duration) -> Option<SemaphorePermit<'_>> {
    if let Ok(place) = places.try_acquire() {
        return Some(place);
    }
    tokio::time::timeout(patience, places.acquire()).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_fills_at_its_rate_and_keeps_a_bounded_saving() {
        let start = Instant::now();
        let mut bucket = Bucket { rate: 0.5, level: -1.0, filled: start };
        for (seconds, expect) in [(1, -0.5), (2, 0.0), (4, 1.0), (100, 1.0)] {
            bucket.fill(start + Duration::from_secs(seconds));
            assert!((bucket.level - expect).abs() < 1e-9, "after {seconds} s: {}", bucket.level);
        }
    }
}
