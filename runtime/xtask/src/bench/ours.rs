//! Our side of the comparison: a release build on SQLite with its defaults, logs and metrics on.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::chains::{App, Browser, Jar, REDIRECT_URI};
use super::database::Database;
use super::hook_calls::HookCalls;
use super::load::Request;
use super::machine::{cpu_time, written};
use super::repeat::times;
use super::scenario::{Kind, Peer, basic, text};
use super::sessions::browser_login;
use super::spent::{Journal, Reading};
use crate::guests;
use crate::loopback::{get_json, post_json, send};
use crate::node::{self, Node, Profile, ROOMY_LIMITS};

/// The tenant whose tokens the sample plugin shapes.
const WITH_PLUGIN: &str = "enriched";

/// The tenant whose plugin never ends by itself.
const HOSTILE: &str = "hostile";

/// The e-mail address and the password of the one person. They guard nothing.
pub(super) const PERSON: (&str, &str) = ("bench@bench.example", "moss-covered lantern 71");

/// What is measured, built.
#[derive(Debug)]
pub(super) struct Built {
    binary: PathBuf,
    plugin: PathBuf,
    hostile: PathBuf,
}

impl Built {
    /// Returns the binary `portcullis`.
    pub(super) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Returns the component of the sample plugin.
    pub(super) fn plugin(&self) -> &Path {
        &self.plugin
    }

    /// Returns the configuration of the tenant with the sample plugin.
    fn tenant(&self) -> String {
        format!(
            "[[tenant]]\nid = \"{WITH_PLUGIN}\"\n\n[[tenant.plugin]]\nname = \"enrich-token\"\n\
             component = \"{}\"\n\n[tenant.plugin.settings.domains.\"bench.example\"]\n\
             plan = \"team\"\nseats = 12\n",
            self.plugin.display()
        )
    }
}

/// A node with its clients and its one person.
#[derive(Debug)]
pub(super) struct Ours {
    node: Node,
    with_plugin: String,
    /// Its data.
    home: PathBuf,
    /// Where that is on a PostgreSQL server; dropped when the node has ended.
    database: Option<Database>,
}

impl Ours {
    /// Builds the binary and the sample plugin.
    pub(super) fn build() -> anyhow::Result<Built> {
        let guests = guests::build()?;
        let (plugin, hostile) = (guests.join("enrich_token_rust.wasm"), guests.join("token_loop.wasm"));
        Ok(Built { binary: node::build(Profile::Release)?, plugin, hostile })
    }

    /// Starts a node with nothing in its database.
    pub(super) fn start(built: &Built, directory: &Path) -> anyhow::Result<Self> {
        Self::start_with(built, directory, "")
    }

    /// Starts one that also has a tenant whose plugin never ends by itself.
    pub(super) fn start_beside_hostile(built: &Built, directory: &Path) -> anyhow::Result<Self> {
        let hostile = format!(
            "\n[[tenant]]\nid = \"{HOSTILE}\"\n\n[[tenant.plugin]]\nname = \"hostile\"\ncomponent = \"{}\"\n",
            built.hostile.display()
        );
        Self::start_with(built, directory, &hostile)
    }

    /// Starts one where a person may sign in any number of times.
    pub(super) fn start_roomy(built: &Built, directory: &Path) -> anyhow::Result<Self> {
        let roomy = format!("\n[[tenant]]\nid = \"default\"\n\n{ROOMY_LIMITS}");
        Self::start_with(built, directory, &roomy)
    }

    /// Starts one where a person may sign in any number of times, and a password's hash costs next to nothing.
    pub(super) fn start_with_cheap_hashes(built: &Built, directory: &Path) -> anyhow::Result<Self> {
        let cheap = format!(
            "\n[[tenant]]\nid = \"default\"\n\n{ROOMY_LIMITS}\
             [tenant.identity.argon2]\nmemory_kib = 8\niterations = 1\nparallelism = 1\n\n"
        );
        Self::start_with(built, directory, &cheap)
    }

