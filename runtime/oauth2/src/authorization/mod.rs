//! The authorization endpoint (RFC 6749 section 4.1, OpenID Connect Core section 3.1.2).

mod page_error;
mod response;

use primitives::{AuthenticatedSubject, RequestId};

pub use page_error::{Fault, PageError};
pub use response::{AuthorizationResponse, ResponseMode};

use crate::decision::Decision;
use crate::parameters::Parameters;
use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// The browser that a request comes from.
#[derive(Debug, Clone, Copy)]
pub struct Browser<'a> {
    /// Who is signed in in it.
    pub subject: Option<&'a AuthenticatedSubject>,
    /// The value of our cookie that every browser has for itself. Where a browser sends none yet, the
    /// caller makes one, passes it here and sets it with the answer.
    pub binding: Option<&'a str>,
    /// Which request, for logs.
    pub request: RequestId,
}

/// What happens next in the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The person signs in; then [`AuthorizationServer::resume`] goes on.
    Login {
        /// The request in progress, sealed.
        challenge: String,
        /// Whether somebody who is signed in must prove it again.
        reauthenticate: bool,
    },
    /// The person is asked; then [`AuthorizationServer::decide_consent`] goes on.
    Consent {
        /// The request in progress, sealed.
        challenge: String,
    },
    /// The client gets its answer.
    Answer(AuthorizationResponse),
}

/// What a sign-in page needs to know of the request behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequest {
    /// The client's id.
    pub client_id: String,
    /// The client's name, or its id.
    pub client_name: String,
    /// Who the client thinks will sign in.
    pub login_hint: Option<String>,
    /// Languages, the preferred one first (BCP 47).
    pub ui_locales: Vec<String>,
    /// Wished-for authentication contexts, the preferred one first.
    pub acr_values: Vec<String>,
    /// Whether somebody who is signed in must prove it again.
    pub reauthenticate: bool,
}

/// What a consent page needs to know of the request behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRequest {
    /// The client's id.
    pub client_id: String,
    /// The client's name, or its id.
    pub client_name: String,
    /// A picture of the client.
    pub logo_uri: Option<String>,
    /// A page about the client.
    pub client_uri: Option<String>,
    /// A page about privacy.
    pub policy_uri: Option<String>,
    /// A page with the terms of service.
    pub tos_uri: Option<String>,
    /// What it asks for.
    pub scopes: Vec<String>,
    /// Where it wants to use it.
    pub audience: Vec<String>,
    /// The host that the person is sent to afterwards; the scheme for an app's own.
    pub redirect_host: String,
    /// Languages, the preferred one first (BCP 47).
    pub ui_locales: Vec<String>,
}

/// What the person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentVerdict {
    /// Whether the client gets what it asked for.
    pub allow: bool,
    /// Whether not to ask again.
    pub remember: bool,
}

fn unfinished() -> PageError {
    PageError::Port(PortError::Unavailable("this endpoint is not served yet".to_owned()))
}

impl AuthorizationServer {
    /// Decides an authorization request.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn authorize(&self, _: &Parameters<'_>, _: Browser<'_>) -> Decision<Next, PageError> {
        Decision::without_change(self.tenant.clone(), Err(unfinished()))
    }

    /// Goes on after a sign-in.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn resume(&self, _: &str, _: Browser<'_>) -> Decision<Next, PageError> {
        Decision::without_change(self.tenant.clone(), Err(unfinished()))
    }

    /// What the sign-in page shows. It is no secret from the browser that holds the challenge.
    pub fn login_request(&self, _: &str, _: Option<&str>) -> Result<LoginRequest, PageError> {
        Err(unfinished())
    }

    /// What the consent page shows.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn consent_request(&self, _: &str, _: Browser<'_>) -> Result<ConsentRequest, PageError> {
        Err(unfinished())
    }

    /// Goes on after the person was asked.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn decide_consent(
        &self,
        _: &str,
        _: ConsentVerdict,
        _: Browser<'_>,
    ) -> Decision<Next, PageError> {
        Decision::without_change(self.tenant.clone(), Err(unfinished()))
    }
}
