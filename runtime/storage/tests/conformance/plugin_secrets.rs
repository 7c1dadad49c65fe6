//! The secrets of plugins: those of the node's file, and those of uploads.

use primitives::{Actor, Secret};
use tenancy::Write;
use tenancy::plugin::uploaded::{SecretFacts, UploadedPlugins as _, UploadedSecret};
use tenancy::plugin::{PluginSecret, PluginSecrets as _};

use crate::uploads::component;
use crate::world::World;

impl World {
    async fn put_secret(&self, plugin: &str, name: &str, value: &str) {
        let value = Secret::new(value.to_owned());
        let secret = PluginSecret { plugin: plugin.to_owned(), name: name.to_owned(), value };
        assert_eq!(self.apply([Write::PutPluginSecret { secret, at: self.now() }]).await, None);
    }

    /// `<name>=<value>` of each secret of a plugin.
    async fn secrets(&self, plugin: &str) -> Vec<String> {
        let listed = self.storage.list_plugin_secrets(&self.tenant, plugin).await.unwrap();
        listed.iter().map(|secret| format!("{}={}", secret.name, secret.value.expose())).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_read_by_their_plugin_as_they_were_put() {
    for world in World::each().await {
        world.put_secret("a", "key", "1").await;
        world.put_secret("b", "key", "2").await;
        world.put_secret("a", "another", "3").await;
        world.put_secret("a", "key", "4").await;
        assert_eq!(world.secrets("a").await, ["another=3", "key=4"]);
        assert_eq!(world.secrets("b").await, ["key=2"]);
        assert_eq!(world.storage.list_secrets_of_plugins(&world.tenant).await.unwrap().len(), 3);
        let delete = || Write::DeletePluginSecret { plugin: "a".to_owned(), name: "key".to_owned() };
        assert_eq!(world.apply([delete()]).await, None);
        assert_eq!(world.apply([delete()]).await, None, "one that is gone is no error");
        assert_eq!(world.secrets("a").await, ["another=3"]);
        assert_eq!(world.secrets("b").await, ["key=2"]);
    }
}

/// Attack: whoever can write to the database gives one plugin the secret of another.
#[tokio::test(flavor = "multi_thread")]
async fn secret_that_was_moved_to_another_plugin_does_not_open() {
    for world in World::each().await {
        world.put_secret("a", "key", "of a").await;
        world.put_secret("b", "key", "of b").await;
        world
            .raw("UPDATE plugin_secrets SET secret = (SELECT secret FROM plugin_secrets WHERE plugin = 'b')")
            .await;
        let moved = world.storage.list_plugin_secrets(&world.tenant, "a").await.unwrap_err();
        assert!(moved.to_string().contains("plugin_secrets.secret"), "{moved}");
        assert_eq!(world.secrets("b").await, ["key=of b"]);
    }
}

/// Secrets of an uploaded plugin: what is told of them, and `<name>=<value>` of each.
async fn of_upload(world: &World, plugin: &str) -> (Vec<String>, Vec<String>) {
    let facts = world.storage.list_secret_facts(&world.tenant, plugin).await.unwrap();
    let id = world.plugin(plugin).await.id;
    let secrets = world.storage.list_uploaded_secrets(&world.tenant, id, plugin).await.unwrap();
    let facts = facts.into_iter().map(|facts| format!("{} by {:?}", facts.name, facts.updated_by));
    let secrets = secrets.iter().map(|secret| format!("{}={}", secret.name, secret.value.expose()));
    (facts.collect(), secrets.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_uploads_are_sealed_apart_and_go_with_their_plugin() {
    for world in World::each().await {
        let put = async |plugin: &str, name: &str, value: &str| {
            let facts =
                SecretFacts { name: name.to_owned(), updated_at: world.now(), updated_by: Actor::System };
            let secret =
                UploadedSecret { plugin: plugin.to_owned(), facts, value: Secret::new(value.to_owned()) };
            assert_eq!(world.apply([Write::PutUploadedSecret(Box::new(secret))]).await, None);
        };
        world.put_secret("a", "key", "of the file").await;
        for plugin in ["a", "b"] {
            world.upload(plugin, component(plugin, 1)).await.unwrap();
        }
        for (plugin, name, value) in
            [("a", "key", "1"), ("a", "key", "2"), ("a", "another", "3"), ("b", "key", "4")]
        {
            put(plugin, name, value).await;
        }
        let told = vec!["another by System".to_owned(), "key by System".to_owned()];
        assert_eq!(of_upload(&world, "a").await, (told, vec!["another=3".to_owned(), "key=2".to_owned()]));
        assert_eq!(world.secrets("a").await, ["key=of the file"]);
        let delete = || Write::DeleteUploadedSecret { plugin: "a".to_owned(), name: "key".to_owned() };
        assert_eq!(world.apply([delete()]).await, None);
        assert_eq!(world.apply([delete()]).await, None, "one that is gone is no error");
        assert_eq!(of_upload(&world, "a").await.1, ["another=3"]);
        assert_eq!(world.apply([Write::DeleteUploadedSecrets { plugin: "a".to_owned() }]).await, None);
        assert_eq!(of_upload(&world, "a").await, (vec![], vec![]));
        assert_eq!(of_upload(&world, "b").await.1, ["key=4"]);
        assert_eq!(world.secrets("a").await, ["key=of the file"]);

        // Attack: whoever can write to the database gives one plugin the secret of another, or of the file.
        for theirs in ["uploaded_plugin_secrets WHERE plugin = 'b'", "plugin_secrets WHERE plugin = 'a'"] {
            put("a", "key", "own").await;
            let stolen = format!(
                "UPDATE uploaded_plugin_secrets SET secret = (SELECT secret FROM {theirs} AND name = 'key')
                 WHERE plugin = 'a'"
            );
            world.raw(&stolen).await;
            let id = world.plugin("a").await.id;
            let moved = world.storage.list_uploaded_secrets(&world.tenant, id, "a").await.unwrap_err();
            assert!(moved.to_string().contains("uploaded_plugin_secrets.secret"), "{moved}");
        }
    }
}

/// Attack: whoever reads the database's file has the secrets.
#[tokio::test(flavor = "multi_thread")]
async fn secret_does_not_stand_in_the_database() {
    for world in World::each().await {
        world.put_secret("a", "key", "hunter2").await;
        let portcullis_storage::Location::Sqlite(path) = &world.location else { continue };
        let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
        for file in files {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(7).any(|found| found == b"hunter2"));
        }
    }
}
