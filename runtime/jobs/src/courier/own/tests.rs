use std::sync::Mutex;
use std::time::Duration;

use identity::courier::{
    Carried, MailProtection, MailSender, MailServer, MessageStatus, NotCarried, TenantCarriers,
};
use primitives::Secret;
use primitives::message::{MessageContent, NoMessageHook};
use primitives::rng::SeededRng;
use std::sync::Arc;
use testkit::smtp::SmtpServer;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::courier::tests::{queue, states_of};
use crate::courier::{Channels, Mailer, Parcel, Ways};
use crate::outbox::DeliveryError;
use crate::runner::{Outcome, Runner};
use crate::testing::World;

/// Tells of each message that the node's own server was given.
#[derive(Debug)]
struct Told(mpsc::UnboundedSender<String>);

impl Mailer for Told {
    fn send<'a>(&'a self, parcel: &'a Parcel<'a>) -> BoxFuture<'a, Result<(), DeliveryError>> {
        self.0.send(parcel.recipient.to_owned()).unwrap();
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The tenant `acme` has a server of its own.
#[derive(Debug)]
struct Servers(Mutex<Result<MailServer, NotCarried>>);

impl TenantCarriers for Servers {
    fn is_own<'a>(&'a self, message: &'a CourierMessage) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(message.tenant.as_str() == "acme" && message.via == AddressKind::Email))
    }

    fn carry<'a>(
        &'a self,
        message: &'a CourierMessage,
        _: &'a MessageContent,
    ) -> BoxFuture<'a, Result<Carried, NotCarried>> {
        let server = self.0.lock().unwrap().clone();
        let own = message.tenant.as_str() == "acme";
        Box::pin(std::future::ready(match server {
            _ if !own => Ok(Carried::NotHere),
            Ok(server) => Ok(Carried::ByMail(Box::new(server))),
            Err(error) => Err(error),
        }))
    }
}

/// A server whose name no name server knows: only the address that was checked leads to it.
fn server(port: u16) -> MailServer {
    MailServer {
        host: "mail.acme.invalid".to_owned(),
        address: ([127, 0, 0, 1], port).into(),
        protection: MailProtection::None,
        login: Some(("acme".to_owned(), Secret::new("hunter2".to_owned()))),
        local_name: "id.example".to_owned(),
        sender: MailSender { address: Some("hello@acme.example".to_owned()), name: Some("Acme".to_owned()) },
    }
}

fn courier(
    world: &World,
    server: Result<MailServer, NotCarried>,
) -> (Runner, Arc<Servers>, mpsc::UnboundedReceiver<String>) {
    let (told, heard) = mpsc::unbounded_channel();
    let servers = Arc::new(Servers(Mutex::new(server)));
    let ways = Ways {
        mailer: Some(Arc::new(Told(told))),
        channels: Channels::default(),
        hook: Arc::new(NoMessageHook),
        tenants: servers.clone(),
    };
    let settings = config::Courier {
        message_retries: 3,
        timeout: config::Span::seconds(60),
        every: config::Span(Duration::from_millis(1)),
        ..config::Courier::default()
    };
    let rng = Arc::new(SeededRng::new(11));
    (world.runner("one", Courier::new(world.storage.clone(), ways, rng, settings)), servers, heard)
}

/// How often each message of `acme` was tried, and whether it was sent.
async fn tried(world: &World) -> Vec<(String, bool, u32)> {
    let states = states_of(world, "acme").await.into_iter();
    states.map(|(to, status, count, _)| (to, status == MessageStatus::Sent, count)).collect()
}

#[tokio::test]
async fn mail_of_a_tenant_goes_to_its_own_server_and_nobody_elses_does() {
    let world = World::open().await;
    let smtp = SmtpServer::start().await.unwrap();
    let (runner, _, mut heard) = courier(&world, Ok(server(smtp.port())));
    queue(
        &world,
        "acme",
        &["ada@example.com", "later@example.com", "refused@example.com", "bob@example.com"],
    )
    .await;
    queue(&world, "default", &["eve@example.com"]).await;
    assert_eq!(world.run(&runner).await, Outcome::Done(3));
    let mut taken: Vec<_> = smtp.taken().into_iter().map(|mail| (mail.from, mail.to)).collect();
    taken.sort();
    let from = || "hello@acme.example".to_owned();
    assert_eq!(taken, [(from(), "ada@example.com".to_owned()), (from(), "bob@example.com".to_owned())]);
    assert!(smtp.taken()[0].data.contains("From: Acme <hello@acme.example>"), "{:?}", smtp.taken()[0]);
    assert!(smtp.lines().contains(&"EHLO id.example".to_owned()), "{:?}", smtp.lines());
    assert_eq!(smtp.signed_in(), ["acme:hunter2"; 4], "one connection each");
    assert_eq!((heard.try_recv().ok(), heard.try_recv().ok()), (Some("eve@example.com".to_owned()), None));
    // What a server says of one message it does not say of the next.
    let of = |to: &str, sent| (to.to_owned(), sent, 1);
    assert_eq!(
        tried(&world).await,
        [
            of("ada@example.com", true),
            of("bob@example.com", true),
            of("later@example.com", false),
            of("refused@example.com", false)
        ]
    );
}

