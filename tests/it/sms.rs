//! Text messages from the form to the service that takes them, and back: over a service of the tenant's own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs::{JobName, Outcome};
use primitives::{Actor, Clock as _};
use serde_json::{Value, json};
use tenancy::{ManagedBy, Tenant};

use crate::browser::{Browser, Response};
use crate::peer::Peer;
use crate::world::World;

const TENANT: &str = "texting";
const PASSWORD: &str = "moss-covered lantern 71";
const ADA: &str = "+49301234567";
/// Longer than the courier rests.
const PAUSE: Duration = Duration::from_secs(10);

/// A service that keeps what it was to send.
struct Service {
    peer: Peer,
    taken: Arc<Mutex<Vec<Value>>>,
}

impl Service {
    async fn start() -> Self {
        let taken = Arc::<Mutex<Vec<Value>>>::default();
        let kept = taken.clone();
        let peer = Peer::start(move |_, body| {
            kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            (200, String::new())
        });
        Self { peer: peer.await, taken }
    }

    /// Has one message sent, and returns it.
    async fn one(&self, world: &World) -> Value {
        world.clock.advance(PAUSE);
        assert_eq!(world.run_job(JobName::Courier).await, Outcome::Done(1));
        let taken = std::mem::take(&mut *self.taken.lock().unwrap());
        let [message] = taken.as_slice() else { panic!("{taken:?}") };
        assert_eq!((&message["channel"], &message["recipient"]), (&json!("sms"), &json!(ADA)));
        message.clone()
    }

    async fn code(&self, world: &World) -> String {
        let message = self.one(world).await;
        let text = message["body"].as_str().unwrap();
        assert!(text.len() <= 160, "it is sent as one: {text}");
        let digits = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
        text.split_whitespace().find(digits).unwrap_or_else(|| panic!("{text}")).to_owned()
    }
}

async fn begun(world: &World) -> Service {
    let service = Service::start().await;
    let phone = json!({"type": "string", "format": "tel", "ory.sh/kratos": {
        "credentials": {"password": {"identifier": true}, "code": {"identifier": true, "via": "sms"}},
        "verification": {"via": "sms"}, "recovery": {"via": "sms"},
    }});
    let traits = json!({"type": "object", "properties": {"phone": phone}, "required": ["phone"]});
    let schema = json!({"type": "object", "properties": {"traits": traits}});
    let schemas = json!({"default": {"schema": schema, "selfservice_selectable": true}});
    let sections = [
        ("courier", json!({"channels": {"sms": {"url": service.peer.url("/messages")}}})),
        ("identity", json!({"schemas": schemas, "code": {"passwordless_enabled": true}})),
    ];
    let mut tenant = Tenant::new(TENANT.parse().unwrap(), ManagedBy::File, world.clock.now());
    for (section, settings) in sections {
        tenant.settings.document.insert(section.to_owned(), settings);
    }
    world.storage.apply(tenant.create(Actor::System)).await.unwrap();
    service
}

/// Submits a form of a native application, or a new one of this kind.
async fn submit(world: &World, form: Result<&Value, &str>, body: Value) -> Response {
    let begun = match form {
        Ok(form) => form.clone(),
        Err(kind) => {
            let start = format!("{}/self-service/{kind}/api", world.tenant(TENANT));
            Browser::default().get_json(&start).await.json()
        }
    };
    Browser::default().post_json(begun["ui"]["action"].as_str().unwrap(), &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn code_reaches_the_phone_and_its_owner_verifies_signs_in_and_gets_back_in() {
    let world = World::start().await;
    let service = begun(&world).await;
    let body =
        json!({"method": "password", "password": PASSWORD, "traits": {"phone": "+49 (0)30 / 123 45 67"}});
    let made = submit(&world, Err("registration"), body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["identity"]["id"].clone();
    assert_eq!(made.json()["identity"]["traits"]["phone"], ADA);
    let step = &made.json()["continue_with"][0];
    assert_eq!(
        (&step["action"], &step["flow"]["verifiable_address"]),
        (&json!("show_verification_ui"), &json!(ADA))
    );
    let path = format!("{}/self-service/verification", world.tenant(TENANT));
    let form = json!({"ui": {"action": format!("{path}?flow={}", step["flow"]["id"].as_str().unwrap())}});
    let verified =
        submit(&world, Ok(&form), json!({"method": "code", "code": service.code(&world).await})).await;
    assert_eq!(
        (verified.status, &verified.json()["state"]),
        (200, &json!("passed_challenge")),
        "{}",
        verified.text()
    );

    let asked = submit(&world, Err("login"), json!({"method": "code", "identifier": "+49-30-1234567"})).await;
    assert_eq!(asked.json()["state"], "sent_email", "{}", asked.text());
    let code = json!({"method": "code", "code": service.code(&world).await});
    let signed_in = submit(&world, Ok(&asked.json()), code).await;
    assert_eq!(
        (signed_in.status, &signed_in.json()["session"]["identity"]["id"]),
        (200, &id),
        "{}",
        signed_in.text()
    );

    let asked = submit(&world, Err("recovery"), json!({"method": "code", "recovery_address": ADA})).await;
    assert_eq!((asked.status, &asked.json()["state"]), (200, &json!("sent_email")), "{}", asked.text());
    let code = json!({"method": "code", "code": service.code(&world).await});
    let back = submit(&world, Ok(&asked.json()), code.clone()).await;
    assert_eq!(back.json()["continue_with"][0]["action"], "set_ory_session_token", "{}", back.text());
    assert_eq!(submit(&world, Ok(&asked.json()), code).await.status, 400, "it counts once");

    // Nobody's number: the same answer, and nothing is sent.
    let nobody = json!({"method": "code", "recovery_address": "+49301234560"});
    let asked = submit(&world, Err("recovery"), nobody).await;
    assert_eq!((asked.status, &asked.json()["state"]), (200, &json!("sent_email")), "{}", asked.text());
    world.clock.advance(PAUSE);
    assert_eq!(world.run_job(JobName::Courier).await, Outcome::NotDue);
    assert!(service.taken.lock().unwrap().is_empty());
}
