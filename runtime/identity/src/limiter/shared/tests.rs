//! What is written when, over buckets that are kept as storage keeps them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use futures_util::FutureExt as _;
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};

use super::*;
use crate::settings::{LimitSettings, Rate, TenantCeiling};

const RATE: Rate = Rate { burst: 3, refill_seconds: 10 };

/// Buckets that count what is asked of them, and fail when they are told to.
#[derive(Debug, Default)]
struct Table {
    rows: Mutex<BTreeMap<Vec<u8>, Bucket>>,
    writes: AtomicU32,
    reads: AtomicU32,
    is_down: AtomicBool,
}

impl Table {
    fn ask(&self, counter: &AtomicU32) -> Result<(), StoreUnavailable> {
        counter.fetch_add(1, Ordering::Relaxed);
        let down = self.is_down.load(Ordering::Relaxed);
        if down { Err(StoreUnavailable("it is down".to_owned())) } else { Ok(()) }
    }

    fn try_take(&self, (takes, returned): (&[Take], &[Take]), now: Timestamp) -> Option<usize> {
        let mut rows = self.rows.lock().unwrap();
        let mut after = rows.clone();
        for take in returned {
            if let Some(bucket) = after.get_mut(&take.bucket.0) {
                bucket.full_at = bucket.full_at.before(take.allowance.step);
            }
        }
        for (position, take) in takes.iter().enumerate() {
            let read = after.get(&take.bucket.0).copied().unwrap_or(Bucket::full(now));
            let Verdict::Counted(left) = read.take(&take.allowance, take.count, now) else {
                return Some(position);
            };
            after.insert(take.bucket.0.clone(), left);
        }
        *rows = after;
        None
    }
}

impl Buckets for Table {
    fn take<'a>(
        &'a self,
        takes: &'a [Take],
        returned: &'a [Take],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<usize>, StoreUnavailable>> {
        Box::pin(async move { self.ask(&self.writes).map(|()| self.try_take((takes, returned), now)) })
    }

    fn find_bucket<'a>(
        &'a self,
        _: &'a TenantId,
        bucket: &'a KeyedHash,
    ) -> BoxFuture<'a, Result<Option<Bucket>, StoreUnavailable>> {
        Box::pin(
            async move { self.ask(&self.reads).map(|()| self.rows.lock().unwrap().get(&bucket.0).copied()) },
        )
    }

    fn lock<'a>(
        &'a self,
        _: &'a TenantId,
        bucket: &'a KeyedHash,
        (_, locked): (Bucket, Bucket),
    ) -> BoxFuture<'a, Result<bool, StoreUnavailable>> {
        Box::pin(async move {
            self.ask(&self.writes)?;
            Ok(self.rows.lock().unwrap().insert(bucket.0.clone(), locked).is_some())
        })
    }
}

fn node(table: &Arc<Table>) -> SharedAttempts {
    let key = DataKey { id: 1, material: [7; 32].into() };
    let sealer = Sealer::new(Keyring::new(key, []), Arc::new(SeededRng::new(1)));
    SharedAttempts::new(AttemptsInMemory::new(100), Arc::<Table>::clone(table), sealer)
}

fn identifier(name: &str) -> LimitKey {
    LimitKey::Identifier(TenantId::default_tenant(), name.to_owned())
}

fn guess(name: &str) -> Vec<Counted> {
    vec![Counted { key: identifier(name), allowance: Allowance::new(RATE).backing_off(900) }]
}

fn count(node: &SharedAttempts, counts: Vec<Counted>, at: i64) -> Result<(), NotCounted> {
    node.count_all(counts, Timestamp::from_seconds(at)).now_or_never().unwrap()
}

fn retry_after(counted: &Result<(), NotCounted>) -> u64 {
    let Err(NotCounted::Reached(limit)) = counted else { panic!("{counted:?}") };
    limit.retry_after.as_secs()
}

#[test]
fn what_one_node_counted_another_has_counted_too() {
    let table = Arc::new(Table::default());
    let (a, b) = (node(&table), node(&table));
    for at in [&a, &b, &a] {
        assert_eq!(count(at, guess("ada"), 0), Ok(()));
    }
    assert_eq!(retry_after(&count(&b, guess("ada"), 0)), 10);
    assert_eq!(retry_after(&count(&a, guess("ada"), 4)), 6, "it is the same refusal");
    assert_eq!(count(&a, guess("eve"), 0), Ok(()));
}

#[test]
fn back_off_is_that_of_all_nodes_together() {
    let table = Arc::new(Table::default());
    let (a, b) = (node(&table), node(&table));
    (0..3).for_each(|_| assert_eq!(count(&a, guess("ada"), 0), Ok(())));
    assert_eq!(retry_after(&count(&a, guess("ada"), 0)), 10);
    assert_eq!(count(&b, guess("ada"), 10), Ok(()));
    assert_eq!(retry_after(&count(&b, guess("ada"), 10)), 20);
    assert_eq!(retry_after(&count(&a, guess("ada"), 11)), 19, "though this node never refused since");
}

#[test]
fn new_node_knows_what_an_earlier_one_refused() {
    let table = Arc::new(Table::default());
    let earlier = node(&table);
    (0..4).for_each(|_| drop(count(&earlier, guess("ada"), 0)));
    drop(earlier);
    assert_eq!(retry_after(&count(&node(&table), guess("ada"), 1)), 9);
}

#[test]
fn flood_costs_one_write_and_nothing_after_it() {
    let table = Arc::new(Table::default());
    let node = node(&table);
    (0..3).for_each(|_| assert_eq!(count(&node, guess("ada"), 0), Ok(())));
    let asked = || (table.writes.load(Ordering::Relaxed), table.reads.load(Ordering::Relaxed));
    assert_eq!(asked(), (3, 0));
    (0..1_000).for_each(|_| assert!(retry_after(&count(&node, guess("ada"), 1)) > 0));
    assert_eq!(asked(), (4, 1));
}