/// Attack: a tenant's server takes a connection and says nothing.
#[tokio::test]
async fn a_silent_server_of_a_tenants_delays_nobody_elses_mail() {
    let world = World::open().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (runner, _, mut heard) = courier(&world, Ok(server(silent.local_addr().unwrap().port())));
    let many: Vec<String> = (0..40).map(|n| format!("a{n}@example.com")).collect();
    queue(&world, "acme", &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let meanwhile = async {
        let (held, _) = silent.accept().await.unwrap();
        // While it says nothing, others have mail, now and then.
        for to in ["eve@example.com", "mallory@example.com"] {
            queue(&world, "default", &[to]).await;
            assert_eq!(heard.recv().await.as_deref(), Some(to));
        }
        drop((held, silent));
    };
    let (outcome, ()) = tokio::join!(world.run(&runner), meanwhile);
    assert_eq!(outcome, Outcome::Done(2));
    // It was asked once, and nothing that waits behind it counts as tried.
    let tried_once = tried(&world).await.iter().map(|(_, _, count)| count).sum::<u32>();
    assert_eq!(tried_once, 1);
    world.clock.advance(Duration::from_secs(9));
    assert_eq!(world.run(&runner).await, Outcome::NotDue, "until its time has come");
    world.clock.advance(Duration::from_secs(1));
    world.run(&runner).await;
    assert_ne!(tried(&world).await.iter().map(|(_, _, count)| count).sum::<u32>(), 1);
}

#[tokio::test]
async fn each_tenant_has_a_back_off_of_its_own_and_goes_on_where_it_stopped() {
    let world = World::open().await;
    let smtp = SmtpServer::start().await.unwrap();
    let unreachable = NotCarried::Unreachable("the address is not allowed".to_owned());
    let (runner, servers, mut heard) = courier(&world, Err(unreachable));
    queue(&world, "acme", &["ada@example.com", "bob@example.com"]).await;
    assert_eq!(world.run(&runner).await, Outcome::Done(0));
    queue(&world, "acme", &["cleo@example.com"]).await;
    queue(&world, "default", &["eve@example.com"]).await;
    *servers.0.lock().unwrap() = Ok(server(smtp.port()));
    world.clock.advance(Duration::from_secs(1));
    // Whoever has done nothing waits for nobody. What came meanwhile goes: the server may be back.
    assert_eq!(world.run(&runner).await, Outcome::Done(2));
    assert_eq!(heard.try_recv().ok().as_deref(), Some("eve@example.com"));
    assert_eq!(smtp.taken().len(), 1);
    world.clock.advance(Duration::from_secs(9));
    assert_eq!(world.run(&runner).await, Outcome::Done(2));
    let of = |to: &str, count| (to.to_owned(), true, count);
    let mut tried = tried(&world).await;
    let counts: Vec<u32> = tried.iter().map(|(_, _, count)| *count).collect();
    assert_eq!(counts.iter().sum::<u32>(), 4, "one of three was tried twice: {tried:?}");
    for line in &mut tried {
        line.2 = 1;
    }
    assert_eq!(tried, [of("ada@example.com", 1), of("bob@example.com", 1), of("cleo@example.com", 1)]);
}

/// Attack: whoever stands between the node and a tenant's server offers no TLS, or has another certificate.
#[tokio::test]
async fn a_server_of_a_tenants_that_offers_no_tls_is_sent_nothing() {
    for protection in [MailProtection::StartTls, MailProtection::Tls] {
        let world = World::open().await;
        let smtp = SmtpServer::start().await.unwrap();
        let (runner, ..) = courier(&world, Ok(MailServer { protection, ..server(smtp.port()) }));
        queue(&world, "acme", &["ada@example.com"]).await;
        world.run(&runner).await;
        assert!(smtp.taken().is_empty() && smtp.signed_in().is_empty());
        assert!(!smtp.lines().iter().any(|line| line.contains("ada@")), "{:?}", smtp.lines());
        assert_eq!(tried(&world).await, [("ada@example.com".to_owned(), false, 1)]);
    }
}
