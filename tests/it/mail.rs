//! Mail of a tenant by its own mail server.

use std::time::Duration;

use jobs::{JobName, Outcome};
use serde_json::{Value, json};
use tenancy::ManagedBy;
use testkit::smtp::SmtpServer;

use crate::peer::{declare, sign_up};
use crate::world::World;

async fn tenant(world: &World, id: &str, managed_by: ManagedBy, port: u16) {
    let courier = json!({
        "from_address": format!("hello@{id}.example"), "from_name": "Acme",
        "smtp": { "host": "127.0.0.1", "port": port, "tls": "none", "username": "acme", "password": "smtp" },
    });
    declare(world, (id, managed_by), ("courier", courier), ("smtp", "hunter2")).await;
}

/// The latest message of a tenant as operators see it.
async fn message(world: &World, id: &str) -> Value {
    let (key, list) = (world.key.clone(), "/admin/courier/messages");
    let listed = world.operate(&key, ("GET", list), id, &Value::Null).await.json();
    let one = format!("{list}/{}", listed[0]["id"].as_str().unwrap());
    world.operate(&key, ("GET", &one), id, &Value::Null).await.json()
}

/// Attack: whoever may write a tenant's settings has the node speak SMTP in its own network. Only the operator's file names
/// such a server.
#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_by_the_tenants_own_server_if_it_may_be_called() {
    let world = World::start().await;
    let smtp = SmtpServer::start().await.unwrap();
    tenant(&world, "own", ManagedBy::File, smtp.port()).await;
    tenant(&world, "foreign", ManagedBy::Api, smtp.port()).await;
    sign_up(&world, "own", "ada@acme.example").await;
    sign_up(&world, "foreign", "eve@acme.example").await;
    assert_eq!(world.run_job(JobName::Courier).await, Outcome::Done(1));
    let taken = smtp.taken();
    let [mail] = taken.as_slice() else { panic!("{taken:?}") };
    assert_eq!((mail.from.as_str(), mail.to.as_str()), ("hello@own.example", "ada@acme.example"));
    assert_eq!(smtp.signed_in(), ["acme:hunter2"]);
    assert_eq!(message(&world, "own").await["status"], "sent");
    let refused = message(&world, "foreign").await;
    assert_eq!(refused["status"], "queued", "{refused}");
    assert!(refused["dispatches"][0].to_string().contains("the address is not allowed"), "{refused}");
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(world.run_job(JobName::Courier).await, Outcome::Done(0));
    assert_eq!(smtp.taken().len(), 1, "sent once, and never what may not be");
}

/// Attack: what is resent goes to somebody who was never to get it, or is another tenant's.
#[tokio::test(flavor = "multi_thread")]
async fn messages_that_were_given_up_are_sent_once_more_all_at_once() {
    let world = World::start().await;
    let smtp = SmtpServer::start().await.unwrap();
    tenant(&world, "own", ManagedBy::File, smtp.port()).await;
    tenant(&world, "other", ManagedBy::File, smtp.port()).await;
    for who in ["ada@acme.example", "refused@acme.example", "refused@b.example"] {
        sign_up(&world, "own", who).await;
    }
    let resend = async |id: &str, query: &str| {
        let path = format!("/admin/portcullis/v1/courier/messages/resend{query}");
        let answer = world.operate(&world.key, ("POST", &path), id, &Value::Null).await;
        (answer.status, answer.json()["resent"].clone())
    };
    let asked = |who: &str| smtp.lines().iter().filter(|line| line.contains(who)).count();
    assert_eq!(resend("own", "").await, (200, json!(0)), "all are on their way");
    assert_eq!(world.run_job(JobName::Courier).await, Outcome::Done(1));
    assert_eq!((asked("RCPT TO:<refused@"), asked("RCPT TO:<ada@")), (2, 1));

    assert_eq!(resend("other", "").await, (200, json!(0)));
    assert_eq!(resend("own", "?since=2999-01-01T00:00:00Z").await, (200, json!(0)));
    assert_eq!(resend("own", "?since=yesterday").await.0, 400);
    assert_eq!(resend("own", "").await, (200, json!(2)));
    assert_eq!(resend("own", "").await, (200, json!(0)), "they are on their way");
    world.clock.advance(Duration::from_secs(1));
    world.run_job(JobName::Courier).await;
    assert_eq!((asked("RCPT TO:<refused@"), asked("RCPT TO:<ada@")), (4, 1), "none that was sent");
}
