//! One connection: TLS where the listener speaks it, then HTTP/1.1 or HTTP/2, until it ends or the node
//! drains.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::Entrance;
use super::socket::Stream;
use super::tls::TlsFiles;
use crate::dispatch;
use crate::node::Node;
use crate::routes::RouteTable;

/// How long a client may take for its TLS handshake, and for the head of a request. Slow clients hold a
/// connection no longer than this.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 32 * 1024;
/// Fields of a request's head.
const HEAD_FIELDS: usize = 64;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 100;

pub(super) struct Connection {
    pub(super) node: Arc<Node>,
    pub(super) table: Arc<RouteTable>,
    pub(super) entrance: Entrance,
    pub(super) tls: Option<Arc<TlsFiles>>,
    pub(super) stop: watch::Receiver<bool>,
}

pub(super) async fn serve(mut connection: Connection, stream: Stream) {
    match stream {
        Stream::Unix(stream) => speak(connection, stream).await,
        Stream::Tcp(stream) => {
            let Some(files) = connection.tls.take() else { return speak(connection, stream).await };
            let handshake = files.acceptor().accept(stream);
            match tokio::time::timeout(HEAD_TIMEOUT, handshake).await {
                Ok(Ok(stream)) => {
                    let (_, session) = stream.get_ref();
                    connection.entrance.certificate = files.worth(session.peer_certificates());
                    speak(connection, stream).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
            }
        }
    }
}

async fn speak(connection: Connection, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let Connection { node, table, entrance, mut stop, .. } = connection;
    let service = service_fn(move |request| {
        let answered = dispatch::answer(Arc::clone(&node), Arc::clone(&table), entrance.clone(), request);
        async move { Ok::<_, Infallible>(answered.await) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20));
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let early = tokio::select! {
        outcome = served.as_mut() => Some(outcome),
        () = told(&mut stop) => None,
    };
    let outcome = if let Some(outcome) = early {
        outcome
    } else {
        served.as_mut().graceful_shutdown();
        served.await
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Ends when the node drains.
pub(super) async fn told(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.ok();
}
