//! Nexboard's own sessions: a random id in a cookie, everything else here.

use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, PoisonError};

use crate::expiring::Expiring;
use crate::person::Person;
use crate::provider::Provider;
use crate::random::{self, NoRandomness};
use crate::sign_in_error::{Refusal, SignInError};

/// A working day; after it the provider is asked again.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::hours(8);
const CAPACITY: usize = 20_000;

/// An access token is renewed this long before it expires.
const RENEW_BEFORE: TimeDelta = TimeDelta::seconds(30);

/// A provider that cannot be reached is not asked again at once.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(30);

/// All sessions, by the id in the cookie.
#[derive(Debug)]
pub(crate) struct Sessions(std::sync::Mutex<Expiring<Arc<Session>>>);

/// One signed-in browser.
#[derive(Debug)]
pub(crate) struct Session {
    /// What a form of ours must carry to change something.
    pub(crate) csrf_token: String,
    /// When this session ends at the latest.
    pub(crate) ends: DateTime<Utc>,
    /// Held while tokens are renewed, so that concurrent requests share one renewal and a refresh token that
    /// rotates is used once.
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug)]
enum State {
    Live { person: Box<Person>, ask_again: DateTime<Utc> },
    Ended(Refusal),
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self(std::sync::Mutex::new(Expiring::new(LIFETIME, CAPACITY)))
    }

    /// Begins a session and returns its id, which was never in a browser before (session fixation).
    pub(crate) fn begin(&self, person: Person, now: DateTime<Utc>) -> Result<String, NoRandomness> {
        let id = random::token()?;
        let session = Session {
            csrf_token: random::token()?,
            ends: now + LIFETIME,
            state: tokio::sync::Mutex::new(State::Live { person: Box::new(person), ask_again: now }),
        };
        self.lock().insert(id.clone(), Arc::new(session), now);
        Ok(id)
    }

    pub(crate) fn find(&self, id: &str, now: DateTime<Utc>) -> Option<Arc<Session>> {
        self.lock().find(id, now).map(Arc::clone)
    }

    pub(crate) fn end(&self, id: &str, now: DateTime<Utc>) {
        self.lock().consume(id, now);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Expiring<Arc<Session>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Returns who this is, after renewing what expired; an error means that the session is over.
    ///
    /// When the provider says no, or answers with something that does not verify, the session ends: the account
    /// may be suspended. When it merely cannot be reached, the person stays until [`Session::ends`].
    pub(crate) async fn person(&self, provider: &Provider) -> Result<Person, Refusal> {
        let mut state = self.state.lock().await;
        let (person, ask_again) = match &*state {
            State::Live { person, ask_again } => (person, *ask_again),
            State::Ended(refusal) => return Err(refusal.clone()),
        };
        let now = provider.now();
        let due = now + RENEW_BEFORE >= person.tokens.access_expires && now >= ask_again;
        let Some(refresh_token) = person.tokens.refresh.as_ref().filter(|_| due) else {
            return Ok(Person::clone(person));
        };
        let renewed = match provider.refresh(refresh_token).await {
            Ok(response) => person.renewed(provider, response).await,
            Err(error) => Err(error),
        };
        match renewed {
            Ok(person) => {
                *state = State::Live { person: Box::new(person.clone()), ask_again: now };
                Ok(person)
            }
            Err(SignInError::Upstream(error)) => {
                tracing::warn!(error, "the provider cannot be reached to renew a session");
                let person = Person::clone(person);
                *state = State::Live { person: Box::new(person.clone()), ask_again: now + RETRY_AFTER };
                Ok(person)
            }
            Err(error) => {
                tracing::info!(%error, "a session ended because it could not be renewed");
                let refusal = refusal_of(error);
                *state = State::Ended(refusal.clone());
                Err(refusal)
            }
        }
    }

    /// Returns who this is as last known, without asking the provider; `None` once the session is over.
    pub(crate) async fn last_known(&self) -> Option<Person> {
        match &*self.state.lock().await {
            State::Live { person, .. } => Some(Person::clone(person)),
            State::Ended(_) => None,
        }
    }
}

fn refusal_of(error: SignInError) -> Refusal {
    match error {
        SignInError::Refused(refusal) => refusal,
        SignInError::UnknownState
        | SignInError::Incomplete
        | SignInError::OtherIssuer
        | SignInError::Upstream(_)
        | SignInError::NoIdToken
        | SignInError::IdToken(_)
        | SignInError::OtherParty
        | SignInError::AccessTokenHash
        | SignInError::OtherSubject
        | SignInError::Internal(_) => Refusal { code: "unverified".to_owned(), description: None },
    }
}
