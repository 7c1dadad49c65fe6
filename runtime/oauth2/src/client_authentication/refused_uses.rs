//! How often refused requests of a client have used something up.
//!
//! Attack: a stranger registers a client of assertions once, and then sends requests that are refused, each with an assertion or a
//! proof of its own: each is a row. To leave them good would write nothing, and whoever has read the assertion of a refused request
//! could bring it with another one. So they are used up, and a client that nobody vouches for waits when there were too many:
//! its requests are refused as those of a busy server, which uses nothing up. Only whoever has the client's key gets it there.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use primitives::{ClientId, Timestamp};

use crate::client::Client;
use crate::write::Write;

/// Rows that refused requests of one client may leave in a [`WINDOW`].
const MOST: usize = 300;
const WINDOW: Duration = Duration::from_mins(1);
/// More clients than this are not counted at a time; the one that has waited the longest is forgotten.
const MOST_CLIENTS: usize = 1_024;

/// What a request has proven itself with; nothing until its client is known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    pub(crate) writes: Vec<Write>,
    /// Whether somebody vouches for the client: nobody asks how much it has used up.
    is_vetted: bool,
}

impl Spent {
    pub(crate) fn by(client: &Client, writes: Vec<Write>) -> Self {
        Self { writes, is_vetted: !client.is_self_made() }
    }
}

/// What refused requests of clients have used up lately, on this node. A tenant that is loaded anew, as when its settings
/// change, begins with nothing.
#[derive(Default)]
pub(crate) struct RefusedUses(Mutex<HashMap<ClientId, Used>>);

struct Used {
    since: Timestamp,
    times: usize,
}

impl Used {
    fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.since) >= WINDOW
    }
}

impl RefusedUses {
    /// Counts what the refusal of a request writes.
    pub(crate) fn count(&self, spent: &Spent, now: Timestamp) {
        if spent.is_vetted {
            return;
        }
        let uses = spent.writes.iter().filter_map(|write| match write {
            Write::UseAssertion { client, .. } => Some(client),
            _ => None,
        });
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for client in uses {
            if !clients.contains_key(client) {
                make_room(&mut clients, now);
            }
            let used = clients.entry(client.clone()).or_insert(Used { since: now, times: 0 });
            if used.is_over(now) {
                *used = Used { since: now, times: 0 };
            }
            used.times = used.times.saturating_add(1);
        }
    }

    /// Whether a client has to wait.
    pub(crate) fn are_too_many(&self, client: &ClientId, now: Timestamp) -> bool {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.get(client).is_some_and(|used| used.times >= MOST && !used.is_over(now))
    }
}

impl fmt::Debug for RefusedUses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefusedUses(…)")
    }
}

fn make_room(clients: &mut HashMap<ClientId, Used>, now: Timestamp) {
    if clients.len() < MOST_CLIENTS {
        return;
    }
    clients.retain(|_, used| !used.is_over(now));
    while clients.len() >= MOST_CLIENTS {
        let oldest = clients.iter().min_by_key(|(_, used)| used.since).map(|(client, _)| client.clone());
        let Some(oldest) = oldest else { return };
        clients.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(n: usize) -> ClientId {
        format!("client-{n}").parse().unwrap()
    }

    fn count(uses: &RefusedUses, n: usize, at: i64) {
        count_of(uses, n, at, false);
    }

    fn count_of(uses: &RefusedUses, n: usize, at: i64, is_vetted: bool) {
        let now = Timestamp::from_seconds(at);
        let used = Write::UseAssertion { client: client(n), jti: at.to_string(), expires_at: now };
        uses.count(&Spent { writes: vec![used], is_vetted }, now);
    }

    #[test]
    fn client_waits_for_the_rest_of_a_minute_and_no_other_one_with_it() {
        let uses = RefusedUses::default();
        let waits = |n, at| uses.are_too_many(&client(n), Timestamp::from_seconds(at));
        for _ in 0..MOST {
            assert!(!waits(1, 0));
            count(&uses, 1, 0);
        }
        assert!(waits(1, 0) && waits(1, 59));
        assert!(!waits(2, 0) && !waits(1, 60));
        count(&uses, 1, 60);
        assert!(!waits(1, 60), "a new minute begins with nothing");
    }

    /// Attack: refusals of clients without end, so that their counts fill the memory.
    #[test]
    fn clients_that_are_counted_are_so_many() {
        let uses = RefusedUses::default();
        (0..3 * MOST_CLIENTS).for_each(|n| count(&uses, n, 0));
        assert_eq!(uses.0.lock().unwrap().len(), MOST_CLIENTS);
    }

    #[test]
    fn clients_that_somebody_vouches_for_push_out_none_that_is_counted() {
        let uses = RefusedUses::default();
        count(&uses, 0, 0);
        (1..=MOST_CLIENTS).for_each(|n| count_of(&uses, n, 0, true));
        assert_eq!(uses.0.lock().unwrap().keys().collect::<Vec<_>>(), [&client(0)]);
    }
}
