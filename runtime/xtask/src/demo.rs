//! `cargo demo`: a node with a tenant, its plugin and its app, and somebody who can sign in.
//!
//! Everything is made anew in `target/demo` at each start, and ends with the command. With `--check` nobody is
//! waited for: one sign-in is driven through the app, and one of a suspended customer is refused.

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::loopback::{free_port, free_port_near, send};
use crate::node::{self, Node, Profile};
use crate::server::Server;
use crate::{guests, workspace};

const TENANT: &str = "acme";
const COLOUR: &str = "#b4432a";
const CLIENT: &str = "nexboard";
const PERSON: &str = "ada@acme.example";
/// Somebody of a customer that the plugin lets nobody of in.
const SUSPENDED: &str = "grace@late.example";

const READY: Duration = Duration::from_secs(15);
/// How often the demo looks whether everything still runs.
const PACE: Duration = Duration::from_millis(500);

/// How the demo runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Drives one sign-in by itself, prints the claims that the app verified, and ends
    #[arg(long)]
    check: bool,
}

/// Builds, starts, seeds, and waits for Ctrl-C or checks.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let plugin = guests::build()?.join("enrich_token_rust.wasm");
    ensure!(plugin.is_file(), "{} was not built", plugin.display());
    let binary = node::build(Profile::Debug)?;

    let demo = Demo::prepare(&plugin, arguments.check)?;
    let node = demo.start_node(&binary)?;
    let issuer = format!("{}/t/{TENANT}", node.public);
    let nexboard = || {
        let mut nexboard = Command::new(binary.with_file_name("nexboard"));
        nexboard.args(["--listen", &format!("127.0.0.1:{}", demo.app_port), "--issuer", &issuer]);
        nexboard
            .args(["--client-id", CLIENT, "--client-secret-file"])
            .arg(demo.directory.join("client-secret"));
        nexboard
    };
    if arguments.check {
        demo.check(nexboard)?;
        return node.end();
    }
    let app = demo.start_app(&mut nexboard())?;
    demo.greet(&node, &issuer);
    wait(node, app)
}

/// What is decided before anything starts.
struct Demo {
    directory: PathBuf,
    node_ports: (u16, u16),
    app_port: u16,
    password: String,
    configuration: String,
}

impl Demo {
    /// Empties the directory and writes what the node and the app read. A check takes any ports, so that it can
    /// run beside anything; the demo takes its usual ones if they are free.
    fn prepare(plugin: &Path, check: bool) -> anyhow::Result<Self> {
        let directory = workspace::target_directory().join(if check { "demo-check" } else { "demo" });
        if directory.is_dir() {
            fs::remove_dir_all(&directory).with_context(|| directory.display().to_string())?;
        }
        fs::create_dir_all(&directory)?;
        let port = |usual| if check { free_port() } else { free_port_near(usual) };
        let (node_ports, app_port) = ((port(4480)?, port(4481)?), port(4490)?);
        let password = random_words()?;
        fs::write(directory.join("client-secret"), format!("{}-{}", random_words()?, random_words()?))?;
        fs::write(directory.join("password"), &password)?;
        let configuration = configuration(plugin, app_port);
        Ok(Self { directory, node_ports, app_port, password, configuration })
    }

    fn start_node(&self, binary: &Path) -> anyhow::Result<Node> {
        let node = Node::start_at(self.node_ports, binary, &self.directory, &self.configuration)?;
        let prefix = format!("/t/{TENANT}");
        let ada = json!({ "email": PERSON, "name": { "first": "Ada", "last": "Lovelace" } });
        let grace = json!({ "email": SUSPENDED, "name": { "first": "Grace", "last": "Hopper" } });
        for traits in [ada, grace] {
            node.make_identity(&prefix, &traits, &self.password)?;
        }
        Ok(node)
    }

    fn start_app(&self, nexboard: &mut Command) -> anyhow::Result<Server> {
        let mut app = Server::start("nexboard", nexboard, &self.directory.join("nexboard.log"))?;
        let health = format!("http://127.0.0.1:{}/health", self.app_port);
        app.wait_until(|| send("GET", &health, &[], b"").is_ok_and(|answer| answer.status == 200), READY)?;
        Ok(app)
    }

    fn greet(&self, node: &Node, issuer: &str) {
        println!();
        println!("  Nexboard    http://127.0.0.1:{}", self.app_port);
        println!("  sign in as  {PERSON}");
        println!("  password    {}", self.password);
        println!();
        println!("  {SUSPENDED} has the same password, and a customer that is suspended.");
        println!("  issuer {issuer}, admin API {}, key in {}", node.admin, node.admin_key_file.display());
        println!("  logs in {}; Ctrl-C ends it all.", self.directory.display());
    }

