//! The documents that are known, in memory and bounded; and how often somebody's host is asked for one.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::lock::Mutex as Turn;
use primitives::outbound::OutboundResponse;
use primitives::{ClientId, Timestamp};

use super::address::Address;
use super::document::{self, NotTaken};
use crate::client::Client;
use crate::ports::PortError;
use crate::published_keys::STALE;
use crate::server::AuthorizationServer;

/// How long a document is used that says nothing of it, and the bounds of what it may say (RFC 9111 section 5.2.2).
const FRESH: Duration = Duration::from_mins(10);
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(1);
/// For how long an id is not asked for again whose document was not taken. Errors are not to be kept (section 4.4): this
/// is as long as a person needs to try again, and not as a flood does.
const REFUSED: Duration = Duration::from_secs(10);
/// How many ids of a tenant are kept.
const MOST: usize = 128;
/// Documents of one host that are asked for a minute and are not known yet.
const PER_HOST: u32 = 10;
const WINDOW: Duration = Duration::from_mins(1);
/// How many hosts are counted.
const MOST_HOSTS: usize = 256;

/// A tenant's clients that describe themselves, as they were last read.
#[derive(Default)]
pub struct DescribedClients(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    clients: HashMap<ClientId, Entry>,
    hosts: HashMap<String, Asked>,
}

/// What is known of an id.
#[derive(Default)]
struct Entry {
    /// Whoever holds it fetches; the others wait for what comes of it.
    turn: Arc<Turn<()>>,
    /// The client, when there was one.
    client: Option<Arc<Client>>,
    /// Until when nobody is asked again.
    until: Option<Timestamp>,
}

/// What is used without asking: a client, or that there is none.
struct Fresh(Option<Arc<Client>>);

/// How often a host was asked.
struct Asked {
    since: Timestamp,
    times: u32,
}

impl fmt::Debug for DescribedClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DescribedClients(…)")
    }
}

impl DescribedClients {
    /// The client of a document as it was last read, however long ago.
    pub(super) fn find_kept(&self, id: &ClientId) -> Option<Arc<Client>> {
        self.lock().clients.get(id).and_then(|entry| entry.client.clone())
    }

    /// The client of a document, which is fetched unless it was lately.
    pub(super) async fn find_or_fetch(
        &self,
        server: &AuthorizationServer,
        id: &ClientId,
        address: &Address,
    ) -> Result<Option<Arc<Client>>, PortError> {
        if let Some(Fresh(client)) = self.fresh(id, server.now()) {
            return Ok(client);
        }
        let turn = self.turn(id);
        let _turn = turn.lock().await;
        let now = server.now();
        // Whoever was before us has asked.
        if let Some(Fresh(client)) = self.fresh(id, now) {
            return Ok(client);
        }
        // One that is known is asked for again seldom enough, whatever a flood of its neighbours has used up.
        let may_ask = self.find_kept(id).is_some() || self.count(address.host(), now);
        let read = if may_ask { document::fetch(server, id, address).await } else { Err(NotTaken::Busy) };
        let (client, until) = match read {
            Ok((client, response)) => (Some(Arc::new(client)), now.after(lifetime(&response))),
            Err(reason) => {
                tracing::info!(tenant = %server.tenant, client = %id, %reason, "a client's document is not taken");
                if reason == NotTaken::Busy {
                    let busy = PortError::busy("too many documents of clients are being fetched");
                    return self.stale(id, now).map(Some).ok_or(busy);
                }
                (None, now.after(REFUSED))
            }
        };
        if let Some(entry) = self.lock().clients.get_mut(id) {
            entry.client.clone_from(&client);
            entry.until = Some(until);
        }
        Ok(client)
    }

    /// What holds of an id right now; nothing where it must be asked for.
    fn fresh(&self, id: &ClientId, now: Timestamp) -> Option<Fresh> {
        let kept = self.lock();
        let entry = kept.clients.get(id)?;
        entry.until.is_some_and(|until| now < until).then(|| Fresh(entry.client.clone()))
    }

    /// The client of a document whose time is over, for a while: strangers whose servers are slow hold every place in which one is
    /// asked for.
    fn stale(&self, id: &ClientId, now: Timestamp) -> Option<Arc<Client>> {
        let kept = self.lock();
        let entry = kept.clients.get(id)?;
        let until = entry.until?.after(STALE);
        entry.client.clone().filter(|_| now < until)
    }

    fn turn(&self, id: &ClientId) -> Arc<Turn<()>> {
        let mut kept = self.lock();
        if !kept.clients.contains_key(id) {
            // Those without a client go first, and then those that were asked for the longest ago.
            make_room(&mut kept.clients, MOST, |entry| (entry.client.is_some(), entry.until));
        }
        Arc::clone(&kept.clients.entry(id.clone()).or_default().turn)
    }

    /// Counts a question to a host; `false` where it was asked too often.
    fn count(&self, host: &str, now: Timestamp) -> bool {
        let mut kept = self.lock();
        let hosts = &mut kept.hosts;
        hosts.retain(|_, asked| now.since(asked.since) < WINDOW);
        if !hosts.contains_key(host) {
            make_room(hosts, MOST_HOSTS, |asked| asked.since);
        }
        let asked = hosts.entry(host.to_owned()).or_insert(Asked { since: now, times: 0 });
        asked.times = asked.times.saturating_add(1);
        asked.times <= PER_HOST
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets those go that come first, until there is room for one more.
fn make_room<K: Hash + Eq + Clone, V, O: Ord>(map: &mut HashMap<K, V>, most: usize, order: impl Fn(&V) -> O) {
    while map.len() >= most {
        let Some(first) = map.iter().min_by_key(|(_, value)| order(value)).map(|(key, _)| key.clone()) else {
            return;
        };
        map.remove(&first);
    }
}

/// How long a document says that it may be used, within our bounds: the shortest of what it says.
fn lifetime(response: &OutboundResponse) -> Duration {
    let said = response.headers.iter().find(|(name, _)| name == "cache-control");
    let directives = said.iter().flat_map(|(_, value)| value.split(',')).map(str::trim);
    let named = directives.filter_map(|directive| match directive.split_once('=') {
        Some(("max-age", seconds)) => seconds.trim_matches('"').parse().ok().map(Duration::from_secs),
        None if matches!(directive, "no-store" | "no-cache") => Some(Duration::ZERO),
        _ => None,
    });
    named.min().map_or(FRESH, |named| named.clamp(SHORTEST, LONGEST))
}
