//! The commands as a script sees them: what they print and how they end.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says by panicking that it failed"
)]

#[path = "../../../../tests/it/browser.rs"]
mod browser;
mod demo;
mod deploy;
mod described;
mod killed;
mod killed_attempt;
mod killed_revocation;
mod message;
mod organisation;
mod place;
mod plugin;
mod sign;
mod transfer;

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::place::{NODE, Place, Running};

#[test]
fn help_tells_the_exit_codes() {
    let place = Place::new("");
    let help = place.run(&["--help"]);
    assert_eq!(help.code, 0);
    for word in ["Exit codes:", "doctor", "demo", "tenant", "client", "identity", "key", "config"] {
        assert!(help.out.contains(word), "{word}: {}", help.out);
    }
    place.fails(&["tenant", "create"], 2, "<ID>");
}

#[test]
fn config_check_points_at_mistakes() {
    let place = Place::new("[server]\nbase_ulr = \"x\"\n");
    place.fails(&["config", "check"], 2, "p.toml:2:1: server.base_ulr: unknown key");
    place.fails(&["serve"], 2, "p.toml:2:1: server.base_ulr: unknown key");
    let ended = place.run(&["config", "check", "--json"]);
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &told["problems"][0]["line"]), (2, &json!(2)));
    place.fails(&["config", "check", "/nowhere/p.toml"], 1, "cannot read");
}

#[test]
fn config_example_and_schema_are_whole() {
    let place = Place::new("");
    let example = place.run(&["config", "example"]).out;
    std::fs::create_dir(place.path("plugins")).unwrap();
    place.write("plugins/enrich-token.wasm", "");
    let file = place.write("example.toml", &example);
    assert_eq!(place.json(&["config", "check", &file]), json!({"problems": []}));
    let schema: Value = serde_json::from_str(&place.run(&["config", "schema"]).out).unwrap();
    assert!(schema["properties"]["tenant"].is_object());
}

#[test]
fn commands_need_a_data_directory_and_make_none() {
    let place = Place::new("[server]\ndata_dir = \"data\"\n");
    place.fails(&["tenant", "list"], 1, "there is no data directory");
    assert!(!place.path("data").exists());
}

#[test]
fn tenants_are_made_and_changed_without_a_running_node() {
    let place = Place::with_data(&format!("{NODE}[[tenant]]\nid = \"filed\"\n"));
    let made = place.json(&["tenant", "create", "acme", "--host", "id.acme.example"]);
    assert_eq!((&made["id"], &made["issuer"]), (&json!("acme"), &json!("https://id.acme.example")));
    place.fails(&["tenant", "create", "acme"], 3, "exists already");
    place.fails(&["tenant", "create", "Acme"], 2, "not a valid tenant id");
    place.fails(&["tenant", "show", "nobody"], 3, "");
    place.fails(&["tenant", "suspend", "filed"], 3, "configuration file");
    assert_eq!(place.json(&["tenant", "suspend", "acme"])["state"], "suspended");
    assert_eq!(place.json(&["tenant", "resume", "acme"])["state"], "active");
    let settings = place.write("settings.json", "{\"branding\": {\"name\": \"Acme\"}}");
    let changed = place.json(&["tenant", "update", "acme", "--no-host", "--settings", &settings]);
    assert_eq!(changed["settings"]["document"]["branding"]["name"], "Acme");
    assert_eq!(changed["issuer"], "http://127.0.0.1:4480/t/acme");
    let wrong = place.write("wrong.json", "{\"brandin\": {}}");
    place.fails(&["tenant", "update", "acme", "--settings", &wrong], 3, "did you mean `branding`");
    let listed = place.json(&["tenant", "list"]);
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|tenant| &tenant["id"]).collect();
    assert_eq!(ids, ["acme", "default", "filed"]);
    assert!(place.run(&["tenant", "list"]).out.starts_with("ID       STATE   OWNER"));
}

#[test]
fn tenant_is_deleted_by_whoever_says_that_everything_in_it_is_meant() {
    let place = Place::with_data(&format!("{NODE}[[tenant]]\nid = \"filed\"\n"));
    place.json(&["tenant", "create", "acme"]);
    place.fails(&["tenant", "delete", "acme"], 2, "say so with --with-everything");
    assert_eq!(place.json(&["tenant", "show", "acme"])["state"], "active");
    for (id, refused) in [("filed", "configuration file"), ("default", "never deleted"), ("nobody", "")] {
        place.fails(&["tenant", "delete", id, "--with-everything"], 3, refused);
    }
    assert_eq!(place.run(&["tenant", "delete", "acme", "--with-everything"]).code, 0);
    place.fails(&["tenant", "show", "acme"], 3, "");
    place.fails(&["tenant", "create", "acme"], 3, "is being deleted");
}

