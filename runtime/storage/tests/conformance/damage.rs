//! A database that somebody else has written to: what does not fit is an error that names the place,
//! never a value, never a panic, and nothing else is harmed.

use identity::password::HashedPassword;
use identity::ports::Identities as _;
use identity::{Identifier, Write as IdentityWrite};
use jose::ports::{ReadError, SigningKeys as _};
use jose::{KeyState, SigningAlgorithm, SigningKey, Write as KeyWrite};
use oauth2::ports::{ClientRepository as _, GrantRepository as _, SubjectClaims as _, TokenKeys as _};
use oauth2::write::Write;
use portcullis_storage::{CacheSizes, StorageError};
use primitives::Secret;

use crate::world::{World, client_id, open};

/// A sealed value that is cut short, or that belongs to another row, does not open.
#[tokio::test(flavor = "multi_thread")]
async fn sealed_value_opens_whole_and_in_its_own_row_only() {
    for world in World::each().await {
        let clients = ["a", "b", "c"].map(|id| Write::InsertClient(Box::new(world.client(id))));
        assert_eq!(world.apply(clients).await, None);
        world
            .raw(
                "UPDATE oauth2_clients SET secrets = (SELECT secrets FROM oauth2_clients WHERE id = 'b')
                 WHERE id = 'a'",
            )
            .await;
        world.raw("UPDATE oauth2_clients SET secrets = substr(secrets, 1, 20) WHERE id = 'c'").await;
        for (id, opens) in [("a", false), ("b", true), ("c", false)] {
            let (id, name) = (client_id(id), id);
            let found = world.storage.find_client(&world.tenant, &id).await;
            assert_eq!(found.is_ok(), opens, "{name}");
            let Err(error) = found else { continue };
            assert!(error.to_string().contains("oauth2_clients.secrets"), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_signing_key_is_an_inconsistency_and_no_key() {
    for world in World::each().await {
        let state = KeyState::Active { rotate_at: world.in_seconds(100) };
        for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa] {
            let key = SigningKey::generate(algorithm, state, world.now(), &*world.rng).unwrap();
            assert_eq!(world.apply([KeyWrite::InsertSigningKey(Box::new(key))]).await, None);
        }
        world
            .raw(
                "UPDATE signing_keys SET private_jwk =
                     (SELECT private_jwk FROM signing_keys WHERE algorithm = 'EdDSA')
                 WHERE algorithm = 'ES256'",
            )
            .await;
        let listed = world.storage.list_signing_keys(&world.tenant).await.unwrap_err();
        let ReadError::Inconsistent(text) = listed else { panic!("{listed}") };
        assert!(text.contains("signing_keys.private_jwk"), "{text}");
        assert!(world.storage.load_keys(&world.tenant).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn password_of_another_person_signs_nobody_in() {
    for world in World::each().await {
        let identifiers = ["ada@example.com", "bob@example.com"].map(|i| Identifier::parse(i).unwrap());
        for identifier in identifiers.clone() {
            let person = world.person();
            let identity = person.id;
            let password = HashedPassword(Secret::new(format!("$argon2id${}", identifier.as_str())));
            let writes = [
                IdentityWrite::InsertIdentity(Box::new(person)),
                IdentityWrite::ClaimIdentifier { identity, identifier },
                IdentityWrite::SetPassword { identity, password, at: world.now() },
            ];
            assert_eq!(world.apply(writes).await, None);
        }
        world
            .raw(
                "UPDATE identity_passwords SET hash = (SELECT p.hash FROM identity_passwords p
                     JOIN identity_identifiers i ON i.identity = p.identity
                     WHERE i.identifier = 'bob@example.com')",
            )
            .await;
        let [ada, bob] = &identifiers;
        let found = world.storage.find_by_identifier(&world.tenant, ada).await.unwrap_err();
        assert!(found.to_string().contains("identity_passwords.hash"), "{found}");
        assert!(world.storage.find_by_identifier(&world.tenant, bob).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn word_that_nobody_writes_is_an_error_that_names_its_column() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let person = world.person();
        assert_eq!(world.apply([IdentityWrite::InsertIdentity(Box::new(person.clone()))]).await, None);
        world.raw("UPDATE oauth2_clients SET managed_by = 'nobody'").await;
        world.raw("UPDATE oauth2_grants SET scope = '\"'").await;
        world.raw("UPDATE identities SET traits = '[]'").await;
        let client = world.storage.find_client_record(&world.tenant, &client_id("nexboard")).await;
        assert!(client.unwrap_err().to_string().contains("oauth2_clients.managed_by"));
        let grant = world.storage.find_grant(&world.tenant, grant.id).await;
        assert!(grant.unwrap_err().to_string().contains("oauth2_grants.scope"));
        let subject = world.storage.find_subject(&world.tenant, person.id).await;
        assert!(subject.unwrap_err().to_string().contains("traits"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_data_key_is_not_replaced_by_a_new_one() {
    for world in World::each().await {
        world.raw("UPDATE data_keys SET wrapped = substr(wrapped, 1, 20)").await;
        let opened = open(&world.location, world.clock.clone(), CacheSizes::NONE).await;
        assert!(matches!(opened, Err(StorageError::WrongMasterKey)), "{opened:?}");
    }
}
