//! Listening: connections in, requests out, until the node drains.

mod accept;
mod certificate;
mod connection;
pub(crate) mod peer;
mod socket;
mod tls;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use config::listener::{ClientAuthentication, ListenAddress, Listener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

pub use certificate::{CertificateError, certificate_valid_until};

use crate::node::Node;
use crate::routes::RouteTable;
use peer::Asked;
pub(crate) use peer::PeerCertificate;
use tls::TlsFiles;
pub(crate) use tls::certificates;

/// What every listener shares.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Connections over all listeners; more are closed at once.
    pub connections: u32,
    /// How long requests in flight may take to finish once the node drains.
    pub drain: Duration,
}

/// Why the node cannot listen. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("listener {name}: cannot listen on {address}: {error}")]
    Bind {
        /// The listener.
        name: String,
        /// Its address.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("listener {name}: {reason}")]
    Tls {
        /// The listener.
        name: String,
        /// What is wrong, with the file.
        reason: String,
    },
    /// The route table is inconsistent: ours.
    #[error("{0}")]
    Routes(String),
}

/// How a request came in, and what that is worth.
#[derive(Debug, Clone)]
pub(crate) struct Entrance {
    /// The listener's name.
    pub(crate) listener: Arc<str>,
    /// The other end of the connection; loopback for a Unix socket.
    pub(crate) peer: IpAddr,
    pub(crate) is_tls: bool,
    /// Whether the operator opened the listener: callers authenticate by reaching it.
    pub(crate) is_open: bool,
    /// What the other end has proven by a certificate, and who vouches for it.
    pub(crate) certificate: PeerCertificate,
    pub(crate) body_bytes: u64,
    pub(crate) request_timeout: Duration,
}

/// A listener that is open.
#[derive(Debug)]
struct Open {
    name: Arc<str>,
    address: ListenAddress,
    socket: socket::Socket,
    tls: Option<Arc<TlsFiles>>,
    table: Arc<RouteTable>,
    entrance: Entrance,
}

/// Every listener of the node, open and not yet serving: who can connect already waits for the first answer.
#[derive(Debug)]
pub struct Server {
    node: Arc<Node>,
    settings: ServerSettings,
    open: Vec<Open>,
}

/// Where the node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// The listener's name.
    pub name: String,
    /// Its address, with the port that was found.
    pub address: ListenAddress,
    /// Whether it speaks TLS.
    pub tls: bool,
}

impl Server {
    /// Opens every listener. Fails at the first that cannot be had.
    pub async fn open(
        node: Arc<Node>,
        listeners: &[Listener],
        settings: ServerSettings,
    ) -> Result<Self, ServeError> {
        let mut open = Vec::with_capacity(listeners.len());
        for listener in listeners {
            open.push(open_one(&node, listener).await?);
        }
        Ok(Self { node, settings, open })
    }

    /// Where it listens.
    pub fn listening(&self) -> Vec<Listening> {
        let each = |open: &Open| Listening {
            name: open.name.to_string(),
            address: open.address.clone(),
            tls: open.tls.is_some(),
        };
        self.open.iter().map(each).collect()
    }

    /// What re-reads certificates: to be called when the configuration is reloaded, and by itself when
    /// the files change.
    pub fn certificates(&self) -> Certificates {
        Certificates(self.open.iter().filter_map(|open| open.tls.clone()).collect())
    }

    /// Serves until `stop` is true, then finishes what is in flight.
    ///
    /// New connections are refused at once, idle ones are closed, and requests get the drain time.
    pub async fn serve(self, stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(usize::try_from(self.settings.connections).unwrap_or(1)));
        let mut accepting = JoinSet::new();
        for open in self.open {
            let accept = accept::Accept {
                node: Arc::clone(&self.node),
                places: Arc::clone(&places),
                drain: self.settings.drain,
            };
            accepting.spawn(accept.run(open, stop.clone()));
        }
        while accepting.join_next().await.is_some() {}
    }
}

/// The certificates of the listeners that speak TLS.
#[derive(Debug, Clone)]
pub struct Certificates(Vec<Arc<TlsFiles>>);

impl Certificates {
    /// Reads the files again where they changed. What cannot be used is logged, and the former certificate stays.
    pub fn reload(&self) {
        for files in &self.0 {
            files.reload_if_changed();
        }
    }
}

async fn open_one(node: &Arc<Node>, listener: &Listener) -> Result<Open, ServeError> {
    let table = RouteTable::of(&listener.routers, listener.api_document)
        .map_err(|error| ServeError::Routes(error.to_string()))?;
    let tls = match &listener.tls {
        None => None,
        Some(tls) => {
            let files = TlsFiles::open(&tls.cert, &tls.key, Asked::by(listener))
                .map_err(|reason| ServeError::Tls { name: listener.name.clone(), reason })?;
            Some(Arc::new(files))
        }
    };
    let bind = |error| ServeError::Bind {
        name: listener.name.clone(),
        address: listener.address.to_string(),
        error,
    };
    let (socket, address) = socket::Socket::bind(&listener.address).await.map_err(bind)?;
    let name: Arc<str> = Arc::from(listener.name.as_str());
    let entrance = Entrance {
        listener: Arc::clone(&name),
        peer: IpAddr::from([127, 0, 0, 1]),
        is_tls: tls.is_some(),
        is_open: listener.auth == ClientAuthentication::None,
        certificate: PeerCertificate::None,
        body_bytes: listener.body_bytes.unwrap_or(node.settings.body_bytes),
        request_timeout: listener.request_timeout.map_or(node.settings.request_timeout, |span| span.0),
    };
    Ok(Open { name, address, socket, tls, table: Arc::new(table), entrance })
}

/// The listener that commands on this machine use: a socket that only the node's user can open.
pub fn command_socket(path: PathBuf) -> Listener {
    Listener {
        name: "command-line".to_owned(),
        address: ListenAddress::Unix(path),
        routers: vec![config::Router::Admin, config::Router::Metrics],
        auth: ClientAuthentication::None,
        reason: Some("a socket that only the node's user can open".to_owned()),
        tls: None,
        client_ca: None,
        app_certificates: false,
        api_document: true,
        body_bytes: None,
        request_timeout: None,
    }
}
