//! What owners see and do on the page of their organisation beside its people: its domains, its connection, its keys.
//!
//! Attack: an administrator, the owner of another organisation, or whoever found a browser signed in changes what decides
//! who gets in. Each decision asks the room whether whoever asks owns the organisation
//! ([`By::owning`](change::By::owning)); what is named by an id is looked up in this very organisation; and whoever signed in
//! some time ago confirms first that it is them. To take access away from a key needs no confirmation.
//!
//! Attack: an owner points a connection into the operator's network. What a page sets is no operator's word: the provider
//! is asked at public addresses alone.

use ::federation::connection::{self, Asked, Connection, ConnectionError};
use ::federation::ports::Connections as _;
use identity::Problem;
use identity::organisation::change;
use identity::organisation::{OrganisationError, Organisations as _};
use identity::ports::StoreUnavailable;
use primitives::{AdminKeyId, Change, Timestamp};
use serde_json::{Map, Value, json};
use storage::{ApplyError, Stored};
use tenancy::ports::Page;
use tenancy::{AdminKey, AdminKeys as _, KeyOwner, NewAdminKey, Scope};
use ui::{
    ConnectionFields, ConnectionItem, DomainItem, KeyItem, NewKey, OrganisationOutcome, OrganisationPart,
    OwnershipView,
};

use super::{Manager, Posted, url};
use crate::call::Call;
use crate::self_service::{Kind, failed, room, with_query};

/// Domains that are shown at most.
const DOMAINS: u32 = 250;
/// Keys that an organisation has at most, as far as its owners make them.
const MOST_KEYS: u32 = 50;
/// For how many days a key may be made; the first is what is offered.
const KEY_DAYS: [u64; 3] = [90, 30, 365];
/// The kind of provider that the form is for.
const KIND: &str = "generic";

/// What an owner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    AddDomain,
    CheckDomain,
    RemoveDomain,
    SetConnection,
    TestConnection,
    EnableConnection,
    DisableConnection,
    DeleteConnection,
    CreateKey,
    RevokeKey,
}

impl Deed {
    /// What a form calls it; of what administrators do, too, there is none.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "add_domain" => Self::AddDomain,
            "check_domain" => Self::CheckDomain,
            "remove_domain" => Self::RemoveDomain,
            "set_connection" => Self::SetConnection,
            "test_connection" => Self::TestConnection,
            "enable_connection" => Self::EnableConnection,
            "disable_connection" => Self::DisableConnection,
            "delete_connection" => Self::DeleteConnection,
            "create_key" => Self::CreateKey,
            "revoke_key" => Self::RevokeKey,
            _ => return None,
        })
    }

    pub(super) const fn part(self) -> OrganisationPart {
        match self {
            Self::AddDomain | Self::CheckDomain | Self::RemoveDomain => OrganisationPart::Domains,
            Self::SetConnection
            | Self::TestConnection
            | Self::EnableConnection
            | Self::DisableConnection
            | Self::DeleteConnection => OrganisationPart::Connection,
            Self::CreateKey | Self::RevokeKey => OrganisationPart::Keys,
        }
    }

    /// Whether it only takes access away.
    pub(super) const fn only_takes(self) -> bool {
        matches!(self, Self::RevokeKey)
    }
}

/// What came of it.
pub(super) enum Ended {
    /// It is made.
    Whole,
    /// Somebody was faster.
    Missed,
    /// It is not made, or there was nothing to make.
    Said(OrganisationOutcome),
    /// A key is made, which is shown once.
    Key(NewKey),
}

/// Does it.
pub(super) async fn act(call: &Call, manager: &Manager, deed: Deed, form: &Posted) -> Result<Ended, Problem> {
    match deed.part() {
        OrganisationPart::Domains => domain(call, manager, deed, form.value("domain").trim()).await,
        OrganisationPart::Connection => connection(call, manager, deed, form).await,
        OrganisationPart::Keys => key(call, manager, deed, form).await,
        OrganisationPart::People => Ok(Ended::Said(OrganisationOutcome::Refused)),
    }
}

async fn domain(call: &Call, manager: &Manager, deed: Deed, domain: &str) -> Result<Ended, Problem> {
    let (by, id, room) = (manager.by(), manager.organisation.id, room(call));
    let decided = match deed {
        Deed::AddDomain => change::claim_domain(room, &by, id, domain).await.map(|(_, change)| change),
        Deed::CheckDomain => {
            let records = &*call.node.records;
            change::verify_domain(room, &by, id, domain, records).await.map(|(_, change)| change)
        }
        _ => change::release_domain(room, &by, id, domain).await.map(Some),
    };
    let name = || domain.to_owned();
    match decided {
        Ok(None) => Ok(Ended::Whole),
        Ok(Some(change)) => write(call, change).await,
        Err(OrganisationError::Store(error)) => Err(failed(call, error)),
        Err(error) => Ok(Ended::Said(match error {
            OrganisationError::Malformed(_) => OrganisationOutcome::NoDomain,
            OrganisationError::NotProven { .. } => OrganisationOutcome::NotProven(name()),
            OrganisationError::Unanswered(_) => OrganisationOutcome::Unanswered(name()),
            OrganisationError::DomainTaken => OrganisationOutcome::DomainTaken(name()),
            _ => OrganisationOutcome::Refused,
        })),
    }
}

