//! The secrets of tenants, and what is on its way to their webhooks.

use std::time::Duration;

use futures_util::future::join_all;
use primitives::{Actor, Secret, TenantId};
use tenancy::webhook::{NewWebhookMessage, WebhookFilter, WebhookMessage, WebhookMessages as _};
use tenancy::{TenantSecret, TenantSecrets as _, Write};
use uuid::Uuid;

use crate::world::World;

impl World {
    async fn put_tenant_secret(&self, name: &str, value: &str) {
        let secret = TenantSecret { name: name.to_owned(), value: Secret::new(value.to_owned()) };
        assert_eq!(self.apply([Write::PutTenantSecret { secret, at: self.now() }]).await, None);
    }

    async fn tenant_secrets(&self) -> Vec<String> {
        let listed = self.storage.list_tenant_secrets(&self.tenant).await.unwrap();
        listed.iter().map(|secret| format!("{}={}", secret.name, secret.value.expose())).collect()
    }

    async fn queue(&self, webhook: &str, id: u128, body: &str) {
        let message = NewWebhookMessage {
            webhook: webhook.to_owned(),
            id: Uuid::from_u128(id),
            topic: "session.created".to_owned(),
            body: body.to_owned(),
            at: self.now(),
        };
        assert_eq!(self.apply([Write::QueueWebhookMessage(Box::new(message))]).await, None);
    }

    async fn due_of(&self, webhook: &str) -> Vec<WebhookMessage> {
        let whose = (self.tenant.clone(), webhook.to_owned());
        self.storage.take_due_webhook_messages(&whose, self.now(), 100).await.unwrap()
    }

    async fn bodies(&self, filter: WebhookFilter) -> Vec<String> {
        let listed = self.storage.list_webhook_messages(&self.tenant, &filter, 100).await.unwrap();
        listed.into_iter().map(|message| message.body).collect()
    }

