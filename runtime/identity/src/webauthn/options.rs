//! What browsers begin a ceremony with (WebAuthn L3 sections 5.4 and 5.5), in its JSON form.

use serde_json::{Value, json};

use super::{
    ALGORITHMS, Challenge, CredentialId, CredentialRecord, KeyKind, RelyingParty, UserHandle,
    UserVerification,
};

/// In milliseconds: as long as the specification recommends where a user is verified (section 15.1).
const TIMEOUT: u32 = 300_000;

impl KeyKind {
    /// Whether the authenticator must know its user.
    pub const fn user_verification(self) -> UserVerification {
        match self {
            Self::Passkey => UserVerification::Required,
            Self::SecondFactor => UserVerification::Discouraged,
        }
    }
}

/// `CredentialCreationOptions`: a new credential of a kind for somebody, who is called `name`, on none of the
/// authenticators that have one.
pub fn creation_options(
    relying_party: &RelyingParty,
    challenge: &Challenge,
    kind: KeyKind,
    (user_handle, name): (&UserHandle, &str),
    exclude: &[CredentialRecord],
) -> Value {
    let algorithms = ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg }));
    let exclude: Vec<Value> = exclude.iter().map(|known| descriptor(&known.id, &known.transports)).collect();
    let resident = if kind == KeyKind::Passkey { "required" } else { "discouraged" };
    json!({
        "publicKey": {
            "rp": { "id": relying_party.id(), "name": relying_party.name() },
            "user": { "id": user_handle.to_string(), "name": name, "displayName": name },
            "challenge": challenge.to_string(),
            "pubKeyCredParams": algorithms,
            "timeout": TIMEOUT,
            "excludeCredentials": exclude,
            "authenticatorSelection": {
                "residentKey": resident,
                "requireResidentKey": kind == KeyKind::Passkey,
                "userVerification": kind.user_verification().as_str(),
            },
            "attestation": "none",
        },
    })
}

/// `CredentialRequestOptions`: a proof by one of these credentials, or by any passkey if none is named.
pub fn request_options(
    relying_party: &RelyingParty,
    challenge: &Challenge,
    user_verification: UserVerification,
    allow: &[CredentialRecord],
) -> Value {
    let mut options = json!({
        "publicKey": {
            "challenge": challenge.to_string(),
            "timeout": TIMEOUT,
            "rpId": relying_party.id(),
            "userVerification": user_verification.as_str(),
        },
    });
    let allow: Vec<Value> = allow.iter().map(|known| descriptor(&known.id, &known.transports)).collect();
    if let (Some(fields), false) =
        (options.get_mut("publicKey").and_then(Value::as_object_mut), allow.is_empty())
    {
        fields.insert("allowCredentials".to_owned(), allow.into());
    }
    options
}

fn descriptor(id: &CredentialId, transports: &[String]) -> Value {
    let mut descriptor = json!({ "type": "public-key", "id": id.to_string() });
    if let (Some(fields), false) = (descriptor.as_object_mut(), transports.is_empty()) {
        fields.insert("transports".to_owned(), json!(transports));
    }
    descriptor
}
