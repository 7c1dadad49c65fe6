//! For how long a way of the node's own is left alone, and whose messages wait for it.
//!
//! | attack, or mishap | what stands against it |
//! |---|---|
//! | a mail server is down for an hour, so that every message uses up its attempts and is given up | what finds nobody counts against no message |
//! | each message of thousands of tenants waits for a server that does not answer, so that their plugins, which would deliver, are late | who finds nobody has all others not ask until the back-off is over |
//! | messages to addresses of somebody's own make the server hang up, so that all others wait | who finds nobody a moment after another was answered waits alone |
//! | such a message comes first each time, and all others wait behind it for ever | it goes behind the others; if they are answered and it is not once more, it is to blame, and counts |

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use primitives::{TenantId, Timestamp};
use uuid::Uuid;

/// Messages that found nobody, of which is remembered that they did.
const REMEMBERED: usize = 1_000;

/// What is known of a way.
#[derive(Debug, Default)]
pub(super) struct Away(Mutex<State>);

/// What it means that a message found nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missed {
    /// Others were answered since it found nobody before: it counts.
    Blamed,
    /// Another was answered a moment ago: it waits alone.
    Alone {
        /// How long.
        until: Timestamp,
    },
    /// The way is left alone.
    All {
        /// How long.
        until: Timestamp,
    },
}

#[derive(Debug, Default)]
struct State {
    /// How often in a row nobody was there.
    times: u32,
    /// Until when nobody asks.
    until: Option<Timestamp>,
    /// How many messages were answered, and when the last one was.
    answers: u64,
    answered_at: Option<Timestamp>,
    /// Who has messages that wait.
    waiting: BTreeMap<TenantId, Timestamp>,
    /// Messages that found nobody, with how many others had been answered.
    failed: BTreeMap<Uuid, u64>,
}

impl State {
    fn is_left_alone(&self, now: Timestamp) -> Option<Timestamp> {
        self.until.filter(|until| *until > now)
    }
}

impl Away {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the way is left alone, if it is.
    pub(super) fn until(&self, now: Timestamp) -> Option<Timestamp> {
        self.state().is_left_alone(now)
    }

    /// Until when a tenant's messages wait for it, if one of them was found to need it.
    pub(super) fn waits(&self, tenant: &TenantId, now: Timestamp) -> Option<Timestamp> {
        self.state().waiting.get(tenant).copied().filter(|until| *until > now)
    }

    /// A tenant's messages wait.
    pub(super) fn wait(&self, tenant: &TenantId, until: Timestamp) {
        self.state().waiting.insert(tenant.clone(), until);
    }

    /// A message found nobody. Several attempts at once are one.
    pub(super) fn not_reached(
        &self,
        message: Uuid,
        now: Timestamp,
        back_off: impl Fn(u32) -> Duration,
    ) -> Missed {
        let mut state = self.state();
        if state.failed.len() >= REMEMBERED {
            state.failed.clear();
        }
        let answers = state.answers;
        if state.failed.insert(message, answers).is_some_and(|before| before < answers) {
            return Missed::Blamed;
        }
        let first = back_off(1);
        if state.answered_at.is_some_and(|at| now < at.after(first)) {
            return Missed::Alone { until: now.after(first) };
        }
        if let Some(until) = state.is_left_alone(now) {
            return Missed::All { until };
        }
        state.times = state.times.saturating_add(1);
        let until = now.after(back_off(state.times));
        state.until = Some(until);
        Missed::All { until }
    }

    /// A message was answered, whatever the answer: somebody is there.
    pub(super) fn answered(&self, message: Uuid, now: Timestamp) {
        let mut state = self.state();
        let mut failed = std::mem::take(&mut state.failed);
        failed.remove(&message);
        let answers = state.answers.saturating_add(1);
        *state = State { answers, answered_at: Some(now), failed, ..State::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn not_reached(away: &Away, message: u128, now: i64) -> Missed {
        let back_off = |times: u32| Duration::from_secs(10 << (times - 1));
        away.not_reached(Uuid::from_u128(message), at(now), back_off)
    }

    fn all(until: i64) -> Missed {
        Missed::All { until: at(until) }
    }

    #[test]
    fn who_is_not_there_is_asked_later_and_later_and_once_for_all_that_ask_at_once() {
        let away = Away::default();
        assert_eq!(away.until(at(0)), None);
        assert_eq!(not_reached(&away, 1, 0), all(10));
        assert_eq!(not_reached(&away, 2, 3), all(10));
        assert_eq!((away.until(at(9)), away.until(at(10))), (Some(at(10)), None));
        assert_eq!(not_reached(&away, 1, 10), all(30));
        away.answered(Uuid::from_u128(2), at(11));
        assert_eq!(away.until(at(11)), None);
        assert_eq!(not_reached(&away, 3, 30), all(40), "as at first");
    }

    #[test]
    fn message_that_finds_nobody_while_others_are_answered_waits_alone_and_is_to_blame_the_second_time() {
        let away = Away::default();
        away.answered(Uuid::from_u128(2), at(0));
        assert_eq!(not_reached(&away, 1, 9), Missed::Alone { until: at(19) });
        assert_eq!(away.until(at(9)), None, "and others go on");
        assert_eq!(not_reached(&away, 1, 19), all(29), "nobody else was answered since");
        away.answered(Uuid::from_u128(2), at(30));
        assert_eq!(not_reached(&away, 1, 31), Missed::Blamed);
        assert_eq!(away.until(at(31)), None);
        assert_eq!(not_reached(&away, 3, 31), Missed::Alone { until: at(41) }, "another is not");
        away.answered(Uuid::from_u128(1), at(32));
        assert_eq!(not_reached(&away, 1, 60), all(70), "nor is it any more");
    }

    #[test]
    fn tenants_that_do_not_need_the_way_do_not_wait_for_it() {
        let (away, [acme, other]) = (Away::default(), ["acme", "other"].map(|id| id.parse().unwrap()));
        away.wait(&acme, at(10));
        assert_eq!((away.waits(&acme, at(9)), away.waits(&other, at(9))), (Some(at(10)), None));
        assert_eq!(away.waits(&acme, at(10)), None);
        away.wait(&acme, at(20));
        away.answered(Uuid::nil(), at(11));
        assert_eq!(away.waits(&acme, at(11)), None);
    }
}
