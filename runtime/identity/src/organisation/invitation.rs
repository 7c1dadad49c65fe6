//! Invitations: somebody with an address may join an organisation, once.
//!
//! Attack: an invitation is forwarded, guessed, used twice or used late. Its token is 256 random bits that only the mail
//! holds; it opens nothing for whoever does not have the invited address; it is used by a write of which one wins; and it
//! ends by itself. Whoever has the token has read the address's mail, and has proven the address by that.

use std::time::Duration;

use primitives::rng::is_token;
use primitives::{
    AuditEvent, Change, IdentityId, InvitationId, KeyedHash, OrganisationId, Rng, Sealer, Secret, TenantId,
    Timestamp,
};
use serde::Serialize;

use super::change::{By, audit, check_administers, load_active};
use super::member::{Member, Role};
use super::{Organisation, OrganisationError, OrganisationWrite, Provenance};
use crate::courier::{Mail, MailTemplate, NewMessage};
use crate::flow::{Room, with_verified};
use crate::identifier::Identifier;
use crate::identity::{AddressKind, Identity};
use crate::limiter::count_mail;
use crate::session::LiveSession;
use crate::write::Write;

const TOKEN_PREFIX: &str = "pci_";
const TOKEN_PURPOSE: &str = "invitation_token";

/// How long an invitation is good, unless something else is said. A week.
pub const USUAL_LIFESPAN: Duration = Duration::from_hours(7 * 24);
/// The longest that one may be good.
pub const LONGEST_LIFESPAN: Duration = Duration::from_hours(90 * 24);

/// An invitation. Serialises as our own API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// Into which.
    pub organisation: OrganisationId,
    /// Names it.
    pub id: InvitationId,
    /// Whom, normalised.
    pub address: String,
    /// What they will be.
    pub role: Role,
    /// Who asked for it, as audit records say it.
    pub invited_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When it was used.
    pub accepted_at: Option<Timestamp>,
    /// By whom.
    pub accepted_by: Option<IdentityId>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
}

impl Invitation {
    /// Whether it is still good.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.accepted_at.is_none() && self.revoked_at.is_none() && now < self.expires_at
    }
}

/// The secret of an invitation.
#[derive(Debug, Clone)]
pub struct InvitationToken(Secret<String>);

impl InvitationToken {
    /// Draws a token.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(format!("{TOKEN_PREFIX}{}", rng.token())))
    }

    /// Reads a presented token; `None` if it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bits = text.strip_prefix(TOKEN_PREFIX)?;
        is_token(bits).then(|| Self(Secret::new(text.to_owned())))
    }

    /// The token itself, for the mail that brings it.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The hash under which a new invitation is stored.
    pub fn hash(&self, sealer: &Sealer, tenant: &TenantId) -> KeyedHash {
        sealer.hash(tenant, TOKEN_PURPOSE, self.expose().as_bytes())
    }

    /// The hashes under which it may be stored.
    pub fn hashes(&self, sealer: &Sealer, tenant: &TenantId) -> Vec<KeyedHash> {
        sealer.hashes(tenant, TOKEN_PURPOSE, self.expose().as_bytes())
    }
}

/// What an invitation's mail is filled with.
#[derive(Debug, Clone, Copy)]
pub struct InvitationValues<'a> {
    /// To whom.
    pub to: &'a str,
    /// Into which organisation.
    pub organisation: &'a str,
    /// Where it is accepted.
    pub url: &'a str,
    /// After how many days it is worth nothing.
    pub days: u64,
}

/// Puts an invitation in words.
pub trait InvitationComposer: Send + Sync {
    /// What the message says.
    fn compose_invitation(&self, values: InvitationValues<'_>) -> Mail;
}

/// Whom to invite.
#[derive(Debug, Clone)]
pub struct NewInvitation<'a> {
    /// By which address.
    pub address: &'a str,
    /// As what.
    pub role: Role,
    /// For how long.
    pub lifespan: Duration,
}

/// Invites somebody: the invitation, and the change that stores it and sends its mail.
pub async fn invite(
    room: Room<'_>,
    by: &By,
    organisation: OrganisationId,
    new: NewInvitation<'_>,
    composer: &dyn InvitationComposer,
) -> Result<(Invitation, Change<Write>), OrganisationError> {
    let organisation = load_active(room, organisation).await?;
    check_administers(by, [&new.role])?;
    let malformed = || OrganisationError::Malformed("an invitation goes to one e-mail address");
    let address = Identifier::parse(new.address)
        .filter(|address| super::Domain::of(address).is_some())
        .ok_or_else(malformed)?;
    if new.lifespan.is_zero() || new.lifespan > LONGEST_LIFESPAN {
        return Err(OrganisationError::Malformed("an invitation is good for up to 90 days"));
    }
    count_mail(room.attempts, &room.settings.limits, room.tenant, &address, room.now).await?;
    let invitation = Invitation {
        organisation: organisation.id,
        id: InvitationId::generate(room.rng),
        address: address.as_str().to_owned(),
        role: new.role,
        invited_by: by.actor.to_string(),
        created_at: room.now,
        expires_at: room.now.after(new.lifespan),
        accepted_at: None,
        accepted_by: None,
        revoked_at: None,
    };
    let token = InvitationToken::generate(room.rng);
    let message = message(room, &organisation, &invitation, &token, composer);
    let write = OrganisationWrite::InsertInvitation {
        invitation: Box::new(invitation.clone()),
        token: token.hash(room.sealer, room.tenant),
    };
    let event = audit("organisation.invited", by, organisation.id, ("invitation", &invitation.id));
    let change = Change::new(room.tenant.clone())
        .write(Write::Organisation(write))
        .write(Write::QueueMessage(Box::new(message)))
        .audit(event);
    Ok((invitation, change))
}

