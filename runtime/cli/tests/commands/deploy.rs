//! `portcullis plugin push` and what follows, against a node that runs and one that does not.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::json;

use crate::place::{Ended, NODE, Place, Running};

/// A project whose component is a guest of the repository.
fn project(place: &Place, guest: &str) {
    fs::create_dir_all(place.path("build")).unwrap();
    let manifest = "name = \"plan\"\nlanguage = \"rust\"\nhook = \"token\"\ngrants = [\"log\", \"config\"]\n\
                    settings = { domains = {} }\nlimits = { wall_ms = 5000 }\n";
    place.write("portcullis-plugin.toml", manifest);
    build(place, guest);
}

fn build(place: &Place, guest: &str) {
    fs::copy(crate::guest(guest), place.path("build/plan.wasm")).unwrap();
}

/// What runs after a command that succeeds: the version, and the hash of what is loaded.
fn enabled(place: &Place, arguments: &[&str]) -> (u64, String) {
    let plugin = place.json(&[&["plugin"], arguments].concat());
    let find = |place: &str| plugin.pointer(place).unwrap();
    assert_eq!(find("/running/state"), "loaded", "{plugin}");
    let version = find("/current/declaration/version").as_u64().unwrap();
    (version, find("/running/sha256").as_str().unwrap().to_owned())
}

#[test]
fn project_is_pushed_enabled_replaced_and_rolled_back() {
    let place = Place::with_data(NODE);
    project(&place, "enrich_token_rust");
    let _node = Running::start(&place);
    place.fails(&["plugin", "enable"], 3, "no uploaded plugin of that name");
    let first = place.json(&["plugin", "push"]);
    assert_eq!(
        (&first["name"], &first["version"], &first["hooks"]),
        (&json!("plan"), &json!(1), &json!(["token"]))
    );
    let sha256 = first["sha256"].as_str().unwrap().to_owned();
    assert_eq!(enabled(&place, &["enable"]), (1, sha256.clone()));
    let told = place.run(&["plugin", "logs"]);
    assert_eq!((told.code, &*told.out), (0, ""), "nobody has called it yet");
    let shown = place.json(&["plugin", "show", "plan"]);
    assert_eq!(shown["current"]["declaration"]["settings"], json!({ "domains": {} }), "as the project says");
    assert_eq!(shown["current"]["declaration"]["limits"]["wall_ms"], 5000);

    build(&place, "token_echo");
    assert_eq!(place.json(&["plugin", "push"])["version"], 2);
    assert_eq!(enabled(&place, &["enable", "plan"]).0, 2);
    assert_eq!(enabled(&place, &["rollback"]), (1, sha256));
    let Ended { out, .. } = place.run(&["plugin", "list"]);
    let words: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words[..5], ["plan", "upload", "enabled", "1", "loaded"], "{out}");

    place.fails(&["plugin", "shadow"], 3, "has no shadow");
    place.fails(&["plugin", "promote"], 3, "has no shadow");
    let shadow = place.json(&["plugin", "shadow", "--version", "2", "--per-mille", "1000"]);
    assert_eq!((&shadow["current_version"], &shadow["version"]), (&json!(1), &json!(2)));
    assert_eq!((&shadow["per_mille"], &shadow["report"]["calls"]), (&json!(1000), &json!(0)));
    let told = place.run(&["plugin", "shadow"]).out;
    assert!(told.lines().any(|line| line.starts_with("different") && line.ends_with(" 0")), "{told}");
    assert_eq!(place.run(&["plugin", "shadow", "--end"]).code, 0);
    assert_eq!(place.run(&["plugin", "shadow", "--version", "2"]).code, 0);
    assert_eq!(enabled(&place, &["promote"]).0, 2);
    assert_eq!(enabled(&place, &["rollback"]).0, 1);
    place.fails(&["plugin", "delete"], 3, "disable it first");
    place.fails(&["plugin", "enable", "--version", "9"], 3, "has no version 9; it has 2, 1");
    assert_eq!(place.json(&["plugin", "disable"])["state"], "disabled");
    place.fails(&["plugin", "rollback"], 3, "is not enabled");
    fs::remove_file(place.path("portcullis-plugin.toml")).unwrap();
    assert_eq!(enabled(&place, &["enable", "plan", "--version", "1"]).0, 1);
    let shown = place.json(&["plugin", "show", "plan"]);
    assert_eq!(shown["current"]["declaration"]["limits"]["wall_ms"], 5000, "as it last ran");
    place.fails(&["plugin", "disable"], 2, "give its name");
}

