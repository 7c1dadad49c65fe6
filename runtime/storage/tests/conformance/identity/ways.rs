//! What somebody signs in with is of several kinds, and the last of it stays whichever kind it is.

use futures_util::future::join_all;
use identity::ports::{Factors as _, Identities as _, Links as _};
use identity::webauthn::KeyKind;
use identity::{Identity, Write};

use super::World;

impl World {
    async fn passkeys(&self, identity: &Identity) -> usize {
        let keys = self.storage.list_keys(&self.tenant, identity.id).await.unwrap();
        keys.iter().filter(|key| key.record.kind == KeyKind::Passkey).count()
    }

    /// How many ways are left, of all kinds.
    async fn ways(&self, identity: &Identity) -> usize {
        let password = self.storage.find_password(&self.tenant, identity.id).await.unwrap();
        let links = self.storage.list_links(&self.tenant, identity.id).await.unwrap();
        usize::from(password.is_some()) + self.passkeys(identity).await + links.len()
    }
}

/// The attack: a password, a passkey and a link are taken away at once, and each removal sees the other two.
#[tokio::test(flavor = "multi_thread")]
async fn one_way_of_three_kinds_stays_however_removals_meet() {
    for world in World::both().await {
        for round in 0..20 {
            let ada = world.somebody(&format!("ada{round}@example.com")).await;
            let (_, passkey) = world.credential(round, KeyKind::Passkey, ada.id);
            assert!(world.is_written(world.added(ada.id, &passkey)).await);
            let (_, second) = world.credential(round + 100, KeyKind::SecondFactor, ada.id);
            assert!(world.is_written(world.added(ada.id, &second)).await);
            assert!(world.link(&ada, "acme", &round.to_string()).await);
            let (provider, subject) = ("acme".to_owned(), round.to_string());
            let removals = [
                Write::RemovePassword(ada.id),
                Write::RemoveKey { identity: ada.id, id: passkey.id },
                Write::UnlinkProvider { identity: ada.id, provider, subject },
            ];
            let gone = join_all(removals.map(|write| world.is_written(write))).await;
            let gone = gone.into_iter().filter(|gone| *gone).count();
            assert_eq!((gone, world.ways(&ada).await), (2, 1), "{}, {round}", world.storage.kind());
        }
    }
}

/// A security key is no way in: it neither keeps the last one from staying, nor is kept itself.
#[tokio::test(flavor = "multi_thread")]
async fn security_key_is_no_way_to_sign_in() {
    for world in World::both().await {
        let ada = world.somebody("ada@example.com").await;
        let (_, second) = world.credential(1, KeyKind::SecondFactor, ada.id);
        assert!(world.is_written(world.added(ada.id, &second)).await);
        assert!(!world.is_written(Write::RemovePassword(ada.id)).await);
        assert!(world.is_written(Write::RemoveKey { identity: ada.id, id: second.id }).await);
        assert_eq!(world.ways(&ada).await, 1);
    }
}

/// Each kind may go where one of another kind stays, and not where none does.
#[tokio::test(flavor = "multi_thread")]
async fn way_goes_where_one_of_another_kind_stays() {
    for world in World::both().await {
        let ada = world.somebody("ada@example.com").await;
        let (_, passkey) = world.credential(1, KeyKind::Passkey, ada.id);
        let add_passkey = || world.added(ada.id, &passkey);
        let remove_passkey = || Write::RemoveKey { identity: ada.id, id: passkey.id.clone() };
        let unlink = || world.unlink(&ada, "acme", "1");
        assert!(world.link(&ada, "acme", "1").await);
        assert!(world.is_written(Write::RemovePassword(ada.id)).await, "there is a link");
        assert!(!unlink().await, "it is the last one");
        assert!(world.is_written(add_passkey()).await);
        assert!(unlink().await, "there is a passkey");
        assert!(!world.is_written(remove_passkey()).await, "it is the last one");
        assert!(world.link(&ada, "acme", "1").await);
        assert!(world.is_written(remove_passkey()).await, "there is a link");
        assert_eq!(world.ways(&ada).await, 1);
    }
}
