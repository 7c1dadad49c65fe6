//! Signing in, signing up and linking with other providers, as far as forms go.
//!
//! A form's button sends the browser to a provider ([`submitted`]); what the provider says of somebody comes back to
//! [`arrived`]. An account is known by its link alone: provider and subject. An address that a provider names is never
//! enough to be let into an account that has the same one, since whoever runs a provider, or gets an address there, would
//! be let into everybody's: whoever wants the two to be one proves the account first ([`link`]).

mod form;
mod heard;
mod link;
mod nodes;
mod sign_in;
mod sign_up;
mod submission;

pub use form::{ProviderForm, Waiting};
pub(super) use link::Linking;
pub(super) use nodes::{completion_nodes, login_nodes, registration_nodes, settings_nodes};
pub use submission::ProviderSubmission;

use primitives::{Actor, Change};

use super::{Caller, Flow, FlowError, FlowKind, Message, Room, Step, Submission, Transport};
use crate::limiter::{count_attempt, forgive_attempt};
use crate::organisation::policy::governed;
use crate::providers::{Beginning, PresentedIdToken, ProvenElsewhere, ProviderFailure};
use crate::session::{AuthenticationMethod, Method};
use crate::write::{NewLink, Write};

/// What a submitted form with one of a provider's buttons leads to.
pub(super) async fn submitted(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    let asked = submission.federation;
    if matches!(flow.kind, FlowKind::Settings { .. }) {
        if let Some(provider) = asked.unlink {
            return link::unlink(room, caller, flow, &provider).await;
        }
        link::may_change(room, &flow, caller).await?;
        let Some(provider) = asked.link else { return Ok(no_strategy(flow)) };
        let flow = super::settings::unsaved(flow);
        return ask(room, caller, flow, &provider, &asked.parameters).await;
    }
    if flow.federation.is_completing() && asked.is_of(flow.federation.waiting()) {
        return sign_up::complete(room, caller, flow, submission.traits.unwrap_or_default()).await;
    }
    let Some(provider) = asked.provider else { return Ok(no_strategy(flow)) };
    let Some(id_token) = asked.id_token else {
        return ask(room, caller, flow, &provider, &asked.parameters).await;
    };
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    let presented =
        PresentedIdToken { provider: &provider, id_token: &id_token, nonce: asked.id_token_nonce.as_deref() };
    match room.providers.check_id_token(presented).await {
        Ok(who) => Box::pin(at_home(room, caller, flow, who)).await,
        Err(failure) => Ok(provider_failed(room, flow, &failure)),
    }
}

/// Sends the browser to a provider.
///
/// Attack: an application begins a form, which opens by its id alone, and has somebody else's browser come back to it. So
/// forms of browsers lead there, and those whose session needs two codes ([`exchange`](super::exchange)); any other
/// application presents an ID token.
async fn ask(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    provider: &str,
    parameters: &std::collections::BTreeMap<String, String>,
) -> Result<Step, FlowError> {
    if flow.transport == Transport::Api && !flow.exchanges() {
        return Ok(no_strategy(flow));
    }
    // Each time the provider may be asked things before the browser goes there.
    count_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await?;
    match room.providers.begin(Beginning { flow: &flow, provider, parameters }).await {
        Ok(url) => Ok(Step::ToProvider(url)),
        Err(ProviderFailure::Unknown) => Ok(no_strategy(flow)),
        Err(failure) => Ok(provider_failed(room, flow, &failure)),
    }
}

/// Sends the browser to the one provider by which an address's people come. Nobody pressed a button: the form is kept, and
/// offers it and what else there is to whoever comes back.
pub(super) async fn send_on(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    provider: &str,
    typed: &str,
) -> Result<Step, FlowError> {
    let hint = std::collections::BTreeMap::from([("login_hint".to_owned(), typed.to_owned())]);
    Ok(match ask(room, caller, flow.clone(), provider, &hint).await? {
        Step::ToProvider(url) => Step::SentOn(Box::new(flow), url),
        other => other,
    })
}

