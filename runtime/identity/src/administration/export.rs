//! An identity as a line that can be imported elsewhere: what it was made of, its id, and what it signs in with.
//!
//! A line with credentials is what the import takes of each kind, and what it needs beyond that to lose nothing: the last step of
//! an authenticator app, the user handle of each key, the tokens of a link. One-time codes are none of these: which addresses they
//! are sent to is said by the schema and the traits.

use primitives::base64url;
use serde_json::{Map, Value, json};

use super::document::key_document;
use super::link_tokens;
use crate::factor::lookup_secret::LookupSecret;
use crate::factor::{SecondFactor, StoredFactor};
use crate::flow::Room;
use crate::identity::Identity;
use crate::password::HashedPassword;
use crate::ports::StoreUnavailable;
use crate::providers::Link;
use crate::webauthn::StoredKey;

/// Which credentials a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// None.
    Nothing,
    /// The hash of the password.
    Passwords,
    /// All.
    Credentials,
}

/// What an identity signs in with, secrets and all.
#[derive(Debug, Default)]
pub struct Kept {
    password: Option<HashedPassword>,
    /// Under which names an app lists the account: issuer, and whose it is.
    named: (String, String),
    factors: Vec<StoredFactor>,
    keys: Vec<StoredKey>,
    links: Vec<Link>,
}

/// Reads of an identity's credentials those that are asked for.
pub async fn kept(room: Room<'_>, identity: &Identity, with: With) -> Result<Kept, StoreUnavailable> {
    let mut kept = Kept::default();
    if with == With::Nothing {
        return Ok(kept);
    }
    let (tenant, id) = (room.tenant, identity.id);
    kept.password = room.identities.find_password(tenant, id).await?.map(|stored| stored.password);
    if with == With::Credentials {
        kept.factors = room.factors.list_factors(tenant, id).await?;
        kept.keys = room.factors.list_keys(tenant, id).await?;
        kept.links = room.links.list_links(tenant, id).await?;
        if !kept.factors.is_empty() {
            kept.named = room.named_in_apps(identity).await?;
        }
    }
    Ok(kept)
}

/// The line.
pub fn line(identity: &Identity, kept: &Kept) -> Value {
    let verifiable: Vec<Value> = identity
        .verifiable_addresses
        .iter()
        .map(|address| {
            json!({
                "value": address.value,
                "via": address.via,
                "verified": address.verified,
                "status": address.status,
                "verified_at": address.verified_at,
            })
        })
        .collect();
    let recovery: Vec<Value> = identity
        .recovery_addresses
        .iter()
        .map(|address| json!({ "value": address.value, "via": address.via }))
        .collect();
    let mut line = json!({
        "id": identity.id,
        "schema_id": identity.schema_id,
        "state": identity.state,
        "traits": identity.traits,
        "external_id": identity.external_id,
        "metadata_public": identity.metadata_public,
        "metadata_admin": identity.metadata_admin,
        "organization_id": identity.organisation,
        "verifiable_addresses": verifiable,
        "recovery_addresses": recovery,
    });
    let credentials = kept.credentials();
    if let (false, Some(fields)) = (credentials.is_empty(), line.as_object_mut()) {
        fields.insert("credentials".to_owned(), credentials.into());
    }
    line
}

impl Kept {
    /// How many credentials there are.
    pub fn count(&self) -> usize {
        usize::from(self.password.is_some()) + self.factors.len() + self.keys.len() + self.links.len()
    }

    /// By their types.
    fn credentials(&self) -> Map<String, Value> {
        let factors = self
            .factors
            .iter()
            .map(|stored| (stored.factor.kind().as_str(), Some(self.factor(&stored.factor))));
        let others = [
            ("password", self.password.as_ref().map(password)),
            ("passkey", keys("passkey", &self.keys)),
            ("webauthn", keys("webauthn", &self.keys)),
            ("oidc", links(&self.links)),
        ];
        let all = others.into_iter().chain(factors);
        all.filter_map(|(kind, config)| Some((kind.to_owned(), json!({ "config": config? })))).collect()
    }

    fn factor(&self, factor: &SecondFactor) -> Value {
        match factor {
            SecondFactor::Totp(totp) => {
                let (issuer, account) = &self.named;
                json!({ "totp_url": totp.secret().uri(issuer, account), "last_step": totp.last_step() })
            }
            SecondFactor::LookupSecret(codes) => {
                let one = |code: &LookupSecret| json!({ "code": code.expose(), "used_at": code.used_at() });
                json!({ "codes": codes.list().iter().map(one).collect::<Vec<_>>() })
            }
        }
    }
}

fn password(password: &HashedPassword) -> Value {
    match password.elsewhere() {
        None => json!({ "hashed_password": password.0.expose() }),
        Some(credential) => {
            json!({ "hashed_password": credential.expose(), "use_password_migration_hook": true })
        }
    }
}

fn keys(group: &str, keys: &[StoredKey]) -> Option<Value> {
    let one = |key: &StoredKey| {
        let mut document = key_document(key);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("public_key".to_owned(), base64url::encode(key.record.public_key.cose()).into());
            fields.insert("user_handle".to_owned(), key.record.user_handle.to_string().into());
        }
        document
    };
    let of_group = keys.iter().filter(|key| key.record.kind.group() == group);
    let credentials: Vec<Value> = of_group.map(one).collect();
    // What others read is the handle of all.
    let handle = credentials.first()?.get("user_handle").cloned();
    Some(json!({ "credentials": credentials, "user_handle": handle }))
}

fn links(links: &[Link]) -> Option<Value> {
    let one = |link: &Link| {
        let mut document = json!({
            "provider": link.provider,
            "subject": link.subject,
            "organization": link.organisation,
        });
        if let (Some(fields), Some(tokens)) = (document.as_object_mut(), &link.tokens) {
            link_tokens::write(tokens, fields);
        }
        document
    };
    let providers: Vec<Value> = links.iter().map(one).collect();
    (!providers.is_empty()).then(|| json!({ "providers": providers }))
}
