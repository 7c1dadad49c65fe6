//! The one way out: outbound HTTP with the guard against calls to where we must not call.
//!
//! Attack: a client registers `jwks_uri = http://169.254.169.254/…`, or a public name that resolves to
//! 127.0.0.1, or one that resolves to something else the second time. So the name is resolved here, every
//! address that is not public is refused unless it was granted, and the connection goes to the very address
//! that was checked; redirects are not followed, size and time are bounded, and no error tells what was found.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use primitives::address::Network;
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse, Reach};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use url::Url;

use crate::server::certificates;

/// What the head of an answer may take, and what of its body is read ahead, in bytes.
const HEAD_BYTES: usize = 64 << 10;
/// How long a name may take to resolve.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where calls may go besides public addresses.
#[derive(Debug, Clone, Default)]
pub struct OutboundPolicy {
    /// Networks that may be called although they are not public.
    pub granted: Vec<Network>,
}

/// [`Outbound`] with the guard.
#[derive(Debug)]
pub struct GuardedOutbound {
    policy: OutboundPolicy,
    tls: Arc<ClientConfig>,
}

impl GuardedOutbound {
    /// A way out under a policy. Servers must have a certificate of a public authority.
    pub fn new(policy: OutboundPolicy) -> Result<Self, rustls::Error> {
        Self::with_authorities(policy, Vec::new())
    }

    /// The same, where certificates of the authorities in a PEM file count as well.
    pub fn trusting(policy: OutboundPolicy, ca: &Path) -> io::Result<Self> {
        Self::with_authorities(policy, certificates(ca)?).map_err(io::Error::other)
    }

    fn with_authorities(
        policy: OutboundPolicy,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        authorities.into_iter().try_for_each(|authority| roots.add(authority))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { policy, tls: Arc::new(tls) })
    }

    async fn run(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let message = message(&request)?;
        let address = self.check_address(&request.url, request.reach).await?;
        let stream = TcpStream::connect(address).await.map_err(|_| OutboundError::Connect)?;
        if request.url.scheme() == "https" {
            let host = request.url.host_str().ok_or(OutboundError::Forbidden)?.to_owned();
            let name = ServerName::try_from(host).map_err(|_| OutboundError::Forbidden)?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            let stream = connector.connect(name, stream).await.map_err(|_| OutboundError::Connect)?;
            exchange(stream, message, request.max_response_bytes).await
        } else {
            exchange(stream, message, request.max_response_bytes).await
        }
    }

    /// Resolves the name and gives an address that may be called.
    async fn check_address(&self, url: &Url, reach: Reach) -> Result<SocketAddr, OutboundError> {
        if !matches!(url.scheme(), "https" | "http") || !url.username().is_empty() || url.password().is_some()
        {
            return Err(OutboundError::Forbidden);
        }
        let port = url.port_or_known_default().ok_or(OutboundError::Forbidden)?;
        self.check_host(url.host().ok_or(OutboundError::Forbidden)?, port, reach).await
    }

    async fn check_host(
        &self,
        host: url::Host<&str>,
        port: u16,
        reach: Reach,
    ) -> Result<SocketAddr, OutboundError> {
        let addresses: Vec<SocketAddr> = match host {
            url::Host::Ipv4(ip) => vec![(ip, port).into()],
            url::Host::Ipv6(ip) => vec![(ip, port).into()],
            url::Host::Domain(name) => {
                tokio::net::lookup_host((name, port)).await.map_err(|_| OutboundError::Connect)?.collect()
            }
        };
        let first = *addresses.first().ok_or(OutboundError::Connect)?;
        // One address that is not allowed spoils the name: which one answers is the name server's choice.
        let may_call = |address: &SocketAddr| reach == Reach::NamedByOperator || self.may_call(address.ip());
        if addresses.iter().all(may_call) { Ok(first) } else { Err(OutboundError::Forbidden) }
    }

    fn may_call(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let is_granted = || self.policy.granted.iter().any(|network| network.contains(address));
        is_public(address) || (!is_metadata(address) && is_granted())
    }
}

impl Outbound for GuardedOutbound {
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        let timeout = request.timeout.min(Duration::from_mins(1));
        Box::pin(async move {
            tokio::time::timeout(timeout, self.run(request)).await.unwrap_or(Err(OutboundError::Timeout))
        })
    }

    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        reach: Reach,
    ) -> BoxFuture<'a, Result<SocketAddr, OutboundError>> {
        Box::pin(async move {
            // As URLs read hosts: `127.1` and `0x7f000001` are addresses, and names are lower case.
            let parsed = url::Host::parse(host).map_err(|_| OutboundError::Forbidden)?;
            let host = match &parsed {
                url::Host::Domain(name) => url::Host::Domain(name.as_str()),
                url::Host::Ipv4(ip) => url::Host::Ipv4(*ip),
                url::Host::Ipv6(ip) => url::Host::Ipv6(*ip),
            };
            let checked = self.check_host(host, port, reach);
            tokio::time::timeout(RESOLVE_TIMEOUT, checked).await.unwrap_or(Err(OutboundError::Timeout))
        })
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    message: Request<Full<Bytes>>,
    limit: usize,
) -> Result<OutboundResponse, OutboundError> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| OutboundError::Connect)?;
    let _driver = Driver(tokio::spawn(connection));
    let sent = sender.send_request(message).await.map_err(|_| OutboundError::Malformed);
    match sent {
        Ok(response) => receive(response, limit).await,
        Err(error) => Err(error),
    }
}

/// The task of a connection, which ends with whoever waits for its answer.
struct Driver<T>(JoinHandle<T>);

impl<T> Drop for Driver<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn message(request: &OutboundRequest) -> Result<Request<Full<Bytes>>, OutboundError> {
    let target = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let host = request.url.host_str().unwrap_or_default();
    let host = request.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut builder = Request::builder().method(request.method).uri(target).header("host", host);
    for (name, value) in &request.headers {
        builder = builder.header(name.as_str(), value.as_str());
    }
    builder.body(Full::from(request.body.clone())).map_err(|_| OutboundError::Malformed)
}

async fn receive(
    response: http::Response<hyper::body::Incoming>,
    limit: usize,
) -> Result<OutboundResponse, OutboundError> {
    let status = response.status().as_u16();
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?)))
        .collect();
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|_| OutboundError::Malformed)?.into_data() else { continue };
        if body.len() + data.len() > limit {
            return Err(OutboundError::TooLarge);
        }
        body.extend_from_slice(&data);
    }
    Ok(OutboundResponse { status, headers, body })
}

/// Whether a machine of a cloud is told its secrets there: on its own link, or at the one address of IPv6. No grant holds for these.
fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local() || ip == Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)
        }
    }
}

/// Whether an address is one of the public internet (the IANA special-purpose registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let protocol = a == 192 && b == 0 && c == 0;
            let benchmark = a == 198 && (b == 18 || b == 19);
            !(ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_broadcast()
                || ip.is_documentation()
                || ip.is_multicast()
                || a == 0
                || a >= 240
                || shared
                || protocol
                || benchmark)
        }
        IpAddr::V6(ip) => {
            let [first, second, ..] = ip.segments();
            // Only global unicast (2000::/3), without what embeds or imitates another address.
            let global = first & 0xe000 == 0x2000;
            let embeds_ipv4 = first == 0x2002 || (first == 0x2001 && second == 0);
            let documentation = (first == 0x2001 && second == 0x0db8) || first & 0xfff0 == 0x3ff0;
            global && !embeds_ipv4 && !documentation
        }
    }
}

#[cfg(test)]
mod tests;
