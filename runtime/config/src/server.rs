//! `[server]`

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use primitives::TrustedProxies;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::certificate_header::CertificateHeader;
use crate::problem::Checker;
use crate::span::Span;

/// The node itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// The directory for everything that the node makes by itself: database, master key, admin key,
    /// compiled plugins, its socket. Only its user may read it.
    pub data_dir: PathBuf,
    /// What browsers and apps call this node, e.g. `https://id.example.com`; the issuer of the `default`
    /// tenant. Without it, the address of the first public listener, which must then be a loopback one.
    #[schemars(with = "Option<String>")]
    pub base_url: Option<Url>,
    /// The proxies whose `X-Forwarded-For` is believed, as addresses or networks, e.g. `10.0.0.0/8`.
    pub trusted_proxies: Vec<String>,
    /// The header in which those proxies tell the certificate that a client showed them, by which apps prove who they are:
    /// `client-cert` as RFC 9440 has it, `x-forwarded-client-cert` as Envoy does, or any other with percent-encoded PEM, as
    /// nginx has in `$ssl_client_escaped_cert`. They must take it off what they are sent themselves.
    pub client_certificate_header: Option<String>,
    /// The name servers that are asked whether organisations have proven their domains, as addresses with or without a
    /// port, e.g. `9.9.9.9`. Without any, those of the system (`/etc/resolv.conf`).
    pub name_servers: Vec<String>,
    /// How long requests in flight may take to finish after SIGTERM.
    pub drain: Span,
    /// Whether to watch this file, certificates and plugins' components, and reload when one changes
    /// (SIGHUP always reloads).
    pub watch: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("portcullis-data"),
            base_url: None,
            trusted_proxies: Vec::new(),
            client_certificate_header: None,
            name_servers: Vec::new(),
            drain: Span::seconds(30),
            watch: true,
        }
    }
}

impl Server {
    /// The trusted proxies as networks. Entries were checked when the configuration was read.
    pub fn proxies(&self) -> TrustedProxies {
        TrustedProxies(self.trusted_proxies.iter().filter_map(|entry| entry.parse().ok()).collect())
    }

    /// The header with the certificates of clients. It was checked when the configuration was read.
    pub fn certificate_header(&self) -> Option<CertificateHeader> {
        self.client_certificate_header.as_deref().and_then(CertificateHeader::parse)
    }

    /// The name servers. Entries were checked when the configuration was read.
    pub fn name_servers(&self) -> Vec<SocketAddr> {
        self.name_servers.iter().filter_map(|entry| name_server(entry)).collect()
    }

    pub(crate) fn check(&self, checker: &mut Checker<'_>) {
        for (index, entry) in self.name_servers.iter().enumerate() {
            if name_server(entry).is_none() {
                let place = format!("server.name_servers[{index}]");
                checker.report(&place, format!("`{entry}` is no address, e.g. `9.9.9.9` or `[::1]:5353`"));
            }
        }
        for (index, entry) in self.trusted_proxies.iter().enumerate() {
            if let Err(error) = entry.parse::<primitives::address::Network>() {
                checker.report(&format!("server.trusted_proxies[{index}]"), format!("`{entry}` is {error}"));
            }
        }
        if let Some(name) = &self.client_certificate_header {
            const AT: &str = "server.client_certificate_header";
            if CertificateHeader::parse(name).is_none() {
                checker
                    .report(AT, format!("`{name}` is no header that a proxy may write a certificate into"));
            }
            if self.trusted_proxies.is_empty() {
                checker.report(AT, "needs `trusted_proxies`: it is believed of nobody else");
            }
        }
        if let Some(url) = &self.base_url
            && let Err(message) = check_issuer(url)
        {
            checker.report("server.base_url", message);
        }
    }
}

/// An address with a port, or that of DNS.
pub fn name_server(entry: &str) -> Option<SocketAddr> {
    const DNS: u16 = 53;
    let bare = || entry.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, DNS));
    entry.parse().ok().or_else(bare)
}

/// Checks what OpenID Connect Discovery 1.0 section 3 asks of an issuer: http(s), a host, no query, no
/// fragment; and no user information, which would end up in every token.
pub(crate) fn check_issuer(url: &Url) -> Result<(), &'static str> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("must be an absolute http or https URL");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have no query and no fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must hold no user name or password");
    }
    Ok(())
}
