//! An organisation's connection: a provider that its own people sign in with, declared by the API instead of settings.
//!
//! Attack: a connection is pointed at another server, and whom that names `1` is let into the account of whom the one before
//! named `1`. So a connection whose people are named by somebody else is another provider: it has another name, which is
//! part of every link.
//!
//! Attack: whoever manages an organisation points its connection into the operator's network. What comes by the API is never
//! an operator's word: outbound requests go to public addresses alone.

use identity::organisation::Organisation;
use identity::organisation::change::Owning;
use primitives::{AuditEvent, Change, OrganisationId, Rng, Secret, TenantId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::secrets::{SECRET_BYTES, Write};
use crate::settings::ProviderSettings;

/// What names of connections begin with. Settings name no provider like one.
const PREFIX: &str = "org-";

/// A connection as it is stored and shown; its secret is neither.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Connection {
    /// Whose people sign in with it.
    pub organisation: OrganisationId,
    /// What it is.
    pub settings: ProviderSettings,
    /// Whether anybody comes by it.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes, so that of two at a time one is told.
    #[serde(skip)]
    pub version: i64,
}

/// Why a connection is not as it is wished. The client's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// It is not of the form of a provider.
    #[error("{0}")]
    Malformed(String),
    /// People must come by it.
    #[error("the organisation's policy has `enforce_connection`: change that first")]
    Enforced,
    /// A secret is no text, or has another length.
    #[error("`client_secret` is a text of 1 to {SECRET_BYTES} bytes")]
    Secret,
}

/// Whether a provider's name is that of a connection.
pub fn is_connection(provider: &str) -> bool {
    provider.strip_prefix(PREFIX).is_some_and(uuid_form)
}

/// As UUIDs are written.
fn uuid_form(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-')
}

/// Who asks for a change, and when.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// In which tenant.
    pub tenant: &'a TenantId,
    /// Whose connection.
    pub organisation: &'a Organisation,
    /// Who, of that very organisation.
    pub by: Owning<'a>,
    /// Names what is new.
    pub rng: &'a dyn Rng,
    /// When.
    pub now: Timestamp,
}

impl Asked<'_> {
    fn event(self, action: &'static str, provider: &str) -> AuditEvent {
        let event = AuditEvent::new(action, self.by.actor().clone(), "provider", &provider);
        AuditEvent { organisation: Some(self.organisation.id), ..event }
    }

    /// Attack, or mistake: without the connection nobody but owners would come in at all.
    fn check_not_enforced(self) -> Result<(), ConnectionError> {
        if self.organisation.policy.enforce_connection { Err(ConnectionError::Enforced) } else { Ok(()) }
    }
}

/// Sets an organisation's connection, whole, in the place of the one that is known: the body is that of a provider in the
/// settings, whose name and organisation are not asked for. A secret that is left out stays, if the provider does.
pub fn put(
    asked: Asked<'_>,
    known: Option<&Connection>,
    mut body: Map<String, Value>,
) -> Result<(Connection, Change<Write>), ConnectionError> {
    let secret = match body.remove("client_secret") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if (1..=SECRET_BYTES).contains(&text.len()) => Some(Secret::new(text)),
        Some(_) => return Err(ConnectionError::Secret),
    };
    for name in ["id", "organization_id"] {
        if body.contains_key(name) {
            return Err(ConnectionError::Malformed(format!("`{name}` is not asked for: it is given")));
        }
    }
    let organisation = asked.organisation.id;
    let id = format!("{PREFIX}{}", asked.rng.uuid());
    body.insert("id".to_owned(), id.into());
    body.insert("organization_id".to_owned(), organisation.to_string().into());
    let settings = serde_json::from_value::<ProviderSettings>(Value::Object(body));
    let mut settings = settings.map_err(|error| ConnectionError::Malformed(error.to_string()))?;
    let mut wrong = None;
    settings.check(&mut |key, message| {
        wrong.get_or_insert_with(|| format!("`{key}` {message}"));
    });
    if let Some(wrong) = wrong {
        return Err(ConnectionError::Malformed(wrong));
    }
    let mut change = Change::new(asked.tenant.clone());
    match known {
        Some(known) if names_the_same(&known.settings, &settings) => {
            settings.id.clone_from(&known.settings.id);
        }
        Some(known) => change = change.write(Write::DeleteSecret { provider: known.settings.id.clone() }),
        None => {}
    }
    let connection = Connection {
        organisation,
        enabled: known.is_none_or(|known| known.enabled),
        created_at: known.map_or(asked.now, |known| known.created_at),
        updated_at: asked.now,
        version: known.map_or(0, |known| known.version),
        settings,
    };
    let provider = connection.settings.id.clone();
    let event = asked.event("organisation.connection_set", &provider);
    change = change.write(Write::PutConnection(Box::new(connection.clone()))).audit(event);
    if let Some(value) = secret {
        change = change.write(Write::PutSecret { provider, value, at: asked.now });
    }
    Ok((connection, change))
}

