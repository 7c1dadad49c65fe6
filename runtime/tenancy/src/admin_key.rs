//! Admin keys: how operators' tools prove who they are.

use std::fmt;
use std::str::FromStr;

use primitives::checksum::{strip_checksum, with_checksum};
use primitives::{
    Actor, AdminKeyId, AuditEvent, Change, KeyedHash, OrganisationId, Rng, Sealer, Secret, TenantId,
    Timestamp, base64url,
};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::write::Write;

/// The purpose under which secrets of admin keys are hashed.
const PURPOSE: &str = "admin_key";
/// The same of keys of one organisation.
const ORGANISATION_PURPOSE: &str = "organisation_key";

/// How often `last_used_at` is written at most, so that a busy key does not make every read a write.
const TOUCH_EVERY: std::time::Duration = std::time::Duration::from_mins(1);

/// An admin key as it is stored and shown: everything but the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdminKey {
    /// Its identifier; the actor in audit records.
    pub id: AdminKeyId,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: KeyOwner,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it last worked, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// How many clients may still be registered with it; none where nobody counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses_left: Option<u32>,
}

/// Whose key it is, and so which tenants it can see. Serialises as `{"kind": "…", "tenant": "…", "organisation": "…"}`, without
/// what it does not have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    /// The operator of the node: every tenant.
    Operator,
    /// One tenant: others do not exist for it.
    Tenant(TenantId),
    /// One organisation of a tenant: nothing else of the tenant exists for it, nor does any other tenant.
    Organisation(TenantId, OrganisationId),
}

impl Serialize for KeyOwner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind())?;
        if let Self::Tenant(tenant) | Self::Organisation(tenant, _) = self {
            map.serialize_entry("tenant", tenant)?;
        }
        if let Self::Organisation(_, organisation) = self {
            map.serialize_entry("organisation", organisation)?;
        }
        map.end()
    }
}

impl KeyOwner {
    /// The tenant whose rows hold the key. The operator's are kept with `default`.
    pub fn home(&self) -> TenantId {
        match self {
            Self::Operator => TenantId::default_tenant(),
            Self::Tenant(tenant) | Self::Organisation(tenant, _) => tenant.clone(),
        }
    }