    /// Starts one where a person may sign in any number of times, in a database of its own if there is one.
    pub(super) fn start_for_apps(
        built: &Built,
        directory: &Path,
        database: Option<Database>,
    ) -> anyhow::Result<Self> {
        let home = Self::fresh_home(directory)?;
        let mut more = format!("\n[[tenant]]\nid = \"default\"\n\n{ROOMY_LIMITS}");
        if let Some(database) = &database {
            database.migrate(&built.binary, &home)?;
            more += &database.config();
        }
        Self::start_in(built, home, &more, database)
    }

    fn start_with(built: &Built, directory: &Path, more: &str) -> anyhow::Result<Self> {
        Self::start_in(built, Self::fresh_home(directory)?, more, None)
    }

    fn fresh_home(directory: &Path) -> anyhow::Result<PathBuf> {
        let home = directory.join("ours");
        if home.is_dir() {
            std::fs::remove_dir_all(&home)?;
        }
        Ok(home)
    }

    fn start_in(
        built: &Built,
        home: PathBuf,
        more: &str,
        database: Option<Database>,
    ) -> anyhow::Result<Self> {
        let node = Node::start(&built.binary, &home, &(built.tenant() + more))?;
        let with_plugin = format!("{}/t/{WITH_PLUGIN}", node.public);
        Ok(Self { node, with_plugin, home, database })
    }

    /// Starts a node with what an earlier one left.
    pub(super) fn restart(built: &Built, directory: &Path) -> anyhow::Result<Node> {
        Node::start(&built.binary, &directory.join("ours"), &built.tenant())
    }

    /// Returns the process id.
    pub(super) fn pid(&self) -> u32 {
        self.node.pid()
    }

    /// Returns the base URL of the tenant `default`.
    pub(super) fn base(&self) -> &str {
        &self.node.public
    }

    /// Makes a client that gets tokens for itself, and returns its credentials for HTTP Basic.
    fn make_client(&self, prefix: &str, strategy: &str) -> anyhow::Result<String> {
        let document = json!({
            "client_name": "bench",
            "grant_types": ["client_credentials"],
            "response_types": [],
            "scope": "api:read",
            "token_endpoint_auth_method": "client_secret_basic",
            "access_token_strategy": strategy,
        });
        Ok(self.register(prefix, &document)?.1)
    }

    /// Makes a client, and returns its id and its credentials for HTTP Basic.
    fn register(&self, prefix: &str, document: &Value) -> anyhow::Result<(String, String)> {
        let url = format!("{}{prefix}/admin/clients", self.node.admin);
        let client = post_json(&url, &[("authorization", &self.node.authorization())], document)?;
        let id = text(&client, "client_id")?;
        let credentials = basic(&id, &text(&client, "client_secret")?);
        Ok((id, credentials))
    }

    /// Reads what the metrics say of the plugins' calls so far.
    pub(super) fn hook_calls(&self) -> anyhow::Result<HookCalls> {
        let metrics = format!("{}/metrics", self.node.admin);
        let answer = send("GET", &metrics, &[("authorization", &self.node.authorization())], b"")?;
        ensure!(answer.status == 200, "{metrics}: status {}", answer.status);
        Ok(HookCalls::read(&String::from_utf8_lossy(&answer.body)))
    }

    /// Returns a request whose plugin never ends by itself.
    pub(super) fn hostile_request(&self) -> anyhow::Result<Request> {
        let credentials = self.make_client(&format!("/t/{HOSTILE}"), "jwt")?;
        let url = format!("{}/t/{HOSTILE}/oauth2/token", self.node.public);
        Ok(Request::form(url, "grant_type=client_credentials&scope=api:read".to_owned(), &credentials))
    }

    /// Makes the one person.
    pub(super) fn make_person(&self) -> anyhow::Result<()> {
        self.node.make_person("", PERSON.0, PERSON.1)
    }
}

/// Signs in as a native app does and returns the session token.
pub(super) fn native_login(base: &str, identifier: &str, password: &str) -> anyhow::Result<String> {
    let flow = get_json(&format!("{base}/self-service/login/api"))?;
    let action = flow.pointer("/ui/action").and_then(Value::as_str).context("a flow without its action")?;
    let form = json!({ "method": "password", "identifier": identifier, "password": password });
    text(&post_json(action, &[], &form)?, "session_token")
}

