//! What calls of an uploaded plugin do late: when it is deleted, and when another has its name.

use futures_util::future::join_all;
use primitives::{Actor, Secret, UploadedPluginId};
use tenancy::Write;
use tenancy::plugin::PluginValues as _;
use tenancy::plugin::uploaded::{SecretFacts, UploadedPlugins as _, UploadedSecret};
use tenancy::plugin::values::{KeptValue, PutValue, Replaces, ValueError, ValueOwner};

use crate::plugins::ROOM;
use crate::uploads::{asked, component};
use crate::world::World;

impl World {
    async fn delete_plan(&self) {
        let change = self.plugin("plan").await.delete(&asked(self, &self.tenant), false).unwrap();
        self.storage.apply(change).await.unwrap();
    }

    /// Uploads to `plan`; which one it is.
    async fn upload_plan(&self) -> UploadedPluginId {
        self.upload("plan", component("plan", 10)).await.unwrap();
        self.plugin("plan").await.id
    }

    fn of(&self, id: UploadedPluginId) -> ValueOwner<'_> {
        ValueOwner { tenant: &self.tenant, plugin: "plan", upload: Some(id) }
    }

    async fn put_by(&self, id: UploadedPluginId, key: &[u8], replaces: Replaces) -> Result<(), ValueError> {
        let kept = KeptValue { value: b"x".to_vec(), expires_at: None };
        let put = PutValue { key: key.to_vec(), kept, replaces, room: ROOM };
        self.storage.put_value(self.of(id), put, self.now()).await
    }

    async fn found_by(&self, id: UploadedPluginId, key: &[u8]) -> bool {
        self.storage.find_value(self.of(id), key, self.now()).await.unwrap().is_some()
    }

    async fn secrets_of(&self, id: UploadedPluginId) -> Vec<String> {
        let listed = self.storage.list_uploaded_secrets(&self.tenant, id, "plan").await.unwrap();
        listed.iter().map(|secret| secret.value.expose().clone()).collect()
    }
}

/// Attack: a call that is under way writes when its plugin is deleted, and whoever gets the name reads it.
#[tokio::test(flavor = "multi_thread")]
async fn upload_that_is_gone_keeps_nothing_more() {
    for world in World::each().await {
        let nobody = UploadedPluginId::generate(&*world.rng);
        let gone = Err(ValueError::Gone);
        assert_eq!(world.put_by(nobody, b"a", Replaces::Anything).await, gone, "there is no such plugin");
        let plan = world.upload_plan().await;
        assert_eq!(world.put_by(plan, b"a", Replaces::Anything).await, Ok(()));
        world.delete_plan().await;
        // What is deleted late makes nothing of it come back.
        world.storage.delete_value(world.of(plan), b"a").await.unwrap();
        assert_eq!(world.put_by(plan, b"a", Replaces::Anything).await, gone);
        assert_eq!(world.value("plan", b"a").await, None);

        // At the same time: whichever is first, nothing is left.
        for round in 0..8_u8 {
            let plan = world.upload_plan().await;
            let keys: Vec<[u8; 2]> = (0..8).map(|at| [round, at]).collect();
            let writing = join_all(keys.iter().map(|key| world.put_by(plan, key, Replaces::Anything)));
            let (written, ()) = futures_util::join!(writing, world.delete_plan());
            assert!(
                written.iter().all(|done| matches!(done, Ok(()) | Err(ValueError::Gone | ValueError::Full))),
                "{written:?}"
            );
            for key in keys {
                assert_eq!(world.value("plan", &key).await, None, "{written:?}");
            }
        }
    }
}

/// Attack: the call is still under way when another plugin is uploaded under the name.
#[tokio::test(flavor = "multi_thread")]
async fn upload_that_is_gone_has_no_part_in_what_another_of_its_name_keeps() {
    for world in World::each().await {
        let first = world.upload_plan().await;
        assert_eq!(world.put_by(first, b"a", Replaces::Nothing).await, Ok(()));
        world.delete_plan().await;
        let second = world.upload_plan().await;
        assert_eq!(world.put_by(second, b"theirs", Replaces::Nothing).await, Ok(()));

        let theirs = Replaces::Value(b"x".to_vec());
        for (key, replaces) in
            [(&b"a"[..], Replaces::Anything), (b"new", Replaces::Nothing), (b"theirs", theirs)]
        {
            assert_eq!(world.put_by(first, key, replaces).await, Err(ValueError::Gone), "{key:?}");
        }
        assert!(!world.found_by(first, b"theirs").await, "it reads nothing of the other's");
        world.storage.delete_value(world.of(first), b"theirs").await.unwrap();
        assert!(world.found_by(second, b"theirs").await, "it deletes nothing of the other's");
        assert!(!world.found_by(second, b"a").await && !world.found_by(second, b"new").await);
    }
}

/// Attack: writers that wait for their turn while their plugin is deleted find the row of another, not their own.
#[tokio::test(flavor = "multi_thread")]
async fn writers_that_wait_while_a_name_changes_hands_write_nothing() {
    for world in World::each().await {
        for round in 0..8_u8 {
            let first = world.upload_plan().await;
            let keys: Vec<[u8; 2]> = (0..8).map(|at| [round, at]).collect();
            let writing = join_all(keys.iter().map(|key| world.put_by(first, key, Replaces::Anything)));
            let change_hands = async {
                world.delete_plan().await;
                world.upload_plan().await
            };
            let (written, second) = futures_util::join!(writing, change_hands);
            for key in keys {
                assert!(!world.found_by(second, &key).await, "{written:?}");
            }
            world.delete_plan().await;
        }
    }
}

/// Attack: a node that loads a plugin late is given the secrets of whoever has its name by then.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_given_to_their_very_plugin() {
    for world in World::each().await {
        let set = async |value: &str| {
            let (name, updated_by) = ("key".to_owned(), Actor::System);
            let facts = SecretFacts { name, updated_at: world.now(), updated_by };
            let value = Secret::new(value.to_owned());
            let secret = UploadedSecret { plugin: "plan".to_owned(), facts, value };
            assert_eq!(world.apply([Write::PutUploadedSecret(Box::new(secret))]).await, None);
        };
        let first = world.upload_plan().await;
        set("of the first").await;
        assert_eq!(world.secrets_of(first).await, ["of the first"]);
        world.delete_plan().await;
        let second = world.upload_plan().await;
        set("of the second").await;
        assert_eq!(world.secrets_of(second).await, ["of the second"]);
        assert_eq!(world.secrets_of(first).await, [""; 0]);
    }
}
