//! What clients are told when a session ends: written with its end, once for each client of the session, for nobody else.

use std::time::Duration;

use oauth2::authorization::external::LoginSession;
use oauth2::client::ClientRecord;
use oauth2::grant::Grant;
use oauth2::ports::GrantRepository as _;
use oauth2::write::{SignIns, Write};
use primitives::{Change, IdentityId, SessionId};
use tenancy::webhook::{LOGOUT_PREFIX, WebhookFilter, WebhookMessages as _};
use uuid::Uuid;

use crate::world::{World, client_id};

const ADA: IdentityId = IdentityId(Uuid::from_u128(0xada));
const SESSION: SessionId = SessionId(Uuid::from_u128(1));

impl World {
    fn listening_client(&self, id: &str) -> ClientRecord {
        let mut client = self.client(id);
        client.document.backchannel_logout_uri = Some(format!("https://{id}.example/logout"));
        client
    }

    fn grant_in(&self, session: SessionId, client: &str) -> Grant {
        let mut grant = self.grant(ADA, client);
        grant.subject.session = session;
        grant
    }

    async fn does(&self, write: Write) {
        assert_eq!(self.apply([write]).await, None);
    }

    async fn client_in(&self, client: ClientRecord, sessions: &[SessionId]) {
        let id = client.document.client_id.clone().unwrap();
        self.does(Write::InsertClient(Box::new(client))).await;
        for session in sessions {
            self.does(Write::InsertGrant(Box::new(self.grant_in(*session, id.as_str())))).await;
        }
    }

    async fn tell_of(&self, session: SessionId) {
        self.does(Write::TellClientsOfSession { session, at: self.now() }).await;
    }

