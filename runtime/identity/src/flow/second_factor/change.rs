//! Setting second factors up and taking them away.
//!
//! Attack: somebody with a stolen session, or with the password alone, sets up a factor of theirs or takes away that of
//! the owner. So each change needs a young session, and one that has proven a factor if there is one.

use primitives::subject::AssuranceLevel;
use primitives::{Change, SessionClaims};

use super::{FactorButton, LookupForm, TotpForm, audit, proven};
use crate::factor::lookup_secret::LookupSecrets;
use crate::factor::totp::Totp;
use crate::factor::{FactorKind, SecondFactor, StoredFactor, find};
use crate::flow::settings::{owner, privileged, unsaved};
use crate::flow::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission};
use crate::session::LiveSession;
use crate::write::Write;

/// The authenticator app: confirmed by a code, or taken away.
pub(in crate::flow) async fn change_totp(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let (live, mut flow, factors) = begin(room, caller, flow, FactorKind::Totp).await?;
    let stored = find(&factors, FactorKind::Totp);
    if submission.factors.button == Some(FactorButton::TotpUnlink) {
        if stored.is_some() {
            flow.factors.totp = TotpForm::offered(room, live.identity()).await?;
            return Ok(removed(room, live, flow, FactorKind::Totp));
        }
        return Ok(Step::Form(Box::new(flow.with_message(Message::no_totp_device()))));
    }
    let TotpForm::Offered { secret, .. } = flow.factors.totp.clone() else {
        return Ok(Step::Form(Box::new(flow.with_message(Message::no_strategy("settings")))));
    };
    if stored.is_some() {
        // Another form has set one up meanwhile.
        flow.factors.totp = TotpForm::Set;
        return Ok(Step::Form(Box::new(flow.with_message(Message::no_strategy("settings")))));
    }
    let typed = submission.factors.totp_code.filter(|code| !code.trim().is_empty());
    let Some(typed) = typed else {
        flow.refuse_field("totp_code", Message::missing("totp_code"));
        return Ok(Step::Form(Box::new(flow)));
    };
    let Some(totp) = Totp::enrol(secret, &typed, room.now) else {
        flow.refuse_field("totp_code", Message::wrong_totp_code());
        return Ok(Step::Form(Box::new(flow)));
    };
    flow.factors.totp = TotpForm::Set;
    Ok(set(room, live, flow, SecondFactor::Totp(totp), None))
}

/// Backup codes: made, looked at, taken, and taken away.
pub(in crate::flow) async fn change_lookup_secrets(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let (live, mut flow, factors) = begin(room, caller, flow, FactorKind::LookupSecret).await?;
    let stored = find(&factors, FactorKind::LookupSecret);
    let refused = |flow: Flow, message| Ok(Step::Form(Box::new(flow.with_message(message))));
    match (submission.factors.button, stored.map(|stored| (&stored.factor, stored.version))) {
        (Some(FactorButton::LookupSecretRegenerate), _) if room.settings.lookup_secret.enabled => {
            flow.factors.lookup_secret = LookupForm::Proposed(LookupSecrets::generate(room.rng));
            Ok(Step::Shown(Box::new(flow), Change::new(room.tenant.clone())))
        }
        (Some(FactorButton::LookupSecretReveal), Some((SecondFactor::LookupSecret(codes), _))) => {
            flow.factors.lookup_secret = LookupForm::Revealed(codes.clone());
            let seen = audit("identity.credential_revealed", live, FactorKind::LookupSecret.method());
            Ok(Step::Shown(Box::new(flow), Change::new(room.tenant.clone()).audit(seen)))
        }
        (Some(FactorButton::LookupSecretConfirm), stored) => {
            let LookupForm::Proposed(codes) = flow.factors.lookup_secret.clone() else {
                return refused(flow, Message::no_strategy("settings"));
            };
            flow.factors.lookup_secret = LookupForm::Set;
            let version = stored.map(|(_, version)| version);
            Ok(set(room, live, flow, SecondFactor::LookupSecret(codes), version))
        }
        (Some(FactorButton::LookupSecretDisable), Some(_)) => {
            flow.factors.lookup_secret = LookupForm::absent(room);
            Ok(removed(room, live, flow, FactorKind::LookupSecret))
        }
        (Some(FactorButton::LookupSecretReveal | FactorButton::LookupSecretDisable), _) => {
            refused(flow, Message::no_lookup_secrets())
        }
        (Some(FactorButton::LookupSecretRegenerate | FactorButton::TotpUnlink) | None, _) => {
            refused(flow, Message::no_strategy("settings"))
        }
    }
}

/// Who may change a factor, the form without what it said, and the factors that there are.
async fn begin<'a>(
    room: Room<'_>,
    caller: Caller<'a>,
    flow: Flow,
    kind: FactorKind,
) -> Result<(&'a LiveSession, Flow, Vec<StoredFactor>), FlowError> {
    let live = owner(room, &flow, caller)?;
    privileged(room, live)?;
    let factors = room.factors.list_factors(room.tenant, live.identity().id).await?;
    // A security key is one, too, and not among these.
    let has_one = !factors.is_empty() || live.identity().available >= AssuranceLevel::Aal2;
    if has_one && live.session().assurance < AssuranceLevel::Aal2 {
        return Err(FlowError::SecondFactorRequired);
    }
    Ok((live, unsaved(flow).tried(Some(kind.method())), factors))
}

/// The factor is set up, and so proven in this session.
fn set(room: Room<'_>, live: &LiveSession, flow: Flow, factor: SecondFactor, replaces: Option<i64>) -> Step {
    let kind = factor.kind();
    let write = Write::SetFactor { identity: live.identity().id, factor, replaces, at: room.now };
    let added = audit("identity.credential_added", live, kind.method());
    let change = Change::new(room.tenant.clone()).write(write).audit(added);
    let (_, change) = proven(room, live, kind.method(), SessionClaims::default(), change);
    saved(live, flow, change)
}

fn removed(room: Room<'_>, live: &LiveSession, flow: Flow, kind: FactorKind) -> Step {
    let write = Write::RemoveFactor { identity: live.identity().id, kind };
    let gone = audit("identity.credential_removed", live, kind.method());
    saved(live, flow, Change::new(room.tenant.clone()).write(write).audit(gone))
}

/// Plugins are not told: what they can be told of has no word for second factors.
fn saved(live: &LiveSession, mut flow: Flow, change: Change<Write>) -> Step {
    if let FlowKind::Settings { saved, .. } = &mut flow.kind {
        *saved = true;
    }
    let flow = Box::new(flow.with_message(Message::saved()));
    let identity = Box::new(live.identity().clone());
    Step::Saved { flow, what: None, identity, verifications: Vec::new(), change }
}
