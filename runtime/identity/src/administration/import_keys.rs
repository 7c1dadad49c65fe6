//! Passkeys and security keys made elsewhere (`identityCredentialsWebAuthn`), for the same relying party.

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{AdministrationError, ImportedCredentials};
use crate::flow::Room;
use crate::webauthn::{CredentialId, CredentialRecord, KeyKind, PublicKey, UserHandle};
use primitives::IdentityId;

/// `identityWithCredentials…Config`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    credentials: Vec<Credential>,
    user_handle: Option<Bytes>,
}

/// What is kept of it. What its attestation proved is the word of whoever brings it.
#[derive(Debug, Deserialize)]
struct Credential {
    id: Bytes,
    public_key: Bytes,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    is_passwordless: bool,
    #[serde(default)]
    transport: Option<Vec<String>>,
    #[serde(default)]
    authenticator: Authenticator,
    #[serde(default)]
    flags: Flags,
    /// Only what is exported here has these two, the handle where keys of one account differ in it.
    #[serde(default)]
    user_handle: Option<Bytes>,
    #[serde(default)]
    attestation_type: Option<String>,
}

/// Who attested a key, as [`CredentialRecord`] has it. Others write a format in its place.
const ATTESTATIONS: [&str; 5] = ["self", "basic", "attca", "anonca", "unverified"];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Authenticator {
    aaguid: Option<Bytes>,
    sign_count: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Flags {
    user_verified: bool,
    backup_eligible: bool,
    backup_state: bool,
}

/// Bytes as the API describes them (numbers), and as it writes them (base64).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Numbers(Vec<u8>),
    Text(String),
}

impl Bytes {
    /// A UUID, as its bytes or as a text.
    fn uuid(self) -> Option<Uuid> {
        match self {
            Self::Text(text) if text.len() == 36 => Uuid::parse_str(&text).ok(),
            bytes => Uuid::from_slice(&bytes.read()?).ok(),
        }
    }

    fn read(self) -> Option<Vec<u8>> {
        match self {
            Self::Numbers(bytes) => Some(bytes),
            Self::Text(text) => {
                let url: String = text
                    .trim_end_matches('=')
                    .chars()
                    .map(|c| match c {
                        '+' => '-',
                        '/' => '_',
                        c => c,
                    })
                    .collect();
                primitives::base64url::decode(url)
            }
        }
    }
}

/// The keys of a body, none of which anybody has.
pub(super) async fn import_keys(
    room: Room<'_>,
    identity: IdentityId,
    credentials: Option<&ImportedCredentials>,
) -> Result<Vec<CredentialRecord>, AdministrationError> {
    let Some(credentials) = credentials else { return Ok(Vec::new()) };
    let mut records: Vec<CredentialRecord> = Vec::new();
    for kind in ["passkey", "webauthn"] {
        let Some(config) = credentials.config(kind) else { continue };
        records.extend(read(identity, kind, config)?);
    }
    for (at, record) in records.iter().enumerate() {
        let twice = records.iter().take(at).any(|other| other.id == record.id);
        let found = room.factors.find_key(room.tenant, &record.id).await?;
        if twice || found.is_some_and(|known| known.identity != identity) {
            return Err(AdministrationError::KeyTaken);
        }
    }
    Ok(records)
}

fn read(
    identity: IdentityId,
    kind: &str,
    config: &Value,
) -> Result<Vec<CredentialRecord>, AdministrationError> {
    let malformed = |what: &str| AdministrationError::Malformed(format!("`credentials.{kind}`: {what}"));
    let config: Config =
        Config::deserialize(config).map_err(|_| malformed("a member is of the wrong type"))?;
    let handle = |bytes: Bytes| {
        let handle = bytes.read().and_then(UserHandle::new);
        handle.ok_or_else(|| malformed("`user_handle` is 1 to 64 bytes"))
    };
    let of_all = config.user_handle.map_or_else(|| Ok(UserHandle::of(identity)), handle)?;
    let one = |credential: Credential| {
        let attestation = credential.attestation_type.filter(|kind| ATTESTATIONS.contains(&kind.as_str()));
        Ok(CredentialRecord {
            id: credential.id.read().and_then(CredentialId::new).ok_or_else(|| malformed("`id`"))?,
            kind: match (kind, credential.is_passwordless) {
                ("passkey", _) => KeyKind::Passkey,
                (_, false) => KeyKind::SecondFactor,
                (_, true) => KeyKind::Passwordless,
            },
            display_name: credential.display_name,
            user_handle: credential.user_handle.map_or_else(|| Ok(of_all.clone()), handle)?,
            public_key: credential
                .public_key
                .read()
                .and_then(|cose| PublicKey::parse(&cose).ok())
                .ok_or_else(|| malformed("`public_key` is no COSE key of ES256, EdDSA or RS256"))?,
            sign_count: credential.authenticator.sign_count,
            uv_initialized: credential.flags.user_verified,
            backup_eligible: credential.flags.backup_eligible,
            backup_state: credential.flags.backup_state,
            transports: credential.transport.unwrap_or_default(),
            aaguid: credential.authenticator.aaguid.and_then(Bytes::uuid).unwrap_or_default(),
            attestation: attestation.unwrap_or_else(|| "none".to_owned()),
        })
    };
    config.credentials.into_iter().map(one).collect()
}