    /// Who is to be told, of which session of whom.
    async fn told_of(&self) -> Vec<String> {
        let listed = self.storage.list_webhook_messages(&self.tenant, &WebhookFilter::default(), 100).await;
        let word = |session: Uuid| if session == SESSION.0 { "this" } else { "another" };
        let mut told: Vec<_> = listed
            .unwrap()
            .into_iter()
            .map(|message| {
                assert_eq!((message.body, message.topic.as_str()), (ADA.to_string(), "session.ended"));
                let client = message.webhook.strip_prefix(LOGOUT_PREFIX).unwrap();
                format!("{client} of {}", word(message.id))
            })
            .collect();
        told.sort();
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_the_session_that_listen_are_told_once_each() {
    for mut world in World::each().await {
        let other = SessionId(Uuid::from_u128(2));
        world.client_in(world.listening_client("a"), &[SESSION, SESSION]).await;
        world.client_in(world.listening_client("b"), &[SESSION, other]).await;
        world.client_in(world.listening_client("elsewhere"), &[other]).await;
        world.client_in(world.client("deaf"), &[SESSION]).await;
        let disabled = ClientRecord { enabled: false, ..world.listening_client("disabled") };
        world.client_in(disabled, &[SESSION]).await;
        let own = std::mem::replace(&mut world.tenant, "other".parse().unwrap());
        world.client_in(world.listening_client("a"), &[SESSION]).await;
        world.tenant = own;

        world.tell_of(SESSION).await;
        let expect = ["a of this", "b of this"];
        assert_eq!(world.told_of().await, expect, "on {}", world.storage.kind());
        world.tell_of(SESSION).await;
        assert_eq!(world.told_of().await, expect, "what waits waits once");
        world.tenant = "other".parse().unwrap();
        assert_eq!(world.told_of().await, [""; 0], "another tenant's session of the same id");
    }
}

/// What the person took back before does not end what the app has made of it.
#[tokio::test(flavor = "multi_thread")]
async fn client_whose_grant_was_revoked_is_told() {
    for world in World::each().await {
        world.client_in(world.listening_client("a"), &[SESSION]).await;
        world.does(Write::RevokeGrantsOfSession { session: SESSION, at: world.now() }).await;
        world.tell_of(SESSION).await;
        assert_eq!(world.told_of().await, ["a of this"]);
    }
}

/// Attack: the node ends between the two.
#[tokio::test(flavor = "multi_thread")]
async fn session_that_does_not_end_tells_nobody() {
    for world in World::each().await {
        world.client_in(world.listening_client("a"), &[SESSION]).await;
        let taken = Write::InsertClient(Box::new(world.client("a")));
        let change = Change::new(world.tenant.clone())
            .write(Write::TellClientsOfSession { session: SESSION, at: world.now() })
            .write(taken);
        assert!(world.storage.apply(change).await.is_err());
        assert_eq!(world.told_of().await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_listens_from_when_its_document_says_so_until_it_does_not() {
    for world in World::each().await {
        world.client_in(world.client("a"), &[SESSION]).await;
        for (version, listens) in [(2, true), (3, false)] {
            let client = if listens { world.listening_client("a") } else { world.client("a") };
            let client = Box::new(ClientRecord { version, ..client });
            world.does(Write::UpdateClient { client, expected: version - 1 }).await;
            world.tell_of(SESSION).await;
            assert_eq!(world.told_of().await.len(), usize::from(listens), "version {version}");
            world.raw("DELETE FROM webhook_messages").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn message_is_claimed_and_finished_as_those_of_webhooks_are() {
    for world in World::each().await {
        world.client_in(world.listening_client("a"), &[SESSION]).await;
        world.tell_of(SESSION).await;
        let whose = (world.tenant.clone(), "logout:a".to_owned());
        assert_eq!(
            world.storage.list_due_webhooks(world.now(), None, 10).await.unwrap(),
            std::slice::from_ref(&whose)
        );
        let due = world.storage.take_due_webhook_messages(&whose, world.now(), 10).await.unwrap();
        let [message] = <[_; 1]>::try_from(due).unwrap();
        let until = world.in_seconds(60);
        let claimed =
            world.storage.claim_webhook_message(message, until, world.now()).await.unwrap().unwrap();
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(world.storage.take_due_webhook_messages(&whose, world.now(), 10).await.unwrap(), []);
        assert!(world.storage.finish_webhook_message(claimed).await.unwrap());
        assert_eq!(world.told_of().await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_session_are_found_whatever_became_of_their_grants() {
    for world in World::each().await {
        for client in ["b", "a", "c"] {
            world.client_in(world.client(client), &[SESSION, SESSION]).await;
        }
        world.does(Write::RevokeGrantsOfClient { client: client_id("b"), at: world.now() }).await;
        let found =
            async |limit| world.storage.list_clients_of_session(&world.tenant, SESSION, limit).await.unwrap();
        assert_eq!(found(10).await, ["a", "b", "c"].map(client_id));
        assert_eq!(found(2).await, ["a", "b"].map(client_id));
        let other = SessionId(Uuid::nil());
        assert_eq!(world.storage.list_clients_of_session(&world.tenant, other, 10).await.unwrap(), []);
    }
}

/// Attack: a login app's person is signed out by an operator, and the apps that they used go on.
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_sign_in_at_a_login_app_are_told_when_it_ends() {
    for world in World::each().await {
        let at = world.now();
        for (cookie, end) in [
            ("1", Write::DeleteLoginSession { session: SESSION, at }),
            ("2", Write::DeleteLoginSessions { subject: ADA, which: SignIns::All, at }),
        ] {
            let login = LoginSession { id: SESSION, ..world.login_session(ADA, cookie) };
            world.does(Write::InsertLoginSession(Box::new(login))).await;
            world.client_in(world.listening_client(&format!("a{cookie}")), &[SESSION]).await;
            world.client_in(world.client(&format!("deaf{cookie}")), &[SESSION]).await;
            world.does(end).await;
            assert!(world.told_of().await.contains(&format!("a{cookie} of this")));
        }
        assert_eq!(world.told_of().await, ["a1 of this", "a2 of this"]);
    }
}
