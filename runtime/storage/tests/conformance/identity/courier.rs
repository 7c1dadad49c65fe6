//! Messages to people on both databases: sealed, listed by page, one worker's at a time.

use std::time::Duration;

use identity::courier::{CourierMessages as _, Mail, MailTemplate, MessageFilter, MessageStatus, NewMessage};
use identity::identity::AddressKind;
use identity::{Write, courier::CourierMessage};
use primitives::{Actor, Change, Clock as _, Rng as _, TenantId};

use super::World;

fn message(world: &World, recipient: &str) -> NewMessage {
    NewMessage {
        id: world.rng.uuid(),
        template: MailTemplate::RecoveryCodeValid,
        via: AddressKind::Email,
        recipient: recipient.to_owned(),
        mail: Mail {
            subject: "s".to_owned(),
            text: "123456".to_owned(),
            html: String::new(),
            locale: "en".to_owned(),
            data: serde_json::Map::new(),
            from: None,
        },
        organisation: None,
        at: world.clock.now(),
        is_sent: true,
    }
}

async fn queue(world: &World, recipient: &str) {
    let write = Write::QueueMessage(Box::new(message(world, recipient)));
    world.storage.apply(Change::new(world.tenant.clone()).write(write)).await.unwrap();
}

async fn list(world: &World, filter: &MessageFilter, limit: u32) -> Vec<CourierMessage> {
    world.storage.list_messages(&world.tenant, filter, limit).await.unwrap()
}

#[tokio::test]
async fn messages_are_listed_by_page_and_filter() {
    for world in World::both().await {
        for name in ["a", "b", "c", "a"] {
            queue(&world, &format!("{name}@example.com")).await;
            world.clock.advance(Duration::from_secs(1));
        }
        let all = list(&world, &MessageFilter::default(), 10).await;
        let names: Vec<_> = all.iter().map(|m| &m.recipient[..1]).collect();
        assert_eq!(names, ["a", "c", "b", "a"], "the latest first");
        assert_eq!(all[0].mail.text, "123456");
        let before = all.get(1).map(|m| (m.created_at, m.id));
        let next = list(&world, &MessageFilter { before, ..MessageFilter::default() }, 1).await;
        assert_eq!(next, [all[2].clone()]);
        let of_a = MessageFilter { recipient: Some("a@example.com".to_owned()), ..MessageFilter::default() };
        assert_eq!(list(&world, &of_a, 10).await.len(), 2);
        for (status, count) in [(MessageStatus::Queued, 4), (MessageStatus::Sent, 0)] {
            let filter = MessageFilter { status: Some(status), ..MessageFilter::default() };
            assert_eq!(list(&world, &filter, 10).await.len(), count);
        }
        let other: TenantId = "other".parse().unwrap();
        assert_eq!(world.storage.find_message(&other, all[0].id).await, Ok(None));
        assert!(world.storage.list_messages(&other, &MessageFilter::default(), 10).await.unwrap().is_empty());
        assert_eq!(world.storage.find_message(&world.tenant, all[0].id).await, Ok(Some(all[0].clone())));
    }
}

