//! The identity room's writes and reads.

mod addresses;
mod attempts;
mod courier;
mod factors;
mod flows;
mod identities;
mod keys;
mod links;
mod organisations;
mod profiles;
mod search;
pub(crate) mod sessions;
mod subjects;
mod terms;
mod trusted_devices;
mod ways;

pub(crate) use addresses::via;
pub(crate) use courier::{message_at, select_messages};
pub use organisations::{DeletedOrganisation, OrganisationSweep};

use ::identity::Write;
use ::identity::flow::FlowBounds;
use ::identity::ports::StoreUnavailable;
use primitives::subject::AssuranceLevel;
use primitives::{IdentityId, SealContext, Sealer, TenantId};

use crate::apply::Stored;
use crate::statement::{Statement, Value, json, sealed_json, session_claims};
use crate::{StorageError, values};

/// Kind in the change log: something about an identity changed; its sessions are read again.
pub const IDENTITY_CHANGED: &str = "identity";
/// Kind in the change log: a session changed or ended.
pub const SESSION_CHANGED: &str = "session";

const PASSWORD_PURPOSE: &str = "identity_passwords";

impl Stored for Write {
    fn statements(self, tenant: &TenantId, sealer: &Sealer) -> Result<Vec<Statement>, StorageError> {
        let distrusts = distrusts(&self);
        let mut statements = self.own_statements(tenant, sealer)?;
        if let Some(identity) = distrusts {
            statements.extend(trusted_devices::forget_all(tenant, identity));
        }
        Ok(statements)
    }
}

/// Whose devices a write of credentials makes worth nothing: a new password, and a second factor that is new or gone. That
/// one was used changes nothing.
fn distrusts(write: &Write) -> Option<IdentityId> {
    match write {
        Write::SetPassword { identity, .. }
        | Write::SetFactor { identity, replaces: None, .. }
        | Write::RemoveFactor { identity, .. }
        | Write::AddKey { identity, .. }
        | Write::RemoveKey { identity, .. }
        | Write::RemovePassword(identity)
        | Write::RemoveCredentials(identity)
        | Write::DeleteIdentity(identity)
        | Write::ForgetTrustedDevices(identity) => Some(*identity),
        _ => None,
    }
}

/// The statements of each write.
trait OwnStatements {
    fn own_statements(self, tenant: &TenantId, sealer: &Sealer) -> Result<Vec<Statement>, StorageError>;
}

