//! A request in progress, sealed: it costs no row until something is granted.
//!
//! Attacks: a challenge that was made up or changed (it does not open), moved from another tenant or
//! another step (its seal names both), handed to another person's browser so that they sign in to, or
//! consent to, what an attacker has begun (it is bound to the cookie of the browser that began), kept
//! for later (it expires), or answered twice (its grant exists).

use primitives::seal::SealedKind;
use primitives::{GrantId, IdentityId, Timestamp, base64url};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::error::RedirectError;
use super::page_error::PageError;
use super::request::AuthorizationRequest;
use crate::server::AuthorizationServer;

/// Longer texts are not opened.
const MAX_CHALLENGE: usize = 16 * 1_024;

/// A request in progress.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Interaction {
    pub(super) request: AuthorizationRequest,
    /// Hash of the browser's cookie.
    browser: String,
    pub(super) step: Step,
    expires_at: Timestamp,
}

/// What the person is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// Sign in.
    Login {
        reauthenticate: bool,
        /// With a second factor: whoever comes back was asked for it.
        #[serde(default)]
        second_factor: bool,
    },
    /// Consent, as this very person.
    Consent { subject: IdentityId },
}

/// Which step a challenge is for. Part of its seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Login,
    Consent,
}

impl Kind {
    const fn sealed(self) -> SealedKind {
        match self {
            Self::Login => SealedKind::LoginChallenge,
            Self::Consent => SealedKind::ConsentChallenge,
        }
    }
}

impl Step {
    const fn kind(self) -> Kind {
        match self {
            Self::Login { .. } => Kind::Login,
            Self::Consent { .. } => Kind::Consent,
        }
    }
}

/// Seals a request for the browser that it came from.
pub(super) fn seal(
    server: &AuthorizationServer,
    request: AuthorizationRequest,
    step: Step,
    binding: Option<&str>,
) -> Result<String, RedirectError> {
    let binding = binding.ok_or(RedirectError::InteractionRequired("the browser takes no cookies"))?;
    let expires_at = request.requested_at.after(server.settings.interaction_lifespan.0);
    let interaction = Interaction { request, browser: hash_binding(binding), step, expires_at };
    Ok(server.seal(step.kind().sealed(), &interaction))
}

/// Opens a challenge that comes back from a browser.
pub(super) fn open(
    server: &AuthorizationServer,
    kind: Kind,
    challenge: &str,
    binding: Option<&str>,
) -> Result<Interaction, PageError> {
    let short = Some(challenge).filter(|text| text.len() <= MAX_CHALLENGE);
    let opened = short.and_then(|text| server.open::<Interaction>(kind.sealed(), text));
    let interaction =
        opened.filter(|opened| opened.step.kind() == kind).ok_or(PageError::UnknownChallenge)?;
    if !binding_fits(binding, &interaction.browser) {
        return Err(PageError::OtherBrowser);
    }
    if server.now() >= interaction.expires_at {
        return Err(PageError::Expired);
    }
    Ok(interaction)
}

/// Refuses a request that was answered: the grant that it becomes exists.
pub(super) async fn check_unused(server: &AuthorizationServer, grant: GrantId) -> Result<(), PageError> {
    match server.ports.grants.find_grant(&server.tenant, grant).await? {
        None => Ok(()),
        Some(_) => Err(PageError::Used),
    }
}

/// Whether a browser is the one whose cookie has this hash.
pub(crate) fn binding_fits(binding: Option<&str>, hash: &str) -> bool {
    binding.is_some_and(|binding| hash_binding(binding).as_bytes().ct_eq(hash.as_bytes()).into())
}

/// What of a browser's cookie stands in what is sealed to it.
pub(crate) fn hash_binding(binding: &str) -> String {
    base64url::encode(digest(&SHA256, binding.as_bytes()))
}
