//! The provider that ours is measured against: `oidc-provider` from npm, at its pinned version.

use anyhow::Context;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::chains::{self, App, Browser, Jar, REDIRECT_URI, Wire};
use super::load::Request;
use super::machine::{cpu_time, written};
use super::scenario::{Kind, Peer, basic, text};
use super::spent::Reading;
use crate::loopback::{free_port, get_json, send};
use crate::server::Server;
use crate::{install, workspace};

const READY: Duration = Duration::from_secs(20);

/// Steps of a sign-in: four pages that lead on, and some to spare.
const STEPS: usize = 12;

/// A running `oidc-provider` with its bench clients.
#[derive(Debug)]
pub(crate) struct OidcProvider {
    server: Server,
    pub(crate) issuer: String,
}

impl OidcProvider {
    /// Installs its packages if that is needed, and starts it; its log goes into `directory`.
    ///
    /// With a `registration_token`, clients can be made at its registration endpoint.
    pub(crate) fn start(directory: &Path, registration_token: Option<&str>) -> anyhow::Result<Self> {
        let home = workspace::root().join("tests/load/oidc-provider");
        install::node_packages(&home)?;
        let port = free_port()?;
        let issuer = format!("http://127.0.0.1:{port}");
        let mut node = Command::new("node");
        node.arg("server.mjs").args(["--port", &port.to_string()]).current_dir(&home);
        node.env("NODE_ENV", "production");
        if let Some(token) = registration_token {
            node.args(["--registration-token", token]);
        }
        let mut server = Server::start("oidc-provider", &mut node, &directory.join("oidc-provider.log"))?;
        let jwks = format!("{issuer}/jwks");
        server.wait_until(|| send("GET", &jwks, &[], b"").is_ok_and(|answer| answer.status == 200), READY)?;
        Ok(Self { server, issuer })
    }

    /// Ends it.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.server.end()
    }

    fn opaque_token(token_endpoint: String) -> Request {
        let body = "grant_type=client_credentials&scope=api:read&resource=urn:bench:opaque".to_owned();
        Request::form(token_endpoint, body, &Self::credentials("bench-opaque"))
    }

    fn credentials(client: &str) -> String {
        basic(client, &format!("{client}-secret-of-more-than-32-characters"))
    }
}

impl Peer for OidcProvider {
    fn issuer(&self, _kind: Kind) -> &str {
        &self.issuer
    }

    fn request(&self, kind: Kind) -> anyhow::Result<Option<Request>> {
        let discovery = get_json(&format!("{}/.well-known/openid-configuration", self.issuer))?;
        let token_endpoint = text(&discovery, "token_endpoint")?;
        match kind {
            Kind::ClientCredentials => {
                let body = "grant_type=client_credentials&scope=api:read&resource=urn:bench:jwt".to_owned();
                Ok(Some(Request::form(token_endpoint, body, &Self::credentials("bench-jwt"))))
            }
            Kind::OpaqueToken => Ok(Some(Self::opaque_token(token_endpoint))),
            Kind::Introspection => {
                let token = Self::opaque_token(token_endpoint).access_token()?;
                let endpoint = text(&discovery, "introspection_endpoint").context("no introspection")?;
                let credentials = Self::credentials("bench-opaque");
                Ok(Some(Request::form(endpoint, format!("token={token}"), &credentials)))
            }
            Kind::ClientCredentialsWithPlugin | Kind::Whoami | Kind::Refresh | Kind::Flow => Ok(None),
        }
    }

    fn browsers(&self, kind: Kind, count: usize) -> anyhow::Result<Vec<Browser>> {
        let client = if kind == Kind::Refresh { "bench-refresh" } else { "bench-flow" };
        let asks = "scope=openid+api:read&resource=urn:bench:jwt";
        let app = App::of_issuer(&self.issuer, client, Self::credentials(client), asks)?;
        chains::runtime()?.block_on(async {
            let mut browsers = Vec::with_capacity(count);
            for _ in 0..count {
                let mut browser = Browser::new(&app, Jar::default());
                sign_in(&mut browser, &mut Wire::open(&app.authority).await?).await?;
                browsers.push(browser);
            }
            Ok(browsers)
        })
    }

    fn reading(&self) -> anyhow::Result<Reading> {
        let pid = self.server.pid();
        Ok(Reading { cpu: cpu_time(pid)?, bytes: written(pid)?, ..Reading::default() })
    }

    /// Its memory has room for the newest thousand things of a kind.
    fn keeps_all(&self) -> bool {
        false
    }

    fn end(self: Box<Self>) -> anyhow::Result<()> {
        self.stop()
    }
}

/// Goes through its own forms (`devInteractions`), which take any name: somebody signs in, then agrees. The session keeps both.
async fn sign_in(browser: &mut Browser, wire: &mut Wire) -> anyhow::Result<()> {
    let mut location = browser.authorize(wire).await?;
    let mut prompts = ["login", "consent"].into_iter();
    for _ in 0..STEPS {
        location = if location.starts_with(REDIRECT_URI) {
            return Ok(());
        } else if location.contains("/interaction/") {
            let prompt = prompts.next().with_context(|| format!("it asks for more at {location}"))?;
            let form = format!("prompt={prompt}&login=bench&password=bench");
            browser.post(wire, &location, &form).await?
        } else {
            browser.get(wire, &location).await?
        };
    }
    anyhow::bail!("the sign-in ends at {location}")
}
