//! The commands as a script sees them: what they print and how they end.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking that it failed")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

/// A directory with a configuration and data of its own.
struct Place(tempfile::TempDir);

struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new(configuration: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("p.toml", configuration);
        place
    }

    /// With a data directory, which `migrate` makes.
    fn with_data(configuration: &str) -> Self {
        let place = Self::new(configuration);
        assert_eq!(place.run(&["migrate"]).code, 0);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let file = self.path("p.toml").display().to_string();
        self.without_configuration(&[&["--config", &file], arguments].concat())
    }

    fn without_configuration(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.env_remove("PORTCULLIS_CONFIG").env_remove("RUST_LOG").current_dir(self.0.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        Ended {
            code: status.code().unwrap(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }

    /// The JSON of a command that succeeds.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.err);
        serde_json::from_str(&ended.out).unwrap()
    }

    /// A command that does not succeed: its exit code, and a part of what it says.
    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, part: &str) {
        let ended = self.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(part), "{arguments:?}: {}", ended.err);
    }
}

/// Free ports: several tests run nodes at once.
const NODE: &str = "[[listener]]\nname = \"public\"\naddress = \"127.0.0.1:0\"\nrouters = [\"public\", \"admin\"]\n\
                    [server]\nbase_url = \"http://127.0.0.1:4480\"\n";

/// A running node, with the lines of its log.
struct Running(Child, Receiver<String>);

impl Running {
    fn start(place: &Place) -> Self {
        let mut child =
            place.command(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, log) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(log).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let ready = BufReader::new(out).lines().map_while(Result::ok).any(|line| line.contains("is ready"));
        let running = Self(child, lines);
        assert!(ready, "the node did not start");
        running
    }

    /// Waits until the log says this.
    #[track_caller]
    fn logs(&self, part: &str) {
        while let Ok(line) = self.1.recv_timeout(Duration::from_mins(1)) {
            if line.contains(part) {
                return;
            }
        }
        panic!("the log does not say: {part}");
    }

    fn hang_up(&self) {
        assert!(Command::new("kill").args(["-HUP", &self.0.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

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
    assert_eq!((ids("acme"), ids("default")), (vec![json!("a"), json!("b"), json!("web")], vec![]));
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