#[test]
fn database_that_is_down_allows_nothing_that_is_shared() {
    let table = Arc::new(Table::default());
    let node = node(&table);
    table.is_down.store(true, Ordering::Relaxed);
    let counted = count(&node, guess("ada"), 0);
    assert!(matches!(counted, Err(NotCounted::Store(_))), "{counted:?}");
    let address = "192.0.2.1".parse().unwrap();
    let form = Counted::new(LimitKey::Flow(TenantId::default_tenant(), address), RATE);
    assert_eq!(count(&node, vec![form], 0), Ok(()), "a form is begun without it");
}

fn forgive(node: &SharedAttempts, counts: Vec<Counted>, at: i64) {
    node.forgive_all(counts, Timestamp::from_seconds(at)).now_or_never().unwrap();
}

#[test]
fn what_succeeds_is_forgiven_everywhere_by_the_write_of_the_next_attempt() {
    let table = Arc::new(Table::default());
    let (a, b) = (node(&table), node(&table));
    for _ in 0..20 {
        assert_eq!(count(&a, guess("ada"), 0), Ok(()));
        forgive(&a, guess("ada"), 0);
    }
    assert_eq!(table.writes.load(Ordering::Relaxed), 20, "none for what was forgiven");
    assert_eq!(count(&a, guess("eve"), 0), Ok(()), "whoever's that is");
    for _ in 0..3 {
        assert_eq!(count(&b, guess("ada"), 0), Ok(()));
    }
}

#[test]
fn what_waits_to_be_forgiven_is_not_lost_with_an_attempt_that_is_refused() {
    let table = Arc::new(Table::default());
    let (a, b) = (node(&table), node(&table));
    assert_eq!(count(&a, guess("ada"), 0), Ok(()));
    forgive(&a, guess("ada"), 0);
    (0..3).for_each(|_| assert_eq!(count(&b, guess("eve"), 0), Ok(())));
    assert_eq!(retry_after(&count(&a, guess("eve"), 0)), 10);
    assert_eq!(count(&a, guess("bob"), 0), Ok(()));
    (0..3).for_each(|_| assert_eq!(count(&b, guess("ada"), 0), Ok(())));
}

/// Attack: what was taken back while time gave it back anyway is put back later, and so many more guesses are left.
#[test]
fn what_time_has_given_back_is_not_put_back_once_more() {
    let table = Arc::new(Table::default());
    let (a, b) = (node(&table), node(&table));
    (0..3).for_each(|_| assert_eq!(count(&a, guess("ada"), 0), Ok(())));
    (0..3).for_each(|_| forgive(&a, guess("ada"), 0));
    (0..3).for_each(|_| assert_eq!(count(&b, guess("ada"), 30), Ok(())));
    assert_eq!(count(&a, guess("eve"), 30), Ok(()));
    assert_eq!(retry_after(&count(&b, guess("ada"), 30)), 10);
}

#[test]
fn ceiling_of_a_tenant_is_shared_and_most_attempts_write_nothing_for_it() {
    let table = Arc::new(Table::default());
    let (a, b) = (node(&table), node(&table));
    let tenant = TenantCeiling { attempts: 1_000, within_seconds: 1_000 };
    let ceiling = || {
        let allowance = LimitSettings { tenant, ..LimitSettings::default() }.tenant.allowance().unwrap();
        vec![Counted { key: LimitKey::Tenant(TenantId::default_tenant()), allowance }]
    };
    let taken = (0..2_000).filter(|n| count(if n % 3 == 0 { &a } else { &b }, ceiling(), 0).is_ok()).count();
    assert!((980..=1_000).contains(&taken), "{taken} of 1000");
    let writes = table.writes.load(Ordering::Relaxed);
    assert!(writes <= 105, "{writes} writes for {taken} attempts");
    assert_eq!(TenantCeiling { attempts: 0, within_seconds: 1 }.allowance(), None);
}

#[test]
fn nothing_that_is_stored_names_anybody() {
    let table = Arc::new(Table::default());
    let node = node(&table);
    assert_eq!(count(&node, guess("ada@example.com"), 0), Ok(()));
    let rows = table.rows.lock().unwrap();
    let stored = rows.keys().next().unwrap();
    assert!(!String::from_utf8_lossy(stored).contains("ada"));
    let (tenant, name) = (TenantId::default_tenant(), identifier("ada@example.com").name().1);
    assert!(node.sealer.verify_hash(&tenant, PURPOSE, name.as_bytes(), &KeyedHash(stored.clone())));
}

/// Attack: others guess a client's secret, so that its own requests are refused until where they come from may bring none either.
#[test]
fn what_is_refused_of_a_client_takes_nothing_from_its_source() {
    let table = Arc::new(Table::default());
    let (a, b) = (node(&table), node(&table));
    let secret = |source: Option<std::net::IpAddr>| {
        let client = "app".parse().unwrap();
        Counted::new(LimitKey::ClientSecret(TenantId::default_tenant(), client, source), RATE)
    };
    let source = Some("192.0.2.1".parse().unwrap());
    (0..3).for_each(|_| assert_eq!(count(&b, vec![secret(None)], 0), Ok(())));
    // The database refuses the first of them, and memory the others.
    (0..5).for_each(|_| assert!(retry_after(&count(&a, vec![secret(source), secret(None)], 0)) > 0));
    (0..3).for_each(|_| assert_eq!(count(&a, vec![secret(source)], 0), Ok(())));
}
