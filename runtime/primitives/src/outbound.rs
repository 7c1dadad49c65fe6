//! The one way out: outbound HTTP as a port.
//!
//! Every fetch (JWKS, webhooks, upstream providers, plugins) goes through one implementation, which
//! holds the SSRF guard: it resolves, refuses private, loopback, link-local and metadata ranges unless
//! granted, connects to the very address that it checked, follows no redirect and caps size and time.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use url::Url;

/// A request to somebody else's server.
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    /// `GET`, `POST`, ….
    pub method: &'static str,
    /// Absolute, `https` (or `http` where the purpose allows it).
    pub url: Url,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// The largest response body taken, in bytes.
    pub max_response_bytes: usize,
    /// Time for everything: resolve, connect, send, receive.
    pub timeout: Duration,
    /// Which addresses it may go to.
    pub reach: Reach,
}

/// Which addresses a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those of the public internet.
    Public,
    /// Any: the node's operator named this origin. Never decided by whoever asks for the request.
    NamedByOperator,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    /// The status code.
    pub status: u16,
    /// Header names (lower case) and values.
    pub headers: Vec<(String, String)>,
    /// The body, complete.
    pub body: Vec<u8>,
}

/// Why nothing came back. Says whose fault without naming internal addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The address is not one that we may call.
    #[error("the address is not allowed")]
    Forbidden,
    /// No such host, no connection, TLS failure.
    #[error("could not connect")]
    Connect,
    /// Took too long.
    #[error("timed out")]
    Timeout,
    /// The response is larger than asked for.
    #[error("the response is too large")]
    TooLarge,
    /// The response is not HTTP.
    #[error("the response is malformed")]
    Malformed,
}

/// Fetches from outside.
pub trait Outbound: Send + Sync + fmt::Debug {
    /// Sends a request and reads the whole response.
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>>;

    /// The address of a server that speaks something else than HTTP, if it may be called: whoever connects goes to this very
    /// address and asks no name server again. Who only fetches gives none.
    fn resolve<'a>(
        &'a self,
        _host: &'a str,
        _port: u16,
        _reach: Reach,
    ) -> BoxFuture<'a, Result<SocketAddr, OutboundError>> {
        Box::pin(std::future::ready(Err(OutboundError::Forbidden)))
    }
}
