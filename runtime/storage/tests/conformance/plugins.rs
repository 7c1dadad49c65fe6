//! What plugins keep.

use std::time::Duration;

use futures_util::future::join_all;
use primitives::Timestamp;
use serde_json::json;
use tenancy::plugin::PluginValues as _;
use tenancy::plugin::uploaded::UploadedPlugins as _;
use tenancy::plugin::values::{KeptValue, PutValue, Replaces, Room, ValueError, ValueOwner};

use crate::uploads::{asked, component};
use crate::world::World;

/// Attack: whoever gets a deleted plugin's name reads what it kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_kept_goes_when_it_is_deleted_and_stays_while_it_is_disabled() {
    for world in World::each().await {
        let asked = asked(&world, &world.tenant);
        let values = async |plugin: &str| (world.value(plugin, b"a").await, world.value(plugin, b"b").await);
        let kept = (Some(b"x".to_vec()), Some(b"y".to_vec()));
        for plugin in ["plan", "other"] {
            world.upload(plugin, component(plugin, 10)).await.unwrap();
            for (key, value) in [(b"a", b"x"), (b"b", b"y")] {
                assert_eq!(world.put(plugin, (key, value), Replaces::Nothing).await, Ok(()));
            }
        }
        let find = async || world.storage.find_uploaded_plugin(&world.tenant, "plan").await.unwrap().unwrap();
        let versions = world.storage.list_plugin_versions(&world.tenant, "plan").await.unwrap();
        let plugin = find().await;
        let first = serde_json::from_value(json!({ "version": 1 })).unwrap();
        let enablement = plugin.propose(first, &versions, &asked).unwrap();
        let (enabled, change) = plugin.enable(enablement, "plugin.enabled", &asked);
        world.storage.apply(change).await.unwrap();
        let (_, change) = enabled.disable(&asked).unwrap();
        world.storage.apply(change).await.unwrap();
        assert_eq!(values("plan").await, kept, "disabled");

        // Its settings declare another of this name, whose values they are now.
        let declared = find().await.delete(&asked, true).unwrap();
        world.storage.apply(declared).await.unwrap();
        assert_eq!(values("plan").await, kept, "declared");

        world.upload("plan", component("plan", 10)).await.unwrap();
        world.storage.apply(find().await.delete(&asked, false).unwrap()).await.unwrap();
        assert_eq!(values("plan").await, (None, None), "deleted");
        assert_eq!(values("other").await, kept, "another plugin's");
        assert_eq!(world.free_places("plan").await, 4, "what is gone takes no room");
    }
}

pub(crate) const ROOM: Room = Room { entries: 4, bytes: 1_000 };

impl World {
    fn owner<'a>(&'a self, plugin: &'a str) -> ValueOwner<'a> {
        ValueOwner { tenant: &self.tenant, plugin, upload: None }
    }

    async fn put(
        &self,
        plugin: &str,
        (key, value): (&[u8], &[u8]),
        replaces: Replaces,
    ) -> Result<(), ValueError> {
        self.put_until(plugin, (key, value), replaces, None).await
    }

    async fn put_until(
        &self,
        plugin: &str,
        (key, value): (&[u8], &[u8]),
        replaces: Replaces,
        expires_at: Option<Timestamp>,
    ) -> Result<(), ValueError> {
        let kept = KeptValue { value: value.to_vec(), expires_at };
        let put = PutValue { key: key.to_vec(), kept, replaces, room: ROOM };
        self.storage.put_value(self.owner(plugin), put, self.now()).await
    }

    pub(crate) async fn value(&self, plugin: &str, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.storage.find_value(self.owner(plugin), key, self.now()).await.unwrap();
        found.map(|kept| kept.value)
    }

