//! What operators do to identities: the decisions behind `/admin/identities`.
//!
//! Every decision returns its change; a guard that misses when it is applied means that somebody was
//! faster, and the decision is made again on what they left.

pub mod batch;
mod body;
mod credentials;
mod document;
pub mod export;
mod import_factors;
mod import_keys;
mod link_tokens;
pub mod verify;
pub mod violations;

use primitives::hooks::{HookContext, HookFailure};
use primitives::{Actor, AuditEvent, Change, IdentityId, json_patch};
use serde_json::Value;

pub use body::{CreateIdentity, ImportedCredentials, ReplaceIdentity};
pub use credentials::delete_credential;
pub use document::{Credentials, FactorCredential, admin_identity_document};

use crate::flow::Room;
use crate::hooks::Refusals;
use crate::identifier::Identifier;
use crate::identity::{Identity, VerifiableAddress};
use crate::password::{Busy, HashedPassword, PolicyViolation, UnusableHash};
use crate::ports::StoreUnavailable;
use crate::schema::{CheckedTraits, Schema, TraitViolation};
use crate::webauthn::CredentialRecord;
use crate::write::{NewLink, Write};

/// Why an identity is not made or changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AdministrationError {
    /// There is none of that id in this tenant. The client's.
    #[error("there is no such identity")]
    NotFound,
    /// The body is not of the form that the API takes. The client's.
    #[error("the body is malformed: {0}")]
    Malformed(String),
    /// No such schema. The client's.
    #[error("there is no such identity schema")]
    UnknownSchema,
    /// The traits do not follow their schema. The client's.
    #[error("the traits do not follow their schema: {}", named(.0))]
    Traits(Vec<TraitViolation>),
    /// A plugin of the tenant does not allow it. The client's.
    #[error("a plugin of this tenant does not allow it: {}", said(.0))]
    Refused(Refusals),
    /// A plugin of the tenant gave no usable answer. The tenant's to mend.
    #[error(transparent)]
    Hook(#[from] HookFailure),
    /// An address that the traits do not have. The client's.
    #[error("an address in the body is not among those that the schema finds in the traits")]
    ForeignAddress,
    /// An identifier, or one that looks like it, is another identity's. The client's.
    #[error("another identity has the same login identifier, or one that looks like it")]
    IdentifierTaken,
    /// The id is another identity's. The client's.
    #[error("another identity has the same id")]
    IdTaken,
    /// The external id is another identity's. The client's.
    #[error("another identity has the same external_id")]
    ExternalIdTaken,
    /// The link is another identity's, or this one has another to that provider. The client's.
    #[error("another identity has the same link, or this one has another to the same provider")]
    LinkTaken,
    /// A credential that cannot be imported. The client's.
    #[error("credentials of the type {0:?} cannot be imported")]
    UnsupportedCredential(String),
    /// A password longer than what is hashed. The client's.
    #[error("the password is too long")]
    PasswordTooLong,
    /// A password that is known from breaches, or of which that could not be checked. The client's, or ours.
    #[error(transparent)]
    Password(PolicyViolation),
    /// A hash of no known kind, or above our caps. The client's.
    #[error("`hashed_password`: {0}")]
    UnusableHash(#[from] UnusableHash),
    /// A type of which there are no credentials. The client's.
    #[error("there are no credentials of the type {0:?}")]
    UnknownCredential(String),
    /// One-time codes are nothing of an account's own. The client's.
    #[error(
        "codes are no credential that an account keeps: they go to the addresses of its traits that the schema names \
         (`credentials.code`). Change or remove the address (PATCH /admin/identities/{{id}}), or set `state` to `inactive` \
         to close the account; `identity.code` switches codes on and off for the tenant"
    )]
    CodeOfSchema,
    /// Nobody could sign in any more. The client's.
    #[error("it is the last credential that signs in alone, and stays")]
    LastCredential,
    /// A key of somebody else, or twice the same. The client's.
    #[error("a credential of the same id exists already")]
    KeyTaken,
    /// A member that a patch cannot change. The client's.
    #[error("{0:?} cannot be changed by a patch")]
    FixedMember(String),
    /// A patch that does not apply. The client's.
    #[error(transparent)]
    Patch(#[from] json_patch::PatchError),
    /// The hashing pool is full. Ours, for a moment.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store did not answer. Ours.
    #[error(transparent)]
    Store(#[from] StoreUnavailable),
}

fn said(refusals: &Refusals) -> String {
    let fields = refusals.fields.iter().map(|(field, text)| format!("{field}: {text}"));
    refusals.form.iter().cloned().chain(fields).collect::<Vec<_>>().join("; ")
}

fn named(violations: &[TraitViolation]) -> String {
    let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
    fields.join(", ")
}

/// An identity as it will be, with the change that makes it so.
#[derive(Debug)]
pub struct Administered {
    /// The identity.
    pub identity: Identity,
    /// To apply.
    pub change: Change<Write>,
}

/// Makes an identity.
pub async fn create(
    room: Room<'_>,
    actor: Actor,
    body: CreateIdentity,
) -> Result<Administered, AdministrationError> {
    let id = IdentityId::generate_at(room.rng, room.now);
    make(room, actor, (id, body), true).await.map(|(made, _)| made)
}

/// Makes an identity. Whoever makes many at a time does not ask for each before whether its names are free: the guards
/// tell.
async fn make(
    room: Room<'_>,
    actor: Actor,
    (id, body): (IdentityId, CreateIdentity),
    asks_before: bool,
) -> Result<(Administered, CheckedTraits), AdministrationError> {
    let (schema, checked) = check(room, &body.schema_id, body.traits)?;
    let context =
        HookContext { organisation: body.organization_id, ..room.hook_context(actor.clone(), None) };
    let checked = room.admit(&context, schema, checked, None).await?.map_err(AdministrationError::Refused)?;
    let password = import(room, body.credentials.as_ref()).await?;
    let links = links(body.credentials.as_ref())?;
    let keys = import_keys::import_keys(room, id, body.credentials.as_ref()).await?;
    let factors = import_factors::read(body.credentials.as_ref())?;
    if asks_before {
        check_free(room, None, &checked, body.external_id.as_deref()).await?;
        check_links(room, None, &links).await?;
    }
    let mut identity = Identity::new(id, &checked, room.rng, room.now);
    identity.external_id = body.external_id;
    identity.metadata_public = body.metadata_public;
    identity.metadata_admin = body.metadata_admin;
    identity.organisation = body.organization_id;
    if let Some(state) = body.state {
        identity.state = state;
    }
    body::adopt(&mut identity, &body.verifiable_addresses, &body.recovery_addresses, room.now)?;
    let identity = room.added(&context, identity).await?;
    let mut change = crate::flow::creation(room, &identity, &checked, actor);
    if let Some(password) = password {
        change = change.write(Write::SetPassword { identity: identity.id, password, at: room.now });
    }
    let change = with_links(with_keys(change, room, identity.id, keys), room, identity.id, links);
    let change = import_factors::set(change, room, (identity.id, &[]), factors);
    Ok((Administered { identity, change }, checked))
}

/// Replaces what an identity says; what the body leaves out is taken away, but a password stays.
pub async fn replace(
    room: Room<'_>,
    actor: Actor,
    id: IdentityId,
    body: ReplaceIdentity,
) -> Result<Administered, AdministrationError> {
    let current = find(room, id).await?;
    replace_found(room, actor, &current, body).await
}

/// Changes an identity by a JSON Patch of its document.
pub async fn patch(
    room: Room<'_>,
    actor: Actor,
    id: IdentityId,
    patch: &Value,
) -> Result<Administered, AdministrationError> {
    let current = find(room, id).await?;
    let operations = json_patch::Operation::parse_all(patch)?;
    for path in operations.iter().flat_map(|operation| operation.from().into_iter().chain([operation.path()]))
    {
        body::check_patchable(path)?;
    }
    let patched = json_patch::patched(&body::patchable(&current), &operations)?;
    let mut body = ReplaceIdentity::from_value(patched)?;
    if !operations.iter().any(|operation| operation.path().starts_with("/verifiable_addresses")) {
        // What the traits say decides; an address that they no longer have leaves with them.
        body.verifiable_addresses.clear();
    }
    replace_found(room, actor, &current, body).await
}

/// Deletes an identity with all it has.
pub async fn delete(
    room: Room<'_>,
    actor: Actor,
    id: IdentityId,
) -> Result<Change<Write>, AdministrationError> {
    find(room, id).await?;
    let audit = AuditEvent::new("identity.deleted", actor, "identity", &id);
    Ok(Change::new(room.tenant.clone()).write(Write::DeleteIdentity(id)).audit(audit))
}

/// The credentials of an identity, as far as anybody is told of them.
pub async fn credentials(room: Room<'_>, id: IdentityId) -> Result<Credentials, AdministrationError> {
    let password = room.identities.find_password(room.tenant, id).await?;
    let identifiers = room.identities.list_identifiers(room.tenant, id).await?;
    let factors = room.factors.list_factors(room.tenant, id).await?;
    let factors = factors
        .iter()
        .map(|stored| FactorCredential {
            identity: id,
            kind: stored.factor.kind(),
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        })
        .collect();
    let links = room.links.list_links(room.tenant, id).await?;
    let keys = room.factors.list_keys(room.tenant, id).await?;
    let has_password = password.is_some();
    Ok(Credentials { identifiers, has_password, factors, links, shows_tokens: false, keys })
}

async fn replace_found(
    room: Room<'_>,
    actor: Actor,
    current: &Identity,
    body: ReplaceIdentity,
) -> Result<Administered, AdministrationError> {
    let (schema, checked) = check(room, &body.schema_id, body.traits)?;
    let context = room.hook_context(actor.clone(), Some(current));
    let checked = room
        .validate(&context, schema, checked, Some(current.id))
        .await?
        .map_err(AdministrationError::Refused)?;
    let password = import(room, body.credentials.as_ref()).await?;
    let keys = import_keys::import_keys(room, current.id, body.credentials.as_ref()).await?;
    let known = room.factors.list_keys(room.tenant, current.id).await?;
    let is_new = |record: &CredentialRecord| known.iter().all(|key| key.record.id != record.id);
    let keys = keys.into_iter().filter(is_new).collect();
    let factors = import_factors::read(body.credentials.as_ref())?;
    let held_factors = if factors.is_empty() {
        Vec::new()
    } else {
        room.factors.list_factors(room.tenant, current.id).await?
    };
    let mut identity = current.with_traits(&checked, room.rng, room.now);
    identity.external_id = body.external_id;
    identity.metadata_public = body.metadata_public;
    identity.metadata_admin = body.metadata_admin;
    if let Some(organisation) = body.organization_id {
        identity.organisation = organisation;
    }
    let state = body.state.unwrap_or(current.state);
    if state != current.state {
        identity.state = state;
        identity.state_changed_at = room.now;
    }
    check_free(room, Some(current), &checked, identity.external_id.as_deref()).await?;
    body::adopt(&mut identity, &body.verifiable_addresses, &body.recovery_addresses, room.now)?;
    let held = room.identities.list_identifiers(room.tenant, current.id).await?;
    let links = check_links(room, Some(current), &links(body.credentials.as_ref())?).await?;
    let change = replacement(room, &identity, &held, &checked);
    let change = with_keys(with_password(change, room, identity.id, password), room, identity.id, keys);
    let change = with_links(change, room, identity.id, links);
    let change = import_factors::set(change, room, (identity.id, &held_factors), factors);
    let audit = AuditEvent::new("identity.updated", actor, "identity", &identity.id)
        .with("state", &identity.state.as_str());
    Ok(Administered { identity, change: change.audit(audit) })
}

/// The writes that replace an identity and bring what it signs in with in line. The guard of its
/// version is first, so that its miss tells of two changes at a time.
pub(crate) fn replacement(
    room: Room<'_>,
    identity: &Identity,
    held: &[String],
    checked: &CheckedTraits,
) -> Change<Write> {
    let held: Vec<Identifier> = held.iter().filter_map(|text| Identifier::parse(text)).collect();
    let wanted = checked.identifiers();
    let mut change =
        Change::new(room.tenant.clone()).write(Write::ReplaceIdentity(Box::new(identity.clone())));
    for gone in held.iter().filter(|held| !wanted.contains(held)) {
        change = change.write(Write::ReleaseIdentifier { identity: identity.id, identifier: gone.clone() });
    }
    for new in wanted.iter().filter(|wanted| !held.contains(wanted)) {
        change = change.write(Write::ClaimIdentifier { identity: identity.id, identifier: new.clone() });
    }
    change
}

async fn find(room: Room<'_>, id: IdentityId) -> Result<Identity, AdministrationError> {
    room.identities.find_identity(room.tenant, id).await?.ok_or(AdministrationError::NotFound)
}

fn check<'a>(
    room: Room<'a>,
    schema: &str,
    traits: serde_json::Map<String, Value>,
) -> Result<(&'a Schema, CheckedTraits), AdministrationError> {
    let schema = if schema.is_empty() {
        room.schemas.default_schema()
    } else {
        room.schemas.find(schema).ok_or(AdministrationError::UnknownSchema)?
    };
    let checked = schema.check_traits(traits).map_err(AdministrationError::Traits)?;
    Ok((schema, checked))
}

