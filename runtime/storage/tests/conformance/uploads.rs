//! Uploaded plugins: their versions and components, within the tenant's room.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use portcullis_storage::ApplyError;
use primitives::{Actor, TenantId, UploadedPluginId};
use tenancy::Write;
use tenancy::plugin::uploaded::{
    Asked, CheckedComponent, ComponentFacts, ComponentRoom, Upload, UploadedPlugin, UploadedPlugins as _,
    Uploading, upload,
};

use crate::world::World;

const ROOM: ComponentRoom = ComponentRoom { versions: 4, bytes: 100 };

/// A component of so many bytes; `hash` stands for its SHA-256.
pub(crate) fn component(hash: &str, bytes: usize) -> CheckedComponent {
    let facts = ComponentFacts {
        sha256: hash.to_owned(),
        bytes: bytes as u64,
        hooks: BTreeSet::new(),
        capabilities: BTreeSet::new(),
        imports: vec!["portcullis:host/log@0.1.0".to_owned()],
        exports: Vec::new(),
    };
    CheckedComponent::found(Arc::from(vec![7; bytes]), facts)
}

pub(crate) fn asked<'a>(world: &World, tenant: &'a TenantId) -> Asked<'a> {
    Asked { tenant, actor: Actor::System, now: world.now() }
}

impl World {
    /// Uploads to a plugin: the version that it becomes, or the write that misses.
    pub(crate) async fn upload(&self, name: &str, component: CheckedComponent) -> Result<u32, usize> {
        self.upload_as(UploadedPluginId::generate(&*self.rng), name, component).await
    }

    /// The same, with the id that the plugin gets if it is new.
    pub(crate) async fn upload_as(
        &self,
        id: UploadedPluginId,
        name: &str,
        component: CheckedComponent,
    ) -> Result<u32, usize> {
        let known = self.storage.list_uploaded_plugins(&self.tenant).await.unwrap();
        let versions = self.storage.list_plugin_versions(&self.tenant, name).await.unwrap();
        let asked = asked(self, &self.tenant);
        let uploading = Uploading { name, id, component, room: ROOM };
        match upload(&asked, uploading, (&known, &versions)).unwrap() {
            Upload::Known(version) => Ok(version.version),
            Upload::New(version, change) => match self.storage.apply(change).await {
                Ok(()) => Ok(version.version),
                Err(ApplyError::Missed { write }) => Err(write),
                Err(ApplyError::Storage(error)) => panic!("{error}"),
            },
        }
    }

    pub(crate) async fn plugin(&self, name: &str) -> UploadedPlugin {
        self.storage.find_uploaded_plugin(&self.tenant, name).await.unwrap().unwrap()
    }

    async fn usage(&self) -> (u64, u64) {
        let ComponentRoom { versions, bytes } = self.storage.component_usage(&self.tenant).await.unwrap();
        (versions, bytes)
    }

