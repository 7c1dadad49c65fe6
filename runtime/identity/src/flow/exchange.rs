//! A native application whose user signs in with another provider, in a browser: the session changes hands by two codes.
//!
//! The form is begun with the first code, which the application keeps to itself. The browser goes to the provider, comes
//! back here, and is sent on to the form's `return_to` with the second one. Whoever brings both gets the session, once.
//!
//! | who has | gets |
//! |---|---|
//! | the first code, and talks somebody into finishing the form | nothing: the second one goes to an address of the list |
//! | the second one, off an address, a log, another application | nothing: the first was never in a browser |
//! | the id of the form | nothing: neither code follows from it, and what comes back from a provider is not kept with it |
//!
//! Attack: an application begins a form, and somebody else finishes it in their browser. Whatever needs one more step (a
//! trait that is missing, an account that must be proven) would be left in a form that opens by its id alone, for whoever
//! began it to go on with. So here a provider's word counts as it is or not at all, and it completes nothing that the form
//! was left with before, no link and no invitation.
//!
//! The first code is derived from the form's id, and costs no row; of the second a keyed hash is kept.

use std::time::Duration;

use primitives::{
    Actor, AuditEvent, Change, FlowId, KeyedHash, Sealer, Secret, TenantId, Timestamp, base64url,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Caller, Flow, FlowError, FlowKind, PendingChange, Room, SignedIn, Step, Transport};
use crate::identity::IdentityState;
use crate::return_to::ReturnTo;
use crate::session::{Method, Session, SessionToken};
use crate::write::Write;

const INIT_PURPOSE: &str = "session_exchange_init";
const RETURN_PURPOSE: &str = "session_exchange_return";
/// How long the application has to fetch the session, once its user is back.
const LIFESPAN: Duration = Duration::from_mins(5);

/// That a form's session is fetched with two codes, and the session once it is ready.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ready: Option<Box<Ready>>,
}

/// A session that waits to be fetched. It does not exist yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Ready {
    /// The keyed hash of the second code, in base64url.
    code: String,
    until: Timestamp,
    session: Session,
}

/// The first code of a form.
pub fn init_code(sealer: &Sealer, tenant: &TenantId, flow: FlowId) -> String {
    let id = flow.0.as_bytes();
    let hash = sealer.hash(tenant, INIT_PURPOSE, id);
    base64url::encode([id.as_slice(), hash.0.as_slice()].concat())
}

/// The form of a first code, if it is one of ours.
pub fn flow_of_init_code(sealer: &Sealer, tenant: &TenantId, code: &str) -> Option<FlowId> {
    let bytes = base64url::decode(code)?;
    let (id, hash) = bytes.split_first_chunk::<16>()?;
    let is_ours = sealer.verify_hash(tenant, INIT_PURPOSE, id, &KeyedHash(hash.to_vec()));
    is_ours.then(|| FlowId(Uuid::from_bytes(*id)))
}

impl Flow {
    /// Whether somebody may be sent to a provider on behalf of the application that shows it.
    pub(super) fn exchanges(&self) -> bool {
        let fresh = match &self.kind {
            FlowKind::Login { refresh, select_account, .. } => refresh.is_none() && !select_account,
            FlowKind::Registration { .. } => self.invitation.is_none(),
            FlowKind::Settings { .. } | FlowKind::Verification { .. } | FlowKind::Recovery { .. } => false,
        };
        fresh && self.exchange.is_some() && self.transport == Transport::Api && !self.is_step_up()
    }
}

/// What it led to for an application that a provider said who its user is.
#[derive(Debug)]
pub enum ForApplication {
    /// The session waits for whoever brings both codes.
    Ready {
        /// The form, which keeps it.
        flow: Box<Flow>,
        /// The second code.
        code: Secret<String>,
        /// The forms that verify addresses of a new account, to be stored.
        verifications: Vec<Flow>,
        /// To apply with the form.
        change: Change<Write>,
    },
    /// A plugin sends whoever signs in elsewhere.
    Elsewhere(ReturnTo),
    /// Nobody is signed in: the message that a form would show, if it would show one. Nothing of it is kept.
    Refused(Option<u32>),
}

