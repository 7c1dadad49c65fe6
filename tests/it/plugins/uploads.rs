//! Plugins by the admin API: what is taken, what is refused, and what runs then.

use serde_json::{Value, json};
use tenancy::plugin::Settings;
use tenancy::plugin::settings::Uploads;
use tenancy::plugin::uploaded::UploadedPlugins as _;
use tenancy::{KeyOwner, Scope};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::browser::{Browser, Response};
use crate::oauth2::code::claims;
use crate::world::{World, guest};

const PLUGINS: &str = "/admin/portcullis/v1/plugins";

pub(super) fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(guest(name)).unwrap()
}

/// The same component with other bytes: a custom section more, which means nothing.
fn marked(name: &str, mark: u8) -> Vec<u8> {
    let mut bytes = bytes(name);
    bytes.extend([0, 3, 1, b'm', mark]);
    bytes
}

impl World {
    /// Uploads a guest to the plugin `shape` of `acme`; the version that it is.
    pub(super) async fn push(&self, component: Vec<u8>) -> u64 {
        let answer = self.upload(&self.key, ("acme", "shape"), component).await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
        answer.json()["version"].as_u64().unwrap()
    }

    pub(super) async fn plugin(&self, method: &str, path: &str, body: Value) -> Response {
        self.operate(&self.key, (method, &format!("{PLUGINS}/shape{path}")), "acme", &body).await
    }

    /// Enables a version of `shape`, with settings.
    pub(super) async fn enable(&self, version: u64, settings: Value) -> Response {
        // A busy machine is no failure of the guest's.
        let limits = json!({ "wall_ms": 10_000 });
        let body = json!({ "version": version, "settings": settings, "limits": limits });
        self.plugin("POST", "/enable", body).await
    }

    /// Which guest shapes the token that a machine of `acme` gets; the status, where there is none.
    pub(super) async fn shaped_by(&self, (id, secret): &(String, String)) -> Result<&'static str, u16> {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        let url = format!("{}/oauth2/token", self.tenant("acme"));
        let answer = Browser::default().send("POST", &url, &headers, form).await;
        if answer.status != 200 {
            return Err(answer.status);
        }
        let claims = claims(answer.json()["access_token"].as_str().unwrap());
        Ok(match (claims.get("calls"), claims.get("grant_type")) {
            (Some(_), None) => "token_remembers",
            (None, Some(_)) => "token_echo",
            (None, None) => "nobody",
            (Some(_), Some(_)) => "both",
        })
    }

    pub(super) async fn robot(&self) -> (String, String) {
        let more =
            json!({ "access_token_strategy": "jwt", "token_endpoint_auth_method": "client_secret_post" });
        self.machine("acme", more).await
    }
}

/// A component that names another version of the contract everywhere where it names this one.
fn replaced(component: &[u8], name: &[u8], version: &str) -> Vec<u8> {
    let mut other = component.to_vec();
    let at: Vec<usize> = (0..other.len() - name.len()).filter(|at| other[*at..].starts_with(name)).collect();
    for at in at {
        let end = at + name.len();
        other[end - version.len()..end].copy_from_slice(version.as_bytes());
    }
    other
}

