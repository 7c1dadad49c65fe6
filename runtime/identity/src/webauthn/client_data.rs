//! `clientDataJSON` (WebAuthn L3 section 5.8.1): what the browser says of the ceremony.

use primitives::base64url;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::{CeremonyError, Expected};

/// What a ceremony is for, by its name in `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ceremony {
    Create,
    Get,
}

impl Ceremony {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// Members to come are passed over (section 5.8.1.2); one that stands twice is refused.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: Option<bool>,
    #[serde(default)]
    top_origin: Option<String>,
}

/// Sections 7.1 and 7.2: the steps on the client data, in their order.
pub(super) fn check(json: &[u8], ceremony: Ceremony, expected: &Expected<'_>) -> Result<(), CeremonyError> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_| CeremonyError::ClientData)?;
    // 7.1 step 7, 7.2 step 10. An assertion is no registration.
    if data.r#type != ceremony.as_str() {
        return Err(CeremonyError::Type);
    }
    // 7.1 step 8, 7.2 step 11. The challenge is this flow's.
    let challenge = base64url::decode(&data.challenge).ok_or(CeremonyError::Challenge)?;
    if !bool::from(challenge.ct_eq(expected.challenge.as_bytes())) {
        return Err(CeremonyError::Challenge);
    }
    // 7.1 step 9, 7.2 step 12. The page is one of the tenant's.
    if !expected.relying_party.has_origin(&data.origin) {
        return Err(CeremonyError::Origin);
    }
    // 7.1 steps 10 and 11, 7.2 steps 13 and 14. The tenant's pages are in no frame of another origin.
    if data.cross_origin == Some(true) || data.top_origin.is_some() {
        return Err(CeremonyError::CrossOrigin);
    }
    Ok(())
}
