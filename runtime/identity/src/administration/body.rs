//! What the admin API takes: `createIdentityBody`, `updateIdentityBody` and what a JSON Patch may touch.

use primitives::{OrganisationId, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{AdministrationError, is_same, link_tokens};
use crate::identity::{AddressKind, AddressStatus, Identity, IdentityState};
use crate::password::PlainPassword;
use crate::write::NewLink;

/// `createIdentityBody`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateIdentity {
    /// Which schema; empty is the default one.
    pub schema_id: String,
    /// The traits.
    pub traits: Map<String, Value>,
    /// Credentials made elsewhere.
    #[serde(default)]
    pub credentials: Option<ImportedCredentials>,
    /// The customer's own name for it.
    #[serde(default)]
    pub external_id: Option<String>,
    /// What the person may see.
    #[serde(default)]
    pub metadata_public: Option<Value>,
    /// What only operators see.
    #[serde(default)]
    pub metadata_admin: Option<Value>,
    /// Its organisation.
    #[serde(default)]
    pub organization_id: Option<OrganisationId>,
    /// Where a hosted service would keep it; here it has no effect.
    #[serde(default, rename = "region")]
    _region: serde::de::IgnoredAny,
    /// Whether it may sign in.
    #[serde(default)]
    pub state: Option<IdentityState>,
    /// What is known of its addresses.
    #[serde(default)]
    pub verifiable_addresses: Vec<ImportedAddress>,
    /// Its recovery addresses.
    #[serde(default)]
    pub recovery_addresses: Vec<ImportedAddress>,
}

/// `updateIdentityBody`, and what a patched document must be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceIdentity {
    /// Which schema; empty is the default one.
    pub schema_id: String,
    /// The traits.
    pub traits: Map<String, Value>,
    /// Whether it may sign in; absent leaves it.
    #[serde(default)]
    pub state: Option<IdentityState>,
    /// Credentials made elsewhere.
    #[serde(default)]
    pub credentials: Option<ImportedCredentials>,
    /// The customer's own name for it.
    #[serde(default)]
    pub external_id: Option<String>,
    /// What the person may see.
    #[serde(default)]
    pub metadata_public: Option<Value>,
    /// What only operators see.
    #[serde(default)]
    pub metadata_admin: Option<Value>,
    /// Where a hosted service would keep it; here it has no effect.
    #[serde(default, rename = "region")]
    _region: serde::de::IgnoredAny,
    /// Its organisation: absent leaves it, null takes it away. Only a patch has it.
    #[serde(default, deserialize_with = "present")]
    pub organization_id: Option<Option<OrganisationId>>,
    /// What is known of its addresses. Only a patch has it.
    #[serde(default)]
    pub verifiable_addresses: Vec<ImportedAddress>,
    /// Its recovery addresses. Only a patch has it.
    #[serde(default)]
    pub recovery_addresses: Vec<ImportedAddress>,
}

/// Credentials made elsewhere, by type: passwords, passkeys, security keys, second factors, and links to other providers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct ImportedCredentials(Map<String, Value>);

/// A password made elsewhere.
#[derive(Debug)]
pub(super) enum ImportedPassword {
    Plain(PlainPassword),
    Hashed(String),
    /// Verified by a plugin at the first sign-in.
    Elsewhere(String),
}

/// What is known of an address (`verifiableIdentityAddress`, `recoveryIdentityAddress`).
#[derive(Debug, Clone, Deserialize)]
pub struct ImportedAddress {
    value: String,
    via: AddressKind,
    #[serde(default)]
    verified: bool,
    #[serde(default)]
    status: Option<AddressStatus>,
    #[serde(default)]
    verified_at: Option<Timestamp>,
}

impl CreateIdentity {
    /// Reads a body.
    pub fn from_json(body: &[u8]) -> Result<Self, AdministrationError> {
        serde_json::from_slice(body).map_err(malformed)
    }
}

impl ReplaceIdentity {
    /// Reads a body.
    pub fn from_json(body: &[u8]) -> Result<Self, AdministrationError> {
        serde_json::from_slice(body).map_err(malformed)
    }

    pub(super) fn from_value(body: Value) -> Result<Self, AdministrationError> {
        serde_json::from_value(body).map_err(malformed)
    }
}

/// The position in the body is all that is told: values may be secret.
#[expect(clippy::needless_pass_by_value, reason = "used by map_err")]
pub(super) fn malformed(error: serde_json::Error) -> AdministrationError {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a member is missing, unknown or of the wrong type",
        serde_json::error::Category::Io
        | serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof => "not JSON",
    };
    AdministrationError::Malformed(format!("{what} (line {}, column {})", error.line(), error.column()))
}

impl CreateIdentity {
    /// Whether its password is still to be hashed.
    pub(super) fn has_plain_password(&self) -> bool {
        let password = self.credentials.as_ref().map(ImportedCredentials::password);
        matches!(password, Some(Ok(Some(ImportedPassword::Plain(_)))))
    }
}

impl ImportedCredentials {
    /// What is said of a type.
    pub(super) fn config(&self, kind: &str) -> Option<&Value> {
        self.0.get(kind)?.get("config")
    }

