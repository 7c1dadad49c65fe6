//! Storage's own promises on both databases: a change is written whole or not at all, a missed guard
//! names its write, and listeners hear of what was committed and of nothing else.

use std::sync::{Arc, Mutex};

use portcullis_storage::{ApplyError, Location, MasterKey, Statement, Storage, StorageError, Stored, values};
use primitives::rng::SeededRng;
use primitives::time::FixedClock;
use primitives::{Actor, AuditEvent, Change, Sealer, Secret, TenantId, Timestamp};

/// Writes to the outbox table, which every schema has.
#[derive(Debug, Clone, Copy)]
enum Write {
    /// Guard: none has the id.
    Insert(&'static str),
    /// Guard: it exists.
    Delete(&'static str),
}

impl Stored for Write {
    fn statements(self, tenant: &TenantId, _: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(vec![match self {
            Self::Insert(id) => Statement::one(
                "INSERT INTO outbox_messages (tenant, id, topic, payload, attempts, next_attempt_at, created_at)
                 VALUES ($1, $2, 't', 'p', 0, 0, 0)",
                values![tenant, id],
            )
            .changes("message", id),
            Self::Delete(id) => {
                Statement::one("DELETE FROM outbox_messages WHERE tenant = $1 AND id = $2", values![tenant, id])
                    .changes("message", id)
            }
        }])
    }
}

struct World {
    storage: Storage,
    location: Location,
    heard: Arc<Mutex<Vec<String>>>,
    _directory: Option<tempfile::TempDir>,
}

async fn open(location: &Location, master: u8) -> Result<Storage, StorageError> {
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
    Storage::open(location, &MasterKey::new([master; 32]), clock, Arc::new(SeededRng::new(u64::from(master))))
        .await
}

impl World {
    async fn new(location: Location, directory: Option<tempfile::TempDir>) -> Self {
        Storage::migrate(&location).await.unwrap();
        let storage = open(&location, 7).await.unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = heard.clone();
        storage.on_change(Box::new(move |record| told.lock().unwrap().push(record.key.clone())));
        Self { storage, location, heard, _directory: directory }
    }

    /// SQLite always; PostgreSQL where its binaries are (its absence fails under `CI`).
    async fn both() -> Vec<Self> {
        let directory = tempfile::tempdir().unwrap();
        let sqlite = Location::Sqlite(directory.path().join("test.db"));
        let mut worlds = vec![Self::new(sqlite, Some(directory)).await];
        if let Some(server) = testkit::postgres::Postgres::shared().unwrap() {
            let url = Secret::new(server.create_database().unwrap());
            worlds.push(Self::new(Location::Postgres { url, connections: 4 }, None).await);
        }
        worlds
    }

    fn change(writes: &[Write]) -> Change<Write> {
        let mut change = Change::new(TenantId::default_tenant());
        change.writes.extend_from_slice(writes);
        change.audit(AuditEvent::new("test.written", Actor::System, "message", &"m"))
    }

    /// Applies and says which write missed, if one did.
    async fn apply(&self, writes: &[Write]) -> Option<usize> {
        match self.storage.apply(Self::change(writes)).await {
            Ok(()) => None,
            Err(ApplyError::Missed { write }) => Some(write),
            Err(ApplyError::Storage(error)) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_guard_names_its_write_and_undoes_the_change() {
    for world in World::both().await {
        assert_eq!(world.apply(&[Write::Insert("a"), Write::Delete("gone")]).await, Some(1));
        assert_eq!(world.apply(&[Write::Insert("a")]).await, None, "the first change left nothing behind");
        assert_eq!(world.apply(&[Write::Insert("b"), Write::Insert("a")]).await, Some(1));
        assert_eq!(world.apply(&[Write::Delete("b")]).await, Some(0));
    }
}

/// Attack: whoever is faster than a decision leaves a record in the log of what was never done; or something is done of which
/// there is none.
#[tokio::test(flavor = "multi_thread")]
async fn record_is_written_with_what_it_tells_of_or_not_at_all() {
    for world in World::both().await {
        let told = async || {
            let tenant = TenantId::default_tenant();
            let records = world.storage.list_audit_records_after(&tenant, None, None, 100).await.unwrap();
            records.iter().filter(|record| record.action == "test.written").count()
        };
        assert_eq!(world.apply(&[Write::Insert("a"), Write::Delete("gone")]).await, Some(1));
        assert_eq!(told().await, 0, "nothing was done");
        assert_eq!(world.apply(&[Write::Insert("a")]).await, None);
        assert_eq!(told().await, 1);
        assert_eq!(world.apply(&[Write::Insert("b"), Write::Insert("a")]).await, Some(1));
        assert_eq!(told().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_parallel_consumers_of_one_row_have_one_winner() {
    for world in World::both().await {
        assert_eq!(world.apply(&[Write::Insert("code")]).await, None);
        let attempts = (0..50).map(|_| world.storage.apply(World::change(&[Write::Delete("code")])));
        let outcomes = futures_util::future::join_all(attempts).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(
            outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(ApplyError::Missed { write: 0 })))
        );
    }
}

/// So many ids that begin so.
fn inserts(start: &str, count: usize) -> Vec<Write> {
    (0..count).map(|number| Write::Insert(Box::leak(format!("{start}{number}").into_boxed_str()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn large_change_that_misses_undoes_itself_and_none_beside_it() {
    for world in World::both().await {
        let large = inserts("large", 300);
        let misses = [inserts("undone", 300), vec![Write::Delete("gone")]].concat();
        let small: Vec<_> = inserts("small", 20).into_iter().map(|write| [write]).collect();
        let beside = small.iter().map(|one| &one[..]);
        let all: Vec<&[Write]> = [&large[..], &misses[..]].into_iter().chain(beside).collect();
        let outcomes = futures_util::future::join_all(all.iter().map(|writes| world.apply(writes))).await;
        assert_eq!(outcomes.iter().position(Option::is_some), Some(1));
        assert_eq!(outcomes[1], Some(300));
        for kept in large.iter().chain(small.iter().flatten()) {
            assert_eq!(world.apply(&[*kept]).await, Some(0), "{kept:?} is there");
        }
        assert_eq!(world.apply(&inserts("undone", 300)).await, None, "nothing of it is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_hear_of_committed_changes_before_the_writer_goes_on() {
    for world in World::both().await {
        assert_eq!(world.apply(&[Write::Insert("kept")]).await, None);
        assert_eq!(world.heard.lock().unwrap().first().map(String::as_str), Some("kept"));
        assert_eq!(world.apply(&[Write::Insert("undone"), Write::Delete("gone")]).await, Some(1));
        assert!(!world.heard.lock().unwrap().contains(&"undone".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_on_postgresql_hears_of_it_and_is_caught_up() {
    for world in World::both().await {
        if world.storage.kind() != "postgres" {
            continue;
        }
        let other = open(&world.location, 7).await.unwrap();
        let (heard, mut hears) = tokio::sync::mpsc::unbounded_channel();
        other.on_change(Box::new(move |record| drop(heard.send(record.key.clone()))));
        // Its first look finds where the log ends; what comes before that is in the database anyway.
        while !other.is_caught_up() {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.apply(&[Write::Insert("told")]).await, None);
        let limit = std::time::Duration::from_secs(10);
        assert_eq!(tokio::time::timeout(limit, hears.recv()).await.unwrap().as_deref(), Some("told"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_values_survive_a_restart_and_only_the_master_key_opens_them() {
    for world in World::both().await {
        let tenant = TenantId::default_tenant();
        let hash = world.storage.sealer().hash(&tenant, "token", b"secret");
        let again = open(&world.location, 7).await.unwrap();
        assert!(again.sealer().verify_hash(&tenant, "token", b"secret", &hash));
        assert!(matches!(open(&world.location, 8).await, Err(StorageError::WrongMasterKey)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn former_master_key_opens_once_and_is_needed_no_more() {
    for world in World::both().await {
        let tenant = TenantId::default_tenant();
        let hash = world.storage.sealer().hash(&tenant, "token", b"secret");
        let (clock, rng) = (FixedClock::new(Timestamp::from_seconds(1)), SeededRng::new(1));
        let both = MasterKey::new([8; 32]).with_former([9; 32]).with_former([7; 32]);
        let again = Storage::open(&world.location, &both, Arc::new(clock), Arc::new(rng)).await.unwrap();
        assert!(again.sealer().verify_hash(&tenant, "token", b"secret", &hash));
        assert!(
            open(&world.location, 8).await.unwrap().sealer().verify_hash(&tenant, "token", b"secret", &hash)
        );
        assert!(matches!(open(&world.location, 7).await, Err(StorageError::WrongMasterKey)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_that_was_not_migrated_says_what_to_run() {
    let directory = tempfile::tempdir().unwrap();
    let refused = open(&Location::Sqlite(directory.path().join("new.db")), 7).await.unwrap_err();
    assert!(refused.to_string().contains("portcullis migrate"), "{refused}");
}
