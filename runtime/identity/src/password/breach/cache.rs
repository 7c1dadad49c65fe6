//! Ranges that were loaded before, and servers that are left alone for a while.
//!
//! Attack: one tenant learns from how quick its answer is what another's people have just typed. So what is kept is of one
//! tenant.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use primitives::{Origin, TenantId, Timestamp};

use super::{BreachRange, HashPrefix};

/// Memory for ranges, in bytes: about two hundred.
const RANGES_BYTES: u64 = 4 << 20;
/// How long a range is kept.
const RANGE_AGE: Duration = Duration::from_hours(1);
/// How long a server that failed is not asked.
const PAUSE: Duration = Duration::from_secs(10);
/// Servers that failed.
const PAUSED: u64 = 1000;

/// What is remembered of servers that know passwords from breaches. Bounded in memory and in age.
#[derive(Debug)]
pub struct RangeCache {
    ranges: Cache<(TenantId, Origin, HashPrefix), Arc<BreachRange>>,
    /// Since when.
    failed: Cache<(TenantId, Origin), Timestamp>,
}

impl Default for RangeCache {
    fn default() -> Self {
        let ranges = Cache::builder()
            .max_capacity(RANGES_BYTES)
            .weigher(|_, range: &Arc<BreachRange>| range.weight())
            .time_to_live(RANGE_AGE)
            .build();
        Self { ranges, failed: Cache::builder().max_capacity(PAUSED).time_to_live(RANGE_AGE).build() }
    }
}

impl RangeCache {
    /// A range that is known.
    pub fn find(&self, (tenant, host): (&TenantId, &Origin), prefix: HashPrefix) -> Option<Arc<BreachRange>> {
        self.ranges.get(&(tenant.clone(), host.clone(), prefix))
    }

    /// Keeps a range.
    pub fn keep(&self, (tenant, host): (&TenantId, &Origin), prefix: HashPrefix, range: Arc<BreachRange>) {
        self.ranges.insert((tenant.clone(), host.clone(), prefix), range);
    }

    /// Whether a server failed so short a time ago that it is not asked: of a batch of people each would wait for it.
    pub fn is_paused(&self, (tenant, host): (&TenantId, &Origin), now: Timestamp) -> bool {
        let failed = self.failed.get(&(tenant.clone(), host.clone()));
        failed.is_some_and(|at| now < at.after(PAUSE))
    }

    /// Leaves a server alone from now on, for a while.
    pub fn pause(&self, (tenant, host): (&TenantId, &Origin), now: Timestamp) {
        self.failed.insert((tenant.clone(), host.clone()), now);
    }
}
