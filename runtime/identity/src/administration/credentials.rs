//! Taking credentials of an identity away.

use primitives::{Actor, AuditEvent, Change, IdentityId};

use super::{AdministrationError, find};
use crate::factor::{self, FactorKind};
use crate::flow::Room;
use crate::ways::Ways;
use crate::webauthn::{CredentialId, StoredKey};
use crate::write::Write;

/// Takes a credential away, by its type; of keys the one with that identifier, or all. The last one that signs in alone
/// stays: without it nobody could.
pub async fn delete_credential(
    room: Room<'_>,
    actor: Actor,
    id: IdentityId,
    (kind, identifier): (&str, Option<&str>),
) -> Result<Change<Write>, AdministrationError> {
    find(room, id).await?;
    let removed = |kind: &str| {
        AuditEvent::new("identity.credential_removed", actor.clone(), "identity", &id).with("type", &kind)
    };
    let change = Change::new(room.tenant.clone());
    match kind {
        "password" => {
            let ways = Ways::of(room, id).await?;
            if !ways.password {
                return Err(AdministrationError::NotFound);
            }
            if !ways.outlast(1) {
                return Err(AdministrationError::LastCredential);
            }
            Ok(change.write(Write::RemovePassword(id)).audit(removed(kind)))
        }
        // As the API describes it. It says the same of passkeys, which can be, here.
        "code" => Err(AdministrationError::CodeOfSchema),
        "oidc" => unlink(room, actor, id, identifier).await,
        "passkey" | "webauthn" => {
            let ways = Ways::of(room, id).await?;
            let meant = |id: &CredentialId| identifier.is_none_or(|identifier| id.to_string() == identifier);
            let is_gone = |key: &&StoredKey| key.record.kind.group() == kind && meant(&key.record.id);
            let gone: Vec<_> = ways.keys.iter().filter(is_gone).collect();
            if gone.is_empty() {
                return Err(AdministrationError::NotFound);
            }
            let first = gone.iter().filter(|key| key.record.kind.is_first_factor()).count();
            if first > 0 && !ways.outlast(first) {
                return Err(AdministrationError::LastCredential);
            }
            Ok(gone.into_iter().fold(change, |change, key| {
                let write = Write::RemoveKey { identity: id, id: key.record.id.clone() };
                change.write(write).audit(removed(kind).with("credential", &key.record.id))
            }))
        }
        _ => {
            let kind = FactorKind::parse(kind)
                .ok_or_else(|| AdministrationError::UnknownCredential(kind.to_owned()))?;
            let factors = room.factors.list_factors(room.tenant, id).await?;
            factor::find(&factors, kind).ok_or(AdministrationError::NotFound)?;
            let write = Write::RemoveFactor { identity: id, kind };
            Ok(change.write(write).audit(removed(kind.as_str())))
        }
    }
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
    let ways = Ways::of(room, id).await?;
    let link = ways.links.iter().find(|link| link.identifier() == identifier);
    let link = link.ok_or(AdministrationError::NotFound)?;
    if !ways.outlast(1) {
        return Err(AdministrationError::LastCredential);
    }
    let audit = AuditEvent::new("identity.credential_removed", actor, "identity", &id)
        .with("type", &"oidc")
        .with("provider", &link.provider);
    let (provider, subject) = (link.provider.clone(), link.subject.clone());
    let write = Write::UnlinkProvider { identity: id, provider, subject };
    Ok(Change::new(room.tenant.clone()).write(write).audit(audit))
}