/// What it leads to that a provider has said who somebody is, for the form that sent them there.
///
/// The caller has checked before that the flow is this browser's and not expired, and has marked the answer as used.
pub async fn arrived(
    room: Room<'_>,
    caller: Caller<'_>,
    mut flow: Flow,
    who: ProvenElsewhere,
) -> Result<Step, FlowError> {
    if flow.transport == Transport::Api {
        // Whoever came back need not be who left something waiting in it.
        flow.federation = flow.federation.renewed();
    }
    let linking = Linking::of(&flow);
    let asked = flow.clone();
    let step = Box::pin(at_home(room, caller, flow, who)).await?;
    let step = match linking {
        Some(linking) => linking.complete(room, step).await?,
        None => step,
    };
    // An organisation has its say here as in [`crate::next_step`].
    Box::pin(governed(room, asked, step)).await
}

async fn at_home(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    who: ProvenElsewhere,
) -> Result<Step, FlowError> {
    let step = match flow.kind {
        FlowKind::Settings { .. } => link::link(room, caller, flow, who).await?,
        FlowKind::Login { .. } | FlowKind::Registration { .. } => {
            match room.links.find_by_link(room.tenant, &who.provider, &who.subject).await? {
                Some((identity, known)) => {
                    sign_in::sign_in(room, caller, flow, (identity, known), who).await?
                }
                None => sign_up::sign_up(room, caller, flow, who).await?,
            }
        }
        FlowKind::Verification { .. } | FlowKind::Recovery { .. } => return Err(FlowError::IdentityMismatch),
    };
    forgive_attempt(room.attempts, &room.settings.limits, room.tenant, (caller.address, None), room.now)
        .await;
    Ok(step)
}

/// The form again, saying that a provider failed or refused. Nothing else changes.
pub fn provider_failed(room: Room<'_>, flow: Flow, failure: &ProviderFailure) -> Step {
    let message = match failure {
        ProviderFailure::Unknown => return no_strategy(flow),
        ProviderFailure::Upstream { provider, .. } => Message::provider_failed(provider, room.request),
        ProviderFailure::Denied { provider, .. } => Message::provider_refused(provider, room.request),
    };
    Step::Form(Box::new(flow.tried(Some(Method::Oidc)).with_message(message)))
}

/// Whether a form may be what somebody was sent to a provider from.
pub fn fits_callback(flow: &Flow) -> bool {
    let of_browser = || {
        flow.transport == Transport::Browser
            && matches!(
                flow.kind,
                FlowKind::Login { .. } | FlowKind::Registration { .. } | FlowKind::Settings { .. }
            )
    };
    !flow.is_step_up() && (flow.exchanges() || of_browser())
}

/// The form after an answer to it came back; `None` if that one came back before.
///
/// Attack: an answer of a provider is sent to us twice. The flow remembers which ones came, in a write that of many at a
/// time one makes.
pub fn mark_used(mut flow: Flow, answer: &str) -> Option<Flow> {
    flow.federation.mark_used(answer).then_some(flow)
}

fn no_strategy(flow: Flow) -> Step {
    let message = Message::no_strategy(flow.kind.as_str());
    Step::Form(Box::new(flow.tried(None).with_message(message)))
}

fn proof(room: Room<'_>, who: &ProvenElsewhere) -> AuthenticationMethod {
    let aal = primitives::subject::AssuranceLevel::Aal1;
    AuthenticationMethod {
        upstream: Some(who.upstream.clone()),
        ..AuthenticationMethod::new(Method::Oidc, aal, room.now)
    }
}

fn new_link(who: &ProvenElsewhere) -> Box<NewLink> {
    Box::new(NewLink {
        provider: who.provider.clone(),
        subject: who.subject.clone(),
        organisation: who.organisation,
        tokens: who.tokens.clone(),
    })
}

/// The change that links somebody.
fn linked(
    room: Room<'_>,
    identity: primitives::IdentityId,
    who: &ProvenElsewhere,
    change: Change<Write>,
) -> Change<Write> {
    let audit = primitives::AuditEvent::new(
        "identity.credential_added",
        Actor::Subject(identity),
        "identity",
        &identity,
    );
    change
        .write(Write::LinkProvider { identity, link: new_link(who), at: room.now })
        .audit(audit.with("type", &"oidc").with("provider", &who.provider))
}