/// Lets people come by a connection, or nobody until it is enabled again. What is as it is wished is not changed.
///
/// Whoever is on the way with the provider when it is disabled comes back to a connection that is not there.
/// While people must come by it, it stays enabled.
pub fn switch(
    asked: Asked<'_>,
    known: Connection,
    enabled: bool,
) -> Result<(Connection, Option<Change<Write>>), ConnectionError> {
    if known.enabled == enabled {
        return Ok((known, None));
    }
    if !enabled {
        asked.check_not_enforced()?;
    }
    let connection = Connection { enabled, updated_at: asked.now, ..known };
    let action = if enabled { "organisation.connection_enabled" } else { "organisation.connection_disabled" };
    let event = asked.event(action, &connection.settings.id);
    let write = Write::PutConnection(Box::new(connection.clone()));
    let change = Change::new(asked.tenant.clone()).write(write).audit(event);
    Ok((connection, Some(change)))
}

/// Takes a connection away, with its secret. Links that it made stay, and open nothing. While people must come by it, it
/// stays.
pub fn delete(asked: Asked<'_>, connection: &Connection) -> Result<Change<Write>, ConnectionError> {
    asked.check_not_enforced()?;
    let provider = connection.settings.id.clone();
    let event = asked.event("organisation.connection_deleted", &provider);
    let organisation = connection.organisation;
    Ok(Change::new(asked.tenant.clone())
        .write(Write::DeleteConnection { organisation, provider: provider.clone() })
        .write(Write::DeleteSecret { provider })
        .audit(event))
}

/// Whether two name people alike: the same server, asked for the same.
fn names_the_same(one: &ProviderSettings, other: &ProviderSettings) -> bool {
    let of = |settings: &ProviderSettings| {
        (
            settings.provider.clone(),
            settings.issuer_url.clone(),
            [&settings.auth_url, &settings.token_url, &settings.userinfo_url, &settings.jwks_url]
                .map(Option::clone),
            settings.microsoft_tenant.clone(),
            settings.subject_source,
            settings.claims_source,
        )
    };
    of(one) == of(other)
}

#[cfg(test)]
mod tests {
    use identity::organisation::change::By;
    use identity::organisation::{OrganisationState, Policy};
    use primitives::Actor;
    use primitives::rng::SeededRng;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn organisation(enforce_connection: bool) -> Organisation {
        Organisation {
            id: "6ba7b810-9dad-11d1-80b4-00c04fd430c8".parse().unwrap(),
            label: "Acme".to_owned(),
            state: OrganisationState::Active,
            policy: Policy { enforce_connection, ..Policy::default() },
            created_at: NOW,
            updated_at: NOW,
            version: 1,
        }
    }

    fn set(known: Option<&Connection>, body: Value) -> Result<(Connection, Change<Write>), ConnectionError> {
        let tenant = TenantId::default_tenant();
        let rng = SeededRng::new(if known.is_some() { 2 } else { 1 });
        let (by, organisation) = (By::operator(Actor::System), organisation(false));
        let by = by.owning().unwrap();
        let asked = Asked { tenant: &tenant, organisation: &organisation, by, rng: &rng, now: NOW };
        let Value::Object(body) = body else { panic!("no object") };
        put(asked, known, body)
    }