async fn connection(call: &Call, manager: &Manager, deed: Deed, form: &Posted) -> Result<Ended, Problem> {
    let refused = Ok(Ended::Said(OrganisationOutcome::Refused));
    let (by, organisation) = (manager.by(), &manager.organisation);
    let Ok(by) = by.owning() else { return refused };
    let rng = call.node.rng.as_ref();
    let asked = Asked { tenant: &call.tenant.id, organisation, by, rng, now: call.now() };
    let decided = match (deed, find_connection(call, manager).await?) {
        (Deed::SetConnection, known) => {
            let Some(wished) = wished(known.as_ref(), form) else { return refused };
            connection::put(asked, known.as_ref(), wished).map(|(_, change)| Some(change))
        }
        (_, None) => return refused,
        (Deed::TestConnection, Some(known)) => {
            let answers = call.tenant.providers.answers(&known).await;
            let outcome = answers.map_or(OrganisationOutcome::Silent, |()| OrganisationOutcome::Answers);
            return Ok(Ended::Said(outcome));
        }
        (Deed::EnableConnection | Deed::DisableConnection, Some(known)) => {
            connection::switch(asked, known, deed == Deed::EnableConnection).map(|(_, change)| change)
        }
        (_, Some(known)) => connection::delete(asked, &known).map(Some),
    };
    match decided {
        Ok(None) => Ok(Ended::Whole),
        Ok(Some(change)) => write(call, change).await,
        Err(ConnectionError::Enforced) => Ok(Ended::Said(OrganisationOutcome::Enforced)),
        Err(ConnectionError::Malformed(_) | ConnectionError::Secret) => {
            Ok(Ended::Said(OrganisationOutcome::NoProvider))
        }
    }
}

/// A provider as the form has it. What else an operator set of the known one stays; one of another kind is the operator's.
fn wished(known: Option<&Connection>, form: &Posted) -> Option<Map<String, Value>> {
    let mut wished = match known {
        None => Map::from_iter([("provider".to_owned(), json!(KIND))]),
        Some(known) if known.settings.provider != KIND => return None,
        Some(known) => match serde_json::to_value(&known.settings).ok()? {
            Value::Object(settings) => settings,
            _ => return None,
        },
    };
    let fields = fields_of(form);
    for name in ["id", "organization_id", "label"] {
        wished.remove(name);
    }
    if !fields.label.is_empty() {
        wished.insert("label".to_owned(), json!(fields.label));
    }
    let secret = form.value("client_secret");
    if !secret.is_empty() {
        wished.insert("client_secret".to_owned(), json!(secret));
    }
    wished.insert("issuer_url".to_owned(), json!(fields.issuer));
    wished.insert("client_id".to_owned(), json!(fields.client_id));
    wished.insert("trusts_email".to_owned(), json!(fields.trusts_email));
    Some(wished)
}

/// What was typed into the form of a connection, without the secret.
pub(super) fn fields_of(form: &Posted) -> ConnectionFields {
    ConnectionFields {
        label: form.value("label").trim().to_owned(),
        issuer: form.value("issuer").trim().to_owned(),
        client_id: form.value("client_id").trim().to_owned(),
        trusts_email: form.value("trusts_email") == "true",
    }
}

async fn key(call: &Call, manager: &Manager, deed: Deed, form: &Posted) -> Result<Ended, Problem> {
    let by = manager.by();
    let Ok(by) = by.owning() else { return Ok(Ended::Said(OrganisationOutcome::Refused)) };
    let actor = by.actor().clone();
    if deed == Deed::RevokeKey {
        let Some(known) = find_key(call, manager, form.value("key")).await? else {
            return Ok(Ended::Said(OrganisationOutcome::Refused));
        };
        return write(call, known.delete(actor)).await;
    }
    // Nothing here makes a key that may more: what it is for is this organisation, whatever is posted.
    let scope =
        if form.value("access") == "write" { Scope::OrganisationsWrite } else { Scope::OrganisationsRead };
    let days = form.value("days").parse().ok().filter(|days| KEY_DAYS.contains(days));
    let span = std::time::Duration::from_secs(days.unwrap_or(KEY_DAYS[0]) * 24 * 3600);
    let new = NewAdminKey {
        name: form.value("name").trim().to_owned(),
        owner: owner(call, manager),
        scopes: vec![scope],
        expires_at: Some(call.now().after(span)),
        uses: None,
    };
    if !new.is_of_form() {
        return Ok(Ended::Said(OrganisationOutcome::NoName));
    }
    if list_keys(call, manager).await?.len() >= MOST_KEYS as usize {
        return Ok(Ended::Said(OrganisationOutcome::TooManyKeys));
    }
    let (key, text, change) = new.create(actor, call.node.sealer(), call.node.rng.as_ref(), call.now());
    Ok(match write(call, change).await? {
        Ended::Whole => Ended::Key(NewKey { name: key.name, text: text.expose().clone() }),
        other => other,
    })
}