impl OwnStatements for Write {
    fn own_statements(self, tenant: &TenantId, sealer: &Sealer) -> Result<Vec<Statement>, StorageError> {
        Ok(match self {
            Self::InsertIdentity(identity) => {
                let mut statements = vec![identities::insert(tenant, &identity, terms::VERSION)];
                statements.extend(addresses::insert(tenant, &identity));
                statements.extend(terms::insert(tenant, &identity));
                statements.extend(organisations::of_identity(tenant, &identity));
                statements
            }
            Self::ImportIdentity(identity) => {
                let mut statements = vec![identities::insert(tenant, &identity, terms::NOT_TAKEN)];
                statements.extend(addresses::insert(tenant, &identity));
                statements.extend(terms::insert_state(tenant, &identity));
                statements.extend(organisations::of_identity(tenant, &identity));
                statements
            }
            Self::ReplaceIdentity(identity) => {
                let mut statements = vec![identities::replace(tenant, &identity)];
                statements.extend(addresses::replace(tenant, &identity));
                statements.extend(terms::replace(tenant, &identity));
                statements.extend(organisations::of_identity(tenant, &identity));
                statements
            }
            Self::SetState { identity, state, at } => {
                let mut statements = vec![Statement::one(
                    "UPDATE identities SET state = $3, state_changed_at = $4, updated_at = $4, version = version + 1,
                         tokens_not_before = CASE WHEN $3 = 'inactive' AND tokens_not_before < $4 THEN $4
                             ELSE tokens_not_before END
                     WHERE tenant = $1 AND id = $2",
                    values![tenant, &identity, state.as_str(), at],
                )
                .changes(IDENTITY_CHANGED, identity.to_string())];
                statements.extend(terms::of_state(tenant, identity, state));
                statements
            }
            Self::RevokeTokens { identity, at } => vec![
                Statement::one(
                    "UPDATE identities
                     SET tokens_not_before = CASE WHEN tokens_not_before < $3 THEN $3 ELSE tokens_not_before END
                     WHERE tenant = $1 AND id = $2",
                    values![tenant, &identity, at],
                )
                .changes(IDENTITY_CHANGED, identity.to_string()),
            ],
            Self::DeleteIdentity(identity) => identities::delete(tenant, identity),
            Self::ClaimIdentifier { identity, identifier } => vec![Statement::one(
                "INSERT INTO identity_identifiers (tenant, identifier, skeleton, identity)
                 VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                values![tenant, identifier.as_str(), identifier.skeleton(), &identity],
            )],
            Self::ReleaseIdentifier { identity, identifier } => vec![Statement::one(
                "DELETE FROM identity_identifiers WHERE tenant = $1 AND identifier = $2 AND identity = $3",
                values![tenant, identifier.as_str(), &identity],
            )],
            Self::SetPassword { identity, password, at } => vec![Statement::one(
                "INSERT INTO identity_passwords (tenant, identity, hash, version, created_at, updated_at)
                 SELECT i.tenant, i.id, $3, 1, $4, $4 FROM identities i WHERE i.tenant = $1 AND i.id = $2
                 ON CONFLICT (tenant, identity) DO UPDATE SET hash = excluded.hash,
                     version = identity_passwords.version + 1, updated_at = excluded.updated_at",
                values![tenant, &identity, sealed(sealer, tenant, identity, &password), at],
            )],
            Self::RemoveCredentials(identity) => keys::remove_all(tenant, identity),
            Self::RemovePassword(identity) => keys::remove_password(tenant, identity),
            Self::RehashPassword { identity, password, version, at } => vec![Statement::one(
                "UPDATE identity_passwords SET hash = $3, updated_at = $5, version = version + 1
                 WHERE tenant = $1 AND identity = $2 AND version = $4",
                values![tenant, &identity, sealed(sealer, tenant, identity, &password), version, at],
            )],
            Self::SetFactor { identity, factor, replaces, at } => {
                factors::set(sealer, tenant, identity, &factor, replaces, at)
            }
            Self::RemoveFactor { identity, kind } => factors::remove(tenant, identity, kind),
            Self::LinkProvider { identity, link, at } => {
                vec![links::insert(sealer, tenant, identity, &link, at)]
            }
            Self::UnlinkProvider { identity, provider, subject } => {
                links::remove(tenant, identity, &provider, &subject).into()
            }
            Self::ReplaceLinkTokens { provider, subject, tokens, version, at } => {
                vec![links::replace_tokens(sealer, tenant, (&provider, &subject), &tokens, (version, at))]
            }
            Self::AddKey { identity, record, at } => keys::add(sealer, tenant, identity, &record, at),
            Self::UseKey { record, version, at } => vec![keys::used(sealer, tenant, &record, version, at)],
            Self::RemoveKey { identity, id } => keys::remove(tenant, identity, &id),
            Self::TrustDevice(new) => trusted_devices::insert(tenant, &new),
            Self::ForgetTrustedDevice { identity, device } => {
                trusted_devices::forget(tenant, identity, device)
            }
            // Said of every write that distrusts devices.
            Self::ForgetTrustedDevices(_) => Vec::new(),
            Self::InsertSession(new) => vec![sessions::insert(tenant, &new)],
            Self::HoldSession { session, identity, at } => {
                vec![sessions::hold(tenant, session, identity, at)]
            }
            Self::ReplaceSessionToken { session, identity, from, to, at } => {
                vec![sessions::replace_token(tenant, (session, identity), (&from, &to), at)]
            }
            Self::RefreshSession { session, identity, method, assurance, methods, claims } => vec![
                Statement::one(
                    "UPDATE identity_sessions SET authenticated_at = $4, methods = $5, claims = $6, assurance = $7
                     WHERE tenant = $1 AND id = $2 AND identity = $3 AND revoked_at IS NULL AND expires_at > $4",
                    values![
                        tenant,
                        &session,
                        &identity,
                        method.completed_at,
                        json(&methods),
                        session_claims(&claims),
                        assurance.as_str(),
                    ],
                )
                .changes(SESSION_CHANGED, session.to_string()),
            ],
            Self::RevokeSession { session, identity, at } => vec![
                Statement::one(
                    "UPDATE identity_sessions SET revoked_at = $4
                     WHERE tenant = $1 AND id = $2 AND identity = $3 AND revoked_at IS NULL",
                    values![tenant, &session, &identity, at],
                )
                .changes(SESSION_CHANGED, session.to_string()),
            ],
            Self::RevokeSessions { identity, except, at } => vec![
                Statement::any(
                    "UPDATE identity_sessions SET revoked_at = $4
                     WHERE tenant = $1 AND identity = $2 AND id <> $3 AND revoked_at IS NULL",
                    values![tenant, &identity, except.map(|id| id.to_string()).unwrap_or_default(), at],
                )
                .changes(IDENTITY_CHANGED, identity.to_string()),
            ],
            Self::DeleteSession { session, identity } => vec![sessions::delete(tenant, session, identity)],
            Self::DeleteSessions(identity) => vec![sessions::delete_all(tenant, identity)],
            Self::ExtendSession { session, expires_at, at } => {
                vec![sessions::extend(tenant, session, expires_at, at)]
            }
            Self::InsertFlow { flow, expired_before, cut_to } => {
                flows::insert(sealer, tenant, &flow, FlowBounds { expired_before, cut_to })
            }
            Self::TakeInFlow { flow, bounds } => flows::take_in(sealer, tenant, &flow, bounds),
            Self::SpendHeldFlow { id, expires_at, bounds } => {
                flows::spend_held(tenant, id, expires_at, bounds)
            }
            Self::SpendFlow(id) => vec![flows::spend(tenant, id)],
            Self::UpdateFlow(flow) => vec![flows::update(sealer, tenant, &flow)],
            Self::RemoveFlow(id) => vec![flows::remove(tenant, id)],
            Self::QueueMessage(message) => vec![courier::insert(sealer, tenant, &message)],
            Self::Organisation(write) => organisations::statements(tenant, write),
        })
    }
}

fn seal_context<'a>(tenant: &'a TenantId, row: &'a str) -> SealContext<'a> {
    SealContext { tenant, purpose: PASSWORD_PURPOSE, row }
}

fn sealed(
    sealer: &Sealer,
    tenant: &TenantId,
    identity: IdentityId,
    password: &::identity::password::HashedPassword,
) -> Value {
    let row = identity.to_string();
    Value::Blob(Some(sealer.seal(seal_context(tenant, &row), password.0.expose().as_bytes())))
}

/// A level as it is written.
fn assurance(text: &str) -> Option<AssuranceLevel> {
    [AssuranceLevel::Aal0, AssuranceLevel::Aal1, AssuranceLevel::Aal2]
        .into_iter()
        .find(|level| level.as_str() == text)
}

/// To the room, every failure of ours is one: the store did not answer.
#[expect(clippy::needless_pass_by_value, reason = "used by map_err")]
fn unavailable(error: StorageError) -> StoreUnavailable {
    StoreUnavailable(error.to_string())
}