/// Whether identifiers and external id are free for this identity. Two at a time meet the guards.
async fn check_free(
    room: Room<'_>,
    current: Option<&Identity>,
    checked: &CheckedTraits,
    external_id: Option<&str>,
) -> Result<(), AdministrationError> {
    let own = |holder: IdentityId| current.is_some_and(|current| current.id == holder);
    for identifier in checked.identifiers() {
        let holder = room.identities.find_look_alike(room.tenant, identifier).await?;
        if holder.is_some_and(|holder| !own(holder)) {
            return Err(AdministrationError::IdentifierTaken);
        }
    }
    if let Some(external_id) = external_id {
        let holder = room.identities.find_by_external_id(room.tenant, external_id).await?;
        if holder.is_some_and(|holder| !own(holder.id)) {
            return Err(AdministrationError::ExternalIdTaken);
        }
    }
    Ok(())
}

/// The hash of an imported password. The policy is for people; of it an operator's import keeps the cap, and that the password
/// is none that everybody knows.
async fn import(
    room: Room<'_>,
    credentials: Option<&ImportedCredentials>,
) -> Result<Option<HashedPassword>, AdministrationError> {
    match credentials.map(ImportedCredentials::password).transpose()?.flatten() {
        None => Ok(None),
        Some(body::ImportedPassword::Plain(plain)) => {
            if plain.expose().len() > room.settings.password.max_bytes as usize {
                return Err(AdministrationError::PasswordTooLong);
            }
            let hashed = room.hash_new::<AdministrationError>(plain).await?;
            hashed.map(Some).map_err(AdministrationError::Password)
        }
        Some(body::ImportedPassword::Elsewhere(credential)) => {
            Ok(Some(HashedPassword::made_elsewhere(&credential)?))
        }
        Some(body::ImportedPassword::Hashed(hash)) => Ok(Some(HashedPassword::import(hash)?)),
    }
}

