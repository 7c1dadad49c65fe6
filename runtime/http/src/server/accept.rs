//! Accepting connections: bounded in number, each on a task of its own, all told when to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::connection::{self, Connection};
use super::{Entrance, Open};
use crate::node::Node;

/// After a failed `accept` (no file descriptors left), the pause before the next.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Accept {
    pub(super) node: Arc<Node>,
    pub(super) places: Arc<Semaphore>,
    pub(super) drain: Duration,
}

impl Accept {
    /// Accepts until told to stop, then waits for the connections to finish, no longer than the drain time.
    pub(super) async fn run(self, open: Open, mut stop: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = open.socket.accept() => accepted,
                () = connection::told(&mut stop) => break,
            };
            // Forget those that have ended.
            while connections.try_join_next().is_some() {}
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(listener = &*open.name, %error, "a connection cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                self.node.metrics.refused_connections.inc();
                continue;
            };
            let connection = Connection {
                node: Arc::clone(&self.node),
                table: Arc::clone(&open.table),
                entrance: Entrance { peer, ..open.entrance.clone() },
                tls: open.tls.clone(),
                stop: stop.clone(),
            };
            connections.spawn(async move {
                let gauge = connection.node.metrics.connections.clone();
                gauge.inc();
                connection::serve(connection, stream).await;
                gauge.dec();
                drop(place);
            });
        }
        drop(open.socket);
        let finished = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain, finished).await.is_err() {
            tracing::warn!(
                listener = &*open.name,
                "connections were still busy when the drain time was over"
            );
        }
    }
}