#[test]
fn objects_of_a_tenant_are_made_without_a_running_node() {
    let place = Place::with_data(&format!("{NODE}[[tenant]]\nid = \"acme\"\n"));
    let secret = place.write("secret", "a chosen secret\n");
    let made = place.json(&[
        "client",
        "create",
        "-t",
        "acme",
        "--id",
        "web",
        "--name",
        "Web",
        "--redirect-uri",
        "https://acme.example/cb",
        "--secret-file",
        &secret,
    ]);
    assert_eq!((&made["client_id"], &made["client_name"]), (&json!("web"), &json!("Web")));
    let public = ["--redirect-uri", "https://acme.example/cb", "--auth-method", "none"];
    for id in ["a", "b"] {
        place.json(&[&["client", "create", "-t", "acme", "--id", id], &public[..]].concat());
    }
    let ids = |tenant: &str| -> Vec<Value> {
        let listed = place.json(&["client", "list", "-t", tenant]);
        listed.as_array().unwrap().iter().map(|client| client["client_id"].clone()).collect()
    };
    assert_eq!((ids("acme"), ids("default")), (vec![json!("web"), json!("a"), json!("b")], vec![]));
    assert_eq!(place.json(&["client", "show", "web", "-t", "acme"])["client_id"], "web");
    place.fails(&["client", "show", "web"], 3, "");
    assert_eq!(place.run(&["client", "delete", "web", "-t", "acme"]).code, 0);
    place.fails(&["client", "show", "web", "-t", "acme"], 3, "");
    place.fails(&["client", "create", "-t", "acme", "--redirect-uri", "http://acme.example/cb"], 3, "https");

    let password = place.write("password", "correct horse battery\n");
    let email = ["identity", "create", "-t", "acme", "--email", "ada@acme.example"];
    let made = place.json(&[&email[..], &["--password-file", &password]].concat());
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["traits"]["email"], "ada@acme.example");
    place.fails(&email, 3, "");
    assert_eq!(place.json(&["identity", "list", "-t", "acme"]).as_array().unwrap().len(), 1);
    assert_eq!(place.json(&["identity", "show", id, "-t", "acme"])["id"], *id);
    assert_eq!(place.run(&["identity", "delete", id, "-t", "acme"]).code, 0);
    place.fails(&["identity", "show", id, "-t", "acme"], 3, "");
}

#[test]
fn signing_key_that_leaked_is_revoked_and_another_signs() {
    let place = Place::with_data(&format!("{NODE}[[tenant]]\nid = \"acme\"\n"));
    // Whoever asks for something of the tenant has its keys made.
    place.json(&["client", "list", "-t", "acme"]);
    let states = || -> Vec<(String, Value)> {
        let listed = place.json(&["signing-key", "list", "-t", "acme"]);
        let of = |key: &Value| (key["kid"].as_str().unwrap().to_owned(), key["state"].clone());
        listed.as_array().unwrap().iter().map(of).collect()
    };
    let before = states();
    let [(leaked, _)] = before.as_slice() else { panic!("{before:?}") };
    for _ in 0..2 {
        let revoked = place.json(&["signing-key", "revoke", leaked, "-t", "acme"]);
        assert_eq!((&revoked["kid"], &revoked["state"]), (&json!(leaked), &json!("revoked")));
    }
    let after = states();
    assert_eq!(after.len(), 2, "{after:?}");
    for (kid, state) in &after {
        assert_eq!(state, if kid == leaked { "revoked" } else { "active" }, "{after:?}");
    }
    place.fails(&["signing-key", "revoke", leaked], 3, "");
    place.fails(&["signing-key", "revoke", "nobody", "-t", "acme"], 3, "");
}

