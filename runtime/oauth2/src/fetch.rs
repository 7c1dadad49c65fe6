//! What a client publishes at an address of its own: its keys, its request objects.
//!
//! Attacks: an address within our own network, a redirect to one, an answer without end (the port refuses them all), and a
//! crowd of browsers for each of which we would wait for somebody's slow server. So a tenant has so many fetches under way and
//! no more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use primitives::outbound::{OutboundRequest, OutboundResponse, Reach};
use serde_json::{Map, Value};
use url::Url;

use crate::client::Client;
use crate::server::AuthorizationServer;

/// How long one may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many a tenant may have under way for browsers that nobody knows.
const MOST: usize = 16;
/// How many of them clients that strangers made leave free.
const KEPT: usize = 4;

/// Fetches what is at `uri`, of `most_bytes` at most. Nothing where it is not to be had: which of the reasons it was tells of
/// networks that are not the asker's.
pub(crate) async fn get(
    server: &AuthorizationServer,
    uri: &str,
    accept: &str,
    most_bytes: usize,
) -> Option<OutboundResponse> {
    let request = OutboundRequest {
        method: "GET",
        url: Url::parse(uri).ok()?,
        headers: vec![("accept".to_owned(), accept.to_owned())],
        body: Vec::new(),
        max_response_bytes: most_bytes,
        timeout: TIMEOUT,
        reach: Reach::Public,
    };
    let response = server.ports.outbound.fetch(request).await.ok()?;
    Some(response).filter(|response| response.status == 200)
}

/// The most of a set of keys that is read, in bytes.
const KEY_SET_BYTES: usize = 256 << 10;

/// A set of keys that somebody publishes. Nothing of it was read but that it is one JSON object.
pub(crate) struct KeySet {
    pub(crate) set: Map<String, Value>,
    /// How long whoever publishes it says that it stands (`Cache-Control: max-age`, RFC 9111 section 5.2.2.1).
    pub(crate) max_age: Option<Duration>,
}

/// Fetches a set of keys (RFC 7517 section 5).
pub(crate) async fn key_set(server: &AuthorizationServer, uri: &str) -> Option<KeySet> {
    let response = get(server, uri, "application/jwk-set+json, application/json", KEY_SET_BYTES).await?;
    let set = jose::json::parse_object(&response.body).ok()?;
    let control = response.headers.iter().filter(|(name, _)| name == "cache-control");
    let words = control.flat_map(|(_, value)| value.split(','));
    let max_age = words.filter_map(|word| word.trim().strip_prefix("max-age=")?.parse().ok()).min();
    Some(KeySet { set, max_age: max_age.map(Duration::from_secs) })
}

/// The places of a tenant's fetches.
#[derive(Debug, Default)]
pub struct FetchPlaces(AtomicUsize);

/// A place that is taken until it is dropped.
#[derive(Debug)]
#[must_use = "the place is free again when this is dropped"]
pub(crate) struct FetchPlace<'a>(&'a AtomicUsize);

impl FetchPlaces {
    /// Takes a place; nothing where all are taken.
    pub(crate) fn take(&self) -> Option<FetchPlace<'_>> {
        self.take_of(MOST)
    }

    /// The same on behalf of a stranger.
    ///
    /// Attack: strangers make clients whose servers do not answer, and hold all places. Clients of operators find some.
    pub(crate) fn take_for_stranger(&self) -> Option<FetchPlace<'_>> {
        self.take_of(MOST - KEPT)
    }

    /// The same on behalf of a client.
    pub(crate) fn take_for(&self, client: &Client) -> Option<FetchPlace<'_>> {
        if client.is_self_made() { self.take_for_stranger() } else { self.take() }
    }

    fn take_of(&self, most: usize) -> Option<FetchPlace<'_>> {
        let more = |taken: usize| Some(taken + 1).filter(|taken| *taken <= most);
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.ok().map(|_| FetchPlace(&self.0))
    }
}

impl Drop for FetchPlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_taken_and_given_back() {
        let places = FetchPlaces::default();
        let mut taken: Vec<_> = (0..MOST).map(|_| places.take().unwrap()).collect();
        assert!(places.take().is_none());
        drop(taken.pop());
        assert!(places.take().is_some());
    }

    /// Attack: strangers hold every place that there is.
    #[test]
    fn strangers_leave_some_places_to_clients_of_operators() {
        let places = FetchPlaces::default();
        let taken: Vec<_> = std::iter::from_fn(|| places.take_for_stranger()).collect();
        assert_eq!(taken.len(), MOST - KEPT);
        assert!(places.take().is_some());
    }
}