fn owner(call: &Call, manager: &Manager) -> KeyOwner {
    KeyOwner::Organisation(call.tenant.id.clone(), manager.organisation.id)
}

/// The organisation's key of that id. Another's is not there.
async fn find_key(call: &Call, manager: &Manager, id: &str) -> Result<Option<AdminKey>, Problem> {
    let Ok(id) = id.parse::<AdminKeyId>() else { return Ok(None) };
    let found = call.node.storage.find_admin_key(id).await.map_err(|error| unread(call, &error))?;
    Ok(found.map(|(key, _)| key).filter(|key| key.owner == owner(call, manager)))
}

async fn list_keys(call: &Call, manager: &Manager) -> Result<Vec<AdminKey>, Problem> {
    let page = Page { after: None, limit: MOST_KEYS };
    let found = call.node.storage.list_admin_keys(owner(call, manager), page).await;
    found.map_err(|error| unread(call, &error))
}

async fn find_connection(call: &Call, manager: &Manager) -> Result<Option<Connection>, Problem> {
    let found = call.node.storage.find_connection(&call.tenant.id, manager.organisation.id).await;
    found.map_err(|error| unread(call, &error))
}

fn unread(call: &Call, error: &dyn std::fmt::Display) -> Problem {
    failed(call, StoreUnavailable(error.to_string()))
}

async fn write<W: Stored>(call: &Call, change: Change<W>) -> Result<Ended, Problem> {
    match call.node.storage.apply(change).await {
        Ok(()) => Ok(Ended::Whole),
        Err(ApplyError::Missed { .. }) => Ok(Ended::Missed),
        Err(ApplyError::Storage(error)) => Err(unread(call, &error)),
    }
}

/// Where whoever signed in some time ago confirms that it is them; nobody else has to.
pub(super) fn confirm_url(call: &Call, manager: &Manager) -> Option<String> {
    let is_fresh = manager.live.session().is_privileged(call.now(), &room(call).settings.session);
    let again = with_query(&Kind::Login.start_url(call), "refresh", "true");
    (!is_fresh).then(|| with_query(&again, "return_to", &url(call, manager.organisation.id)))
}

/// What the page shows of it: to owners alone.
pub(super) async fn view(call: &Call, manager: &Manager) -> Result<Option<OwnershipView>, Problem> {
    if manager.by().owning().is_err() {
        return Ok(None);
    }
    let organisation = &manager.organisation;
    let storage = &call.node.storage;
    let domains = storage.list_domains(&call.tenant.id, organisation.id, None, DOMAINS).await;
    let domains = domains.map_err(|error| failed(call, error))?;
    let connection = find_connection(call, manager).await?;
    let keys = list_keys(call, manager).await?;
    Ok(Some(OwnershipView {
        confirm_url: confirm_url(call, manager),
        domains: domains
            .into_iter()
            .map(|claim| DomainItem {
                is_proven: claim.verified_at.is_some(),
                record_name: claim.record_name(),
                record_value: claim.record_value(),
                domain: claim.domain.to_string(),
            })
            .collect(),
        fields: connection.as_ref().map(known_fields).unwrap_or_default(),
        connection: connection.map(|connection| {
            let redirect_uri = call.tenant.providers.redirect_uri_of(&connection);
            item(connection, redirect_uri, organisation.policy.enforce_connection)
        }),
        keys: keys.into_iter().filter(|key| is_alive(key, call.now())).map(key_item).collect(),
        new_key: None,
        key_days: KEY_DAYS.into(),
    }))
}

fn known_fields(connection: &Connection) -> ConnectionFields {
    let settings = &connection.settings;
    ConnectionFields {
        label: settings.label.clone().unwrap_or_default(),
        issuer: settings.issuer_url.clone().unwrap_or_default(),
        client_id: settings.client_id.clone(),
        trusts_email: settings.trusts_email.unwrap_or_default(),
    }
}

fn item(connection: Connection, redirect_uri: Option<String>, is_enforced: bool) -> ConnectionItem {
    let settings = connection.settings;
    ConnectionItem {
        can_edit: settings.provider == KIND,
        label: settings.label.unwrap_or(settings.provider),
        issuer: settings.issuer_url,
        client_id: settings.client_id,
        redirect_uri,
        is_on: connection.enabled,
        is_enforced,
    }
}

fn is_alive(key: &AdminKey, now: Timestamp) -> bool {
    key.expires_at.is_none_or(|end| now < end)
}

fn key_item(key: AdminKey) -> KeyItem {
    KeyItem {
        id: key.id.to_string(),
        can_write: key.scopes.iter().any(|scope| scope.includes(Scope::OrganisationsWrite)),
        name: key.name,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
    }
}
