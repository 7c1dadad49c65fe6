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
    (kind, identifier): (&str, Option<&str>),
) -> Result<Change<Write>, AdministrationError> {
    find(room, id).await?;
    if kind == "password" {
        return match room.identities.find_password(room.tenant, id).await? {
            // Of several that sign in alone this one has nothing yet that takes it away.
            Some(_) => Err(AdministrationError::LastCredential),
            None => Err(AdministrationError::NotFound),
        };
    }
    if kind == "oidc" {
        return unlink(room, actor, id, identifier).await;
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

/// Takes a link to another provider away, by `provider:subject`.
async fn unlink(
    room: Room<'_>,
    actor: Actor,
    id: IdentityId,
    identifier: Option<&str>,
) -> Result<Change<Write>, AdministrationError> {
    let words = "`identifier` must say which link: `provider:subject`";
    let identifier = identifier.ok_or_else(|| AdministrationError::Malformed(words.to_owned()))?;
    let links = room.links.list_links(room.tenant, id).await?;
    let link = links.iter().find(|link| link.identifier() == identifier);
    let link = link.ok_or(AdministrationError::NotFound)?;
    if links.len() == 1 && room.identities.find_password(room.tenant, id).await?.is_none() {
        return Err(AdministrationError::LastCredential);
    }
    let audit = AuditEvent::new("identity.credential_removed", actor, "identity", &id)
        .with("type", &"oidc")
        .with("provider", &link.provider);
    let (provider, subject) = (link.provider.clone(), link.subject.clone());
    let write = Write::UnlinkProvider { identity: id, provider, subject };
    Ok(Change::new(room.tenant.clone()).write(write).audit(audit))
}