#[tokio::test]
async fn what_waits_for_a_server_that_is_not_there_counts_as_untried_and_others_go_on() {
    use identity::identity::AddressKind;
    for world in World::both().await {
        queue(&world, "a@example.com").await;
        queue(&world, "b@example.com").await;
        let (now, tenant) = (world.clock.now(), world.tenant.clone());
        let (until, storage) = (now.after(Duration::from_secs(10)), &world.storage);
        let due = async |at| {
            let due = storage.take_due_courier_messages(at, 10).await.unwrap();
            due.into_iter().map(|message| (message.recipient, message.send_count)).collect::<Vec<_>>()
        };
        let other: TenantId = "other".parse().unwrap();
        storage.postpone_courier_messages(&other, AddressKind::Email, until, now).await.unwrap();
        storage.postpone_courier_messages(&tenant, AddressKind::Sms, until, now).await.unwrap();
        assert_eq!(due(now).await.len(), 2, "another tenant's, and those of another channel");
        // One is on its way: it is whoever's who has it.
        let first = storage.take_due_courier_messages(now, 1).await.unwrap().remove(0);
        let later = now.after(Duration::from_mins(1));
        let mine = storage.claim_courier_message(first, later, now).await.unwrap().unwrap();
        storage.postpone_courier_messages(&tenant, AddressKind::Email, until, now).await.unwrap();
        assert_eq!(due(now).await, []);
        let waiting = due(until).await;
        assert_eq!(waiting.len(), 1);
        assert!(waiting[0].0 != mine.recipient && waiting[0].1 == 0, "{waiting:?}");
        assert!(storage.finish_courier_message(mine, now).await.unwrap(), "the claim held");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_workers_one_has_a_message() {
    for world in World::both().await {
        queue(&world, "a@example.com").await;
        let now = world.clock.now();
        let due = world.storage.take_due_courier_messages(now, 10).await.unwrap().remove(0);
        let claims = (0..50).map(|_| {
            let (storage, due) = (world.storage.clone(), due.clone());
            tokio::spawn(async move {
                storage.claim_courier_message(due, now.after(Duration::from_mins(1)), now).await.unwrap()
            })
        });
        let mut claimed = Vec::new();
        for claim in claims.collect::<Vec<_>>() {
            claimed.extend(claim.await.unwrap());
        }
        assert_eq!(claimed.len(), 1);
        assert!(
            world.storage.take_due_courier_messages(now, 10).await.unwrap().is_empty(),
            "not due for others"
        );
        let mine = claimed.remove(0);
        assert!(world.storage.finish_courier_message(mine.clone(), now).await.unwrap());
        assert!(!world.storage.finish_courier_message(mine.clone(), now).await.unwrap(), "said once");
        let sent = world.storage.find_message(&world.tenant, mine.id).await.unwrap().unwrap();
        assert_eq!((sent.status, sent.send_count, sent.dispatches.len()), (MessageStatus::Sent, 1, 1));
        let resend = || world.storage.resend_courier_message(&world.tenant, mine.id, Actor::System, now);
        assert!(resend().await.unwrap());
        assert!(!resend().await.unwrap(), "it is on its way");
        assert_eq!(world.storage.take_due_courier_messages(now, 10).await.unwrap().len(), 1);
    }
}

/// Attack: a message that was never to be sent, kept so that nobody sees who has an account, is resent with the others.
#[tokio::test]
async fn what_was_given_up_is_resent_and_nothing_else() {
    for world in World::both().await {
        let (storage, tenant) = (&world.storage, &world.tenant);
        let began = world.clock.now();
        let mut given_up = Vec::new();
        for recipient in ["first@example.com", "second@example.com", "third@example.com"] {
            queue(&world, recipient).await;
            let due = storage.take_due_courier_messages(world.clock.now(), 10).await.unwrap().remove(0);
            let until = world.clock.now().after(Duration::from_mins(1));
            let mine = storage.claim_courier_message(due, until, world.clock.now()).await.unwrap().unwrap();
            given_up.push(mine.id);
            assert!(
                storage.fail_courier_message(mine, "x".to_owned(), None, world.clock.now()).await.unwrap()
            );
            world.clock.advance(Duration::from_secs(10));
        }
        let decoy = NewMessage { is_sent: false, ..message(&world, "nobody@example.com") };
        let sent = message(&world, "sent@example.com");
        let (decoy_id, sent_id) = (decoy.id, sent.id);
        for message in [decoy, sent] {
            let write = Write::QueueMessage(Box::new(message));
            storage.apply(Change::new(tenant.clone()).write(write)).await.unwrap();
        }
        let due = storage.take_due_courier_messages(world.clock.now(), 10).await.unwrap().remove(0);
        let until = world.clock.now().after(Duration::from_mins(1));
        let mine = storage.claim_courier_message(due, until, world.clock.now()).await.unwrap().unwrap();
        assert!(storage.finish_courier_message(mine, world.clock.now()).await.unwrap());

        let resend = async |tenant: &TenantId, since, limit| {
            let by = (Actor::System, world.clock.now());
            storage.resend_abandoned_messages(tenant, (since, limit), by).await.unwrap()
        };
        assert_eq!(resend(&"other".parse().unwrap(), began, 10).await, 0);
        assert_eq!(resend(tenant, world.clock.now(), 10).await, 0);
        assert_eq!(resend(tenant, began.after(Duration::from_secs(1)), 1).await, 1, "the oldest of those");
        let status = async |id| storage.find_message(tenant, id).await.unwrap().unwrap();
        let (first, second) = (status(given_up[0]).await, status(given_up[1]).await);
        assert_eq!((first.status, second.status), (MessageStatus::Abandoned, MessageStatus::Queued));
        assert_eq!((second.send_count, second.next_attempt_at), (0, Some(world.clock.now())));
        assert_eq!(resend(tenant, began, 10).await, 2);
        assert_eq!(resend(tenant, began, 10).await, 0, "all are on their way");
        assert_eq!(status(decoy_id).await.status, MessageStatus::Abandoned);
        assert_eq!(status(sent_id).await.status, MessageStatus::Sent);
    }
}

#[tokio::test]
async fn claimed_message_that_is_given_back_is_as_it_was_and_due_later() {
    for world in World::both().await {
        queue(&world, "a@example.com").await;
        let (now, storage) = (world.clock.now(), &world.storage);
        let until = now.after(Duration::from_mins(1));
        let due = storage.take_due_courier_messages(now, 10).await.unwrap().remove(0);
        let mine = storage.claim_courier_message(due, until, now).await.unwrap().unwrap();
        let later = now.after(Duration::from_secs(5));
        assert!(storage.release_courier_message(mine.clone(), later, now).await.unwrap());
        assert!(!storage.release_courier_message(mine.clone(), later, now).await.unwrap(), "said once");
        assert!(!storage.finish_courier_message(mine.clone(), now).await.unwrap(), "the claim is gone");
        let back = storage.find_message(&world.tenant, mine.id).await.unwrap().unwrap();
        assert_eq!((back.status, back.send_count, back.dispatches.len()), (MessageStatus::Queued, 0, 0));
        assert_eq!(back.next_attempt_at, Some(later));
    }
}