#[test]
fn signature_beside_the_project_goes_with_its_own_version_alone() {
    let place = Place::with_data(NODE);
    project(&place, "enrich_token_rust");
    let _node = Running::start(&place);
    assert_eq!(place.run(&["plugin", "keygen", "ci.pem"]).code, 0);
    assert_eq!(place.run(&["plugin", "sign", "build/plan.wasm", "--key", "ci.pem"]).code, 0);
    let first = fs::read_to_string(place.path("build/plan.wasm.sig")).unwrap();
    place.json(&["plugin", "push"]);
    let signature = |arguments: &[&str], of: &str| {
        let plugin = place.json(&[&["plugin"], arguments].concat());
        plugin.pointer(of).and_then(|text| text.as_str()).map(str::to_owned)
    };
    let current = "/current/declaration/signature";
    assert_eq!(signature(&["enable"], current).as_ref(), Some(&first));

    build(&place, "token_echo");
    assert_eq!(place.run(&["plugin", "sign", "build/plan.wasm", "--key", "ci.pem"]).code, 0);
    let second = fs::read_to_string(place.path("build/plan.wasm.sig")).unwrap();
    place.json(&["plugin", "push"]);
    let candidate = "/candidate/declaration/signature";
    assert_eq!(signature(&["shadow", "--version", "2"], candidate).as_ref(), Some(&second));
    assert_eq!(signature(&["enable"], current).as_ref(), Some(&second));
    assert_eq!(signature(&["enable", "--version", "1"], current), None, "its component is not here");
    place.write("first.sig", &first);
    assert_eq!(signature(&["enable", "--version", "1", "--signature", "first.sig"], current), Some(first));
}

#[test]
fn component_is_pushed_to_a_tenant_without_a_running_node() {
    let place = Place::with_data(&format!("{NODE}[[tenant]]\nid = \"acme\"\n"));
    let guest = crate::guest("token_echo");
    let file = guest.to_str().unwrap();
    place.fails(&["plugin", "push", file], 2, "--name");
    place.fails(&["plugin", "push", "p.toml", "--name", "echo"], 3, "no WebAssembly");
    place.fails(&["plugin", "push"], 2, "is not a plugin's project");
    let push = ["plugin", "push", file, "--name", "echo", "--tenant", "acme"];
    assert_eq!(place.json(&push)["version"], 1);
    let declaration =
        place.write("echo.json", "{\"grants\": [], \"bind\": [{\"hook\": \"token\", \"order\": 3}]}");
    let enable = ["plugin", "enable", "echo", "--tenant", "acme", "--declaration", &declaration];
    let plugin = place.json(&enable);
    assert_eq!(plugin["current"]["declaration"]["bind"][0]["order"], 3);
    place.fails(&["plugin", "logs", "echo", "--tenant", "acme"], 3, "no node runs here");
    place.fails(&["plugin", "show", "echo"], 3, "no uploaded plugin");
    place.fails(&["plugin", "delete", "echo", "--tenant", "acme", "--version", "1"], 3, "is what runs");
    assert_eq!(place.run(&["plugin", "disable", "echo", "--tenant", "acme"]).code, 0);
    assert_eq!(place.run(&["plugin", "delete", "echo", "--tenant", "acme"]).code, 0);
    assert!(Path::new(file).exists());
}

#[test]
fn whoever_follows_a_log_is_told_each_line_once_as_it_comes() {
    let place = Place::with_data(NODE);
    let file = crate::guest("people_bad").display().to_string();
    let _node = Running::start(&place);
    assert_eq!(place.json(&["plugin", "push", &file, "--name", "plan"])["version"], 1);
    let declaration =
        place.write("plan.json", "{\"grants\": [\"config\"], \"bind\": [{\"hook\": \"registration\"}]}");
    place.json(&["plugin", "enable", "plan", "--declaration", &declaration]);
    // A failure of the plugin: a line of its log.
    let says = |email: &str| place.fails(&["identity", "create", "--email", email], 1, "");
    says("before@acme.example");

    let mut follow = place.command(&["plugin", "logs", "plan", "--follow"]);
    let mut follow = follow.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (sender, lines) = channel();
    let out = follow.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        BufReader::new(out).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
    });
    let next = || lines.recv_timeout(Duration::from_mins(1)).unwrap();
    let first = next();
    assert!(first.contains("failure"), "{first}");
    for email in ["a@acme.example", "b@acme.example"] {
        says(email);
        let line = next();
        assert!(line.contains("failure") && line != first, "{line}");
    }
    follow.kill().unwrap();
    follow.wait().unwrap();
    reading.join().unwrap();
    assert_eq!(lines.try_iter().collect::<Vec<_>>(), [""; 0], "each once");
}

#[test]
fn secrets_are_set_from_files_and_told_by_name() {
    let place = Place::with_data(NODE);
    project(&place, "enrich_token_rust");
    place.fails(&["plugin", "secret", "list"], 3, "no uploaded plugin of that name");
    place.json(&["plugin", "push"]);
    let file = place.write("key", "moss-covered\n");
    assert_eq!(place.run(&["plugin", "secret", "set", "api_key", "--secret-file", &file]).code, 0);
    assert_eq!(
        place.run(&["plugin", "secret", "set", "other", "--plugin", "plan", "--secret-file", &file]).code,
        0
    );
    let listed = place.json(&["plugin", "secret", "list"]);
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|secret| secret["name"].clone()).collect();
    assert_eq!(names, ["api_key", "other"]);
    assert!(!listed.to_string().contains("moss"), "{listed}");
    assert_eq!(place.run(&["plugin", "secret", "delete", "other"]).code, 0);
    place.fails(&["plugin", "secret", "delete", "other"], 3, "no secret of that name");
    place.fails(&["plugin", "secret", "set", "a b", "--secret-file", &file], 3, "a secret's name");
    // Nobody typed anything.
    place.fails(&["plugin", "secret", "set", "api_key"], 2, "there is no secret");
}
