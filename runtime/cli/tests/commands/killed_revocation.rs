//! A node that is killed (`kill -9`) while a signing key that has leaked is taken away and its successor is made.

use std::path::Path;
use std::sync::mpsc::channel;

use serde_json::{Value, json};

use crate::killed::ask;
use crate::killed_attempt::ask as ask_for_json;
use crate::place::{Place, Running};

const KEYS: &str = "/t/acme/admin/portcullis/v1/signing-keys";
/// Revocations that were answered before the node is killed in one of those that follow.
const REVOKED: usize = 5;
const ROUNDS: usize = 3;

/// The names of acme's keys that are in a state; nothing if the node went away.
fn keys(socket: &Path, state: &str) -> Option<Vec<String>> {
    let (_, listed) = ask_for_json(socket, &format!("GET {KEYS}"), &Value::Null)?;
    let of_state = listed["keys"].as_array()?.iter().filter(|key| key["state"] == state);
    Some(of_state.map(|key| key["kid"].as_str().unwrap().to_owned()).collect())
}

/// Asks an endpoint of acme as its client does.
fn endpoint(place: &Place, name: &str, form: &str) -> Value {
    let form = format!("client_id=service&client_secret=a+chosen+secret&{form}");
    let (status, answer) = ask(place, "public.sock", ("POST", &format!("/t/acme/oauth2/{name}")), &form);
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}

/// A new token, and the name of the key that has signed it.
fn token(place: &Place) -> (String, String) {
    let answer = endpoint(place, "token", "grant_type=client_credentials");
    let token = answer["access_token"].as_str().unwrap().to_owned();
    let header = primitives::base64url::decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    (token, header["kid"].as_str().unwrap().to_owned())
}

/// Revokes whatever signs, one key after the other, until the node goes away. Tells of each revocation that was answered.
fn revoke_on(socket: &Path, tell: impl Fn(String)) {
    while let Some(kid) = keys(socket, "active").and_then(|mut active| active.pop()) {
        let revoked = ask_for_json(socket, &format!("POST {KEYS}/{kid}/revoke"), &Value::Null);
        if !revoked.is_some_and(|(status, told)| status == 200 && told["state"] == "revoked") {
            return;
        }
        tell(kid);
    }
}

/// Attack: the node ends between the two, and signs with what has leaked, or with nothing.
#[test]
fn killed_node_has_taken_the_leaked_key_away_and_signs_with_another() {
    let place = Place::new("");
    let secret = place.write("secret", "a chosen secret\n");
    let public = place.path("public.sock");
    let configuration = format!(
        "[[listener]]\nname = \"public\"\naddress = \"unix:{}\"\nrouters = [\"public\", \"admin\"]\n\
         [server]\nbase_url = \"http://127.0.0.1:4480\"\n[[tenant]]\nid = \"acme\"\n\
         [[tenant.client]]\nclient_id = \"service\"\nsecret = {{ file = \"{secret}\" }}\n\
         token_endpoint_auth_method = \"client_secret_post\"\ngrant_types = [\"client_credentials\"]\n\
         scope = \"read\"\naccess_token_strategy = \"jwt\"\n",
        public.display()
    );
    place.write("p.toml", &configuration);
    let socket = place.path("portcullis-data/portcullis.sock");
    let mut before = Vec::new();
    for _ in 0..ROUNDS {
        let node = Running::start(&place);
        before.push(token(&place));
        let (sender, answered) = channel();
        let asked = socket.clone();
        let revoking = std::thread::spawn(move || revoke_on(&asked, |kid| drop(sender.send(kid))));
        let mut told: Vec<String> = answered.iter().take(REVOKED).collect();
        assert_eq!(told.len(), REVOKED, "a key is not revoked, or nothing signs");
        node.ended();
        revoking.join().unwrap();
        told.extend(answered.try_iter());

        let again = Running::start(&place);
        let revoked = keys(&socket, "revoked").unwrap();
        let lost: Vec<_> = told.iter().filter(|kid| !revoked.contains(kid)).collect();
        assert!(lost.is_empty(), "told to be revoked: {lost:?} of {revoked:?}");
        let active = keys(&socket, "active").unwrap();
        let (fresh, signed_under) = token(&place);
        assert_eq!(active, [signed_under]);
        let is_active =
            |token: &str| endpoint(&place, "introspect", &format!("token={token}"))["active"] == json!(true);
        assert!(is_active(&fresh));
        for (token, kid) in &before {
            assert!(revoked.contains(kid) && !is_active(token), "{kid} is good yet");
        }
        drop(again);
    }
}