    /// Signs in once as somebody who may, and once as somebody who may not.
    fn check(&self, nexboard: impl Fn() -> Command) -> anyhow::Result<()> {
        let (signed_in, answer, said) = self.sign_in(nexboard(), PERSON)?;
        ensure!(signed_in, "the sign-in of {PERSON} failed:\n{said}{}", self.node_log());
        let claims: Value = serde_json::from_str(&answer)?;
        println!("{claims:#}");
        for (claim, expected) in [("plan", json!("team")), ("seats", json!(12))] {
            ensure!(claims.get(claim) == Some(&expected), "the plugin's claim `{claim}` is not {expected}");
        }
        let (signed_in, _, said) = self.sign_in(nexboard(), SUSPENDED)?;
        if signed_in || !said.contains("This account is suspended") {
            bail!("{SUSPENDED} was not refused as suspended:\n{said}{}", self.node_log());
        }
        eprintln!("demo: {PERSON} signed in and out; {SUSPENDED} was refused: the customer is suspended");
        Ok(())
    }

    /// Returns whether it succeeded, what was answered and what was said about it.
    fn sign_in(&self, mut nexboard: Command, email: &str) -> anyhow::Result<(bool, String, String)> {
        nexboard.args(["--check", "--email", email, "--password-file"]).arg(self.directory.join("password"));
        let output = nexboard.output().context("cannot start nexboard")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok((output.status.success(), text(&output.stdout), text(&output.stderr)))
    }

    fn node_log(&self) -> String {
        let text = fs::read_to_string(self.directory.join("portcullis.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

/// The tenant with its looks, its plugin and its app.
fn configuration(plugin: &Path, app_port: u16) -> String {
    let app = format!("http://127.0.0.1:{app_port}");
    let text = |value: &str| toml::Value::from(value).to_string();
    format!(
        r#"[[tenant]]
id = "{TENANT}"

[tenant.branding]
name = "Acme"
primary_color = "{COLOUR}"

[[tenant.plugin]]
name = "enrich-token"
component = {plugin}
# A debug build, on a machine that may be compiling.
limits = {{ wall_ms = 2000 }}

[tenant.plugin.settings.domains."acme.example"]
plan = "team"
seats = 12

[tenant.plugin.settings.domains."late.example"]
plan = "team"
seats = 3
suspended = true

[[tenant.client]]
client_id = "{CLIENT}"
client_name = "Nexboard"
secret = {{ file = "client-secret" }}
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile email offline_access"
redirect_uris = ["{app}/callback"]
post_logout_redirect_uris = ["{app}/signed-out"]
skip_consent = true
skip_logout_consent = true
"#,
        plugin = text(&plugin.display().to_string()),
    )
}

/// Runs until Ctrl-C, SIGTERM, the end of a server, or the end of whoever started this command.
fn wait(mut node: Node, mut app: Server) -> anyhow::Result<()> {
    let parent = std::os::unix::process::parent_id();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let mut pulse = tokio::time::interval(PACE);
        let interrupt = tokio::signal::ctrl_c();
        tokio::pin!(interrupt);
        loop {
            tokio::select! {
                asked = &mut interrupt => return asked.context("signals"),
                _ = terminate.recv() => return Ok(()),
                _ = pulse.tick() => {}
            }
            // Whoever ends `cargo` by its pid does not reach us otherwise.
            if std::os::unix::process::parent_id() != parent {
                return Ok(());
            }
            node.check_running()?;
            app.check_running()?;
        }
    })?;
    app.end_if_running()?;
    node.end_if_running()
}

/// Returns 78 random bits that can be read and typed.
fn random_words() -> anyhow::Result<String> {
    // No 0, 1, i, l, o or u, which are taken for one another. 30 does not divide 256, a bias that costs a fraction
    // of a bit.
    const LETTERS: &[u8] = b"23456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().unwrap_or(b'2');
    let letters: Vec<u8> = bytes.iter().map(letter).collect();
    let words: Vec<String> =
        letters.chunks(4).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    Ok(words.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_toml_whatever_the_path() {
        let text = configuration(Path::new("/a \"b\"\\c/plugin.wasm"), 4490);
        let table: toml::Table = text.parse().unwrap();
        let tenant = &table["tenant"][0];
        assert_eq!(tenant["plugin"][0]["component"].as_str(), Some("/a \"b\"\\c/plugin.wasm"));
        assert_eq!(tenant["client"][0]["redirect_uris"][0].as_str(), Some("http://127.0.0.1:4490/callback"));
    }

    #[test]
    fn passwords_differ_and_can_be_typed() {
        let (one, two) = (random_words().unwrap(), random_words().unwrap());
        assert_ne!(one, two);
        assert_eq!(one.len(), 19);
        assert!(one.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit()));
    }
}