    /// Its organisation, where it is one's.
    pub const fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Operator | Self::Tenant(_) => None,
            Self::Organisation(_, organisation) => Some(*organisation),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Tenant(_) => "tenant",
            Self::Organisation(..) => "organisation",
        }
    }

    /// What is hashed of a secret, and for what.
    ///
    /// Attack: whoever can write the table moves a key to another organisation, or to the tenant; or a version that knows no
    /// keys of organisations takes one for the tenant's. So an organisation is part of what proves its keys.
    fn proof(&self, secret: &Secret<String>) -> (&'static str, Secret<String>) {
        match self.organisation() {
            None => (PURPOSE, secret.clone()),
            Some(organisation) => {
                (ORGANISATION_PURPOSE, Secret::new(format!("{organisation} {}", secret.expose())))
            }
        }
    }
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        /// What a key may do. `all` includes every other; a `write` includes its `read`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Scope {
            $($(#[$doc])* #[serde(rename = $text)] $name,)+
        }

        impl Scope {
            /// Every scope.
            pub const EVERY: &'static [Self] = &[$(Self::$name),+];

            /// As it is written in files, bodies and the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

scopes! {
    /// Everything.
    All = "all";
    /// See tenants and their settings.
    TenantsRead = "tenants:read";
    /// Make and change tenants.
    TenantsWrite = "tenants:write";
    /// See admin keys.
    KeysRead = "keys:read";
    /// Make and delete admin keys (never wider than oneself).
    KeysWrite = "keys:write";
    /// See OAuth clients.
    ClientsRead = "clients:read";
    /// Make and change OAuth clients.
    ClientsWrite = "clients:write";
    /// Register OAuth clients at the public endpoint.
    ClientsRegister = "clients:register";
    /// See identities and their sessions.
    IdentitiesRead = "identities:read";
    /// Make and change identities, end their sessions.
    IdentitiesWrite = "identities:write";
    /// Sign in as somebody, in a session that says so.
    IdentitiesImpersonate = "identities:impersonate";
    /// Ask whether a credential is right.
    CredentialsVerify = "credentials:verify";
    /// Read password hashes, to move people elsewhere.
    CredentialsExport = "credentials:export";
    /// See organisations and who belongs to them.
    OrganisationsRead = "organisations:read";
    /// Make and change organisations, invite people into them.
    OrganisationsWrite = "organisations:write";
    /// Read what happened.
    AuditRead = "audit:read";
    /// Introspect tokens.
    TokensRead = "tokens:read";
    /// Revoke tokens, consents and logins; accept or reject their requests.
    TokensWrite = "tokens:write";
    /// See public keys.
    JwksRead = "jwks:read";
    /// Make, import and rotate keys.
    JwksWrite = "jwks:write";
    /// See plugins.
    PluginsRead = "plugins:read";
    /// Upload, bind and remove plugins.
    PluginsWrite = "plugins:write";
    /// Read metrics.
    MetricsRead = "metrics:read";
}

impl Scope {
    /// Whether holding `self` allows what asks for `wanted`.
    pub fn includes(self, wanted: Self) -> bool {
        self == Self::All
            || self == wanted
            || wanted
                .as_str()
                .strip_suffix(":read")
                .is_some_and(|area| self.as_str().strip_suffix(":write") == Some(area))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::EVERY.iter().copied().find(|scope| scope.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = Self::EVERY.iter().map(|scope| scope.as_str()).collect();
            format!("`{text}` is no scope; there are {}", known.join(", "))
        })
    }
}

/// What somebody asks for who makes a key.
#[derive(Debug, Clone)]
pub struct NewAdminKey {
    /// What people call it.
    pub name: String,
    /// Whose it shall be.
    pub owner: KeyOwner,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// How many clients may be registered with it, if it is for that alone (RFC 7591 section 1.2).
    pub uses: Option<u32>,
}

/// The longest name of a key, in bytes.
const MAX_NAME: usize = 200;

impl NewAdminKey {
    /// Whether it has a name that tells something, and may do anything at all.
    pub fn is_of_form(&self) -> bool {
        !self.name.trim().is_empty() && self.name.len() <= MAX_NAME && !self.scopes.is_empty()
    }

    /// Whether its uses can be counted, if they are to be: registrations of one tenant are, and nothing else that a key may do.
    pub fn is_countable(&self) -> bool {
        self.uses.is_none_or(|uses| {
            uses > 0 && self.scopes == [Scope::ClientsRegister] && matches!(self.owner, KeyOwner::Tenant(_))
        })
    }

    /// Makes the key: what is stored, the text that is shown once, and the change.
    pub fn create(
        self,
        actor: Actor,
        sealer: &Sealer,
        rng: &dyn Rng,
        now: Timestamp,
    ) -> (AdminKey, Secret<String>, Change<Write>) {
        let key = AdminKey {
            id: AdminKeyId::generate(rng),
            name: self.name,
            owner: self.owner,
            scopes: self.scopes,
            created_at: now,
            expires_at: self.expires_at,
            last_used_at: None,
            uses_left: self.uses,
        };
        let plain = PlainAdminKey { id: key.id, secret: Secret::new(rng.token()) };
        let tenant = key.owner.home();
        let (purpose, proof) = key.owner.proof(&plain.secret);
        let hash = sealer.hash(&tenant, purpose, proof.expose().as_bytes());
        let audit = key.event("admin_key.created", actor);
        let change = Change::new(tenant).write(Write::InsertAdminKey { key: key.clone(), hash }).audit(audit);
        (key, plain.to_text(), change)
    }
}

/// A presented key, taken apart: `pk_<id>_<secret><checksum>`. The id finds the row, the secret proves it, and the checksum says that it
/// was once a key at all. Keys from before there were checksums have none.
#[derive(Debug, Clone)]
pub struct PlainAdminKey {
    /// Which key it claims to be.
    pub id: AdminKeyId,
    secret: Secret<String>,
}

/// Bytes of a key before its checksum.
const WITHOUT_CHECKSUM: usize = 3 + 22 + 1 + 43;

impl PlainAdminKey {
    /// Takes a presented text apart; `None` if it is not of the form of our keys.
    pub fn parse(text: &str) -> Option<Self> {
        let whole = strip_checksum(text).filter(|whole| whole.len() == WITHOUT_CHECKSUM).unwrap_or(text);
        let (id, secret) = whole.strip_prefix("pk_")?.split_at_checked(22)?;
        let id = uuid::Uuid::from_slice(&base64url::decode(id)?).ok()?;
        let secret = secret.strip_prefix('_').filter(|secret| secret.len() == 43)?;
        Some(Self { id: AdminKeyId(id), secret: Secret::new(secret.to_owned()) })
    }

    /// The text that people handle.
    fn to_text(&self) -> Secret<String> {
        let id = base64url::encode(self.id.0.as_bytes());
        Secret::new(with_checksum(format!("pk_{id}_{}", self.secret.expose())))
    }

    /// Whether it is the key whose row was found, and still good.
    pub fn verify(&self, key: &AdminKey, hash: &KeyedHash, sealer: &Sealer, now: Timestamp) -> bool {
        let (purpose, proof) = key.owner.proof(&self.secret);
        let proven = sealer.verify_hash(&key.owner.home(), purpose, proof.expose().as_bytes(), hash);
        let is_left = key.uses_left != Some(0);
        proven && key.id == self.id && is_left && key.expires_at.is_none_or(|end| now < end)
    }
}

impl AdminKey {
    /// The change that removes it.
    pub fn delete(&self, actor: Actor) -> Change<Write> {
        let audit = self.event("admin_key.deleted", actor);
        Change::new(self.owner.home()).write(Write::DeleteAdminKey(self.id)).audit(audit)
    }

    /// What is done to a key of an organisation is that organisation's to know.
    fn event(&self, action: &'static str, actor: Actor) -> AuditEvent {
        let event = AuditEvent::new(action, actor, "admin_key", &self.id);
        AuditEvent { organisation: self.owner.organisation(), ..event }
    }

    /// The change that notes its use, or none if it was noted a moment ago.
    pub fn touch(&self, now: Timestamp) -> Option<Change<Write>> {
        let stale = self.last_used_at.is_none_or(|at| now.since(at) >= TOUCH_EVERY);
        stale
            .then(|| Change::new(self.owner.home()).write(Write::TouchAdminKey { id: self.id, used_at: now }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use primitives::rng::SeededRng;
    use primitives::seal::{DataKey, Keyring};

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn sealer() -> Sealer {
        let key = DataKey { id: 1, material: [7; 32].into() };
        Sealer::new(Keyring::new(key, []), Arc::new(SeededRng::new(1)))
    }

    fn made(expires_at: Option<Timestamp>) -> (AdminKey, String, KeyedHash) {
        let owner = KeyOwner::Tenant("a".parse().unwrap());
        let new =
            NewAdminKey { name: "ci".to_owned(), owner, scopes: vec![Scope::All], expires_at, uses: None };
        let (key, text, change) = new.create(Actor::System, &sealer(), &SeededRng::new(2), NOW);
        let Some(Write::InsertAdminKey { hash, .. }) = change.writes.into_iter().next() else { panic!() };
        (key, text.expose().clone(), hash)
    }

    #[test]
    fn key_is_proven_by_its_secret_until_it_expires() {
        let (key, text, hash) = made(Some(Timestamp::from_seconds(2_000)));
        let presented = PlainAdminKey::parse(&text).unwrap();
        assert!(presented.verify(&key, &hash, &sealer(), NOW));
        assert!(!presented.verify(&key, &hash, &sealer(), Timestamp::from_seconds(2_000)));
        let with = |uses_left| AdminKey { uses_left, ..key.clone() };
        assert!(presented.verify(&with(Some(1)), &hash, &sealer(), NOW));
        assert!(!presented.verify(&with(Some(0)), &hash, &sealer(), NOW), "it is used up");
        let mut forged = text.clone().into_bytes();
        let last = forged.len() - 10;
        forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert!(PlainAdminKey::parse(&forged).is_none(), "it was never a key: nothing is looked up");
        let forged = with_checksum(forged.get(..WITHOUT_CHECKSUM).unwrap().to_owned());
        let forged = PlainAdminKey::parse(&forged).unwrap();
        assert!(!forged.verify(&key, &hash, &sealer(), NOW));
        let moved = AdminKey { owner: KeyOwner::Operator, ..key };
        assert!(
            !presented.verify(&moved, &hash, &sealer(), NOW),
            "a row moved to another owner proves nothing"
        );
    }

    /// Attack: a key of an organisation is taken for its tenant's, or another organisation's.
    #[test]
    fn key_of_an_organisation_is_proven_as_that_one_s_alone() {
        let tenant: TenantId = "a".parse().unwrap();
        let ids = ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"];
        let owner = |id: &str| KeyOwner::Organisation(tenant.clone(), id.parse().unwrap());
        let new = NewAdminKey {
            name: "hr".to_owned(),
            owner: owner(ids[0]),
            scopes: vec![Scope::All],
            expires_at: None,
            uses: None,
        };
        let (key, text, change) = new.create(Actor::System, &sealer(), &SeededRng::new(2), NOW);
        let Some(Write::InsertAdminKey { hash, .. }) = change.writes.into_iter().next() else { panic!() };
        let presented = PlainAdminKey::parse(text.expose()).unwrap();
        assert!(presented.verify(&key, &hash, &sealer(), NOW));
        let document = serde_json::json!({"kind": "organisation", "tenant": "a", "organisation": ids[0]});
        assert_eq!(serde_json::to_value(&key.owner).unwrap(), document);
        for moved in [owner(ids[1]), KeyOwner::Tenant(tenant.clone()), KeyOwner::Operator] {
            let moved = AdminKey { owner: moved, ..key.clone() };
            assert!(!presented.verify(&moved, &hash, &sealer(), NOW), "{:?}", moved.owner);
        }
    }

    /// Attack: a key that may do more than register is taken for one that is counted.
    #[test]
    fn uses_are_counted_of_keys_that_register_clients_of_a_tenant_alone() {
        let tenant = KeyOwner::Tenant("a".parse().unwrap());
        for (owner, scopes, uses, is_countable) in [
            (&tenant, vec![Scope::ClientsRegister], Some(3), true),
            (&tenant, vec![Scope::ClientsRegister], Some(0), false),
            (&tenant, vec![Scope::ClientsRegister, Scope::ClientsRead], Some(3), false),
            (&tenant, vec![Scope::All], Some(3), false),
            (&KeyOwner::Operator, vec![Scope::ClientsRegister], Some(3), false),
            (&KeyOwner::Operator, vec![Scope::All], None, true),
        ] {
            let name = "app store".to_owned();
            let new = NewAdminKey { name, owner: owner.clone(), scopes, expires_at: None, uses };
            assert_eq!(new.is_countable(), is_countable, "{new:?}");
        }
    }

    #[test]
    fn only_our_form_is_looked_up() {
        let (_, text, _) = made(None);
        for (candidate, of_form) in [
            (text.as_str(), true),
            // From before there were checksums.
            (&text[..WITHOUT_CHECKSUM], true),
            ("", false),
            ("pk_", false),
            (&text[..60], false),
            (&format!("{text}x"), false),
            (&text.replacen("pk_", "sk_", 1), false),
            ("pk_éééééééééééé_", false),
        ] {
            assert_eq!(PlainAdminKey::parse(candidate).is_some(), of_form, "{candidate}");
        }
    }

    #[test]
    fn text_of_a_key_is_never_printed() {
        let (_, text, _) = made(None);
        assert!(!format!("{:?}", PlainAdminKey::parse(&text)).contains(&text[30..]));
    }

    #[test]
    fn write_includes_read_of_the_same_area_only() {
        for (held, wanted, expect) in [
            (Scope::All, Scope::TenantsWrite, true),
            (Scope::ClientsWrite, Scope::ClientsRead, true),
            (Scope::ClientsWrite, Scope::ClientsWrite, true),
            (Scope::ClientsRead, Scope::ClientsWrite, false),
            (Scope::ClientsWrite, Scope::IdentitiesRead, false),
            (Scope::ClientsWrite, Scope::All, false),
        ] {
            assert_eq!(held.includes(wanted), expect, "{held} {wanted}");
        }
    }

    #[test]
    fn use_is_noted_once_a_minute() {
        let (key, ..) = made(None);
        assert!(key.touch(NOW).is_some());
        let used = AdminKey { last_used_at: Some(NOW), ..key };
        assert!(used.touch(Timestamp::from_seconds(1_059)).is_none());
        assert!(used.touch(Timestamp::from_seconds(1_060)).is_some());
    }
}
