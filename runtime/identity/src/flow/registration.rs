//! Signing up with a password.

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change, IdentityId};

use super::{
    Caller, Flow, FlowError, Message, PendingChange, Room, Screen, Step, Submission, code_registration,
    verification,
};
use crate::hooks::{LoginAttempt, LoginOutcome};
use crate::identity::Identity;
use crate::limiter::count_attempt;
use crate::password::check_policy;
use crate::schema::CheckedTraits;
use crate::session::{AuthenticationMethod, Method, Session, SessionToken};
use crate::settings::{AccountEnumeration, Settings};
use crate::write::Write;

pub(super) async fn with_password(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    if !room.settings.registration_enabled && flow.invitation.is_none() {
        return Err(FlowError::RegistrationDisabled);
    }
    let mut flow = flow.tried(Some(Method::Password));
    // Of a form in two steps the profile is there.
    let known = (flow.screen == Screen::Credentials).then(|| std::mem::take(&mut flow.values));
    flow.values = submission.traits.or(known).unwrap_or_default();
    // Creating accounts is never forgiven: a flood of sign-ups is one too.
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;

    let password = submission.password.filter(|password| !password.expose().is_empty());
    let checked = match room.schema(&flow.schema).check_traits(flow.values.clone()) {
        Ok(checked) => Some(checked),
        Err(violations) => {
            for violation in &violations {
                flow.refuse_field(&violation.field, violation.into());
            }
            if flow.screen == Screen::Credentials {
                flow.screen = Screen::Profile;
            }
            None
        }
    };
    match &password {
        None => flow.refuse_field("password", Message::missing("password")),
        Some(password) => {
            let identifiers = checked.as_ref().map_or(&[][..], CheckedTraits::identifiers);
            if let Err(violation) = check_policy(password, identifiers, &room.settings.password) {
                flow.refuse_field("password", (&violation).into());
            }
        }
    }
    let (Some(checked), Some(password), true) = (checked, password, flow.field_messages.is_empty()) else {
        return Ok(Step::Form(Box::new(flow)));
    };
    let schema = room.schema(&flow.schema);
    let context = room.hook_context(Actor::Anonymous, None);
    let checked = match room.admit(&context, schema, checked, Some(caller.origin())).await? {
        Ok(checked) => checked,
        Err(refusals) => return Ok(Step::Form(Box::new(flow.refused(refusals, schema)))),
    };
    if let Err(violation) = check_policy(&password, checked.identifiers(), &room.settings.password) {
        // Once more: a plugin may have given other identifiers.
        flow.refuse_field("password", (&violation).into());
        return Ok(Step::Form(Box::new(flow)));
    }
    if checked.identifiers().is_empty() {
        return Ok(Step::Form(Box::new(flow.with_message(Message::identifier_missing()))));
    }
    let mut taken = false;
    for identifier in checked.identifiers() {
        taken |= room.identities.find_look_alike(room.tenant, identifier).await?.is_some();
    }
    if taken && room.settings.account_enumeration == AccountEnumeration::Disclose {
        return Ok(Step::Form(Box::new(identifier_taken(flow, room.settings))));
    }
    let hashed = match room.hash_new::<FlowError>(password).await? {
        Ok(hashed) => hashed,
        Err(violation) => {
            flow.refuse_field("password", (&violation).into());
            return Ok(Step::Form(Box::new(flow)));
        }
    };
    if room.settings.account_enumeration == AccountEnumeration::Mitigate
        && let Some(address) = code_registration::address_of(&checked)
    {
        return code_registration::after_proof(room, caller, flow, address, (taken, hashed)).await;
    }
    if taken {
        // Not before the hash: who must not learn it from words must not learn it from time.
        return Ok(Step::Form(Box::new(identifier_taken(flow, room.settings))));
    }
    let identity = Identity::new(IdentityId::generate_at(room.rng, room.now), &checked, room.rng, room.now);
    let identity = room.added(&context, identity).await?;
    let session = if room.settings.flow.session_after_registration {
        first_session(room, caller, &identity, (&checked, Method::Password)).await?
    } else {
        None
    };
    let change = creation(room, &identity, &checked, Actor::Anonymous).write(Write::SetPassword {
        identity: identity.id,
        password: hashed,
        at: room.now,
    });
    let (verifications, codes) = verification::begun(room, caller, &flow, (&identity, None)).await;
    let change = codes.into_iter().fold(change, Change::write);
    let change = PendingChange::new(change, session.clone());
    Ok(Step::Registered { identity, session, verifications, change })
}

/// The session of somebody who has just signed up, unless a plugin denies it.
///
/// Attack: somebody who may have an account and may not sign in, before they are approved, say, signs up and is in. So the
/// hook `login` is asked here as at any other sign-in. Whom it denies has the account and no session: when they sign in
/// they see why.
pub(super) async fn first_session(
    room: Room<'_>,
    caller: Caller<'_>,
    identity: &Identity,
    (checked, method): (&CheckedTraits, Method),
) -> Result<Option<(Session, SessionToken)>, FlowError> {
    let attempt = LoginAttempt {
        identifier: checked.identifiers().first().map(ToString::to_string).unwrap_or_default(),
        method,
        refresh: false,
        origin: caller.origin(),
    };
    let context = room.hook_context(Actor::Subject(identity.id), Some(identity));
    let claims = match room.hooks.after_login(&context, &attempt, identity).await? {
        LoginOutcome::Allow { claims } => claims,
        LoginOutcome::Deny { .. } | LoginOutcome::RequireSecondFactor => return Ok(None),
    };
    let proof = AuthenticationMethod::new(method, AssuranceLevel::Aal1, room.now);
    let device = caller.device(room.rng);
    let session = Session::begin(room.rng, identity, proof, device, &room.settings.session);
    Ok(Some((Session { claims, ..session }, SessionToken::generate(room.rng))))
}

/// The form again, because an identifier (or a look-alike) is taken: found before, or by the guard of
/// the change when two people were at it.
pub fn identifier_taken(flow: Flow, settings: &Settings) -> Flow {
    flow.with_message(match settings.account_enumeration {
        AccountEnumeration::Disclose => Message::duplicate_credentials(),
        AccountEnumeration::Mitigate => Message::generic("The account could not be created with this input."),
    })
}

/// The writes that make an identity with its identifiers.
pub(crate) fn creation(
    room: Room<'_>,
    identity: &Identity,
    checked: &CheckedTraits,
    actor: Actor,
) -> Change<Write> {
    let audit = AuditEvent::new("identity.created", actor, "identity", &identity.id);
    let change = Change::new(room.tenant.clone()).write(Write::InsertIdentity(Box::new(identity.clone())));
    checked
        .identifiers()
        .iter()
        .fold(change, |change, identifier| {
            change.write(Write::ClaimIdentifier { identity: identity.id, identifier: identifier.clone() })
        })
        .audit(audit)
}
