//! `portcullis demo`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use serde_json::{Value, json};

use crate::place::{NODE, Place, Running};

/// A demo that runs, and what it printed when it was ready.
struct Demo {
    running: Running,
    told: Value,
}

impl Demo {
    fn start(place: &Place, more: &[&str]) -> Self {
        let ports = ["demo", "--json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let mut command = place.without_configuration(&[&ports, more].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next();
        // Nobody reads its log.
        let running = Running(child, channel().1);
        Self { running, told: serde_json::from_str(&line.unwrap().unwrap()).unwrap() }
    }

    fn text(&self, pointer: &str) -> String {
        self.told.pointer(pointer).and_then(Value::as_str).unwrap().to_owned()
    }

    /// Ends it as Ctrl-C does.
    fn interrupt(&mut self) {
        let pid = self.running.0.id().to_string();
        assert!(Command::new("sh").args(["-c", "kill -INT \"$0\"", &pid]).status().unwrap().success());
        assert_eq!(self.running.0.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn demo_has_a_tenant_an_app_and_people_and_leaves_nothing() {
    let place = Place::new("");
    let mut demo = Demo::start(&place, &["--redirect-uri", "http://127.0.0.1:9/cb"]);
    let data = demo.text("/data_dir");
    let ask = |arguments: &[&str]| -> Value {
        let all = [&["--data-dir", &data][..], arguments, &["-t", "acme", "--json"]].concat();
        let output = place.without_configuration(&all).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let client = ask(&["client", "show", &demo.text("/client/client_id")]);
    assert_eq!(client["redirect_uris"], json!(["http://127.0.0.1:9/cb"]));
    let mut emails: Vec<_> = ask(&["identity", "list"]).as_array().unwrap().iter().map(email).collect();
    emails.sort();
    assert_eq!(emails, ["ada@acme.example", "grace@late.example"]);
    let people = demo.told["people"].as_array().unwrap();
    assert_ne!(people[0]["password"], people[1]["password"]);
    // There is no plugin that would.
    assert!(people.iter().all(|person| person["suspended_by_plugin"] == json!(false)));
    let issuer = demo.text("/issuer");
    assert_eq!(issuer, format!("{}/t/acme", demo.text("/public")));
    assert!(std::path::Path::new(&demo.text("/client/client_secret_file")).is_file());

    demo.interrupt();
    assert!(!std::path::Path::new(&data).exists(), "{data} is left");
}

fn email(identity: &Value) -> String {
    identity.pointer("/traits/email").and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn demo_keeps_a_directory_that_was_asked_for_and_takes_none_that_is_used() {
    let place = Place::new("");
    let data = place.path("demo").display().to_string();
    let mut demo = Demo::start(&place, &["--data-dir", &data]);
    assert_eq!(demo.text("/data_dir"), data);
    demo.interrupt();
    assert!(place.path("demo/portcullis.db").is_file());
    let refused = place.without_configuration(&["demo", "--data-dir", &data]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("begins with an empty data directory"), "{said}");
}

#[test]
fn demo_listens_on_loopback_with_its_own_configuration_only() {
    let place = Place::new(NODE);
    place.fails(&["demo"], 2, "the demo makes its own configuration");
    for option in ["--listen", "--admin-listen"] {
        for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:4480"] {
            // Whatever is let through here finds that the directory is not empty.
            let here = place.0.path().display().to_string();
            let demo = ["demo", "--data-dir", &here, option, address];
            let refused = place.without_configuration(&demo).output().unwrap();
            let said = String::from_utf8(refused.stderr).unwrap();
            assert_eq!(refused.status.code(), Some(2), "{said}");
            assert!(said.contains("is reached by others"), "{said}");
        }
    }
}