impl Peer for Ours {
    fn issuer(&self, kind: Kind) -> &str {
        if kind == Kind::ClientCredentialsWithPlugin { &self.with_plugin } else { &self.node.public }
    }

    fn request(&self, kind: Kind) -> anyhow::Result<Option<Request>> {
        let discovery = get_json(&format!("{}/.well-known/openid-configuration", self.issuer(kind)))?;
        let token_endpoint = text(&discovery, "token_endpoint")?;
        let body = "grant_type=client_credentials&scope=api:read".to_owned();
        let request = match kind {
            Kind::ClientCredentials => Request::form(token_endpoint, body, &self.make_client("", "jwt")?),
            Kind::ClientCredentialsWithPlugin => {
                let credentials = self.make_client(&format!("/t/{WITH_PLUGIN}"), "jwt")?;
                Request::form(token_endpoint, body, &credentials)
            }
            Kind::OpaqueToken => Request::form(token_endpoint, body, &self.make_client("", "opaque")?),
            Kind::Refresh | Kind::Flow => return Ok(None),
            Kind::Introspection => {
                let credentials = self.make_client("", "opaque")?;
                let token = Request::form(token_endpoint, body, &credentials).access_token()?;
                let endpoint = text(&discovery, "introspection_endpoint")?;
                Request::form(endpoint, format!("token={token}"), &credentials)
            }
            Kind::Whoami => {
                self.make_person()?;
                let token = native_login(self.base(), PERSON.0, PERSON.1)?;
                Request {
                    method: "GET",
                    url: format!("{}/sessions/whoami", self.base()),
                    body: String::new(),
                    headers: vec![("x-session-token", token), ("accept", "application/json".to_owned())],
                }
            }
        };
        Ok(Some(request))
    }

    /// People are signed in by the form, as everybody is; the client is one of ours, whose users are not asked.
    fn browsers(&self, kind: Kind, count: usize) -> anyhow::Result<Vec<Browser>> {
        let scope = if kind == Kind::Refresh { "openid offline_access api:read" } else { "openid api:read" };
        let document = json!({
            "client_name": "bench app",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "redirect_uris": [REDIRECT_URI],
            "scope": scope,
            "token_endpoint_auth_method": "client_secret_basic",
            "access_token_strategy": "jwt",
            "skip_consent": true,
        });
        let (id, credentials) = self.register("", &document)?;
        let asks = format!("scope={}", scope.replace(' ', "+"));
        let app = App::of_issuer(self.base(), &id, credentials, &asks)?;
        let (email, password) = (format!("{id}@bench.example"), PERSON.1);
        self.node.make_person("", &email, password)?;
        let browsers = Mutex::new(Vec::with_capacity(count));
        times(count, 2, || {
            let cookies = browser_login(self.base(), (&email, password))?;
            let browser = Browser::new(&app, Jar::of_header(&cookies));
            browsers.lock().unwrap_or_else(PoisonError::into_inner).push(browser);
            Ok(())
        })?;
        Ok(browsers.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn reading(&self) -> anyhow::Result<Reading> {
        let cpu = cpu_time(self.pid())?;
        match &self.database {
            Some(database) => Ok(Reading { cpu, ..database.reading()? }),
            None => Ok(Reading {
                cpu,
                bytes: written(self.pid())?,
                commits: Some(Journal::read(&self.home.join("data/portcullis.db-shm"))?.commits.into()),
                ..Reading::default()
            }),
        }
    }

    fn keeps_all(&self) -> bool {
        true
    }

    /// The plugin's own count says whether it was in the path of each answer.
    fn check_after(&self, kind: Kind, answers: u64) -> anyhow::Result<()> {
        if kind != Kind::ClientCredentialsWithPlugin {
            return Ok(());
        }
        let calls = self.hook_calls()?;
        ensure!(calls.answered >= answers, "{answers} answers, but {} calls of the plugin", calls.answered);
        eprintln!("  hook calls: {calls}");
        Ok(())
    }

    fn end(self: Box<Self>) -> anyhow::Result<()> {
        self.node.end()
    }
}
