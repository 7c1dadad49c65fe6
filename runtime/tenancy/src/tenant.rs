//! The tenant: one issuer and everything that hangs on it.

use primitives::{Actor, AuditEvent, Change, Rng, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;

use crate::write::Write;

/// An issuer with its settings. Its people, clients and keys are other rooms' rows under its id.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tenant {
    /// Its identifier; never changes.
    pub id: TenantId,
    /// The host name at which it answers besides `/t/{id}`; lower case, no port. One tenant per host.
    pub host: Option<String>,
    /// The issuer that was set. Without it the issuer follows from host or base URL.
    pub issuer: Option<Url>,
    /// Whether it answers.
    pub state: TenantState,
    /// The settings that its TOML section would hold.
    pub settings: SettingsDocument,
    /// Who may change it.
    pub managed_by: ManagedBy,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Whether a tenant answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// It answers.
    Active,
    /// An operator stopped it; its data stays.
    Suspended,
    /// It disappeared from the configuration file that owns it; its data stays.
    Disabled,
}

impl TenantState {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Disabled => "disabled",
        }
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Disabled].into_iter().find(|state| state.as_str() == text)
    }
}

/// The one owner of an object: what the file declares the API cannot change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagedBy {
    /// The configuration file.
    File,
    /// The API and the command line.
    Api,
}

impl ManagedBy {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
        }
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::File, Self::Api].into_iter().find(|owner| owner.as_str() == text)
    }
}

/// A tenant's settings as one document, of the same form as its TOML section.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingsDocument {
    /// Counts changes of the tenant, from 1. A change names the version that it read.
    pub version: i64,
    /// The settings; a section that is absent has its defaults.
    pub document: Map<String, Value>,
}

/// Why a tenant is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// Client: the configuration file owns it.
    #[error("the tenant is declared in the configuration file; change it there")]
    ManagedByFile,
    /// Client: it answers at the root, and keeps the operator's keys.
    #[error("the tenant `default` answers at the node's root and is never deleted")]
    Default,
}

/// A tenant that is about to be deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantDeletion {
    /// Which.
    pub tenant: TenantId,
    /// The version that the decision was made on.
    pub read_version: i64,
    /// When.
    pub at: Timestamp,
    /// What is told of it, to the operator: the tenant's own records go with it.
    pub audit: AuditEvent,
    /// The id of that record.
    pub record: Uuid,
}

/// What the API may change of a tenant; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TenantUpdate {
    /// A new host, or none.
    pub host: Option<Option<String>>,
    /// A new issuer, or none.
    pub issuer: Option<Option<Url>>,
    /// Suspended or active.
    pub suspended: Option<bool>,
    /// New settings, whole.
    pub settings: Option<Map<String, Value>>,
}

impl Tenant {
    /// A new tenant.
    pub fn new(id: TenantId, managed_by: ManagedBy, now: Timestamp) -> Self {
        Self {
            id,
            host: None,
            issuer: None,
            state: TenantState::Active,
            settings: SettingsDocument { version: 1, document: Map::new() },
            managed_by,
            created_at: now,
            updated_at: now,
        }
    }

    /// The issuer (OpenID Connect Core 1.0 section 2): as set, else `https://{host}`, else below the
    /// node's base URL. Never from a request. Without a trailing slash.
    pub fn issuer(&self, base_url: &Url) -> String {
        if let Some(issuer) = &self.issuer {
            return issuer.as_str().trim_end_matches('/').to_owned();
        }
        if let Some(host) = &self.host {
            return format!("https://{host}");
        }
        let base = base_url.as_str().trim_end_matches('/');
        if self.id.as_str() == TenantId::DEFAULT { base.to_owned() } else { format!("{base}/t/{}", self.id) }
    }

    /// The change that makes this tenant.
    pub fn create(self, actor: Actor) -> Change<Write> {
        let audit = AuditEvent::new("tenant.created", actor, "tenant", &self.id);
        Change::new(self.id.clone()).write(Write::InsertTenant(self)).audit(audit)
    }

    /// The change that alters it, refused if the file owns it.
    pub fn update(
        mut self,
        update: TenantUpdate,
        actor: Actor,
        now: Timestamp,
    ) -> Result<(Self, Change<Write>), TenantError> {
        self.check_managed_by_api()?;
        let read = self.settings.version;
        if let Some(host) = update.host {
            self.host = host;
        }
        if let Some(issuer) = update.issuer {
            self.issuer = issuer;
        }
        if let Some(suspended) = update.suspended {
            self.state = if suspended { TenantState::Suspended } else { TenantState::Active };
        }
        if let Some(document) = update.settings {
            self.settings.document = document;
        }
        self.settings.version = read + 1;
        self.updated_at = now;
        let audit = AuditEvent::new("tenant.updated", actor, "tenant", &self.id)
            .with("state", &self.state.as_str())
            .with("version", &self.settings.version);
        let change = Change::new(self.id.clone())
            .write(Write::ReplaceTenant { tenant: self.clone(), read_version: read })
            .audit(audit);
        Ok((self, change))
    }

