//! The check that a person is there, by a service of its own kind at the end of a real connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tenancy::ManagedBy;

use crate::peer::{Peer, declare, try_sign_up};
use crate::world::World;

const SECRET: &str = "0xhunter2";

/// A service of the form of `siteverify`: knows people by what they hand over, takes it once, and remembers what it was sent.
struct Service {
    peer: Peer,
    seen: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
}

impl Service {
    async fn start() -> Self {
        let seen = Arc::<Mutex<Vec<BTreeMap<String, String>>>>::default();
        let kept = seen.clone();
        let peer = Peer::start(move |_, body| (200, judge(&kept, &body).to_string())).await;
        Self { peer, seen }
    }

    fn url(&self) -> String {
        self.peer.url("/siteverify")
    }
}

fn judge(kept: &Mutex<Vec<BTreeMap<String, String>>>, body: &[u8]) -> Value {
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body).into_owned().collect();
    let mut kept = kept.lock().unwrap();
    let is_spent = kept.iter().any(|before| before.get("response") == form.get("response"));
    let code = match (form.get("secret").map(String::as_str), form.get("response").map(String::as_str)) {
        (Some(SECRET), Some("a person")) if !is_spent => None,
        (Some(SECRET), Some("a person")) => Some("timeout-or-duplicate"),
        (Some(SECRET), _) => Some("invalid-input-response"),
        _ => Some("invalid-input-secret"),
    };
    kept.push(form);
    json!({
        "success": code.is_none(), "hostname": "id.example", "action": "registration",
        "error-codes": code.into_iter().collect::<Vec<_>>(),
    })
}

async fn tenant(world: &World, id: &str, managed_by: ManagedBy, url: &str) {
    let captcha = json!({
        "provider": "turnstile", "site_key": "key", "secret": "captcha", "verify_url": url, "hostname": "id.example",
    });
    declare(world, (id, managed_by), ("identity", json!({ "captcha": captcha })), ("captcha", SECRET)).await;
}

/// What signing up leads to: the status, and the number of the form's message.
async fn sign_up(world: &World, id: &str, (email, proof): (&str, &str)) -> (u16, Option<u64>) {
    let proof = json!({ "transient_payload": { "captcha_turnstile_response": proof } });
    let answer = try_sign_up(world, id, email, proof).await;
    (answer.status, answer.json()["ui"]["messages"][0]["id"].as_u64())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_up_a_script_does_not_and_no_proof_counts_twice() {
    let world = World::start().await;
    let service = Service::start().await;
    tenant(&world, "checked", ManagedBy::File, &service.url()).await;
    let failed = (400, Some(4_000_038));
    assert_eq!(sign_up(&world, "checked", ("eve@acme.example", "")).await, failed);
    assert!(service.seen.lock().unwrap().is_empty(), "there is nothing to show");
    assert_eq!(sign_up(&world, "checked", ("eve@acme.example", "a script")).await, failed);
    assert_eq!(sign_up(&world, "checked", ("ada@acme.example", "a person")).await, (200, None));
    assert_eq!(sign_up(&world, "checked", ("bob@acme.example", "a person")).await, failed);
    let seen = service.seen.lock().unwrap();
    let shown: Vec<_> = seen.iter().map(|form| form["response"].as_str()).collect();
    assert_eq!(shown, ["a script", "a person", "a person"]);
    assert!(seen.iter().all(|form| form["remoteip"] == "127.0.0.1"), "{seen:?}");
}

/// Attack: whoever may write a tenant's settings has the node call a server of its own network.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_operators_file_names_a_service_in_the_nodes_own_network() {
    let world = World::start().await;
    let service = Service::start().await;
    tenant(&world, "foreign", ManagedBy::Api, &service.url()).await;
    let unavailable = (400, Some(8_000_050));
    assert_eq!(sign_up(&world, "foreign", ("ada@acme.example", "a person")).await, unavailable);
    assert!(service.seen.lock().unwrap().is_empty());
}
