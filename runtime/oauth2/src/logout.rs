//! Signing out at the request of a client (OpenID Connect RP-Initiated Logout 1.0).

use primitives::{AuthenticatedSubject, Change, IdentityId, SessionId};

use crate::authorization::PageError;
use crate::parameters::Parameters;
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// What happens next.
#[derive(Debug)]
pub enum EndSession {
    /// The person is asked; then [`AuthorizationServer::finish_logout`] goes on.
    Ask {
        /// The request in progress, sealed to the person's session.
        challenge: String,
        /// The client that asks, if it said who it is.
        client_name: Option<String>,
    },
    /// Nobody needs to be asked.
    Done(SignedOut),
}

/// Which session ends, and where the browser goes then.
#[derive(Debug)]
pub struct SignedOut {
    /// The session to end, and whose it is; none if nobody was signed in.
    pub session: Option<(SessionId, IdentityId)>,
    /// Where the browser goes; our own page if absent.
    pub redirect: Option<String>,
    /// What it writes here: the grants of the session die with it. To be applied together with the end
    /// of the session.
    pub change: Change<Write>,
}

fn unfinished() -> PageError {
    PageError::Port(PortError::Unavailable("this endpoint is not served yet".to_owned()))
}

impl AuthorizationServer {
    /// Decides a logout request.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn end_session(
        &self,
        _: &Parameters<'_>,
        _: Option<&AuthenticatedSubject>,
    ) -> Result<EndSession, PageError> {
        Err(unfinished())
    }

    /// Goes on after the person has agreed. The challenge is of no use to another session.
    pub fn finish_logout(&self, _: &str, _: Option<&AuthenticatedSubject>) -> Result<SignedOut, PageError> {
        Err(unfinished())
    }
}
