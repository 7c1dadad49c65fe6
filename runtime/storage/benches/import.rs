//! How many identities SQLite takes in per second, by how many a change has: `cargo bench -p portcullis-storage --bench import`.
//!
//! Two changes at a time, each identity with an identifier, two addresses, a hashed password, its terms and an audit record;
//! into a fresh file for each size of a change, by turns. Prints the rate and the CPU time of an identity.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use identity::identity::{
    AddressKind, AddressStatus, Identity, IdentityState, RecoveryAddress, VerifiableAddress,
};
use identity::password::HashedPassword;
use identity::{Identifier, Write};
use portcullis_storage::{Location, MasterKey, Storage};
use primitives::audit::Actor;
use primitives::rng::SeededRng;
use primitives::subject::AssuranceLevel;
use primitives::time::FixedClock;
use primitives::{AuditEvent, Change, IdentityId, Rng as _, Secret, TenantId, Timestamp};
use serde_json::json;

const IDENTITIES: usize = 32_000;
/// Identities of a change. The second is what a node does.
const CHANGES: [usize; 3] = [128, 256, 512];
const CALLERS: usize = 2;
const BEGAN: i64 = 1_800_000_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..2 {
        for size in CHANGES {
            let directory = tempfile::tempdir().unwrap();
            let (rate, cpu) = runtime.block_on(import(directory.path(), size));
            let line = format!("{size:>4} to a change {rate:>6.0} per second, {cpu:?} of CPU each\n");
            std::io::stdout().write_all(line.as_bytes()).unwrap();
        }
    }
}

async fn import(directory: &Path, size: usize) -> (f64, Duration) {
    let location = Location::Sqlite(directory.join("bench.db"));
    Storage::migrate(&location).await.unwrap();
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(BEGAN)));
    let rng = Arc::new(SeededRng::new(1));
    let storage = Storage::open(&location, &MasterKey::new([7; 32]), clock, rng.clone()).await.unwrap();
    let (began, cpu) = (Instant::now(), cpu_time());
    let numbers: Vec<_> = (0..IDENTITIES).collect();
    stream::iter(numbers.chunks(size))
        .map(async |several| {
            let mut change: Change<Write> = Change::new(TenantId::default_tenant());
            for number in several {
                change = change.and(person(&rng, *number));
            }
            storage.apply(change).await.unwrap();
        })
        .buffer_unordered(CALLERS)
        .collect::<Vec<()>>()
        .await;
    let count = u32::try_from(IDENTITIES).unwrap();
    (f64::from(count) / began.elapsed().as_secs_f64(), cpu_time().saturating_sub(cpu) / count)
}

/// Somebody whose address comes where chance has it, as people's do.
fn person(rng: &SeededRng, number: usize) -> Change<Write> {
    let seconds = u64::try_from(number / 5_000).unwrap();
    let now = Timestamp::from_seconds(BEGAN).after(Duration::from_secs(seconds));
    let id = IdentityId::generate_at(rng, now);
    let email = format!("{}.{number}@example.com", rng.uuid().simple());
    let identity = Identity {
        id,
        external_id: None,
        schema_id: "default".to_owned(),
        state: IdentityState::Active,
        state_changed_at: now,
        traits:
            json!({ "email": email, "name": { "first": "Ada", "last": format!("Person{}", number / 16) } })
                .as_object()
                .unwrap()
                .clone(),
        verifiable_addresses: vec![VerifiableAddress {
            id: rng.uuid(),
            value: email.clone(),
            verified: false,
            via: AddressKind::Email,
            status: AddressStatus::Pending,
            verified_at: None,
            created_at: now,
            updated_at: now,
        }],
        recovery_addresses: vec![RecoveryAddress {
            id: rng.uuid(),
            value: email.clone(),
            via: AddressKind::Email,
            created_at: now,
            updated_at: now,
        }],
        metadata_public: None,
        metadata_admin: None,
        created_at: now,
        updated_at: now,
        organisation: None,
        available: AssuranceLevel::Aal1,
        version: 1,
    };
    let hash = "$2b$12$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2".to_owned();
    Change::new(TenantId::default_tenant())
        .write(Write::InsertIdentity(Box::new(identity)))
        .write(Write::ClaimIdentifier { identity: id, identifier: Identifier::parse(&email).unwrap() })
        .write(Write::SetPassword { identity: id, password: HashedPassword(Secret::new(hash)), at: now })
        .audit(AuditEvent::new("identity.created", Actor::System, "identity", &id))
}

/// What this process has taken of all cores, threads that have ended included, where the system tells: to a hundredth of a
/// second (`proc(5)`, `utime` and `stime`).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 =
        behind_name.split(' ').skip(12).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