    /// Whether the components of these hashes are there.
    async fn has(&self, hashes: &[&str]) -> Vec<bool> {
        let found = hashes.iter().map(|hash| self.storage.find_component(&self.tenant, hash));
        join_all(found).await.into_iter().map(|found| found.unwrap().is_some()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_listed_and_their_components_found_as_they_were_put() {
    for world in World::each().await {
        assert_eq!(world.upload("plan", component("a", 3)).await, Ok(1));
        assert_eq!(world.upload("plan", component("b", 4)).await, Ok(2));
        assert_eq!(world.upload("plan", component("a", 3)).await, Ok(1), "equal bytes are the same version");
        assert_eq!(world.upload("other", component("a", 3)).await, Ok(1));
        let versions = world.storage.list_plugin_versions(&world.tenant, "plan").await.unwrap();
        let found: Vec<_> =
            versions.iter().map(|version| (version.version, version.facts.sha256.as_str())).collect();
        assert_eq!(found, [(2, "b"), (1, "a")]);
        assert_eq!(&versions[1].facts, component("a", 3).facts());
        assert_eq!(world.storage.find_component(&world.tenant, "b").await.unwrap(), Some(vec![7; 4]));
        assert_eq!(world.usage().await, (3, 7), "the same component counts once");
        let names: Vec<_> = world.storage.list_uploaded_plugins(&world.tenant).await.unwrap();
        let names: Vec<_> = names.iter().map(|plugin| plugin.name.as_str()).collect();
        assert_eq!(names, ["other", "plan"]);
    }
}

/// Attack: a tenant fills the database.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_room_is_not_put() {
    for world in World::each().await {
        assert_eq!(world.upload("plan", component("large", 101)).await, Err(Upload::ROOM));
        assert_eq!(world.upload("plan", component("a", 60)).await, Ok(1));
        assert_eq!(world.upload("plan", component("b", 41)).await, Err(Upload::ROOM));
        assert_eq!(world.upload("other", component("a", 60)).await, Ok(1), "which is there already");
        assert_eq!(world.upload("plan", component("c", 40)).await, Ok(2));
        assert_eq!(world.upload("plan", component("d", 0)).await, Ok(3));
        assert_eq!(world.upload("plan", component("e", 0)).await, Err(Upload::ROOM), "a fifth version");
        assert_eq!((world.usage().await, world.has(&["b", "e"]).await), ((4, 100), vec![false, false]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_at_once_do_not_exceed_the_room_together() {
    for world in World::each().await {
        let names: Vec<String> = (0..12).map(|number| format!("plugin-{number}")).collect();
        let uploads = names.iter().map(|name| world.upload(name, component(name, 30)));
        let done = join_all(uploads).await;
        assert_eq!(done.iter().filter(|done| **done == Ok(1)).count(), 3, "{done:?}");
        assert!(done.iter().all(|done| matches!(done, Ok(1) | Err(Upload::ROOM))), "{done:?}");
        assert_eq!(world.usage().await, (3, 90));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_gives_its_room_back_unless_another_version_has_it() {
    for world in World::each().await {
        for (plugin, hash) in [("plan", "a"), ("plan", "b"), ("other", "a")] {
            world.upload(plugin, component(hash, 10)).await.unwrap();
        }
        let asked = asked(&world, &world.tenant);
        let versions = world.storage.list_plugin_versions(&world.tenant, "plan").await.unwrap();
        let delete = async |version| {
            let change = world.plugin("plan").await.delete_version(version, &versions, &asked).unwrap();
            world.storage.apply(change).await.unwrap();
            (world.usage().await, world.has(&["a", "b"]).await)
        };
        assert_eq!(delete(1).await, ((2, 20), vec![true, true]));
        assert_eq!(delete(2).await, ((1, 10), vec![true, false]));
        assert_eq!(world.upload("plan", component("c", 10)).await, Ok(3), "no number is given twice");
        for (plugin, usage, has) in
            [("other", (1, 10), vec![false, true]), ("plan", (0, 0), vec![false, false])]
        {
            let change = world.plugin(plugin).await.delete(&asked, false).unwrap();
            world.storage.apply(change).await.unwrap();
            assert_eq!((world.usage().await, world.has(&["a", "c"]).await), (usage, has), "{plugin}");
        }
        assert_eq!(world.upload("plan", component("a", 10)).await, Ok(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_change_a_plugin_at_once_one_decides_anew() {
    for world in World::each().await {
        world.upload("plan", component("a", 10)).await.unwrap();
        let plugin = Box::new(UploadedPlugin { revision: 2, ..world.plugin("plan").await });
        world.race(Write::PutUploadedPlugin { plugin, reloads: true }).await;
        let id = world.plugin("plan").await.id;
        let stale = Write::DeleteUploadedPlugin { plugin: "plan".to_owned(), id, revision: 1 };
        assert_eq!(world.apply([stale]).await, Some(0));
        assert_eq!(world.has(&["a"]).await, [true]);
    }
}

/// Attack: what was decided on a plugin changes another that has its name, and by chance its revision.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_on_a_deleted_plugin_changes_none_of_its_name() {
    for world in World::each().await {
        let asked = asked(&world, &world.tenant);
        world.upload("plan", component("a", 10)).await.unwrap();
        let first = world.plugin("plan").await;
        world.storage.apply(first.delete(&asked, false).unwrap()).await.unwrap();
        world.upload("plan", component("a", 10)).await.unwrap();
        let second = world.plugin("plan").await;
        assert_eq!((first.revision, first.id == second.id), (second.revision, false));

        let late = Box::new(UploadedPlugin { revision: 2, ..first.clone() });
        assert_eq!(world.apply([Write::PutUploadedPlugin { plugin: late, reloads: true }]).await, Some(0));
        let late = first.delete(&asked, false).unwrap();
        assert!(matches!(world.storage.apply(late).await, Err(ApplyError::Missed { write: 0 })));
        assert_eq!(world.plugin("plan").await, second);
        assert_eq!(world.has(&["a"]).await, [true]);
    }
}
