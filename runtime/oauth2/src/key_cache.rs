//! What is made of the keys of clients, by value or published: parsed once for each purpose.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use primitives::ClientId;
use serde_json::{Map, Value};

use crate::client::Client;
use crate::published_keys::{Asking, KeysFault};
use crate::server::AuthorizationServer;

/// More clients than this and it starts anew.
const MOST: usize = 1_024;

/// What was made of a client's keys for a purpose. A changed client document is a different entry.
pub(crate) struct KeyCache<P, K>(Mutex<HashMap<Wanted<P>, Entry<K>>>);

/// Whose keys, by which version of its document, and for what.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Wanted<P> {
    client: ClientId,
    version: i64,
    purpose: P,
}

struct Entry<K> {
    /// The published set that it was made of; none if the client has written its keys down itself.
    of: Option<Arc<Map<String, Value>>>,
    keys: Arc<K>,
}

impl<P, K> Default for KeyCache<P, K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P, K> fmt::Debug for KeyCache<P, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache(…)")
    }
}

impl<P: Clone + Eq + Hash, K> KeyCache<P, K> {
    /// The client's keys for a purpose, as `read` makes them of its set. Where that is none, and the set was read a while ago, it
    /// may have others by now.
    pub(crate) async fn load(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        (purpose, asking): (P, Asking),
        read: impl Fn(&Map<String, Value>) -> Option<K> + Send + Sync,
    ) -> Result<Arc<K>, KeysFault> {
        let loaded = self.load_once(server, client, (purpose.clone(), asking), &read).await;
        if loaded.as_ref().err() != Some(&KeysFault::Unusable) || asking.again {
            return loaded;
        }
        self.load_once(server, client, (purpose, Asking { again: true, ..asking }), &read).await
    }

    async fn load_once(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        (purpose, asking): (P, Asking),
        read: &(impl Fn(&Map<String, Value>) -> Option<K> + Send + Sync),
    ) -> Result<Arc<K>, KeysFault> {
        let document = &client.record.document;
        let published = match document.keys_uri() {
            Some(uri) => Some(server.published_keys.load(server, client, (uri, asking)).await?),
            None => None,
        };
        let wanted = Wanted { client: client.id.clone(), version: client.record.version, purpose };
        if let Some(known) = self.find(&wanted, published.as_ref()) {
            return Ok(known);
        }
        let own = || document.own_keys().and_then(Value::as_object);
        let set = published.as_deref().or_else(own).ok_or(KeysFault::Unavailable)?;
        let keys = Arc::new(read(set).ok_or(KeysFault::Unusable)?);
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(wanted, Entry { of: published, keys: Arc::clone(&keys) });
        Ok(keys)
    }

    fn find(&self, wanted: &Wanted<P>, published: Option<&Arc<Map<String, Value>>>) -> Option<Arc<K>> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(wanted)?;
        let is_of_it = match (&entry.of, published) {
            (Some(of), Some(published)) => Arc::ptr_eq(of, published),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        is_of_it.then(|| Arc::clone(&entry.keys))
    }
}