/// The word in a problem document.
pub(super) fn word(answer: &Response) -> String {
    let document = answer.json();
    let kind = document["type"].as_str().unwrap_or_default();
    kind.strip_prefix("urn:portcullis:problem:").unwrap_or(kind).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_runs_when_it_is_enabled_and_no_longer_when_it_is_disabled() {
    let world = World::start().await;
    let robot = world.robot().await;
    assert_eq!(world.push(bytes("token_echo")).await, 1);
    assert_eq!(world.push(bytes("token_remembers")).await, 2);
    assert_eq!(world.push(bytes("token_echo")).await, 1, "equal bytes are the same version");
    assert_eq!(world.shaped_by(&robot).await, Ok("nobody"));
    for (version, guest) in [(1, "token_echo"), (2, "token_remembers")] {
        let enabled = world.enable(version, json!({})).await;
        assert_eq!(enabled.status, 200, "{}", enabled.text());
        assert_eq!(enabled.json()["current"]["declaration"]["version"], version);
        assert_eq!(enabled.json()["running"]["state"], "loaded");
        assert_eq!(world.shaped_by(&robot).await, Ok(guest));
    }
    let rolled_back = world.plugin("POST", "/rollback", Value::Null).await;
    assert_eq!(rolled_back.json()["previous"]["declaration"]["version"], 2, "{}", rolled_back.text());
    assert_eq!(world.shaped_by(&robot).await, Ok("token_echo"));

    let shown = world.plugin("GET", "", Value::Null).await.json();
    let versions = shown["versions"].as_array().unwrap();
    assert_eq!((versions.len(), &versions[1]["version"]), (2, &json!(1)));
    assert_eq!(versions[1]["bytes"], bytes("token_echo").len());
    assert_eq!(versions[1]["hooks"], json!(["token"]));
    assert!(versions[1]["created_by"]["id"].is_string(), "{shown}");
    assert_eq!(versions[1]["sha256"], shown["current"]["sha256"]);

    assert_eq!(world.plugin("DELETE", "", Value::Null).await.status, 409, "while it runs");
    assert_eq!(word(&world.plugin("DELETE", "/versions/2", Value::Null).await), "version_in_use");
    assert_eq!(world.plugin("POST", "/disable", Value::Null).await.json()["state"], "disabled");
    assert_eq!(world.shaped_by(&robot).await, Ok("nobody"));
    assert_eq!(word(&world.plugin("POST", "/disable", Value::Null).await), "not_enabled");
    assert_eq!(world.plugin("DELETE", "", Value::Null).await.status, 204);
    assert_eq!(world.plugin("GET", "", Value::Null).await.status, 404);
    let usage = world.storage.component_usage(&"acme".parse().unwrap()).await.unwrap();
    assert_eq!((usage.versions, usage.bytes), (0, 0), "nothing is left of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn candidate_that_does_not_do_changes_nothing() {
    let world = World::start_with(|settings| settings.body_bytes = 1 << 20).await;
    let robot = world.robot().await;
    let echo = world.push(bytes("token_echo")).await;
    let kv = world.push(bytes("capability_kv")).await;
    let people = world.push(bytes("people_rules")).await;
    assert_eq!(world.enable(echo, json!({})).await.status, 200);
    let before = world.plugin("GET", "", Value::Null).await.json();
    let origins = json!(["https://api.example"]);
    let settings = json!({ "long": "x".repeat(70_000) });
    let binding = json!([{ "hook": "token" }]);
    for (body, reason) in [
        (json!({ "version": 9 }), "unknown_version"),
        (json!({ "version": kv }), "not_granted"),
        (json!({ "version": people }), "not_exported"),
        (json!({ "version": echo, "grants": ["permissions"] }), "not_offered"),
        (json!({ "version": echo, "http_origins": origins }), "malformed_declaration"),
        (json!({ "version": echo, "bind": [] }), "malformed_declaration"),
        (json!({ "version": echo, "limits": { "cpu_ms": 0 } }), "malformed_declaration"),
        (json!({ "version": echo, "settings": settings }), "malformed_declaration"),
        (json!({ "version": echo, "bind": vec![&binding[0]; 65] }), "malformed_declaration"),
        (json!({ "version": echo, "secrets": { "key": { "file": "/etc/passwd" } } }), "invalid_request"),
        (json!({ "version": echo, "component": "/etc/passwd" }), "invalid_request"),
        (json!({ "settings": {} }), "invalid_request"),
    ] {
        let refused = world.plugin("POST", "/enable", body.clone()).await;
        assert_eq!(word(&refused), reason, "{body}: {}", refused.text());
        assert!([400, 413, 422].contains(&refused.status), "{body}: {}", refused.status);
    }
    assert_eq!(world.plugin("GET", "", Value::Null).await.json(), before);
    assert_eq!(world.shaped_by(&robot).await, Ok("token_echo"));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_held_to_the_schema_of_the_version() {
    let world = World::start().await;
    let robot = world.robot().await;
    let with = |schema: &Value| {
        plugin_host::embed_settings_schema(bytes("token_echo"), &schema.to_string()).unwrap()
    };
    let seats = json!({ "properties": { "seats": { "type": "integer" } }, "additionalProperties": false });
    let version = world.push(with(&seats)).await;
    assert_eq!(world.enable(version, json!({ "seats": 3 })).await.status, 200);
    let refused = world.enable(version, json!({ "seats": "three" })).await;
    assert_eq!((refused.status, word(&refused).as_str()), (422, "settings_do_not_fit"));
    assert!(refused.text().contains("/seats: "), "{}", refused.text());
    assert_eq!(world.shaped_by(&robot).await, Ok("token_echo"), "what runs goes on");

    let mut broken = with(&seats);
    *broken.last_mut().unwrap() = b'!';
    let refused = world.upload(&world.key, ("acme", "shape"), broken).await;
    assert_eq!((refused.status, word(&refused).as_str()), (422, "invalid_settings_schema"));

    // In a file, what does not fit does not run, and the reason is in the list.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("seats.wasm");
    std::fs::write(&file, with(&seats)).unwrap();
    let plugin = json!({ "name": "filed", "component": file, "settings": { "seat": 3 } });
    let body = json!({ "settings": { "plugin": [plugin] } });
    let path = "/admin/portcullis/v1/tenants/acme";
    assert_eq!(world.operate(&world.key, ("PATCH", path), "default", &body).await.status, 200);
    assert_eq!(world.shaped_by(&robot).await, Err(500));
    let listed = world.operate(&world.key, ("GET", PLUGINS), "acme", &Value::Null).await.json();
    let reason = listed["plugins"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("do not fit") && reason.contains("seat"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plugin_is_not_stored() {
    let world = World::start().await;
    let sound = bytes("token_echo");
    let cut = sound[..sound.len() / 2].to_vec();
    for (component, reason) in [
        (Vec::new(), "not_a_component"),
        (b"#!/bin/sh".to_vec(), "not_a_component"),
        (b"\0asm\x01\0\0\0".to_vec(), "core_module"),
        (cut, "truncated"),
        (b"\0asm\x0d\0\x01\0".to_vec(), "no_hook"),
        (b"\0asm\x0d\0\x01\0\xff\x00".to_vec(), "invalid_component"),
        (bytes("token_sockets"), "unknown_import"),
    ] {
        let refused = world.upload(&world.key, ("acme", "shape"), component).await;
        assert_eq!((refused.status, word(&refused).as_str()), (422, reason), "{}", refused.text());
    }
    for (version, advice) in [("0.2.0", "upgrade the node"), ("0.0.9", "build it again")] {
        let other = replaced(&sound, b"portcullis:token/hook@0.1.0", version);
        let refused = world.upload(&world.key, ("acme", "shape"), other).await;
        assert_eq!((refused.status, word(&refused).as_str()), (422, "other_contract_version"));
        assert!(refused.text().contains(version) && refused.text().contains(advice), "{}", refused.text());
    }
    for (name, status) in [("", 400), ("Shape", 400), ("sh%2Fape", 400), ("shape", 201)] {
        assert_eq!(world.upload(&world.key, ("acme", name), sound.clone()).await.status, status, "{name}");
    }
    let headers = [("authorization", format!("Bearer {}", world.key))];
    let url = format!("{}/t/acme{PLUGINS}?name=shape", world.admin);
    let unnamed = Browser::default().send("POST", &url, &headers, sound).await;
    assert_eq!((unnamed.status, word(&unnamed).as_str()), (415, "unsupported_media_type"));
}

/// Attack: whoever knows the hash or the name of another tenant's component runs, reads or deletes it.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_of_one_tenant_are_nothing_in_another() {
    let world = World::start().await;
    let robot = world.robot().await;
    let version = world.push(bytes("token_echo")).await;
    assert_eq!(world.enable(version, json!({})).await.status, 200);
    let owner = || KeyOwner::Tenant("rival".parse().unwrap());
    let key = world.admin_key(owner(), vec![Scope::All]).await;
    assert_eq!(world.upload(&key, ("acme", "shape"), bytes("token_trap")).await.status, 404);
    for (method, path) in [
        ("GET", ""),
        ("POST", "/enable"),
        ("POST", "/disable"),
        ("POST", "/rollback"),
        ("POST", "/shadow"),
        ("GET", "/shadow"),
        ("GET", "/logs"),
        ("DELETE", "/shadow"),
        ("POST", "/promote"),
        ("DELETE", "/versions/1"),
        ("DELETE", ""),
    ] {
        let path = format!("{PLUGINS}/shape{path}");
        for tenant in ["acme", "rival"] {
            let answer = world.operate(&key, (method, &path), tenant, &json!({ "version": 1 })).await;
            assert_eq!(answer.status, 404, "{method} {path} at {tenant}: {}", answer.text());
        }
    }
    // Its own upload of the same bytes is its own.
    assert_eq!(world.upload(&key, ("rival", "mine"), bytes("token_echo")).await.json()["version"], 1);
    assert_eq!(
        world.operate(&key, ("DELETE", &format!("{PLUGINS}/mine")), "rival", &Value::Null).await.status,
        204
    );
    assert_eq!(world.shaped_by(&robot).await, Ok("token_echo"));
    assert_eq!(world.enable(version, json!({})).await.status, 200);

    for (scopes, status) in [(vec![Scope::PluginsRead], 403), (vec![Scope::PluginsWrite], 201)] {
        let key = world.admin_key(owner(), scopes).await;
        assert_eq!(world.upload(&key, ("rival", "mine"), bytes("token_echo")).await.status, status);
    }
}

/// Attack: an upload under the name of a plugin in the operator's file, whose secrets or place it would take.
#[tokio::test(flavor = "multi_thread")]
async fn name_that_the_settings_declare_is_theirs() {
    let world = World::start().await;
    let robot = world.robot().await;
    let declare = async |plugins: Value| {
        let body = json!({ "settings": { "plugin": plugins } });
        let path = "/admin/portcullis/v1/tenants/acme";
        let changed = world.operate(&world.key, ("PATCH", path), "default", &body).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
    };
    let version = world.push(bytes("token_echo")).await;
    assert_eq!(world.enable(version, json!({})).await.status, 200);
    declare(json!([{ "name": "shape", "component": guest("token_remembers") }])).await;
    assert_eq!(world.shaped_by(&robot).await, Ok("token_remembers"));
    assert_eq!(word(&world.enable(version, json!({})).await), "declared_in_settings");
    let refused = world.upload(&world.key, ("acme", "shape"), bytes("token_trap")).await;
    assert_eq!((refused.status, word(&refused).as_str()), (409, "declared_in_settings"));
    declare(json!([])).await;
    assert_eq!(world.shaped_by(&robot).await, Ok("token_echo"), "it runs again");
}

/// Attacks: without a key, the node reads megabytes; with one, it reads or keeps more than it may.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let sound = bytes("token_echo");
    let length = sound.len() as u64;
    let settings = Settings {
        component_bytes: length + 100,
        uploads: Uploads { bytes_per_tenant: length + 10, ..Uploads::default() },
        ..Settings::default()
    };
    let world = World::start_hosting(settings).await;
    // No byte of the body is ever sent: whoever waits for one waits for the listener's time.
    let announced = async |length: u64, key: &str| {
        let address = world.admin.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /t/acme{PLUGINS}?name=shape HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/wasm\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert_eq!(announced(length, "pk_nonsense").await, "HTTP/1.1 401");
    assert_eq!(announced(length + 101, &world.key).await, "HTTP/1.1 413");

    assert_eq!(world.push(sound.clone()).await, 1);
    let refused = world.upload(&world.key, ("acme", "other"), marked("token_echo", 1)).await;
    assert_eq!((refused.status, word(&refused).as_str()), (507, "no_room"));
    assert_eq!(world.push(sound.clone()).await, 1, "what is there takes no more room");
    assert_eq!(world.upload(&world.key, ("rival", "other"), sound).await.status, 201, "each has its own");
}