#[test]
fn keys_are_shown_once() {
    let place = Place::with_data(NODE);
    let made = place.run(&["key", "create", "deploy", "--scope", "clients:write", "--expires-in", "90d"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let secret = made.out.trim();
    assert!(secret.len() > 40 && !secret.contains(char::is_whitespace), "{secret}");
    let listed = place.run(&["key", "list", "--json"]).out;
    assert!(listed.contains("deploy") && !listed.contains(secret));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let id = listed.as_array().unwrap().iter().find(|key| key["name"] == "deploy").unwrap()["id"].clone();
    assert_eq!(place.run(&["key", "delete", id.as_str().unwrap()]).code, 0);
    place.fails(&["key", "delete", id.as_str().unwrap()], 3, "");
    place.fails(&["key", "create", "x", "--scope", "everything"], 2, "everything");
    place.fails(&["key", "create", "x", "--scope", "all", "--tenant", "nobody"], 3, "");
}

#[test]
fn running_node_is_asked_and_no_second_one_starts() {
    let place = Place::new(NODE);
    let running = Running::start(&place);
    assert_eq!(place.json(&["tenant", "create", "acme"])["id"], "acme");
    place.fails(&["serve"], 1, "another portcullis uses the data directory");
    drop(running);
    // The killed node left its socket; the command takes the directory for itself.
    assert_eq!(place.json(&["tenant", "show", "acme"])["id"], "acme");
}

/// A guest of `plugins/`, built by `cargo xtask guests`.
fn guest(name: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned();
    let path = target.join(format!("guests/wasm32-wasip2/release/{name}.wasm"));
    assert!(path.is_file(), "{} is missing; run: cargo xtask guests", path.display());
    path
}

/// What the node says of the tenant's only plugin.
fn plugin(place: &Place) -> Value {
    let mut socket = UnixStream::connect(place.path("portcullis-data/portcullis.sock")).unwrap();
    let request = "GET /t/acme/admin/portcullis/v1/plugins HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    body.pointer("/plugins/0").unwrap().clone()
}

#[test]
fn component_that_changes_on_disk_runs_when_the_node_notices_or_is_told() {
    for watch in [true, false] {
        let place = Place::new(&format!(
            "{NODE}watch = {watch}\n[[tenant]]\nid = \"acme\"\n\
             [[tenant.plugin]]\nname = \"plan\"\ncomponent = \"plan.wasm\"\n"
        ));
        let deploy = |guest: &str| std::fs::copy(self::guest(guest), place.path("plan.wasm")).unwrap();
        deploy("token_echo");
        let running = Running::start(&place);
        let first = plugin(&place);
        assert_eq!(first["state"], "loaded", "{first}");
        place.write("plan.wasm", "no component");
        if !watch {
            running.hang_up();
        }
        running.logs("plugin cannot be loaded");
        let broken = plugin(&place);
        assert_eq!((&broken["state"], &broken["sha256"]), (&json!("failed"), &first["sha256"]));
        deploy("token_remembers");
        if !watch {
            running.hang_up();
        }
        running.logs("component changed on disk");
        let second = plugin(&place);
        assert_eq!(second["state"], "loaded", "{second}");
        assert_ne!(second["sha256"], first["sha256"]);
    }
}

#[test]
fn doctor_tells_when_a_certificate_ends() {
    let key = rcgen::KeyPair::generate().unwrap();
    let check = |year: i32, key_file: &str, level: &str, part: &str| {
        let mut params = rcgen::CertificateParams::new(vec!["id.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        let tls = "tls = { cert = \"cert.pem\", key = \"key.pem\" }\n[server]";
        let place = Place::new(&NODE.replace("[server]", tls));
        std::fs::create_dir(place.path("portcullis-data")).unwrap();
        place.write("cert.pem", &params.self_signed(&key).unwrap().pem());
        place.write("key.pem", key_file);
        let told: Value = serde_json::from_str(&place.run(&["doctor", "--json"]).out).unwrap();
        let findings = told["findings"].as_array().unwrap();
        let found = findings.iter().find(|found| found["about"] == "certificate").unwrap();
        assert_eq!(found["level"], level, "{found}");
        assert!(found["message"].as_str().unwrap().contains(part), "{found}");
    };
    let pem = key.serialize_pem();
    check(9999, &pem, "ok", "cert.pem): valid until 9999-01-01T00:00:00Z");
    check(2020, &pem, "problem", "has expired");
    check(9999, "no key", "problem", "key.pem");
}

#[test]
fn plugin_that_cannot_be_loaded_is_logged_once_with_all_the_facts() {
    let place = Place::new(&format!(
        "{NODE}watch = false\n[[tenant]]\nid = \"acme\"\n\
         [[tenant.plugin]]\nname = \"plan\"\ncomponent = \"junk.wasm\"\n"
    ));
    place.write("junk.wasm", "no component");
    let running = Running::start(&place);
    assert_eq!(plugin(&place)["state"], "failed");
    let told: Vec<_> = running.ended().into_iter().filter(|line| line.contains("cannot be loaded")).collect();
    let [line] = told.as_slice() else { panic!("not once: {told:#?}") };
    for fact in ["ERROR", "acme", "plan", "junk.wasm", "not a usable component"] {
        assert!(line.contains(fact), "{fact}: {line}");
    }
}

#[test]
fn doctor_tells_problems_by_its_exit_code() {
    let place = Place::with_data(NODE);
    let found = place.json(&["doctor"]);
    let levels: Vec<_> = found["findings"].as_array().unwrap().iter().map(|f| &f["level"]).collect();
    assert!(levels.contains(&&json!("ok")) && !levels.contains(&&json!("problem")), "{found:#}");

    place.write("junk.wasm", "no component");
    let plugin = "[[tenant.plugin]]\nname = \"plan\"\ncomponent = \"junk.wasm\"\n";
    let client = "[[tenant.client]]\nclient_id = \"web\"\nsecret = { env = \"PORTCULLIS_TEST_UNSET\" }\n\
                  redirect_uris = [\"https://a.example/cb\"]\n";
    place.write("p.toml", &format!("{NODE}[[tenant]]\nid = \"acme\"\n{plugin}"));
    let broken = place.run(&["doctor"]);
    assert_eq!(broken.code, 1);
    assert!(broken.out.contains("plan of tenant acme: "), "{}", broken.out);
    place.write("p.toml", &format!("{NODE}[[tenant]]\nid = \"acme\"\n{client}"));
    let broken = place.run(&["doctor"]);
    assert_eq!(broken.code, 1);
    assert!(broken.out.contains("PORTCULLIS_TEST_UNSET"), "{}", broken.out);
}
