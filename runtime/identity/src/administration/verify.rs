//! Whether somebody's credential is right, for an operator whose own form asked for it.
//!
//! Attack: whoever holds the key guesses passwords or codes without the limits of a sign-in, and unseen. So a guess counts where
//! guesses at the sign-in count, every answer is in the audit log, and the key needs a scope of its own.

use primitives::{Actor, AuditEvent, Change, ClientAddress, IdentityId};
use serde::Deserialize;

use crate::factor::{FactorKind, find};
use crate::flow::{FlowError, Room, verify};
use crate::hooks::{LoginAttempt, Origin};
use crate::identifier::Identifier;
use crate::identity::IdentityState;
use crate::limiter::{LimitKey, count_verification, forgive_verification};
use crate::password::PlainPassword;
use crate::session::Method;
use crate::write::Write;

/// What is asked about.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Proof {
    /// A password.
    Password {
        /// As it was typed.
        password: String,
    },
    /// The code that an authenticator app shows.
    Totp {
        /// As it was typed.
        totp_code: String,
    },
    /// A backup code.
    LookupSecret {
        /// As it was typed.
        lookup_secret: String,
    },
}

impl Proof {
    const fn method(&self) -> Method {
        match self {
            Self::Password { .. } => Method::Password,
            Self::Totp { .. } => Method::Totp,
            Self::LookupSecret { .. } => Method::LookupSecret,
        }
    }
}

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the identity's credential.
    pub verified: bool,
    /// Whether the identity may sign in.
    pub state: IdentityState,
}

/// Why there is nothing to say.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The client's.
    #[error("there is no such identity")]
    NotFound,
    /// As it would fail at a sign-in.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

/// Verifies a proof. The change says that it was asked; it uses up what is good once, and moves an old hash over as a sign-in
/// does. A change that misses means that somebody else used the same: it is decided again.
pub async fn credential(
    room: Room<'_>,
    (actor, address): (Actor, ClientAddress),
    id: IdentityId,
    proof: Proof,
) -> Result<(Verdict, Change<Write>), VerifyError> {
    let found = room.identities.find_identity(room.tenant, id).await.map_err(FlowError::from)?;
    let identity = found.ok_or(VerifyError::NotFound)?;
    let method = proof.method();
    let proven = match proof {
        Proof::Password { password } => by_password(room, address, id, password).await?,
        Proof::Totp { totp_code } => by_factor(room, id, FactorKind::Totp, &totp_code).await?,
        Proof::LookupSecret { lookup_secret } => {
            by_factor(room, id, FactorKind::LookupSecret, &lookup_secret).await?
        }
    };
    let verdict = Verdict { verified: proven.is_some(), state: identity.state };
    let action = if verdict.verified { "credential.verified" } else { "credential.refused" };
    let audit = AuditEvent::new(action, actor, "identity", &id).with("method", &method.as_str());
    let change = Change::new(room.tenant.clone()).audit(audit);
    Ok((
        verdict,
        match proven {
            Some(used) => change.and(used),
            None => change,
        },
    ))
}

/// What a right password changes; `None` for a wrong one.
async fn by_password(
    room: Room<'_>,
    address: ClientAddress,
    id: IdentityId,
    password: String,
) -> Result<Option<Change<Write>>, FlowError> {
    let held = room.identities.list_identifiers(room.tenant, id).await?;
    let held: Vec<Identifier> = held.iter().filter_map(|text| Identifier::parse(text)).collect();
    let limits = &room.settings.limits;
    // Before the hash, as at a sign-in.
    count_verification(room.attempts, limits, room.tenant, &held, room.now).await?;
    let attempt = LoginAttempt {
        identifier: held.first().map(ToString::to_string).unwrap_or_default(),
        method: Method::Password,
        refresh: false,
        origin: Origin { address, user_agent: None },
    };
    let password = PlainPassword::new(password);
    let verified = verify(room, &attempt, held.first(), &password).await?;
    // Who held the identifier may have changed meanwhile.
    let Some(verified) = verified.filter(|verified| verified.identity.id == id) else { return Ok(None) };
    forgive_verification(room.attempts, limits, room.tenant, &held, room.now).await;
    let mut change = verified.moving(room, Change::new(room.tenant.clone()));
    if let Some(rehash) = verified.rehash(room, password).await {
        change = change.and(rehash);
    }
    Ok(Some(change))
}

/// What a right code changes: it is used up, here as at a sign-in. `None` for a wrong or used one, or if there is no such
/// factor.
///
/// Attack: fifty requests verify one code at once, and each is told that it is right. The factor is written with the version that
/// was read, and nobody is told anything before it is.
async fn by_factor(
    room: Room<'_>,
    id: IdentityId,
    kind: FactorKind,
    typed: &str,
) -> Result<Option<Change<Write>>, FlowError> {
    let (key, rate) = (LimitKey::SecondFactor(room.tenant.clone(), id), room.settings.limits.second_factor);
    room.attempts.count(key.clone(), rate, room.now).await?;
    let factors = room.factors.list_factors(room.tenant, id).await?;
    let Some(stored) = find(&factors, kind) else { return Ok(None) };
    let Ok(factor) = stored.factor.consume(typed, room.now) else { return Ok(None) };
    room.attempts.forgive(key, rate, room.now).await;
    let write = Write::SetFactor { identity: id, factor, replaces: Some(stored.version), at: room.now };
    Ok(Some(Change::new(room.tenant.clone()).write(write)))
}