    fn acme(more: Value) -> Value {
        let mut body =
            json!({"provider": "generic", "client_id": "c", "issuer_url": "https://login.acme.example"});
        let Value::Object(more) = more else { panic!("no object") };
        body.as_object_mut().unwrap().extend(more);
        body
    }

    #[test]
    fn connection_that_names_people_otherwise_is_another_provider() {
        let (first, change) = set(None, acme(json!({"client_secret": "hunter2"}))).unwrap();
        assert!(is_connection(&first.settings.id), "{}", first.settings.id);
        assert!(!format!("{change:?} {}", json!(first)).contains("hunter2"));
        for (more, same) in [
            (json!({}), true),
            (json!({"label": "Acme", "client_id": "d", "scope": ["groups"]}), true),
            (json!({"issuer_url": "https://login.rival.example"}), false),
            (json!({"claims_source": "userinfo"}), false),
            (json!({"jwks_url": "https://keys.acme.example"}), false),
            (json!({"provider": "auth0"}), false),
        ] {
            let (next, change) = set(Some(&first), acme(more.clone())).unwrap();
            assert_eq!(next.settings.id == first.settings.id, same, "{more}");
            let forgets = |write: &Write| matches!(write, Write::DeleteSecret { provider } if *provider == first.settings.id);
            assert_eq!(change.writes.iter().any(forgets), !same, "{more}");
        }
    }

    /// Attack: who may not come by it any more sets it anew, and it is open again.
    #[test]
    fn disabled_connection_stays_so_until_it_is_enabled() {
        let (first, _) = set(None, acme(json!({}))).unwrap();
        assert!(first.enabled);
        let (tenant, by) = (TenantId::default_tenant(), By::operator(Actor::System));
        let rng = SeededRng::new(3);
        let (free, enforced) = (organisation(false), organisation(true));
        let by = by.owning().unwrap();
        let asked = Asked { tenant: &tenant, organisation: &free, by, rng: &rng, now: NOW };
        let needed = Asked { organisation: &enforced, ..asked };
        assert_eq!(switch(needed, first.clone(), false).unwrap_err(), ConnectionError::Enforced);
        assert_eq!(delete(needed, &first).unwrap_err(), ConnectionError::Enforced);
        let switch = |known: Connection, enabled| switch(asked, known, enabled).unwrap();
        let actions = |change: Option<Change<Write>>| -> Vec<String> {
            change.iter().flat_map(|change| &change.audit).map(|event| event.action.to_string()).collect()
        };
        assert_eq!(actions(switch(first.clone(), true).1), [""; 0]);
        let (off, change) = switch(first, false);
        assert_eq!(actions(change), ["organisation.connection_disabled"]);
        for more in [json!({"label": "Acme"}), json!({"issuer_url": "https://login.rival.example"})] {
            let (set, _) = set(Some(&off), acme(more)).unwrap();
            assert!(!set.enabled);
        }
        let (on, change) = switch(off, true);
        assert_eq!((on.enabled, actions(change)), (true, vec!["organisation.connection_enabled".to_owned()]));
    }

    #[test]
    fn what_is_no_provider_is_refused() {
        for more in [
            json!({"id": "acme"}),
            json!({"organization_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}),
            json!({"issuer_url": "http://login.acme.example"}),
            json!({"issuer_url": null}),
            json!({"provider": "nobody"}),
            json!({"colour": "red"}),
            json!({"client_secret": ""}),
            json!({"client_secret": {"file": "/etc/passwd"}}),
        ] {
            assert!(set(None, acme(more.clone())).is_err(), "{more}");
        }
    }

    #[test]
    fn names_of_connections_have_one_form() {
        for (name, expect) in [
            ("org-6ba7b810-9dad-11d1-80b4-00c04fd430c8", true),
            ("org-acme", false),
            ("org-6BA7B810-9DAD-11D1-80B4-00C04FD430C8", false),
            ("6ba7b810-9dad-11d1-80b4-00c04fd430c8", false),
        ] {
            assert_eq!(is_connection(name), expect, "{name}");
        }
    }
}
