//! Sign-ins that began and have not come back yet.

use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::{Nonce, PkceCodeVerifier};
use std::sync::{Mutex, PoisonError};

use crate::expiring::Expiring;
use crate::random;
use crate::sign_in_error::SignInError;

/// Somebody may have to look for a password, but not for longer.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(15);
/// A flood beyond this costs the oldest attempts, never memory.
const CAPACITY: usize = 20_000;

/// What this app keeps of one sign-in, so that nothing in the browser but a reference can be tampered with.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// The cookie of the browser that began: nobody can finish it elsewhere (login CSRF).
    pub(crate) browser: String,
    pub(crate) nonce: Nonce,
    pub(crate) pkce_verifier: PkceCodeVerifier,
}

/// All attempts, by their `state`.
#[derive(Debug)]
pub(crate) struct Attempts(Mutex<Expiring<Attempt>>);

impl Attempts {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Expiring::new(LIFETIME, CAPACITY)))
    }

    pub(crate) fn begin(&self, state: String, attempt: Attempt, now: DateTime<Utc>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(state, attempt, now);
    }

    /// Takes the attempt that `state` names, once, for the browser that began it.
    ///
    /// Another browser's try leaves it where it is, so that who learnt a `state` cannot spoil the sign-in.
    pub(crate) fn consume(
        &self,
        state: &str,
        browser: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, SignInError> {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let browser = browser.ok_or(SignInError::UnknownState)?;
        let began = attempts.find(state, now).ok_or(SignInError::UnknownState)?;
        if !random::same(&began.browser, browser) {
            return Err(SignInError::UnknownState);
        }
        attempts.consume(state, now).ok_or(SignInError::UnknownState)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// Consumes with each (state, browser, second) in turn and says which succeeded.
    fn check(tries: &[(&str, Option<&str>, i64)], expected: &[bool]) {
        let attempts = Attempts::new();
        let attempt = Attempt {
            browser: "browser-1".to_owned(),
            nonce: Nonce::new("n".to_owned()),
            pkce_verifier: PkceCodeVerifier::new("v".repeat(43)),
        };
        attempts.begin("state-1".to_owned(), attempt, at(0));
        let done: Vec<bool> = tries
            .iter()
            .map(|(state, browser, second)| attempts.consume(state, *browser, at(*second)).is_ok())
            .collect();
        assert_eq!(done, expected);
    }

    #[test]
    fn a_state_works_once() {
        let good = ("state-1", Some("browser-1"), 1);
        check(&[good, good], &[true, false]);
    }

    #[test]
    fn a_state_works_for_its_own_browser_and_others_cannot_spoil_it() {
        let good = ("state-1", Some("browser-1"), 1);
        check(&[("state-1", Some("browser-2"), 1), ("state-1", None, 1), good], &[false, false, true]);
    }

    #[test]
    fn a_state_expires_and_cannot_be_made_up() {
        check(&[("state-2", Some("browser-1"), 1)], &[false]);
        check(&[("state-1", Some("browser-1"), 899)], &[true]);
        check(&[("state-1", Some("browser-1"), 900)], &[false]);
    }
}