fn message(
    room: Room<'_>,
    organisation: &Organisation,
    invitation: &Invitation,
    token: &InvitationToken,
    composer: &dyn InvitationComposer,
) -> NewMessage {
    let base = room.base.as_str().trim_end_matches('/');
    let url = format!("{base}/ui/invitation?token={}", token.expose());
    let lifespan = invitation.expires_at.since(invitation.created_at);
    let mail = composer.compose_invitation(InvitationValues {
        to: &invitation.address,
        organisation: &organisation.label,
        url: &url,
        days: lifespan.as_secs().div_ceil(24 * 3600),
    });
    NewMessage {
        id: room.rng.uuid(),
        template: MailTemplate::Invitation,
        via: AddressKind::Email,
        recipient: invitation.address.clone(),
        mail,
        organisation: Some(organisation.id),
        at: room.now,
        is_sent: true,
    }
}

/// Takes an invitation back.
pub async fn revoke(
    room: Room<'_>,
    by: &By,
    organisation: OrganisationId,
    id: InvitationId,
) -> Result<Change<Write>, OrganisationError> {
    let found = room.organisations.find_invitation(room.tenant, organisation, id).await?;
    let found = found.ok_or(OrganisationError::NothingInIt("invitation"))?;
    check_administers(by, [&found.role])?;
    if found.accepted_at.is_some() || found.revoked_at.is_some() {
        return Err(OrganisationError::InvitationSpent);
    }
    let write = OrganisationWrite::RevokeInvitation { organisation, invitation: id, at: room.now };
    let event = audit("organisation.invitation_revoked", by, organisation, ("invitation", &id));
    Ok(Change::new(room.tenant.clone()).write(Write::Organisation(write)).audit(event))
}

/// Finds the invitation of a token, if it is still good.
pub async fn load_open(room: Room<'_>, token: &str) -> Result<Invitation, OrganisationError> {
    let token = InvitationToken::parse(token).ok_or(OrganisationError::InvitationSpent)?;
    let hashes = token.hashes(room.sealer, room.tenant);
    let found = room.organisations.find_by_invitation_token(room.tenant, &hashes).await?;
    found.filter(|found| found.is_open(room.now)).ok_or(OrganisationError::InvitationSpent)
}

/// Somebody who is signed in accepts an invitation.
pub async fn accept(
    room: Room<'_>,
    live: &LiveSession,
    token: &str,
) -> Result<(Invitation, Change<Write>), OrganisationError> {
    let invitation = load_open(room, token).await?;
    load_active(room, invitation.organisation).await?;
    let identity = live.identity();
    // Whoever acts in somebody's name joins nothing for them.
    if live.session().actor.is_some() || !has_address(room, identity, &invitation.address).await? {
        return Err(OrganisationError::AnotherAddress);
    }
    let known = room.organisations.find_member(room.tenant, invitation.organisation, identity.id).await?;
    let mut change = Change::new(room.tenant.clone());
    if let Some(verified) = with_verified(identity, &invitation.address, room.now) {
        change = change.write(Write::ReplaceIdentity(Box::new(verified)));
    }
    let change = accepted(room, &invitation, identity.id, known.as_ref())
        .into_iter()
        .fold(change, Change::write)
        .audit(acceptance(&invitation, identity.id));
    Ok((invitation, change))
}

/// The writes by which somebody joins. Whoever is a member already keeps their role.
pub(super) fn accepted(
    room: Room<'_>,
    invitation: &Invitation,
    identity: IdentityId,
    known: Option<&Member>,
) -> Vec<Write> {
    let accept = OrganisationWrite::AcceptInvitation {
        organisation: invitation.organisation,
        invitation: invitation.id,
        identity,
        at: room.now,
    };
    let join = known.is_none().then(|| {
        OrganisationWrite::AddMember(Member {
            organisation: invitation.organisation,
            identity,
            role: invitation.role.clone(),
            provenance: Provenance::Invitation,
            created_at: room.now,
            updated_at: room.now,
        })
    });
    [Some(accept), join].into_iter().flatten().map(Write::Organisation).collect()
}

pub(super) fn acceptance(invitation: &Invitation, identity: IdentityId) -> AuditEvent {
    let by = By::person(identity, Role::Member);
    audit("organisation.invitation_accepted", &by, invitation.organisation, ("invitation", &invitation.id))
}

async fn has_address(room: Room<'_>, identity: &Identity, address: &str) -> Result<bool, OrganisationError> {
    if is_verifiable(identity, address) {
        return Ok(true);
    }
    // A schema may have addresses that nobody verifies.
    let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
    Ok(held.iter().any(|held| held == address))
}

/// Whether it is an address of the account that can be verified.
pub(super) fn is_verifiable(identity: &Identity, address: &str) -> bool {
    identity.verifiable_addresses.iter().any(|known| known.value == address)
}
