//! What browsers begin a ceremony with (WebAuthn L3 sections 5.4 and 5.5), in its JSON form.

use serde_json::{Value, json};

use super::{
    ALGORITHMS, Challenge, CredentialId, CredentialRecord, KeyKind, RelyingParty, UserHandle,
    UserVerification,
};
use crate::settings::{CeremonySettings, Conveyance, Hint};

/// What a tenant asks of new credentials.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What they are for.
    pub kind: KeyKind,
    /// The attestation.
    pub attestation: Conveyance,
    /// How.
    pub settings: &'a CeremonySettings,
}

impl KeyKind {
    /// Whether the authenticator must know its user.
    pub const fn user_verification(self) -> UserVerification {
        match self {
            Self::Passkey | Self::Passwordless => UserVerification::Required,
            Self::SecondFactor => UserVerification::Discouraged,
        }
    }
}

/// `CredentialCreationOptions`: a new credential of a kind for somebody, who is called `name`, on none of the
/// authenticators that have one.
pub fn creation_options(
    relying_party: &RelyingParty,
    challenge: &Challenge,
    asked: Asked<'_>,
    (user_handle, name): (&UserHandle, &str),
    exclude: &[CredentialRecord],
) -> Value {
    let algorithms = ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg }));
    let exclude: Vec<Value> = exclude.iter().map(|known| descriptor(&known.id, &known.transports)).collect();
    let Asked { kind, attestation, settings } = asked;
    let resident = if kind == KeyKind::Passkey { "required" } else { "discouraged" };
    let options = json!({
        "publicKey": {
            "rp": { "id": relying_party.id(), "name": relying_party.name() },
            "user": { "id": user_handle.to_string(), "name": name, "displayName": name },
            "challenge": challenge.to_string(),
            "pubKeyCredParams": algorithms,
            "timeout": milliseconds(settings),
            "excludeCredentials": exclude,
            "authenticatorSelection": {
                "residentKey": resident,
                "requireResidentKey": kind == KeyKind::Passkey,
                "userVerification": kind.user_verification().as_str(),
            },
            "attestation": attestation.as_str(),
        },
    });
    hinted(options, settings.hints(kind))
}

/// `CredentialRequestOptions`: a proof by one of these credentials of a kind, or by any passkey if none is named.
pub fn request_options(
    relying_party: &RelyingParty,
    challenge: &Challenge,
    (kind, settings): (KeyKind, &CeremonySettings),
    allow: &[(CredentialId, Vec<String>)],
) -> Value {
    let mut options = json!({
        "publicKey": {
            "challenge": challenge.to_string(),
            "timeout": milliseconds(settings),
            "rpId": relying_party.id(),
            "userVerification": kind.user_verification().as_str(),
        },
    });
    let allow: Vec<Value> = allow.iter().map(|(id, transports)| descriptor(id, transports)).collect();
    if let (Some(fields), false) =
        (options.get_mut("publicKey").and_then(Value::as_object_mut), allow.is_empty())
    {
        fields.insert("allowCredentials".to_owned(), allow.into());
    }
    hinted(options, settings.hints(kind))
}

/// With what a browser offers first. Who gives no hint leaves it to the browser.
fn hinted(mut options: Value, hints: &[Hint]) -> Value {
    if let (Some(fields), false) =
        (options.get_mut("publicKey").and_then(Value::as_object_mut), hints.is_empty())
    {
        fields.insert("hints".to_owned(), json!(hints));
    }
    options
}

fn milliseconds(settings: &CeremonySettings) -> u64 {
    u64::from(settings.timeout_seconds) * 1000
}

fn descriptor(id: &CredentialId, transports: &[String]) -> Value {
    let mut descriptor = json!({ "type": "public-key", "id": id.to_string() });
    if let (Some(fields), false) = (descriptor.as_object_mut(), transports.is_empty()) {
        fields.insert("transports".to_owned(), json!(transports));
    }
    descriptor
}
