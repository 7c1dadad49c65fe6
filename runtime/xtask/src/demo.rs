//! `cargo demo`: what `portcullis demo` serves, with the sample plugin and the app Nexboard.
//!
//! Everything is made anew in `target/demo` at each start, and ends with the command. With `--check` nobody is
//! waited for: one sign-in is driven through the app, and one of a suspended customer is refused.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::loopback::{free_port, free_port_near, send};
use crate::node::{self, Profile};
use crate::server::Server;
use crate::{guests, workspace};

const READY: Duration = Duration::from_secs(30);
/// How often the demo looks whether everything still runs.
const PACE: Duration = Duration::from_millis(500);

/// How the demo runs.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Drives one sign-in by itself, prints the claims that the app verified, and ends
    #[arg(long)]
    check: bool,
}

/// Builds, starts, and waits for Ctrl-C or checks.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let plugin = guests::build()?.join("enrich_token_rust.wasm");
    ensure!(plugin.is_file(), "{} was not built", plugin.display());
    let binary = node::build(Profile::Debug)?;

    let demo = Demo::start(&binary, &plugin, arguments.check)?;
    if arguments.check {
        demo.check()?;
        return demo.node.end();
    }
    let app = demo.start_app()?;
    demo.greet();
    wait(demo.node, app)
}

/// What `portcullis demo --json` prints.
#[derive(Debug, Deserialize)]
struct Served {
    issuer: String,
    admin: String,
    admin_key_file: PathBuf,
    client: Client,
    people: Vec<Person>,
}

#[derive(Debug, Deserialize)]
struct Client {
    client_id: String,
    client_secret_file: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Person {
    email: String,
    password: String,
    suspended_by_plugin: bool,
}

/// The node that runs, and where its app will.
struct Demo {
    directory: PathBuf,
    node: Server,
    served: Served,
    app_binary: PathBuf,
    app_port: u16,
}

impl Demo {
    /// Empties the directory and starts the node in it. A check takes any ports, so that it can run beside
    /// anything; the demo takes its usual ones if they are free.
    fn start(binary: &Path, plugin: &Path, check: bool) -> anyhow::Result<Self> {
        let directory = workspace::target_directory().join(if check { "demo-check" } else { "demo" });
        if directory.is_dir() {
            fs::remove_dir_all(&directory).with_context(|| directory.display().to_string())?;
        }
        fs::create_dir_all(&directory)?;
        let app_port = if check { free_port()? } else { free_port_near(4490)? };
        let app = format!("http://127.0.0.1:{app_port}");
        let mut command = Command::new(binary);
        command.env_remove("PORTCULLIS_CONFIG").args(["demo", "--json"]);
        command.arg("--data-dir").arg(directory.join("data")).arg("--plugin").arg(plugin);
        command.args(["--redirect-uri", &format!("{app}/callback")]);
        command.args(["--post-logout-redirect-uri", &format!("{app}/signed-out")]);
        if check {
            command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        }
        let (out, log) = (directory.join("portcullis.json"), directory.join("portcullis.log"));
        let mut node = Server::start_apart("portcullis", &mut command, (&out, &log))?;
        node.wait_until(|| fs::read(&out).is_ok_and(|printed| printed.ends_with(b"\n")), READY)?;
        let served = serde_json::from_slice(&fs::read(&out)?).context("what the demo printed")?;
        Ok(Self { directory, node, served, app_binary: binary.with_file_name("nexboard"), app_port })
    }

    fn nexboard(&self) -> Command {
        let Client { client_id, client_secret_file } = &self.served.client;
        let mut nexboard = Command::new(&self.app_binary);
        nexboard.args(["--listen", &format!("127.0.0.1:{}", self.app_port), "--issuer", &self.served.issuer]);
        nexboard.args(["--client-id", client_id, "--client-secret-file"]).arg(client_secret_file);
        nexboard
    }

    fn start_app(&self) -> anyhow::Result<Server> {
        let log = self.directory.join("nexboard.log");
        let mut app = Server::start("nexboard", &mut self.nexboard(), &log)?;
        let health = format!("http://127.0.0.1:{}/health", self.app_port);
        app.wait_until(|| send("GET", &health, &[], b"").is_ok_and(|answer| answer.status == 200), READY)?;
        Ok(app)
    }

    fn greet(&self) {
        let Served { issuer, admin, admin_key_file, people, .. } = &self.served;
        println!();
        println!("  Nexboard    http://127.0.0.1:{}", self.app_port);
        for Person { email, password, suspended_by_plugin } in people {
            let remark = if *suspended_by_plugin { "  (refused: her company is suspended)" } else { "" };
            println!("  sign in as  {email}  {password}{remark}");
        }
        println!();
        println!("  issuer {issuer}, admin API {admin}, key in {}", admin_key_file.display());
        println!("  logs in {}; Ctrl-C ends it all.", self.directory.display());
    }

    /// Signs in once as somebody who may, and once as somebody who may not.
    fn check(&self) -> anyhow::Result<()> {
        let person = |suspended| {
            let mut people = self.served.people.iter();
            people
                .find(|person| person.suspended_by_plugin == suspended)
                .context("the demo has not both people")
        };
        let ada = person(false)?;
        let (signed_in, answer, said) = self.sign_in(ada)?;
        ensure!(signed_in, "the sign-in of {} failed:\n{said}{}", ada.email, self.node_log());
        let claims: Value = serde_json::from_str(&answer)?;
        println!("{claims:#}");
        for (claim, expected) in [("plan", json!("team")), ("seats", json!(12))] {
            ensure!(claims.get(claim) == Some(&expected), "the plugin's claim `{claim}` is not {expected}");
        }
        let grace = person(true)?;
        let (signed_in, _, said) = self.sign_in(grace)?;
        if signed_in || !said.contains("This account is suspended") {
            bail!("{} was not refused as suspended:\n{said}{}", grace.email, self.node_log());
        }
        let (ada, grace) = (&ada.email, &grace.email);
        eprintln!("demo: {ada} signed in and out; {grace} was refused: the customer is suspended");
        Ok(())
    }

    /// Returns whether it succeeded, what was answered and what was said about it.
    fn sign_in(&self, person: &Person) -> anyhow::Result<(bool, String, String)> {
        let password = self.directory.join("password");
        fs::write(&password, &person.password)?;
        let mut nexboard = self.nexboard();
        nexboard.args(["--check", "--email", &person.email, "--password-file"]).arg(&password);
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

/// Runs until Ctrl-C, SIGTERM, the end of a server, or the end of whoever started this command.
fn wait(mut node: Server, mut app: Server) -> anyhow::Result<()> {
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
