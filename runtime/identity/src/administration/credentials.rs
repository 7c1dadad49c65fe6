//! Taking credentials of an identity away.

use primitives::{Actor, AuditEvent, Change, IdentityId};

use super::{AdministrationError, find};
use crate::factor::{self, FactorKind};
use crate::flow::Room;
use crate::write::Write;

/// Takes a credential away, by its type. The last one that signs in alone stays: without it nobody could.
pub async fn delete_credential(
    room: Room<'_>,
    actor: Actor,
    id: IdentityId,
    kind: &str,
) -> Result<Change<Write>, AdministrationError> {
    find(room, id).await?;
    if kind == "password" {
        return match room.identities.find_password(room.tenant, id).await? {
            // There is no other kind yet that signs in alone.
            Some(_) => Err(AdministrationError::LastCredential),
            None => Err(AdministrationError::NotFound),
        };
    }
    let kind =
        FactorKind::parse(kind).ok_or_else(|| AdministrationError::UnknownCredential(kind.to_owned()))?;
    let factors = room.factors.list_factors(room.tenant, id).await?;
    factor::find(&factors, kind).ok_or(AdministrationError::NotFound)?;
    let audit =
        AuditEvent::new("identity.credential_removed", actor, "identity", &id).with("type", &kind.as_str());
    let write = Write::RemoveFactor { identity: id, kind };
    Ok(Change::new(room.tenant.clone()).write(write).audit(audit))
}
