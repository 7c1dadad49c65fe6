//! Registering a credential (WebAuthn L3 section 7.1).

use primitives::base64url;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use uuid::Uuid;

use super::attestation::{AttestationObject, AttestationPolicy};
use super::client_data::{self, Ceremony};
use super::{
    CeremonyError, CredentialId, CredentialRecord, Expected, KeyKind, MOST_BYTES, PublicKey, UserHandle,
};

/// What a browser answers to `navigator.credentials.create`.
#[derive(Debug, Clone)]
pub struct UnverifiedRegistration {
    /// The credential that it names.
    id: CredentialId,
    client_data_json: Vec<u8>,
    attestation_object: Vec<u8>,
    transports: Vec<String>,
}

/// A credential whose registration was verified. Only [`UnverifiedRegistration::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    id: CredentialId,
    public_key: PublicKey,
    sign_count: u32,
    user_verified: bool,
    backup_eligible: bool,
    backup_state: bool,
    transports: Vec<String>,
    aaguid: Uuid,
    attestation: &'static str,
}

/// `RegistrationResponseJSON` (section 5.1.8), as far as anything depends on it.
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
    attestation_object: String,
    #[serde(default)]
    transports: Vec<String>,
}

impl UnverifiedRegistration {
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
        // Words of the browser that go back to it; of words that we do not know it makes nothing.
        let is_word =
            |word: &String| word.len() <= 16 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        Ok(Self {
            id: decode(&answer.raw_id).and_then(|id| CredentialId::new(id).ok_or(MALFORMED))?,
            client_data_json: decode(&answer.response.client_data_json)?,
            attestation_object: decode(&answer.response.attestation_object)?,
            transports: answer.response.transports.into_iter().filter(is_word).take(8).collect(),
        })
    }

    /// The ceremony, step by step. That the id is nobody's yet (step 26) is the guard of the write that keeps it.
    pub fn verify(
        self,
        expected: &Expected<'_>,
        policy: &AttestationPolicy<'_>,
    ) -> Result<NewCredential, CeremonyError> {
        client_data::check(&self.client_data_json, Ceremony::Create, expected)?;
        let client_data_hash = digest(&SHA256, &self.client_data_json);
        let object = AttestationObject::read(&self.attestation_object)?;
        let data = object.data()?;
        data.check(expected)?;
        let attested = data.attested.as_ref().ok_or(CeremonyError::AuthenticatorData)?;
        // What the browser calls it is what the authenticator calls it.
        if attested.id != self.id.as_bytes() {
            return Err(CeremonyError::Malformed);
        }
        let judged = object.check((&data, attested), client_data_hash.as_ref(), policy)?;
        Ok(NewCredential {
            id: self.id,
            public_key: attested.public_key.clone(),
            sign_count: data.sign_count,
            user_verified: data.flags.user_verified(),
            backup_eligible: data.flags.backup_eligible(),
            backup_state: data.flags.backup_state(),
            transports: self.transports,
            aaguid: judged.aaguid,
            attestation: judged.kind,
        })
    }
}

impl NewCredential {
    /// The id.
    pub const fn id(&self) -> &CredentialId {
        &self.id
    }

    /// The record to keep (step 27).
    pub fn record(self, kind: KeyKind, user_handle: UserHandle, display_name: String) -> CredentialRecord {
        CredentialRecord {
            id: self.id,
            kind,
            display_name,
            user_handle,
            public_key: self.public_key,
            sign_count: self.sign_count,
            uv_initialized: self.user_verified,
            backup_eligible: self.backup_eligible,
            backup_state: self.backup_state,
            transports: self.transports,
            aaguid: self.aaguid,
            attestation: self.attestation.to_owned(),
        }
    }
}
