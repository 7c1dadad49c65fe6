//! `[[listener]]`

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::problem::Checker;
use crate::{Config, Span};

/// One address, what it serves and how its callers authenticate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// What logs and audit records call it.
    pub name: String,
    /// An address and port, e.g. `127.0.0.1:4480`, or a Unix socket, `unix:/run/portcullis.sock`.
    pub address: ListenAddress,
    /// What it serves. `public` is for browsers and apps; `admin` and `metrics` are for operators.
    pub routers: Vec<Router>,
    /// How callers of `admin` and `metrics` authenticate. A client certificate signed by `client_ca`
    /// always counts as well.
    #[serde(default)]
    pub auth: ClientAuthentication,
    /// Why `auth = "none"` is right here; `doctor` shows it.
    #[serde(default)]
    pub reason: Option<String>,
    /// Serves HTTPS (HTTP/1.1 and HTTP/2). Files are read again when they change.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// PEM file with the authorities whose client certificates let callers in.
    #[serde(default)]
    pub client_ca: Option<PathBuf>,
    /// Whether whoever connects is asked for a certificate by which apps prove who they are, and to which their tokens are
    /// bound (`oauth2.client_certificates` of their tenant). Nobody must have one, and it lets nobody into `admin`. Browsers
    /// may ask people for one: give apps a listener of their own.
    #[serde(default)]
    pub app_certificates: bool,
    /// Whether `/openapi.json` and its page `/openapi` say what this listener serves, to whoever asks.
    #[serde(default = "yes")]
    pub api_document: bool,
    /// The largest request body here, in bytes, instead of `limits.body_bytes`.
    #[serde(default)]
    pub body_bytes: Option<u64>,
    /// How long a request may take here, instead of `limits.request_timeout`.
    #[serde(default)]
    pub request_timeout: Option<Span>,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file: the certificate, then its intermediates.
    pub cert: PathBuf,
    /// PEM file: the private key.
    pub key: PathBuf,
}

/// A group of paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Router {
    /// Self-service, OAuth2/OIDC, pages.
    Public,
    /// Everything below `/admin`.
    Admin,
    /// `/metrics` for Prometheus.
    Metrics,
}

/// How callers of operators' routers prove who they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthentication {
    /// An admin API key, as Bearer token or as HTTP Basic password.
    #[default]
    Key,
    /// Not at all. Only on a loopback address or a Unix socket, with a `reason`.
    None,
}

/// What is on unless it is switched off.
const fn yes() -> bool {
    true
}

impl Listener {
    /// What a node without configuration listens on.
    pub fn defaults() -> Vec<Self> {
        let on = |name: &str, port, routers| Self {
            name: name.to_owned(),
            address: ListenAddress::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            routers,
            auth: ClientAuthentication::Key,
            reason: None,
            tls: None,
            client_ca: None,
            app_certificates: false,
            api_document: true,
            body_bytes: None,
            request_timeout: None,
        };
        vec![
            on("public", 4480, vec![Router::Public]),
            on("admin", 4481, vec![Router::Admin, Router::Metrics]),
        ]
    }

    /// Whether it serves `router`.
    pub fn serves(&self, router: Router) -> bool {
        self.routers.contains(&router)
    }
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ListenAddress {
    /// An IP address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// A Unix socket, readable and writable by the node's user only.
    Unix(PathBuf),
}

impl ListenAddress {
    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!(
                "`{text}` is not an address; write IP and port, e.g. \"127.0.0.1:4480\", or \"unix:/path\""
            )
        })
    }
}

impl Serialize for ListenAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ListenAddress {
    fn schema_name() -> Cow<'static, str> {
        "ListenAddress".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "`<IP>:<port>` or `unix:<path>`."
        })
    }
}

/// Checks each listener, and that they do not collide.
pub(crate) fn check_all(listeners: &[Listener], config: &Config, checker: &mut Checker<'_>) {
    let mut names = HashMap::new();
    let mut addresses = HashMap::new();
    for (index, listener) in listeners.iter().enumerate() {
        let key = |name: &str| format!("listener[{index}].{name}");
        if let Some(first) = names.insert(listener.name.as_str(), index) {
            checker
                .report(&key("name"), format!("`{}` is also the name of listener[{first}]", listener.name));
        }
        let fixed = !matches!(&listener.address, ListenAddress::Tcp(address) if address.port() == 0);
        if fixed && let Some(first) = addresses.insert(&listener.address, index) {
            checker.report(&key("address"), format!("listener[{first}] listens on {} too", listener.address));
        }
        check_one(listener, &key, checker);
    }
    if !listeners.is_empty() && !listeners.iter().any(|listener| listener.serves(Router::Public)) {
        checker.report("listener[0].routers", "no listener serves `public`, so nobody could sign in");
    }
    check_base_url(listeners, config, checker);
}

fn check_one(listener: &Listener, key: &dyn Fn(&str) -> String, checker: &mut Checker<'_>) {
    if listener.routers.is_empty() {
        checker.report(&key("routers"), "is empty; name at least one of `public`, `admin`, `metrics`");
    }
    match listener.auth {
        ClientAuthentication::None => {
            if !listener.address.is_local() {
                checker.report(
                    &key("auth"),
                    format!(
                        "`none` is refused on {}: only a loopback address or a Unix socket may be open",
                        listener.address
                    ),
                );
            }
            if listener.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
                checker.report(&key("auth"), "`none` needs a `reason` beside it");
            }
        }
        ClientAuthentication::Key => {
            if listener.reason.is_some() {
                checker.report(&key("reason"), "only says why `auth = \"none\"`, and `auth` is `key`");
            }
        }
    }
    if listener.client_ca.is_some() && listener.tls.is_none() {
        checker.report(&key("client_ca"), "needs `tls`: without it nobody can present a certificate");
    }
    if listener.app_certificates {
        check_app_certificates(listener, key, checker);
    }
    if listener.tls.is_some() && matches!(listener.address, ListenAddress::Unix(_)) {
        checker.report(&key("tls"), "is not served on a Unix socket");
    }
    let tls = listener.tls.as_ref();
    for (name, path) in [
        ("tls.cert", tls.map(|tls| &tls.cert)),
        ("tls.key", tls.map(|tls| &tls.key)),
        ("client_ca", listener.client_ca.as_ref()),
    ] {
        if let Some(path) = path {
            checker.check_file(&key(name), path);
        }
    }
    if listener.body_bytes == Some(0) {
        checker.report(&key("body_bytes"), "must be at least 1");
    }
}

/// Attack: an app's certificate opens a door of operators. A listener asks for the certificates of one of them.
fn check_app_certificates(listener: &Listener, key: &dyn Fn(&str) -> String, checker: &mut Checker<'_>) {
    let at = key("app_certificates");
    if listener.tls.is_none() {
        checker.report(&at, "needs `tls`: without it nobody can present a certificate");
    }
    if listener.client_ca.is_some() {
        checker.report(
            &at,
            "and `client_ca` exclude each other: that is for operators, on a listener of theirs",
        );
    }
    if listener.routers.iter().any(|router| *router != Router::Public) {
        checker.report(&at, "is for a listener of apps, that serves `public` alone");
    }
}

fn check_base_url(listeners: &[Listener], config: &Config, checker: &mut Checker<'_>) {
    let open = listeners
        .iter()
        .enumerate()
        .find(|(_, listener)| listener.serves(Router::Public) && !listener.address.is_local());
    if let (Some((index, listener)), None) = (open, &config.server.base_url) {
        checker.report(
            &format!("listener[{index}].address"),
            format!("`server.base_url` must say what browsers call {}", listener.address),
        );
    }
}