    /// The change after which it answers nobody, and its id is nobody's until its rows are gone.
    ///
    /// One that the file owns is taken out of the file first: it would be made again.
    pub fn delete(&self, actor: Actor, now: Timestamp, rng: &dyn Rng) -> Result<Change<Write>, TenantError> {
        if self.id == TenantId::default_tenant() {
            return Err(TenantError::Default);
        }
        if self.state != TenantState::Disabled {
            self.check_managed_by_api()?;
        }
        let deletion = TenantDeletion {
            tenant: self.id.clone(),
            read_version: self.settings.version,
            at: now,
            audit: AuditEvent::new("tenant.deleted", actor, "tenant", &self.id),
            record: rng.uuid(),
        };
        Ok(Change::new(self.id.clone()).write(Write::DeleteTenant(Box::new(deletion))))
    }

    /// Refuses what the API may not change.
    pub const fn check_managed_by_api(&self) -> Result<(), TenantError> {
        match self.managed_by {
            ManagedBy::File => Err(TenantError::ManagedByFile),
            ManagedBy::Api => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn tenant(id: &str, managed_by: ManagedBy) -> Tenant {
        Tenant::new(id.parse().unwrap(), managed_by, NOW)
    }

    #[test]
    fn issuer_is_configured_never_guessed() {
        let base = Url::parse("https://id.example/").unwrap();
        for (id, host, issuer, expect) in [
            ("default", None, None, "https://id.example"),
            ("a", None, None, "https://id.example/t/a"),
            ("a", Some("a.example"), None, "https://a.example"),
            ("a", Some("a.example"), Some("https://b.example/x"), "https://b.example/x"),
            ("default", None, Some("https://b.example"), "https://b.example"),
        ] {
            let mut tenant = tenant(id, ManagedBy::Api);
            tenant.host = host.map(str::to_owned);
            tenant.issuer = issuer.map(|issuer| Url::parse(issuer).unwrap());
            assert_eq!(tenant.issuer(&base), expect);
        }
    }

    #[test]
    fn file_owns_what_it_declares() {
        let refused = tenant("a", ManagedBy::File).update(TenantUpdate::default(), Actor::System, NOW);
        assert_eq!(refused.unwrap_err(), TenantError::ManagedByFile);
    }

    #[test]
    fn what_the_file_declares_and_the_default_are_not_deleted() {
        let (file, api) = (ManagedBy::File, ManagedBy::Api);
        for (id, managed_by, state, expect) in [
            ("a", api, TenantState::Active, Ok(())),
            ("a", api, TenantState::Suspended, Ok(())),
            ("a", file, TenantState::Active, Err(TenantError::ManagedByFile)),
            ("a", file, TenantState::Suspended, Err(TenantError::ManagedByFile)),
            ("a", file, TenantState::Disabled, Ok(())),
            ("default", api, TenantState::Active, Err(TenantError::Default)),
            ("default", file, TenantState::Disabled, Err(TenantError::Default)),
        ] {
            let tenant = Tenant { state, ..tenant(id, managed_by) };
            let deleted = tenant.delete(Actor::System, NOW, &SeededRng::new(1));
            assert_eq!(deleted.map(|change| assert_eq!(change.writes.len(), 1)), expect, "{id} {state:?}");
        }
    }

    #[test]
    fn update_names_the_version_it_read() {
        let update = TenantUpdate { suspended: Some(true), ..TenantUpdate::default() };
        let (after, change) = tenant("a", ManagedBy::Api).update(update, Actor::System, NOW).unwrap();
        assert_eq!((after.state, after.settings.version), (TenantState::Suspended, 2));
        assert_eq!(change.writes, [Write::ReplaceTenant { tenant: after, read_version: 1 }]);
    }

    #[test]
    fn stored_words_read_back() {
        for state in [TenantState::Active, TenantState::Suspended, TenantState::Disabled] {
            assert_eq!(TenantState::parse(state.as_str()), Some(state));
        }
        for owner in [ManagedBy::File, ManagedBy::Api] {
            assert_eq!(ManagedBy::parse(owner.as_str()), Some(owner));
        }
    }
}
