//! Stage 3: whether the right person is signed in, and has proven it lately enough.

use primitives::AuthenticatedSubject;

use super::error::RedirectError;
use super::request::AuthorizationRequest;
use crate::client::Client;
use crate::server::AuthorizationServer;

/// Where the person stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing<'a> {
    /// Signed in as the request demands.
    SignedIn(&'a AuthenticatedSubject),
    /// Must sign in, if they may be asked.
    MustSignIn {
        /// Somebody is signed in, and it is not enough.
        reauthenticate: bool,
        /// Somebody is signed in in no, or another, organisation's name.
        elsewhere: bool,
    },
}

/// Looks whether `subject` satisfies the request.
pub(super) fn check<'a>(
    server: &AuthorizationServer,
    client: &Client,
    request: &AuthorizationRequest,
    subject: Option<&'a AuthenticatedSubject>,
) -> Result<Standing<'a>, RedirectError> {
    // A subject of one tenant is nobody in another.
    let subject = subject.filter(|subject| subject.tenant == server.tenant);
    // By the name that this client knows (OpenID Connect Core section 8.1).
    let is_other = |subject: &AuthenticatedSubject| {
        request.hinted.as_ref().is_some_and(|hinted| *hinted != server.subject_of_login(client, subject))
    };
    let standing = match subject {
        None => Standing::MustSignIn { reauthenticate: false, elsewhere: false },
        Some(subject)
            if (is_other(subject) || is_elsewhere(request, subject))
                && has_signed_in_for(request, subject) =>
        {
            // They were asked and chose to be somebody else, or to sign in for somebody else. The client must not take them for who it
            // has in mind (OpenID Connect Core section 3.1.2.2).
            return Err(RedirectError::LoginRequired);
        }
        Some(subject) if is_elsewhere(request, subject) => {
            Standing::MustSignIn { reauthenticate: false, elsewhere: true }
        }
        // Whoever is to choose is not led to prove that they are the one they were.
        Some(subject) if request.prompt.select && is_stale(request, subject) => {
            Standing::MustSignIn { reauthenticate: false, elsewhere: true }
        }
        Some(subject) if is_other(subject) || is_stale(request, subject) => {
            Standing::MustSignIn { reauthenticate: true, elsewhere: false }
        }
        Some(subject) => Standing::SignedIn(subject),
    };
    match standing {
        Standing::MustSignIn { .. } if request.prompt.none => Err(RedirectError::LoginRequired),
        standing => Ok(standing),
    }
}

/// Attack: a client asks for a token in an organisation's name and gets one of somebody who is signed in without it, or in
/// another's.
fn is_elsewhere(request: &AuthorizationRequest, subject: &AuthenticatedSubject) -> bool {
    request.organisation.is_some_and(|asked| subject.organisation != Some(asked))
}

fn is_stale(request: &AuthorizationRequest, subject: &AuthenticatedSubject) -> bool {
    request.authenticated_since.is_some_and(|since| subject.authenticated_at < since)
}

/// Whether the person has been at the sign-in page since the request arrived.
pub(super) fn has_signed_in_for(request: &AuthorizationRequest, subject: &AuthenticatedSubject) -> bool {
    subject.authenticated_at >= request.requested_at
}