    pub(super) fn password(&self) -> Result<Option<ImportedPassword>, AdministrationError> {
        const KINDS: [&str; 6] = ["password", "passkey", "webauthn", "totp", "lookup_secret", "oidc"];
        if let Some(other) = self.0.keys().find(|kind| !KINDS.contains(&kind.as_str())) {
            return Err(AdministrationError::UnsupportedCredential(other.clone()));
        }
        let Some(config) = self.0.get("password").and_then(|password| password.get("config")) else {
            return Ok(None);
        };
        let text = |name: &str| config.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let elsewhere = config.get("use_password_migration_hook") == Some(&Value::Bool(true));
        Ok(match (text("hashed_password"), text("password")) {
            (_, Some(_)) if elsewhere => {
                let both = "a `password` beside `use_password_migration_hook`: one of them proves who it is";
                return Err(AdministrationError::Malformed(both.to_owned()));
            }
            (hashed, None) if elsewhere => {
                Some(ImportedPassword::Elsewhere(hashed.unwrap_or_default().to_owned()))
            }
            (Some(hashed), _) => Some(ImportedPassword::Hashed(hashed.to_owned())),
            (None, Some(plain)) => Some(ImportedPassword::Plain(PlainPassword::new(plain))),
            (None, None) => None,
        })
    }
}

impl ImportedCredentials {
    /// The links to other providers.
    pub(super) fn links(&self) -> Result<Vec<NewLink>, AdministrationError> {
        let Some(providers) = self.0.get("oidc").and_then(|oidc| oidc.pointer("/config/providers")) else {
            return Ok(Vec::new());
        };
        let wrong = || {
            let words = "`credentials.oidc.config.providers` is a list of at most 32 objects, each with `provider` and \
                         `subject`, none with a provider twice";
            AdministrationError::Malformed(words.to_owned())
        };
        let providers = providers.as_array().filter(|providers| providers.len() <= 32).ok_or_else(wrong)?;
        let mut links: Vec<NewLink> = Vec::with_capacity(providers.len());
        for entry in providers {
            let text = |name: &str| {
                let text =
                    entry.get(name).and_then(Value::as_str).filter(|text| (1..=255).contains(&text.len()));
                text.map(str::to_owned).ok_or_else(wrong)
            };
            let organisation = match entry.get("organization") {
                None | Some(Value::Null) => None,
                Some(id) => Some(id.as_str().and_then(|id| id.parse().ok()).ok_or_else(wrong)?),
            };
            let tokens = link_tokens::read(entry).map_err(|_| wrong())?;
            let link =
                NewLink { provider: text("provider")?, subject: text("subject")?, organisation, tokens };
            if link.provider.contains('/') || links.iter().any(|known| known.provider == link.provider) {
                return Err(wrong());
            }
            links.push(link);
        }
        Ok(links)
    }
}

/// Takes over what is known of the identity's addresses. One that the traits do not have is refused.
pub(super) fn adopt(
    identity: &mut Identity,
    verifiable: &[ImportedAddress],
    recovery: &[ImportedAddress],
    now: Timestamp,
) -> Result<(), AdministrationError> {
    for imported in verifiable {
        let known = identity
            .verifiable_addresses
            .iter_mut()
            .find(|known| is_same(known, &imported.value, imported.via))
            .ok_or(AdministrationError::ForeignAddress)?;
        let completed = imported.verified || imported.status == Some(AddressStatus::Completed);
        if completed != known.verified {
            known.updated_at = now;
        }
        known.verified = completed;
        known.status = match (completed, imported.status) {
            (true, _) => AddressStatus::Completed,
            (false, Some(status)) => status,
            (false, None) => AddressStatus::Pending,
        };
        known.verified_at =
            if completed { imported.verified_at.or(known.verified_at).or(Some(now)) } else { None };
    }
    let foreign = |imported: &ImportedAddress| {
        let known = identity.recovery_addresses.iter();
        let value = crate::Identifier::parse(&imported.value);
        !known.into_iter().any(|known| {
            known.via == imported.via && value.as_ref().is_some_and(|value| value.as_str() == known.value)
        })
    };
    if recovery.iter().any(foreign) { Err(AdministrationError::ForeignAddress) } else { Ok(()) }
}

/// The members that a patch may touch.
const PATCHABLE: [&str; 8] = [
    "schema_id",
    "traits",
    "state",
    "external_id",
    "metadata_public",
    "metadata_admin",
    "organization_id",
    "verifiable_addresses",
];

/// Refuses a path outside of [`PATCHABLE`].
pub(super) fn check_patchable(path: &str) -> Result<(), AdministrationError> {
    let first = path.strip_prefix('/').unwrap_or(path).split('/').next().unwrap_or_default();
    if PATCHABLE.contains(&first) { Ok(()) } else { Err(AdministrationError::FixedMember(path.to_owned())) }
}

/// The document that a patch is applied to.
pub(super) fn patchable(identity: &Identity) -> Value {
    json!({
        "schema_id": identity.schema_id,
        "traits": identity.traits,
        "state": identity.state,
        "external_id": identity.external_id,
        "metadata_public": identity.metadata_public,
        "metadata_admin": identity.metadata_admin,
        "organization_id": identity.organisation,
        "verifiable_addresses": identity.verifiable_addresses,
    })
}

/// Tells null from absent.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
