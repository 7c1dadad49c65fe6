//! A browser in which its owner is not asked for a second factor for a while.
//!
//! Whoever proves a second factor may say so. The browser gets a random token in a cookie; of it a keyed hash is kept, with
//! whose it is and until when. Who later signs in there with the first factor has a session that counts without the second.
//!
//! The session says what it is: `aal1`, in its document and in tokens (`acr`, `amr`). It counts where a tenant asks for the
//! highest level that somebody has (`identity.session.whoami`), and nowhere else:
//!
//! | who asks | on a trusted device |
//! |---|---|
//! | the tenant, to be told who is signed in and to get tokens | counts |
//! | the settings of the account, and whatever else needs `aal2` or a young proof | the second factor is asked for |
//! | an organisation's policy, and a plugin that asks for a second factor | the second factor is asked for |
//! | an app that asks for `aal2` by itself | the second factor is asked for |
//!
//! Attack: a stolen cookie. It lets nobody in without the first factor, and it is nobody else's: the token is looked up for
//! the identity that has just proven it. Attack: a device stays trusted when the account is recovered from whoever had it.
//! So it is storage that forgets all devices of an identity in each write of a password, of a second factor that is new or
//! gone, and of a recovery; and the sessions that count by them count no more.

use primitives::rng::is_token;
use primitives::subject::AssuranceLevel;
use primitives::{
    Actor, AuditEvent, Change, IdentityId, KeyedHash, Rng, Sealer, Secret, TenantId, Timestamp,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::flow::{Caller, Flow, Room, SignedIn, Step, Transport};
use crate::ports::StoreUnavailable;
use crate::session::{Device, LiveSession, Session};
use crate::write::Write;

const TOKEN_PREFIX: &str = "ptd_";
const TOKEN_PURPOSE: &str = "trusted_device";

/// How many devices one identity trusts at a time; of more the oldest are forgotten.
pub const MOST_TRUSTED: u32 = 20;

/// Names a trusted device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrustedDeviceId(pub Uuid);

impl std::fmt::Display for TrustedDeviceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for TrustedDeviceId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// A browser that its owner trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedDevice {
    /// Names it.
    pub id: TrustedDeviceId,
    /// Who trusts it.
    pub identity: IdentityId,
    /// What it looked like then.
    pub device: Device,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// One about to be stored, with the hash of its token.
#[derive(Debug, Clone)]
pub struct NewTrustedDevice {
    /// The device.
    pub device: TrustedDevice,
    /// The hash under which its token finds it.
    pub token: KeyedHash,
}

/// What the browser keeps: `ptd_` and 256 random bits.
#[derive(Debug, Clone)]
pub struct TrustedDeviceToken(Secret<String>);

impl TrustedDeviceToken {
    fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(format!("{TOKEN_PREFIX}{}", rng.token())))
    }

    /// Reads a presented token; `None` if it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let bits = text.strip_prefix(TOKEN_PREFIX)?;
        is_token(bits).then(|| Self(Secret::new(text.to_owned())))
    }

    /// The token itself, for the cookie.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    fn hash(&self, sealer: &Sealer, tenant: &TenantId) -> KeyedHash {
        sealer.hash(tenant, TOKEN_PURPOSE, self.expose().as_bytes())
    }

    fn hashes(&self, sealer: &Sealer, tenant: &TenantId) -> Vec<KeyedHash> {
        sealer.hashes(tenant, TOKEN_PURPOSE, self.expose().as_bytes())
    }
}

/// A step in which a second factor was proven, where its owner says that the browser is theirs.
pub(crate) fn trusted(room: Room<'_>, caller: Caller<'_>, flow: &Flow, step: Step) -> Step {
    let settings = &room.settings.trusted_device;
    let is_theirs = caller.session.is_some_and(|live| live.session().actor.is_none());
    let asks = flow.is_step_up() && flow.transport == Transport::Browser;
    if !settings.is_enabled() || !is_theirs || !asks {
        return step;
    }
    match step {
        Step::Once(step) => match trusted(room, caller, flow, *step) {
            Step::Trusted { step, token } => Step::Trusted { step: Box::new(Step::Once(step)), token },
            step => Step::Once(Box::new(step)),
        },
        Step::Refreshed { session, change } if session.assurance >= AssuranceLevel::Aal2 => {
            let token = TrustedDeviceToken::generate(room.rng);
            let device = TrustedDevice {
                id: TrustedDeviceId(room.rng.uuid()),
                identity: session.identity,
                device: Device::new(room.rng, caller.address, caller.user_agent),
                created_at: room.now,
                expires_at: room.now.after(settings.lifespan()),
            };
            let actor = Actor::Subject(session.identity);
            let audit = AuditEvent::new("trusted_device.added", actor, "trusted_device", &device.id)
                .with("session", &session.id);
            let new = NewTrustedDevice { device, token: token.hash(room.sealer, room.tenant) };
            let change = change.write(Write::TrustDevice(Box::new(new))).audit(audit);
            Step::Trusted { step: Box::new(Step::Refreshed { session, change }), token }
        }
        step => step,
    }
}

/// Somebody has signed in with the first factor, in a browser that brings a token: the sign-in as it is if the device is
/// theirs and trusted.
pub async fn recognised(
    room: Room<'_>,
    token: &TrustedDeviceToken,
    signed_in: SignedIn,
) -> Result<SignedIn, StoreUnavailable> {
    let session = &signed_in.session;
    let counts_anyway = session.assurance >= AssuranceLevel::Aal2 || session.actor.is_some();
    if !room.settings.trusted_device.is_enabled() || counts_anyway || signed_in.demands_second_factor {
        return Ok(signed_in);
    }
    let hashes = token.hashes(room.sealer, room.tenant);
    let found = room.factors.find_trusted_device(room.tenant, session.identity, &hashes, room.now).await?;
    let Some(device) = found else { return Ok(signed_in) };
    let session = Session { trusted_device: Some(device.id), ..session.clone() };
    let audit =
        AuditEvent::new("session.trusted_device", Actor::Subject(session.identity), "session", &session.id)
            .with("trusted_device", &device.id);
    let change = signed_in.change.on_trusted_device(&session, audit);
    Ok(SignedIn { session, change, ..signed_in })
}

/// Forgets a device of whoever asks. Guard: it is theirs.
pub fn forget(tenant: &TenantId, live: &LiveSession, device: TrustedDeviceId) -> Change<Write> {
    let identity = live.session().identity;
    Change::new(tenant.clone()).write(Write::ForgetTrustedDevice { identity, device }).audit(AuditEvent::new(
        "trusted_device.removed",
        Actor::Subject(identity),
        "trusted_device",
        &device,
    ))
}

impl Room<'_> {
    /// Whether a session counts: it has proven what the tenant asks of sessions, or its owner trusts the device.
    pub fn counts(&self, live: &LiveSession) -> bool {
        let is_trusted = live.session().trusted_device.is_some() && self.settings.trusted_device.is_enabled();
        is_trusted || self.satisfies(live, self.settings.session.whoami.required_aal)
    }
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;

    use super::*;

    #[test]
    fn only_tokens_of_our_form_are_looked_up() {
        let token = TrustedDeviceToken::generate(&SeededRng::new(1));
        assert!(TrustedDeviceToken::parse(token.expose()).is_some());
        for text in ["", "ptd_", "ory_st_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(TrustedDeviceToken::parse(text).is_none(), "{text}");
        }
    }
}