    async fn give_up(&self, message: WebhookMessage) {
        let (now, until) = (self.now(), self.in_seconds(60));
        let claimed = self.storage.claim_webhook_message(message, until, now).await.unwrap().unwrap();
        let failed = self.storage.fail_webhook_message(claimed, "it answered 500".to_owned(), None, now);
        assert!(failed.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_a_tenant_are_read_as_they_were_put() {
    for mut world in World::each().await {
        world.put_tenant_secret("key", "1").await;
        world.put_tenant_secret("another", "2").await;
        world.put_tenant_secret("key", "3").await;
        assert_eq!(world.tenant_secrets().await, ["another=2", "key=3"]);
        let found = world.storage.find_tenant_secret(&world.tenant, "key").await.unwrap();
        assert_eq!(found.map(|secret| secret.expose().clone()).as_deref(), Some("3"));
        let own = std::mem::replace(&mut world.tenant, "other".parse().unwrap());
        assert_eq!(world.tenant_secrets().await, [""; 0], "another tenant's");
        world.tenant = own;
        let delete = || Write::DeleteTenantSecret { name: "key".to_owned() };
        assert_eq!(world.apply([delete()]).await, None);
        assert_eq!(world.apply([delete()]).await, None, "one that is gone is no error");
        assert_eq!(world.tenant_secrets().await, ["another=2"]);
    }
}

/// Attack: whoever can write to the database has a webhook send another secret than its own.
#[tokio::test(flavor = "multi_thread")]
async fn secret_or_message_under_another_name_does_not_open() {
    for world in World::each().await {
        world.put_tenant_secret("a", "of a").await;
        world.put_tenant_secret("b", "of b").await;
        world
            .raw("UPDATE tenant_secrets SET secret = (SELECT secret FROM tenant_secrets WHERE name = 'b')")
            .await;
        assert!(world.storage.find_tenant_secret(&world.tenant, "a").await.is_err());
        world.queue("crm", 1, "{}").await;
        world.raw("UPDATE webhook_messages SET webhook = 'other'").await;
        let whose = (world.tenant.clone(), "other".to_owned());
        assert!(world.storage.take_due_webhook_messages(&whose, world.now(), 1).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn message_is_kept_once_and_sealed_and_listed_by_age() {
    for mut world in World::each().await {
        world.queue("crm", 1, "first").await;
        world.queue("crm", 1, "the same event, offered again").await;
        world.queue("mail", 1, "of another webhook").await;
        world.clock.advance(Duration::from_secs(1));
        world.queue("crm", 2, "second").await;
        assert_eq!(world.bodies(WebhookFilter::default()).await.len(), 3);
        let of = |webhook: &str| WebhookFilter { webhook: Some(webhook.to_owned()), ..Default::default() };
        assert_eq!(world.bodies(of("crm")).await, ["second", "first"]);
        let listed = world.storage.list_webhook_messages(&world.tenant, &of("crm"), 1).await.unwrap();
        let before = WebhookFilter { before: Some((listed[0].created_at, listed[0].id)), ..of("crm") };
        assert_eq!(world.bodies(before).await, ["first"]);
        let sql = "SELECT topic FROM webhook_messages WHERE CAST(body AS TEXT) LIKE '%first%'";
        assert_eq!(world.raw_texts(sql).await, [""; 0], "it is sealed");
        world.tenant = "other".parse().unwrap();
        assert_eq!(world.bodies(WebhookFilter::default()).await, [""; 0], "another tenant's");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn message_is_claimed_and_finished_once_of_fifty_times() {
    for world in World::each().await {
        world.queue("crm", 1, "{}").await;
        let read = world.due_of("crm").await.remove(0);
        let (now, until) = (world.now(), world.in_seconds(60));
        let claims = (0..50).map(|_| world.storage.claim_webhook_message(read.clone(), until, now));
        let claimed: Vec<_> = join_all(claims).await.into_iter().filter_map(Result::unwrap).collect();
        let [claimed] = claimed.as_slice() else { panic!("{} have it", claimed.len()) };
        assert!(!world.storage.finish_webhook_message(read).await.unwrap(), "read before the claim");
        assert_eq!(world.due_of("crm").await, []);
        let finished = (0..50).map(|_| world.storage.finish_webhook_message(claimed.clone()));
        let finished = join_all(finished).await.into_iter().filter(|done| *done.as_ref().unwrap());
        assert_eq!(finished.count(), 1);
        assert_eq!(world.bodies(WebhookFilter::default()).await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_its_tenants_and_is_sent_again_or_leaves_by_age() {
    for world in World::each().await {
        for id in 1..=3 {
            world.queue("crm", id, &format!("message {id}")).await;
        }
        for message in world.due_of("crm").await {
            world.give_up(message).await;
        }
        assert_eq!(world.due_of("crm").await, []);
        let given_up = || WebhookFilter { given_up: Some(true), ..WebhookFilter::default() };
        assert_eq!(world.bodies(given_up()).await.len(), 3);
        let (by, first) = (|| (Actor::System, world.now()), Some(Uuid::from_u128(1)));
        let other: TenantId = "other".parse().unwrap();
        let resend = |tenant, which| world.storage.resend_webhook_messages(tenant, which, by());
        assert!(!resend(&other, ("crm", first)).await.unwrap());
        assert!(resend(&world.tenant, ("crm", first)).await.unwrap());
        assert!(!resend(&world.tenant, ("crm", first)).await.unwrap(), "it is on its way");
        assert!(resend(&world.tenant, ("mail", None)).await.unwrap());
        assert_eq!(world.due_of("crm").await.len(), 1);
        assert!(resend(&world.tenant, ("crm", None)).await.unwrap());
        let due = world.due_of("crm").await;
        assert_eq!(due.iter().map(|message| message.attempts).collect::<Vec<_>>(), [0, 0, 0]);

        for message in due {
            world.give_up(message).await;
        }
        let trim = async |before| world.storage.trim_webhook_messages(before, 2).await.unwrap();
        assert_eq!(trim(world.in_seconds(-1)).await, 0);
        assert_eq!((trim(world.now()).await, trim(world.now()).await), (2, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_are_due_are_found_one_by_one_and_wait_together() {
    for world in World::each().await {
        world.queue("a", 1, "{}").await;
        world.queue("a", 2, "{}").await;
        world.queue("b", 1, "{}").await;
        let due = async |after: Option<&(TenantId, String)>| {
            world.storage.list_due_webhooks(world.now(), after, 1).await.unwrap()
        };
        let first = due(None).await;
        assert_eq!(first, [(world.tenant.clone(), "a".to_owned())]);
        let second = due(first.first()).await;
        assert_eq!(second, [(world.tenant.clone(), "b".to_owned())]);
        assert_eq!(due(second.first()).await, []);
        world.storage.postpone_webhook_messages(&first[0], world.in_seconds(60), world.now()).await.unwrap();
        assert_eq!(due(None).await, second);
        world.clock.advance(Duration::from_mins(1));
        assert_eq!(due(None).await, first);
        assert_eq!(world.due_of("a").await.iter().map(|message| message.attempts).sum::<u32>(), 0);
    }
}