/// The links that a body brings.
fn links(credentials: Option<&ImportedCredentials>) -> Result<Vec<NewLink>, AdministrationError> {
    credentials.map_or_else(|| Ok(Vec::new()), ImportedCredentials::links)
}

/// The links that an identity does not have yet; nobody else may have them.
async fn check_links(
    room: Room<'_>,
    current: Option<&Identity>,
    links: &[NewLink],
) -> Result<Vec<NewLink>, AdministrationError> {
    let held = match current {
        Some(current) => room.links.list_links(room.tenant, current.id).await?,
        None => Vec::new(),
    };
    let mut new = Vec::new();
    for link in links {
        if held.iter().any(|known| known.provider == link.provider && known.subject == link.subject) {
            continue;
        }
        let taken = room.links.find_by_link(room.tenant, &link.provider, &link.subject).await?.is_some();
        if taken || held.iter().any(|known| known.provider == link.provider) {
            return Err(AdministrationError::LinkTaken);
        }
        new.push(link.clone());
    }
    Ok(new)
}

/// Links that an operator brings.
fn with_links(
    change: Change<Write>,
    room: Room<'_>,
    identity: IdentityId,
    links: Vec<NewLink>,
) -> Change<Write> {
    let add = |link| Write::LinkProvider { identity, link: Box::new(link), at: room.now };
    links.into_iter().map(add).fold(change, Change::write)
}

/// Keys that an operator brings.
fn with_keys(
    change: Change<Write>,
    room: Room<'_>,
    identity: IdentityId,
    keys: Vec<CredentialRecord>,
) -> Change<Write> {
    let add = |record| Write::AddKey { identity, record: Box::new(record), at: room.now };
    keys.into_iter().map(add).fold(change, Change::write)
}

/// A password set by an operator ends the sessions that the old one began.
fn with_password(
    change: Change<Write>,
    room: Room<'_>,
    identity: IdentityId,
    password: Option<HashedPassword>,
) -> Change<Write> {
    match password {
        None => change,
        Some(password) => change
            .write(Write::SetPassword { identity, password, at: room.now })
            .write(Write::RevokeSessions { identity, except: None, at: room.now }),
    }
}

/// Whether an imported address is of the identity.
fn is_same(known: &VerifiableAddress, value: &str, via: crate::identity::AddressKind) -> bool {
    known.via == via && Identifier::parse(value).is_some_and(|address| address.as_str() == known.value)
}
