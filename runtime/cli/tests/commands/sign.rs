//! Signed components from end to end: keys and signatures made by commands, and a node that loads nothing else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::place::{NODE, Place, Running};
use crate::{guest, plugin};

/// Makes a key; what the command says of it.
fn keygen(place: &Place, file: &str) -> Value {
    place.json(&["plugin", "keygen", file])
}

#[test]
fn key_is_for_its_owner_alone_and_overwrites_nothing() {
    let place = Place::new("");
    let made = keygen(&place, "ci.pem");
    let mode = fs::metadata(place.path("ci.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let pem = fs::read_to_string(place.path("ci.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    place.fails(&["plugin", "keygen", "ci.pem"], 2, "exists already");
    assert_eq!(fs::read_to_string(place.path("ci.pem")).unwrap(), pem);
    let told = place.run(&["plugin", "keygen", "other.pem"]);
    assert!(told.out.contains("[tenant.plugin_trust.trusted_keys]"), "{}", told.out);
    let (_, secret) = pem.lines().nth(1).unwrap().split_at(22);
    assert!(!made.to_string().contains(secret) && !told.out.contains(secret), "the private key is not shown");
    assert_ne!(made["key"], keygen(&place, "third.pem")["key"]);
}

#[test]
fn what_no_node_would_load_is_not_signed() {
    let place = Place::new("");
    keygen(&place, "ci.pem");
    fs::copy(guest("token_echo"), place.path("plan.wasm")).unwrap();
    place.write("core.wasm", "\0asm\u{1}\0\0\0");
    place.fails(&["plugin", "sign", "core.wasm", "--key", "ci.pem"], 3, "core.wasm: not a usable component");
    assert!(!place.path("core.wasm.sig").exists());
    place.write("not-a-key", "hunter2");
    place.fails(&["plugin", "sign", "plan.wasm", "--key", "not-a-key"], 2, "not an Ed25519 private key");
    place.fails(&["plugin", "sign", "plan.wasm", "--key", "missing"], 1, "cannot read missing");
    place.fails(&["plugin", "sign", "missing.wasm", "--key", "ci.pem"], 1, "cannot read missing.wasm");
}

#[test]
fn node_loads_what_was_signed_and_nothing_else() {
    let place = Place::new("");
    let key = keygen(&place, "ci.pem");
    keygen(&place, "stranger.pem");
    place.write(
        "p.toml",
        &format!(
            "{NODE}[plugins]\nrequire_signature = true\n[[tenant]]\nid = \"acme\"\n\
             [tenant.plugin_trust.trusted_keys]\nci = {}\n\
             [[tenant.plugin]]\nname = \"plan\"\ncomponent = \"plan.wasm\"\n",
            key["public_key"]
        ),
    );
    let deploy = |name: &str| {
        fs::copy(guest(name), place.path("new.wasm")).unwrap();
        fs::rename(place.path("new.wasm"), place.path("plan.wasm")).unwrap();
    };
    let sign = |key: &str| place.json(&["plugin", "sign", "plan.wasm", "--key", key]);
    deploy("token_echo");
    let running = Running::start(&place);
    let unsigned = plugin(&place);
    running.logs("has no signature, and one is required");
    assert_eq!((&unsigned["state"], &unsigned["sha256"]), (&json!("failed"), &Value::Null));
    let doctor = place.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.out.contains("the component has no signature"), "{}", doctor.out);

    sign("stranger.pem");
    running.logs("which this tenant does not trust");

    let signed = sign("ci.pem");
    running.logs("component changed on disk");
    let loaded = plugin(&place);
    assert_eq!((&loaded["state"], &loaded["sha256"]), (&json!("loaded"), &signed["sha256"]));
    assert_eq!(loaded["signed_by"], json!({ "name": "ci", "key": key["key"] }));
    let told = place.run(&["doctor"]).out;
    assert!(
        told.contains(&format!("plan of tenant acme, signed by ci ({})", key["key"].as_str().unwrap())),
        "{told}"
    );

    deploy("token_remembers");
    running.logs("is of other bytes");
    let kept = plugin(&place);
    assert_eq!((&kept["state"], &kept["sha256"]), (&json!("failed"), &signed["sha256"]));
    let again = sign("ci.pem");
    running.logs("component changed on disk");
    assert_eq!(plugin(&place)["sha256"], again["sha256"]);
}
