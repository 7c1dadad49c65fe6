//! Rows of an earlier schema mean the same in this one, and so does what nodes of an earlier schema still write.

use std::sync::Arc;

use identity::identity::AddressKind;
use identity::ports::{AddressUse, Identities as _};
use jose::ports::SigningKeys as _;
use jose::{KeyState, SigningAlgorithm, SigningKey};
use oauth2::pkce::ChallengeMethod;
use oauth2::ports::{TokenKeys as _, TokenRepository as _};
use oauth2::write::Write;
use portcullis_storage::{CacheSizes, Location, MigrationState, SCHEMA_VERSION, Storage};
use primitives::time::FixedClock;
use primitives::{KeyedHash, TenantId, Timestamp, UploadedPluginId};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tenancy::plugin::PluginValues as _;
use tenancy::plugin::uploaded::UploadedPlugins as _;
use tenancy::plugin::values::{KeptValue, PutValue, Replaces, ValueOwner};

use crate::plugins::ROOM;
use crate::world::{World, migrations, open, run};

#[tokio::test(flavor = "multi_thread")]
async fn code_that_was_redeemed_before_schema_9_is_known_with_its_grant() {
    let rows = |bytes: fn(&str) -> String| {
        let grant = |tenant: &str, last: u8| {
            format!(
                "INSERT INTO oauth2_grants (tenant, id, client, subject, session, authenticated_at, acr, amr,
                     scope, audience, created_at, kept_until)
                 VALUES ('{tenant}', '00000000-0000-4000-8000-00000000000{last}', 'app',
                     '00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b', 1, 'aal1',
                     '[]', 'openid', '[]', 1, 9000000000000000);"
            )
        };
        let code = |tenant: &str, last: u8, consumed: &str| {
            let hash = bytes(&format!("0{last}"));
            format!(
                "INSERT INTO oauth2_authorization_codes (tenant, hash, grant_id, expires_at, consumed_at)
                 VALUES ('{tenant}', {hash}, '00000000-0000-4000-8000-00000000000{last}', 9000000000000000,
                     {consumed});"
            )
        };
        let made = [
            [grant("default", 1), code("default", 1, "5")],
            [grant("default", 2), code("default", 2, "NULL")],
            [grant("default", 3), String::new()],
            [grant("other", 1), code("other", 1, "NULL")],
        ];
        made.concat().concat()
    };
    for world in World::each_migrated_from(8, rows).await {
        let redeemed = async |tenant: &str, last: u8| {
            let tenant = tenant.parse().unwrap();
            let found = world.storage.find_grant_of_redeemed_code(&tenant, &KeyedHash(vec![last])).await;
            found.unwrap().map(|grant| grant.id.to_string())
        };
        let first = Some("00000000-0000-4000-8000-000000000001".to_owned());
        assert_eq!(redeemed("default", 1).await, first);
        assert_eq!(redeemed("other", 1).await, None, "the same hash and grant in another tenant");
        for last in [2, 3] {
            assert_eq!(redeemed("default", last).await, None, "{last}");
        }
        // The code that waited is redeemed now, and the row that an older node wrote leaves.
        let (code, grant) =
            world.storage.find_authorization_code(&world.tenant, &KeyedHash(vec![2])).await.unwrap().unwrap();
        assert_eq!(code.code_challenge_method, ChallengeMethod::S256, "before schema 53 there was no other");
        let (at, kept_until) = (world.now(), world.now());
        let consume = Write::ConsumeAuthorizationCode { code: code.hash, grant: grant.id, at, kept_until };
        assert_eq!(world.apply([consume]).await, None);
        assert_eq!(redeemed("default", 2).await, Some(grant.id.to_string()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn address_from_before_schema_16_finds_its_identity() {
    let rows = |_: fn(&str) -> String| {
        let identity = |tenant: &str, last: u8, address: &str| {
            let about = "\"created_at\":\"2027-01-15T08:00:00Z\",\"updated_at\":\"2027-01-15T08:00:00Z\"";
            let id = format!("\"id\":\"00000000-0000-4000-8000-0000000000f{last}\"");
            format!(
                "INSERT INTO identities (tenant, id, schema_id, state, state_changed_at, traits,
                     verifiable_addresses, recovery_addresses, version, created_at, updated_at, tokens_not_before)
                 VALUES ('{tenant}', '00000000-0000-4000-8000-00000000000{last}', 'default', 'active', 1, '{{}}',
                     '[{{{id},\"value\":\"{address}\",\"verified\":false,\"via\":\"email\",\"status\":\"pending\",{about}}}]',
                     '[{{{id},\"value\":\"{address}\",\"via\":\"email\",{about}}}]', 1, 1, 1, 0);"
            )
        };
        [identity("default", 1, "ada@example.com"), identity("other", 2, "bob@example.com")].concat()
    };
    for world in World::each_migrated_from(14, rows).await {
        for purpose in [AddressUse::Verification, AddressUse::Recovery] {
            let find = async |address: &'static str| {
                let found =
                    world.storage.find_by_address(&world.tenant, purpose, AddressKind::Email, address).await;
                found.unwrap().map(|identity| identity.id.to_string())
            };
            let ada = Some("00000000-0000-4000-8000-000000000001".to_owned());
            assert_eq!(find("ada@example.com").await, ada);
            assert_eq!(find("bob@example.com").await, None, "another tenant's");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_that_was_uploaded_before_schema_20_keeps_what_it_kept_and_writes_more() {
    let rows = |bytes: fn(&str) -> String| {
        let (key, value) = (bytes("6b"), bytes("76"));
        format!(
            "INSERT INTO uploaded_plugins (tenant, name, revision, latest_version, state, created_at, updated_at)
             VALUES ('default', 'plan', 1, 1, '{{\"state\":\"uploaded\"}}', 1, 1);
             INSERT INTO plugin_usage (tenant, plugin, entries, bytes) VALUES ('default', 'plan', 1, 2);
             INSERT INTO plugin_values (tenant, plugin, key, value, size) VALUES ('default', 'plan', {key}, {value}, 2);"
        )
    };
    for world in World::each_migrated_from(19, rows).await {
        let id = world.storage.find_uploaded_plugin(&world.tenant, "plan").await.unwrap().unwrap().id;
        let owner = |id| ValueOwner { tenant: &world.tenant, plugin: "plan", upload: Some(id) };
        let find = async |id| world.storage.find_value(owner(id), b"k", world.now()).await.unwrap();
        assert_eq!(find(id).await, Some(KeptValue { value: b"v".to_vec(), expires_at: None }));
        assert_eq!(find(UploadedPluginId::generate(&*world.rng)).await, None);
        let kept = KeptValue { value: b"w".to_vec(), expires_at: None };
        let put = PutValue { key: b"k".to_vec(), kept, replaces: Replaces::Value(b"v".to_vec()), room: ROOM };
        assert_eq!(world.storage.put_value(owner(id), put, world.now()).await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_that_had_an_address_for_logout_tokens_before_schema_39_is_told() {
    let rows = |bytes: fn(&str) -> String| {
        let client = |id: &str, document: &str| {
            format!(
                "INSERT INTO oauth2_clients (tenant, id, name, owner, document, secrets, managed_by, enabled, created_at,
                     updated_at, not_before, version)
                 VALUES ('default', '{id}', '', '', '{document}', {}, 'api', 1, 1, 1, 0, 1);
                 INSERT INTO oauth2_grants (tenant, id, client, subject, session, authenticated_at, acr, amr, scope,
                     audience, created_at, kept_until)
                 VALUES ('default', 'grant of {id}', '{id}', '00000000-0000-4000-8000-00000000000a',
                     '00000000-0000-4000-8000-00000000000b', 1, 'aal1', '[]', 'openid', '[]', 1, 9000000000000000);",
                bytes("00")
            )
        };
        [
            client("listens", r#"{"backchannel_logout_uri":"https://a.example/out"}"#),
            client("empty", r#"{"backchannel_logout_uri":""}"#),
            client("null", r#"{"backchannel_logout_uri":null}"#),
            client("none", "{}"),
        ]
        .concat()
    };
    for world in World::each_migrated_from(33, rows).await {
        let session = "00000000-0000-4000-8000-00000000000b".parse().unwrap();
        assert_eq!(world.apply([Write::TellClientsOfSession { session, at: world.now() }]).await, None);
        assert_eq!(world.raw_texts("SELECT webhook FROM webhook_messages").await, ["logout:listens"]);
    }
}

/// A refresh token as a binary of schema 44 puts it in, by a statement that it keeps prepared. How many rows that made.
async fn put(older: &mut SqliteConnection, hash: u8) -> u64 {
    let sql = "INSERT INTO oauth2_refresh_tokens (tenant, hash, grant_id, scope, issued_at, expires_at)
         VALUES ('default', ?1, '00000000-0000-4000-8000-000000000001', 'openid', 1, 9000000000000000)
         ON CONFLICT DO NOTHING";
    sqlx::query(sql).bind(vec![hash]).execute(older).await.unwrap().rows_affected()
}

/// Schema 45 lays tables of SQLite's file out anew, and an older node may have it open meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn node_of_schema_44_writes_on_beside_the_migration_by_the_statements_that_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    let location = Location::Sqlite(path.clone());
    let grant = "INSERT INTO oauth2_grants (tenant, id, client, subject, session, authenticated_at, acr, amr, scope,
             audience, created_at, kept_until)
         VALUES ('default', '00000000-0000-4000-8000-000000000001', 'app', '00000000-0000-4000-8000-00000000000a',
             '00000000-0000-4000-8000-00000000000b', 1, 'aal1', '[]', 'openid', '[]', 1, 9000000000000000);";
    run(&location, &format!("PRAGMA journal_mode = WAL; {} {grant}", migrations(&location, 44))).await;
    let options = SqliteConnectOptions::new().filename(&path);
    let mut older = SqliteConnection::connect_with(&options).await.unwrap();
    assert_eq!(put(&mut older, 1).await, 1);
    // What it has under way is waited for, and is brought along.
    let mut under_way = older.begin().await.unwrap();
    assert_eq!(put(&mut under_way, 2).await, 1);
    let (migrated, committed) = tokio::join!(Storage::migrate(&location), under_way.commit());
    committed.unwrap();
    assert_eq!(migrated.unwrap(), MigrationState { from: 44, to: SCHEMA_VERSION });
    assert_eq!(put(&mut older, 3).await, 1);
    assert_eq!(put(&mut older, 1).await, 0, "what is there already is guarded as before");
    older.close().await.unwrap();
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_800_000_000)));
    let storage = open(&location, clock, CacheSizes::NONE).await.unwrap();
    for hash in 1..=3 {
        let found = storage.find_refresh_token(&TenantId::default_tenant(), &KeyedHash(vec![hash])).await;
        assert!(found.unwrap().is_some(), "{hash}");
    }
}

/// What an older node does not know it neither writes nor keeps to: it gives less, and never more.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_node_still_writes_is_what_it_said_and_opens_nothing() {
    for world in World::each().await {
        // Before schema 53 there was no method: what such a node writes was made of its verifier in the only way that it knows.
        let grant = world.with_grant("app").await;
        let hash = match world.location {
            Location::Sqlite(_) => "x'07'",
            Location::Postgres { .. } => r"'\x07'::bytea",
        };
        let code = format!(
            "INSERT INTO oauth2_authorization_codes (tenant, hash, grant_id, code_challenge, expires_at)
             VALUES ('default', {hash}, '{}', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', 9000000000000000)",
            grant.id
        );
        world.raw(&code).await;
        let found = world.storage.find_authorization_code(&world.tenant, &KeyedHash(vec![7])).await;
        let (code, _) = found.unwrap().unwrap();
        assert_eq!(code.code_challenge_method, ChallengeMethod::S256);
        assert_eq!(code.dpop_jkt, None);

        // Before schema 52 it retires a key for no longer than it knows of.
        let state = KeyState::Active { rotate_at: world.in_seconds(100) };
        let key = SigningKey::generate(SigningAlgorithm::Es256, state, world.now(), &*world.rng).unwrap();
        let kid = key.kid.clone();
        assert_eq!(world.apply([jose::Write::InsertSigningKey(Box::new(key))]).await, None);
        assert_eq!(world.apply([Write::KeepSigningKeys { until: world.in_seconds(500) }]).await, None);
        let until = world.in_seconds(300);
        let retire = format!(
            "UPDATE signing_keys SET state = 'retired', due_at = {}
             WHERE tenant = 'default' AND kid = '{kid}' AND state <> 'retired'",
            until.micros()
        );
        world.raw(&retire).await;
        let states = async || -> Vec<KeyState> {
            let keys = world.storage.list_signing_keys(&world.tenant).await.unwrap();
            keys.iter().map(|key| key.state).collect()
        };
        assert_eq!(states().await, [KeyState::Retired { until }]);

        // Before schema 48 it takes a revoked key for one whose time is over, and deletes it: nothing verifies by it.
        let revoke = jose::Write::RevokeSigningKey { kid, at: world.now() };
        assert_eq!(world.apply([revoke]).await, None);
        world.raw(&retire).await;
        assert_eq!(states().await, [KeyState::Revoked { at: world.now() }], "it brings none back");
        let delete = format!(
            "DELETE FROM signing_keys WHERE tenant = 'default' AND state = 'retired' AND due_at <= {}",
            world.now().micros()
        );
        world.raw(&delete).await;
        assert_eq!(states().await, []);
        assert!(world.storage.load_keys(&world.tenant).await.unwrap().jwks().keys.is_empty());
    }
}
