//! What travels sealed: the challenge that goes to an app, and the verifier that comes back from it.

use primitives::seal::SealedKind;
use primitives::{IdentityId, SessionId, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Rejection;
use super::error::ChallengeError;
use super::login::DeviceAsked;
use crate::authorization::interaction::binding_fits;
use crate::authorization::page_error::PageError;
use crate::authorization::request::AuthorizationRequest;
use crate::details::AuthorizationDetails;
use crate::grant::GrantedClaims;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;

/// Longer texts are neither made nor opened.
const MOST_BYTES: usize = 16 * 1_024;

/// A kind of sealed text.
pub(super) trait Sealed: Serialize + DeserializeOwned {
    /// Part of its seal.
    const KIND: SealedKind;
    /// Hash of the cookie of the browser that it is for.
    fn browser(&self) -> &str;
    /// Until when it is good.
    fn expires_at(&self) -> Timestamp;
}

/// A request that waits for a sign-in.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LoginChallenge {
    pub(super) asked: Asked,
    pub(super) browser: String,
    /// The session that begins by it, once.
    pub(super) session: SessionId,
    /// Who is remembered in the browser, and need not sign in again.
    pub(super) known: Option<Known>,
    pub(super) expires_at: Timestamp,
}

/// What a sign-in is for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Asked {
    /// An authorization request.
    Authorization(Box<AuthorizationRequest>),
    /// A device, about which a page of ours asks next.
    Device(Box<DeviceAsked>),
}

/// Somebody who is remembered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) session: SessionId,
    pub(super) sub: String,
}

/// A sign-in that an app has answered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LoginVerifier {
    pub(super) challenge: LoginChallenge,
    pub(super) answer: Answer<SignedIn>,
}

/// What an app answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer<T> {
    Accepted(T),
    Rejected(Rejection),
}

/// Somebody who has signed in at an app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SignedIn {
    pub(super) subject: IdentityId,
    pub(super) external: Option<String>,
    pub(super) at: Timestamp,
    pub(super) acr: String,
    pub(super) amr: Option<Vec<String>>,
    /// Seconds for which they are remembered; 0: while the browser is open.
    pub(super) remember: Option<u32>,
    pub(super) extend: bool,
    pub(super) provider_session: Option<String>,
    /// The session here on which it hangs, which lived when the app said so and was of the same person.
    #[serde(default)]
    pub(super) hangs_on: Option<SessionId>,
    /// For the consent app.
    pub(super) context: Option<Value>,
}

/// A request that waits for a consent.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ConsentChallenge {
    pub(super) request: AuthorizationRequest,
    pub(super) browser: String,
    pub(super) subject: IdentityId,
    /// In which session they are asked.
    pub(super) session: SessionId,
    pub(super) sub: String,
    pub(super) acr: String,
    pub(super) amr: Vec<String>,
    /// Nobody need be asked: they were, or the client is one of those for which nobody is.
    pub(super) skip: bool,
    pub(super) context: Option<Value>,
    pub(super) expires_at: Timestamp,
}

/// A consent that an app has answered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ConsentVerifier {
    pub(super) challenge: ConsentChallenge,
    pub(super) answer: Answer<Consented>,
}

/// What somebody has consented to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Consented {
    pub(super) scope: Scopes,
    pub(super) audience: Vec<String>,
    #[serde(default)]
    pub(super) details: AuthorizationDetails,
    /// Seconds for which it is remembered; 0: until it is taken back.
    pub(super) remember: Option<u32>,
    pub(super) claims: GrantedClaims,
}

macro_rules! sealed {
    ($($name:ident $kind:ident $($of:ident)?;)+) => {$(
        impl Sealed for $name {
            const KIND: SealedKind = SealedKind::$kind;

            fn browser(&self) -> &str {
                &self.$($of.)?browser
            }

            fn expires_at(&self) -> Timestamp {
                self.$($of.)?expires_at
            }
        }
    )+};
}

sealed! {
    LoginChallenge AppLoginChallenge;
    LoginVerifier AppLoginVerifier challenge;
    ConsentChallenge AppConsentChallenge;
    ConsentVerifier AppConsentVerifier challenge;
}

/// Seals it. Only what an app adds can make it too long: a request is bounded.
pub(super) fn seal<T: Sealed>(server: &AuthorizationServer, value: &T) -> Result<String, ChallengeError> {
    let sealed = server.seal(T::KIND, value);
    if sealed.len() > MOST_BYTES {
        let text =
            "the answer is too long: what is sent with it travels through the browser, in 16 kibibytes";
        return Err(ChallengeError::invalid(text));
    }
    Ok(sealed)
}

/// Opens it, for an app: its browser is none of ours.
pub(super) fn open<T: Sealed>(server: &AuthorizationServer, text: &str) -> Result<T, PageError> {
    let short = Some(text).filter(|text| text.len() <= MOST_BYTES);
    short.and_then(|text| server.open(T::KIND, text)).ok_or(PageError::UnknownChallenge)
}

/// Refuses what has expired.
pub(super) fn check_time(server: &AuthorizationServer, sealed: &impl Sealed) -> Result<(), PageError> {
    if server.now() < sealed.expires_at() { Ok(()) } else { Err(PageError::Expired) }
}

/// Opens what a browser brings back: it must be the browser that began.
pub(super) fn open_in<T: Sealed>(
    server: &AuthorizationServer,
    text: &str,
    binding: Option<&str>,
) -> Result<T, PageError> {
    let opened: T = open(server, text)?;
    if !binding_fits(binding, opened.browser()) {
        return Err(PageError::OtherBrowser);
    }
    check_time(server, &opened)?;
    Ok(opened)
}
