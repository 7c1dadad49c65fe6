//! What an app answers by the admin API, as the specification has it, and what of it is taken.
//!
//! Members that the specification does not name are passed over: apps of other versions send some.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ChallengeError;
use super::subject::MOST_BYTES;
use crate::forced_subject;
use crate::grant::GrantedClaims;
use crate::hooks::PROTECTED_CLAIMS;

/// The longest word (`acr`, one of `amr`, a session's id) in bytes.
const MOST_WORD: usize = 255;
const MOST_WORDS: usize = 16;
/// The longest description of a refusal, in bytes.
const MOST_DESCRIPTION: usize = 512;

/// `acceptOAuth2LoginRequest`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct AcceptLogin {
    pub subject: String,
    pub remember: bool,
    /// Seconds; 0: for as long as the browser is open.
    pub remember_for: i64,
    pub extend_session_lifespan: bool,
    pub acr: String,
    pub amr: Option<Vec<String>>,
    pub context: Option<Value>,
    pub force_subject_identifier: String,
    pub identity_provider_session_id: String,
}

/// `acceptOAuth2ConsentRequest`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct AcceptConsent {
    pub grant_scope: Option<Vec<String>>,
    pub grant_access_token_audience: Option<Vec<String>>,
    /// Ours: of `requested_authorization_details` those that are granted, each as it is or less; none where it is left out.
    pub grant_authorization_details: Option<Vec<Value>>,
    pub remember: bool,
    /// Seconds; 0: until it is taken back.
    pub remember_for: i64,
    pub session: Option<ConsentSession>,
    /// For whoever lists consents.
    pub context: Option<Value>,
}

/// `acceptOAuth2ConsentRequestSession`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct ConsentSession {
    pub access_token: Option<Map<String, Value>>,
    pub id_token: Option<Map<String, Value>>,
}

/// `rejectOAuth2Request`. `error_debug` is for the app's own log and is passed over, as is `status_code`: the answer is a
/// redirect.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct Reject {
    pub error: String,
    pub error_description: String,
    pub error_hint: String,
}

/// A refusal that the client is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rejection {
    pub(super) error: String,
    pub(super) description: String,
}

impl AcceptLogin {
    /// Checks whatever does not depend on the challenge.
    pub(super) fn check(&self) -> Result<(), ChallengeError> {
        let subject = &self.subject;
        if subject.is_empty() || subject.len() > MOST_BYTES || subject.chars().any(char::is_control) {
            let text = format!("subject must have 1 to {MOST_BYTES} bytes, without control characters");
            return Err(ChallengeError::Invalid(text));
        }
        let forced = &self.force_subject_identifier;
        if forced.len() > forced_subject::MOST_BYTES || forced.chars().any(char::is_control) {
            let most = forced_subject::MOST_BYTES;
            let text = format!(
                "force_subject_identifier must have {most} bytes at most, without control characters"
            );
            return Err(ChallengeError::Invalid(text));
        }
        let words = self.amr.as_deref().unwrap_or(&[]);
        let too_long = [&self.acr, &self.identity_provider_session_id];
        if words.len() > MOST_WORDS || words.iter().chain(too_long).any(|word| word.len() > MOST_WORD) {
            return Err(ChallengeError::invalid("acr, amr or identity_provider_session_id is too long"));
        }
        check_seconds(self.remember_for).map(|_| ())
    }
}

/// A number of seconds that somebody is remembered for.
pub(super) fn check_seconds(seconds: i64) -> Result<u32, ChallengeError> {
    u32::try_from(seconds).map_err(|_| ChallengeError::invalid("remember_for must be a number of seconds"))
}

impl ConsentSession {
    /// The claims, none of which may be ours.
    pub(super) fn check(self) -> Result<GrantedClaims, ChallengeError> {
        let claims = GrantedClaims {
            access_token: self.access_token.unwrap_or_default(),
            id_token: self.id_token.unwrap_or_default(),
            ..GrantedClaims::default()
        };
        for (document, claims) in [("access_token", &claims.access_token), ("id_token", &claims.id_token)] {
            if let Some(name) = PROTECTED_CLAIMS.into_iter().find(|name| claims.contains_key(*name)) {
                let text = format!("session.{document} sets the claim {name}, which only the server sets");
                return Err(ChallengeError::Invalid(text));
            }
        }
        Ok(claims)
    }
}

impl Reject {
    /// The refusal, with the words that Hydra has where the app has none.
    pub(super) fn check(self) -> Result<Rejection, ChallengeError> {
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let mut description = or(self.error_description, "The resource owner denied the request");
        if !self.error_hint.is_empty() {
            description = format!("{description} {}", self.error_hint);
        }
        let rejection = Rejection { error: or(self.error, "request_denied"), description };
        // RFC 6749 section 4.1.2.1: %x20-21 / %x23-5B / %x5D-7E.
        let is_plain =
            |text: &str| text.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if !is_plain(&rejection.error) || rejection.error.len() > 64 {
            return Err(ChallengeError::invalid("error must be printable ASCII of 64 bytes at most"));
        }
        let plain =
            rejection.description.chars().map(|c| if is_plain(c.encode_utf8(&mut [0; 4])) { c } else { ' ' });
        Ok(Rejection { description: plain.take(MOST_DESCRIPTION).collect(), ..rejection })
    }
}
