//! The provider that ours is measured against: `oidc-provider` from npm, at its pinned version.

use anyhow::Context;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::load::Request;
use super::scenario::{Kind, Peer, basic, text};
use crate::loopback::{free_port, get_json, send};
use crate::server::Server;
use crate::{install, workspace};

const READY: Duration = Duration::from_secs(20);

/// A running `oidc-provider` with its two bench clients.
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
            Kind::Introspection => {
                let credentials = Self::credentials("bench-opaque");
                let body =
                    "grant_type=client_credentials&scope=api:read&resource=urn:bench:opaque".to_owned();
                let token = Request::form(token_endpoint, body, &credentials).access_token()?;
                let endpoint = text(&discovery, "introspection_endpoint").context("no introspection")?;
                Ok(Some(Request::form(endpoint, format!("token={token}"), &credentials)))
            }
            Kind::ClientCredentialsWithPlugin | Kind::Whoami => Ok(None),
        }
    }

    fn end(self: Box<Self>) -> anyhow::Result<()> {
        self.stop()
    }
}
