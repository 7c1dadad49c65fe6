//! Signing in with a credential (WebAuthn L3 section 7.2).

use primitives::base64url;
use ring::digest::{SHA256, digest};
use serde::Deserialize;

use super::authenticator_data::AuthenticatorData;
use super::client_data::{self, Ceremony};
use super::{CeremonyError, CredentialId, CredentialRecord, Expected, MOST_BYTES};

/// What a browser answers to `navigator.credentials.get`.
#[derive(Debug, Clone)]
pub struct UnverifiedAssertion {
    id: CredentialId,
    client_data_json: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    user_handle: Option<Vec<u8>>,
}

/// `AuthenticationResponseJSON` (section 5.1.8), as far as anything depends on it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    raw_id: String,
    r#type: String,
    response: Response,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

impl UnverifiedAssertion {
    /// Reads the answer.
    pub fn parse(json: &str) -> Result<Self, CeremonyError> {
        const MALFORMED: CeremonyError = CeremonyError::Malformed;
        if json.len() > MOST_BYTES {
            return Err(MALFORMED);
        }
        let answer: Answer = serde_json::from_str(json).map_err(|_| MALFORMED)?;
        if answer.r#type != "public-key" {
            return Err(MALFORMED);
        }
        let decode = |text: &str| base64url::decode(text.trim_end_matches('=')).ok_or(MALFORMED);
        // A key that keeps no handle gives none, or an empty one.
        let user_handle = answer.response.user_handle.filter(|handle| !handle.is_empty());
        Ok(Self {
            id: decode(&answer.raw_id).and_then(|id| CredentialId::new(id).ok_or(MALFORMED))?,
            client_data_json: decode(&answer.response.client_data_json)?,
            authenticator_data: decode(&answer.response.authenticator_data)?,
            signature: decode(&answer.response.signature)?,
            user_handle: user_handle.as_deref().map(decode).transpose()?,
        })
    }

    /// The credential that it names; nothing is proven of it yet.
    pub const fn id(&self) -> &CredentialId {
        &self.id
    }

    /// Whether it says whose it is, as the answer of a passkey must (step 6).
    pub const fn has_user_handle(&self) -> bool {
        self.user_handle.is_some()
    }

    /// The ceremony, step by step, against the record that its id was found by. Returns the record as it is to be
    /// kept (section 7.2 step 24).
    pub fn verify(
        self,
        expected: &Expected<'_>,
        record: &CredentialRecord,
    ) -> Result<CredentialRecord, CeremonyError> {
        if self.id != record.id {
            return Err(CeremonyError::UserHandle);
        }
        // Step 6. A handle that is given is its owner's.
        if self.user_handle.as_deref().is_some_and(|handle| handle != record.user_handle.as_bytes()) {
            return Err(CeremonyError::UserHandle);
        }
        client_data::check(&self.client_data_json, Ceremony::Get, expected)?;
        let data = AuthenticatorData::read(&self.authenticator_data)?;
        data.check(expected)?;
        // Step 19. Whether it can be copied is decided when it is made.
        if data.flags.backup_eligible() != record.backup_eligible {
            return Err(CeremonyError::Backup);
        }
        // Steps 20 and 21.
        let client_data_hash = digest(&SHA256, &self.client_data_json);
        let message = [self.authenticator_data.as_slice(), client_data_hash.as_ref()].concat();
        if !record.public_key.is_signed(&message, &self.signature) {
            return Err(CeremonyError::Signature);
        }
        // Step 22. The counter, after the signature: nobody but the key moves it. One that counts never stands still.
        let counts = data.sign_count != 0 || record.sign_count != 0;
        if counts && data.sign_count <= record.sign_count {
            return Err(CeremonyError::Counter);
        }
        Ok(CredentialRecord {
            sign_count: data.sign_count,
            backup_state: data.flags.backup_state(),
            uv_initialized: record.uv_initialized || data.flags.user_verified(),
            ..record.clone()
        })
    }
}