/// Keeps the session that a step begins for its application. `flow` is the form as it was before.
pub fn for_application(room: Room<'_>, flow: &Flow, step: Step) -> ForApplication {
    let (session, verifications, change) = match step {
        Step::SignedIn(signed_in) => (Some(signed_in.session), Vec::new(), signed_in.change),
        Step::Registered { session, verifications, change, .. } => {
            (session.map(|(session, _)| session), verifications, change)
        }
        Step::Once(step) => return for_application(room, flow, *step),
        Step::Elsewhere(place) => return ForApplication::Elsewhere(place),
        Step::Form(form) | Step::Refused(form, _) => {
            let message = form.messages.first().or(form.field_messages.first().map(|(_, message)| message));
            return ForApplication::Refused(message.map(|message| message.id));
        }
        Step::Shown(..)
        | Step::ToProvider(_)
        | Step::SentOn(..)
        | Step::Refreshed { .. }
        | Step::Saved { .. }
        | Step::Challenged { .. }
        | Step::WrongCode(_)
        | Step::Trusted { .. }
        | Step::Verified { .. }
        | Step::Recovered(_) => return ForApplication::Refused(None),
    };
    let Some(session) = session else { return ForApplication::Refused(None) };
    let code = Secret::new(room.rng.token());
    let ready = Ready {
        code: base64url::encode(
            room.sealer.hash(room.tenant, RETURN_PURPOSE, &bound(flow.id, code.expose())).0,
        ),
        until: room.now.after(LIFESPAN).min(flow.expires_at),
        session,
    };
    let exchange = Some(Exchange { ready: Some(Box::new(ready)) });
    let flow = Box::new(Flow { exchange, ..flow.clone() });
    ForApplication::Ready { flow, code, verifications, change: change.without_session() }
}

/// The session of a form, for whoever has brought its first code and brings this second one.
///
/// The form is to be taken away in the same change: of many who bring both codes at a time one gets the session.
pub async fn redeem(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: &Flow,
    code: &str,
) -> Result<Option<Step>, FlowError> {
    let Some(ready) = flow.exchange.as_ref().and_then(|exchange| exchange.ready.as_deref()) else {
        return Ok(None);
    };
    let hash = KeyedHash(base64url::decode(&ready.code).unwrap_or_default());
    let is_right = room.sealer.verify_hash(room.tenant, RETURN_PURPOSE, &bound(flow.id, code), &hash);
    if !is_right || room.now >= ready.until {
        return Ok(None);
    }
    let found = room.identities.find_identity(room.tenant, ready.session.identity).await?;
    let Some(identity) = found.filter(|identity| identity.state == IdentityState::Active) else {
        return Ok(None);
    };
    // It is the application's, whatever browser its user went through.
    let session = Session { device: caller.device(room.rng), ..ready.session.clone() };
    let token = SessionToken::generate(room.rng);
    let audit = AuditEvent::new("session.created", Actor::Subject(identity.id), "session", &session.id)
        .with("method", &Method::Oidc.as_str())
        .with("exchange", &flow.id);
    let change = Change::new(room.tenant.clone()).audit(audit);
    let change = PendingChange::new(change, Some((session.clone(), token.clone())));
    Ok(Some(Step::SignedIn(Box::new(SignedIn {
        identity,
        session,
        token,
        change,
        rehash: None,
        demands_second_factor: false,
    }))))
}

fn bound(flow: FlowId, code: &str) -> Vec<u8> {
    [flow.0.as_bytes().as_slice(), code.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;
    use primitives::seal::{DataKey, Keyring};

    use super::*;

    #[test]
    fn first_code_is_one_forms_in_one_tenant() {
        let sealer = Sealer::new(
            Keyring::new(DataKey { id: 1, material: [7; 32].into() }, []),
            std::sync::Arc::new(SeededRng::new(3)),
        );
        let rng = SeededRng::new(1);
        let (acme, other): (TenantId, TenantId) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let flow = FlowId::generate(&rng);
        let code = init_code(&sealer, &acme, flow);
        assert_eq!(flow_of_init_code(&sealer, &acme, &code), Some(flow));
        assert_eq!(flow_of_init_code(&sealer, &other, &code), None);
        let id_alone = base64url::encode(flow.0.as_bytes());
        let elses = init_code(&sealer, &acme, FlowId::generate(&rng));
        let mixed = format!("{}{}", &code[..24], &elses[24..]);
        for text in ["", "x", &id_alone, &mixed, &code[..code.len() - 4]] {
            assert_eq!(flow_of_init_code(&sealer, &acme, text), None, "{text}");
        }
    }
}
