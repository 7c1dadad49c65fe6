//! The sets of keys that clients publish at addresses of their own: the one place that asks for them on behalf of whoever sends
//! requests.
//!
//! Attacks, and what stands against them:
//!
//! - A flood of tokens that name keys that nobody has, each of which has us ask the client's server for newer ones: of one client
//!   it is asked once in [`RETRY`], whatever it answers. That it failed is remembered as well as what it said.
//! - The same flood at once, before there is an answer: one request asks, and the others wait for what it brings.
//! - One that hangs up as soon as we ask, so that nothing is remembered: that we asked is written down before.
//! - Many clients, made for it: so many are remembered, and of those that strangers make, and for browsers that nobody
//!   knows, so many are asked at once (`fetch.rs`).
//! - Strangers' slow servers hold all of those places, so that nobody is asked when a set is old: it is used for [`STALE`] more, and
//!   no longer, since a key that its client took out of it is good for as long.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::lock::Mutex as Turn;
use primitives::{ClientId, Timestamp};
use serde_json::{Map, Value};

use crate::client::Client;
use crate::fetch::{self, KeySet};
use crate::server::AuthorizationServer;

/// A set is used this long without looking again, unless whoever publishes it allows less.
const FRESH: Duration = Duration::from_mins(10);
/// And this long whatever it says; a client's address is not asked more often.
pub(crate) const RETRY: Duration = Duration::from_secs(10);
/// The same after somebody hung up on it. Short, so that nobody keeps a client from its tokens by hanging up.
const ABANDONED: Duration = Duration::from_secs(1);
/// How long a set is used beyond its time where too many are being asked for.
pub(crate) const STALE: Duration = Duration::from_hours(1);
/// More clients than this are not remembered.
const MOST: usize = 1_024;

/// What clients have published lately, and whose address gave nothing.
#[derive(Default)]
pub(crate) struct PublishedKeys(Mutex<HashMap<Whose, Arc<Slot>>>);

/// Whose keys, by which version of its document.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Whose {
    client: ClientId,
    version: i64,
}

#[derive(Default)]
struct Slot {
    /// Who asks; the others wait.
    turn: Turn<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    /// Until then the address is left alone.
    quiet_until: Option<Timestamp>,
}

struct Known {
    set: Arc<Map<String, Value>>,
    fetched_at: Timestamp,
    fresh: Duration,
}

/// Why there are no keys. Which of the reasons of a network it was is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysFault {
    /// Too many are being asked for.
    Busy,
    /// There are none to be had, now or lately.
    Unavailable,
    /// There are, and they are no use for this.
    Unusable,
}

/// How keys are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Asking {
    /// Newer ones than are known.
    pub(crate) again: bool,
    /// For a browser that nobody knows.
    pub(crate) for_browser: bool,
}

impl PublishedKeys {
    /// The set at a client's address, as it was lately or is now.
    pub(crate) async fn load(
        &self,
        server: &AuthorizationServer,
        client: &Client,
        (uri, asking): (&str, Asking),
    ) -> Result<Arc<Map<String, Value>>, KeysFault> {
        let slot = self.slot(server, client);
        if !asking.again
            && let Some(Ok(known)) = slot.lately(server.now(), false)
        {
            return Ok(known);
        }
        let _turn = slot.turn.lock().await;
        if let Some(lately) = slot.lately(server.now(), asking.again) {
            return lately;
        }
        let asked_at = server.now();
        // Strangers make as many clients as they like, each of which has us ask.
        let is_crowd = asking.for_browser || client.is_self_made();
        let place = if is_crowd { server.fetch_places.take_for(client) } else { None };
        if is_crowd && place.is_none() {
            return slot.stale(asked_at).filter(|_| !asking.again).ok_or(KeysFault::Busy);
        }
        slot.change(|state| state.quiet_until = Some(asked_at.after(ABANDONED)));
        let fetched = fetch::key_set(server, uri).await;
        slot.change(|state| state.answered(fetched, asked_at));
        // Keys that have been good for a while are not bad since nobody could be asked for newer ones.
        slot.lately(asked_at, asking.again).unwrap_or(Err(KeysFault::Unavailable))
    }

    fn slot(&self, server: &AuthorizationServer, client: &Client) -> Arc<Slot> {
        let whose = Whose { client: client.id.clone(), version: client.record.version };
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST && !slots.contains_key(&whose) {
            let now = server.now();
            slots.retain(|_, slot| slot.lately(now, false).is_some());
            if slots.len() >= MOST {
                slots.clear();
            }
        }
        Arc::clone(slots.entry(whose).or_default())
    }
}

impl Slot {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What there is without asking; nothing if it is time to ask.
    fn lately(&self, now: Timestamp, again: bool) -> Option<Result<Arc<Map<String, Value>>, KeysFault>> {
        self.change(|state| {
            let known = state.known.as_ref().filter(|known| now.since(known.fetched_at) < known.fresh);
            let is_quiet = state.quiet_until.is_some_and(|until| now < until);
            match known {
                Some(known) if is_quiet || !again => Some(Ok(Arc::clone(&known.set))),
                None if is_quiet => Some(Err(KeysFault::Unavailable)),
                Some(_) | None => None,
            }
        })
    }

    /// What is used beyond its time while nobody can be asked.
    fn stale(&self, now: Timestamp) -> Option<Arc<Map<String, Value>>> {
        self.change(|state| {
            let known = state.known.as_ref()?;
            let is_good = now.since(known.fetched_at) < known.fresh.saturating_add(STALE);
            is_good.then(|| Arc::clone(&known.set))
        })
    }
}

impl State {
    fn answered(&mut self, fetched: Option<KeySet>, asked_at: Timestamp) {
        self.quiet_until = Some(asked_at.after(RETRY));
        if let Some(KeySet { set, max_age }) = fetched {
            let fresh = max_age.map_or(FRESH, |age| age.clamp(RETRY, FRESH));
            self.known = Some(Known { set: Arc::new(set), fetched_at: asked_at, fresh });
        }
    }
}

impl fmt::Debug for PublishedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublishedKeys(…)")
    }
}

#[cfg(test)]
mod tests;