    /// How many more values of one byte, under keys of one byte, the plugin may keep.
    async fn free_places(&self, plugin: &str) -> usize {
        let mut free = 0;
        while self.put(plugin, (&[200 + free], b"x"), Replaces::Nothing).await == Ok(()) {
            free += 1;
        }
        for key in 0..free {
            self.storage.delete_value(self.owner(plugin), &[200 + key]).await.unwrap();
        }
        usize::from(free)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn value_is_found_as_it_was_put_by_its_plugin_alone() {
    for world in World::each().await {
        // Attack: a key that is no text to PostgreSQL, or that is SQL.
        for key in
            [&b"a"[..], b"a\0b", b"\0", b"'; DROP TABLE tenants; --", "\u{fffd}é".as_bytes(), &[0xff; 256]]
        {
            for value in [&b""[..], b"\0\xff", &[7; 300]] {
                assert_eq!(world.put("a", (key, value), Replaces::Anything).await, Ok(()));
                assert_eq!(world.value("a", key).await.as_deref(), Some(value), "{key:?}");
                assert_eq!(world.value("b", key).await, None);
            }
            world.storage.delete_value(world.owner("b"), key).await.unwrap();
            assert!(world.value("a", key).await.is_some());
            for _ in 0..2 {
                world.storage.delete_value(world.owner("a"), key).await.unwrap();
                assert_eq!(world.value("a", key).await, None);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn value_is_put_only_where_it_replaces_what_was_expected() {
    let value = |text: &[u8]| Replaces::Value(text.to_vec());
    for world in World::each().await {
        for (replaces, new, expect) in [
            (value(b"1"), b"2", Err(ValueError::Other)),
            (Replaces::Nothing, b"1", Ok(())),
            (Replaces::Nothing, b"2", Err(ValueError::Other)),
            (value(b"3"), b"2", Err(ValueError::Other)),
            (value(b"1"), b"2", Ok(())),
            (Replaces::Anything, b"3", Ok(())),
        ] {
            let before = world.value("a", b"k").await;
            assert_eq!(world.put("a", (b"k", new), replaces.clone()).await, expect, "{replaces:?}");
            let after = if expect.is_ok() { Some(new.to_vec()) } else { before };
            assert_eq!(world.value("a", b"k").await, after, "{replaces:?}");
        }
        assert_eq!(world.free_places("a").await, 3, "what was refused counts for nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_one_begins_a_value() {
    for world in World::each().await {
        let begin = |number: u8| {
            let world = &world;
            async move { world.put("a", (b"k", &[number]), Replaces::Nothing).await }
        };
        let outcomes = join_all((0..16).map(begin)).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let others = outcomes.iter().filter(|outcome| **outcome == Err(ValueError::Other)).count();
        assert_eq!(others, 15, "{outcomes:?}");
        assert_eq!(world.free_places("a").await, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_value_is_not_there_and_makes_way() {
    for world in World::each().await {
        let until = |seconds| Some(world.in_seconds(seconds));
        assert_eq!(world.put_until("a", (b"k", b"1"), Replaces::Anything, until(10)).await, Ok(()));
        world.clock.advance(Duration::from_secs(9));
        assert_eq!(world.value("a", b"k").await.as_deref(), Some(&b"1"[..]));
        assert_eq!(world.put("a", (b"k", b"2"), Replaces::Nothing).await, Err(ValueError::Other));
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.value("a", b"k").await, None);
        let old = Replaces::Value(b"1".to_vec());
        assert_eq!(world.put("a", (b"k", b"2"), old).await, Err(ValueError::Other));
        assert_eq!(world.put("a", (b"k", b"2"), Replaces::Nothing).await, Ok(()));
        assert_eq!(world.value("a", b"k").await.as_deref(), Some(&b"2"[..]));
    }
}

/// Attack: a plugin fills the disk.
#[tokio::test(flavor = "multi_thread")]
async fn plugin_keeps_no_more_than_its_room() {
    for world in World::each().await {
        for key in 0..4 {
            assert_eq!(world.put("a", (&[key], b"x"), Replaces::Anything).await, Ok(()));
        }
        assert_eq!(world.put("a", (&[4], b"x"), Replaces::Anything).await, Err(ValueError::Full));
        assert_eq!(world.value("a", &[4]).await, None);
        assert_eq!(world.put("b", (&[4], b"x"), Replaces::Anything).await, Ok(()), "another's room");
        // Three values of two bytes, and one with its key.
        let largest = vec![0; 1_000 - 6 - 1];
        assert_eq!(world.put("a", (&[0], &largest), Replaces::Anything).await, Ok(()), "in its own place");
        let too_large = vec![0; largest.len() + 1];
        assert_eq!(world.put("a", (&[0], &too_large), Replaces::Anything).await, Err(ValueError::Full));
        assert_eq!(world.value("a", &[0]).await, Some(largest));
        world.storage.delete_value(world.owner("a"), &[0]).await.unwrap();
        assert_eq!(world.free_places("a").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn room_holds_when_many_write_at_once() {
    for world in World::each().await {
        for _ in 0..3 {
            let write = |number: u8| {
                let world = &world;
                async move {
                    // Several at once under each key, so that who comes second must see what the first left.
                    let key = [number % 3];
                    let written = world.put("a", (&key, b"x"), Replaces::Anything).await;
                    if number.is_multiple_of(8) {
                        world.storage.delete_value(world.owner("a"), &key).await.unwrap();
                    }
                    written
                }
            };
            join_all((0..24).map(write)).await;
            let mut kept = 0;
            for key in 0..24 {
                kept += usize::from(world.value("a", &[key]).await.is_some());
            }
            assert!(kept <= 4, "{kept}");
            assert_eq!(world.free_places("a").await, 4 - kept, "what is counted is what is kept");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_values_leave_in_batches_and_give_their_room_back() {
    for world in World::each().await {
        for plugin in ["a", "b"] {
            for key in 0..4 {
                let end = (key > 0).then(|| world.in_seconds(i64::from(key) * 10));
                assert_eq!(world.put_until(plugin, (&[key], b"x"), Replaces::Anything, end).await, Ok(()));
            }
        }
        world.clock.advance(Duration::from_secs(20));
        let mut deleted = Vec::new();
        loop {
            let counts = world.storage.delete_expired(world.now(), 3).await.unwrap();
            deleted.push(counts.plugin_values);
            if !counts.is_full(3) {
                break;
            }
        }
        assert_eq!(deleted, [3, 1], "of all plugins");
        for plugin in ["a", "b"] {
            assert!(world.value(plugin, &[0]).await.is_some() && world.value(plugin, &[3]).await.is_some());
            assert_eq!(world.free_places(plugin).await, 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_values_that_nobody_deleted_yet_do_not_fill_the_room() {
    for world in World::each().await {
        for key in 0..4 {
            let end = Some(world.in_seconds(1));
            assert_eq!(world.put_until("a", (&[key], b"x"), Replaces::Anything, end).await, Ok(()));
        }
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.put("a", (b"new", b"x"), Replaces::Anything).await, Ok(()));
        assert_eq!(world.free_places("a").await, 3);
    }
}
