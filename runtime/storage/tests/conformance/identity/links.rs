//! Links to other providers: one identity each, tokens that are read as they were written, and never none left.

use futures_util::future::join_all;
use identity::ports::Links as _;
use identity::providers::{Link, TokenSet, UpstreamTokens};
use identity::{Identity, NewLink, Write};
use portcullis_storage::ApplyError;
use primitives::{Change, Clock as _, IdentityId, TenantId};

use super::World;

fn link(provider: &str, subject: &str) -> Box<NewLink> {
    let set = TokenSet { access_token: Some("hunter2".to_owned()), ..TokenSet::default() };
    Box::new(NewLink {
        provider: provider.to_owned(),
        subject: subject.to_owned(),
        organisation: None,
        tokens: Some(UpstreamTokens::first(set, None)),
    })
}

impl World {
    pub(super) async fn is_written(&self, write: Write) -> bool {
        match self.storage.apply(Change::new(self.tenant.clone()).write(write)).await {
            Ok(()) => true,
            Err(ApplyError::Missed { .. }) => false,
            Err(ApplyError::Storage(error)) => panic!("{error}"),
        }
    }

    pub(super) async fn link(&self, identity: &Identity, provider: &str, subject: &str) -> bool {
        let (link, at) = (link(provider, subject), self.clock.now());
        self.is_written(Write::LinkProvider { identity: identity.id, link, at }).await
    }

    pub(super) async fn unlink(&self, identity: &Identity, provider: &str, subject: &str) -> bool {
        let (provider, subject) = (provider.to_owned(), subject.to_owned());
        self.is_written(Write::UnlinkProvider { identity: identity.id, provider, subject }).await
    }

    async fn links(&self, identity: &Identity) -> Vec<Link> {
        self.storage.list_links(&self.tenant, identity.id).await.unwrap()
    }

    /// Somebody who has no password.
    async fn without_password(&self, email: &str) -> Identity {
        let traits = serde_json::Map::from_iter([("email".to_owned(), email.into())]);
        let checked = self.schemas.default_schema().check_traits(traits).unwrap();
        let id = IdentityId::generate(&*self.rng);
        let identity = Identity::new(id, &checked, &*self.rng, self.clock.now());
        assert!(self.is_written(Write::InsertIdentity(Box::new(identity.clone()))).await);
        identity
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn link_is_one_identitys_and_is_read_as_it_was_written() {
    for world in World::both().await {
        let (ada, eve) = (world.somebody("ada@example.com").await, world.somebody("eve@example.com").await);
        assert!(world.link(&ada, "acme", "1").await);
        assert!(!world.link(&eve, "acme", "1").await, "whom a provider means is one");
        assert!(!world.link(&ada, "acme", "2").await, "an identity has one link to a provider");
        assert!(world.link(&ada, "other", "1").await && world.link(&eve, "acme", "2").await);
        let (found, read) = world.storage.find_by_link(&world.tenant, "acme", "1").await.unwrap().unwrap();
        assert_eq!((found.id, read.tokens), (ada.id, link("acme", "1").tokens));
        assert_eq!(
            world.links(&ada).await.iter().map(Link::identifier).collect::<Vec<_>>(),
            ["acme:1", "other:1"]
        );
        let other: TenantId = "other".parse().unwrap();
        assert!(world.storage.find_by_link(&other, "acme", "1").await.unwrap().is_none());
        assert!(world.storage.list_links(&other, ada.id).await.unwrap().is_empty());
        assert!(world.is_written(Write::DeleteIdentity(ada.id)).await);
        assert!(world.storage.find_by_link(&world.tenant, "acme", "1").await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_replaced_by_who_read_the_last_ones() {
    for world in World::both().await {
        let ada = world.somebody("ada@example.com").await;
        world.link(&ada, "acme", "1").await;
        let replace = |version| Write::ReplaceLinkTokens {
            provider: "acme".to_owned(),
            subject: "1".to_owned(),
            tokens: Box::default(),
            version,
            at: world.clock.now(),
        };
        assert!(world.is_written(replace(1)).await);
        assert!(!world.is_written(replace(1)).await, "somebody was faster");
        let read = world.links(&ada).await;
        assert_eq!((read[0].version, read[0].tokens.clone()), (2, Some(UpstreamTokens::default())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_way_to_sign_in_stays_however_many_go_at_a_time() {
    for world in World::both().await {
        let ada = world.somebody("ada@example.com").await;
        world.link(&ada, "acme", "1").await;
        assert!(world.unlink(&ada, "acme", "1").await, "there is a password");
        let ada = world.without_password("lovelace@example.com").await;
        for provider in ["a", "b", "c", "d", "e"] {
            assert!(world.link(&ada, provider, "1").await);
        }
        let each = ["a", "b", "c", "d", "e"].map(|provider| world.unlink(&ada, provider, "1"));
        let gone = join_all(each).await.into_iter().filter(|gone| *gone).count();
        assert_eq!((gone, world.links(&ada).await.len()), (4, 1));
    }
}
