//! Sets of keys that an operator keeps: sealed, one of each name, the newest first.

use jose::key_set::{KeyOfSet, NamedSet, SetName};
use jose::ports::{KeySets as _, ReadError};
use jose::{SigningAlgorithm, Write, generate};

use crate::world::World;

/// The name of a set.
pub(crate) fn set_name(name: &str) -> SetName {
    let Ok(NamedSet::Kept(name)) = name.parse() else { panic!("{name}") };
    name
}

impl World {
    pub(crate) fn kept_key(&self, set: &str, kid: &str) -> KeyOfSet {
        let pair = generate(SigningAlgorithm::EdDsa, &*self.rng).unwrap();
        let mut document: serde_json::Value = serde_json::from_str(&pair.to_json()).unwrap();
        document.as_object_mut().unwrap().insert("kid".to_owned(), kid.into());
        KeyOfSet::parse(&set_name(set), document.to_string().as_bytes(), self.now()).unwrap()
    }

    async fn kept(&self, set: &str) -> Vec<(String, String)> {
        let keys = self.storage.list_keys_of_set(&self.tenant, &set_name(set)).await.unwrap();
        keys.iter().map(|key| (key.kid.to_string(), key.document().to_owned())).collect()
    }
}

fn insert(key: &KeyOfSet) -> Write {
    Write::InsertKeyOfSet(Box::new(key.clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_read_as_it_was_written_once_in_its_set() {
    for world in World::each().await {
        let key = world.kept_key("services", "k");
        assert_eq!(world.apply([insert(&key)]).await, None);
        assert_eq!(
            world.apply([insert(&world.kept_key("services", "k"))]).await,
            Some(0),
            "its name is taken"
        );
        assert_eq!(world.apply([insert(&world.kept_key("others", "k"))]).await, None, "each set has its own");
        assert_eq!(world.kept("services").await, [("k".to_owned(), key.document().to_owned())]);
        assert!(world.kept("nothing").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_key_comes_first_and_sets_are_deleted_key_by_key_or_whole() {
    for world in World::each().await {
        let mut newer = world.kept_key("services", "b");
        newer.created_at = world.in_seconds(1);
        let keys = [world.kept_key("services", "a"), newer, world.kept_key("others", "a")];
        assert_eq!(world.apply(keys.iter().map(insert)).await, None);
        let names =
            async |set: &str| world.kept(set).await.into_iter().map(|(kid, _)| kid).collect::<Vec<_>>();
        assert_eq!(names("services").await, ["b", "a"]);
        let delete = || Write::DeleteKeyOfSet { set: set_name("services"), kid: "b".parse().unwrap() };
        for _ in 0..2 {
            assert_eq!(world.apply([delete()]).await, None);
            assert_eq!(names("services").await, ["a"]);
        }
        assert_eq!(world.apply([Write::DeleteKeySet { set: set_name("services") }]).await, None);
        assert_eq!((names("services").await.len(), names("others").await.len()), (0, 1));
    }
}

/// Two operators make a key of one name at once.
#[tokio::test(flavor = "multi_thread")]
async fn name_is_taken_once_of_fifty_times() {
    for world in World::each().await {
        world.race(insert(&world.kept_key("services", "k"))).await;
    }
}

/// Attack: whoever writes to the database moves a key to another name, or reads it there.
#[tokio::test(flavor = "multi_thread")]
async fn document_is_sealed_and_opens_in_its_own_place_only() {
    for world in World::each().await {
        assert_eq!(world.apply([insert(&world.kept_key("services", "k"))]).await, None);
        world.raw("UPDATE key_set_keys SET set_name = 'public' WHERE kid = 'k'").await;
        let moved = world.storage.list_keys_of_set(&world.tenant, &set_name("public")).await.unwrap_err();
        let ReadError::Inconsistent(text) = moved else { panic!("{moved}") };
        assert!(text.contains("key_set_keys.document"), "{text}");
    }
}
