//! Webhooks around what a form led to: those that have a say before it is written, the others when it is.

use identity::flow::FlowKind;
use identity::hooks::Refusals;
use identity::session::Session;
use identity::{Flow, Identity, Problem, Step, Write};
use primitives::{Actor, AuditEvent, Change};
use serde_json::{Map, Value};
use tenancy::webhook::{FlowName, NewWebhookMessage, Stage, Webhook, at_place};

use super::answer::{Changes, Said};
use super::ask::{self, ask};
use super::context::Submitted;
use super::hooks::FormHooks;

/// Whether a step may be written.
#[expect(clippy::large_enum_variant, reason = "one lives at a time, for one request")]
pub(crate) enum Gate {
    /// It may, and these are told then.
    Open(Step, Option<Tell>),
    /// It may not: the form says why.
    Shut(Box<Flow>),
}

/// Whom to tell, and of what, when a step is written.
pub(crate) struct Tell {
    flow: FlowName,
    webhooks: Vec<Webhook>,
    context: Map<String, Value>,
}

/// What a step is about, for webhooks.
struct About {
    flow: FlowName,
    method: Option<&'static str>,
    identity: Identity,
    session: Option<Session>,
    /// Whether those that have a say were asked before, where what they say could still change what is decided.
    asked: bool,
}

fn about(submitted: Submitted<'_>, step: &Step, method: Option<&'static str>) -> Option<About> {
    let live = submitted.session;
    Some(match step {
        Step::SignedIn(signed_in) => About {
            flow: FlowName::Login,
            method: signed_in.session.methods.last().map(|proof| proof.method.as_str()),
            identity: signed_in.identity.clone(),
            session: Some(signed_in.session.clone()),
            asked: false,
        },
        Step::Refreshed { session, .. } => About {
            flow: FlowName::Login,
            method: session.methods.last().map(|proof| proof.method.as_str()),
            identity: live?.identity().clone(),
            session: Some(session.clone()),
            asked: false,
        },
        Step::Registered { identity, session, .. } => About {
            flow: FlowName::Registration,
            method,
            identity: identity.clone(),
            session: session.as_ref().map(|(session, _)| session.clone()),
            asked: true,
        },
        Step::Saved { flow, identity, .. } => About {
            flow: FlowName::Settings,
            method: Some(flow.active.map_or("profile", |method| method.as_str())),
            identity: (**identity).clone(),
            session: live.map(|live| live.session().clone()),
            asked: flow.active.is_none(),
        },
        Step::Verified { identity, .. } => About {
            flow: FlowName::Verification,
            method: None,
            identity: (**identity).clone(),
            session: live.map(|live| live.session().clone()),
            asked: false,
        },
        Step::Recovered(recovered) => About {
            flow: FlowName::Recovery,
            method: None,
            identity: recovered.identity.clone(),
            session: Some(recovered.session.clone()),
            asked: false,
        },
        Step::Form(_)
        | Step::Refused(..)
        | Step::Shown(..)
        | Step::Elsewhere(_)
        | Step::ToProvider(_)
        | Step::SentOn(..)
        | Step::Challenged { .. }
        | Step::WrongCode(_)
        // What they hold comes by itself.
        | Step::Once(_)
        | Step::Trusted { .. } => return None,
    })
}

/// Asks those that have a say whether a step may be written, and says whom to tell then.
pub(crate) async fn passes(
    submitted: Submitted<'_>,
    (hooks, method): (&FormHooks<'_>, Option<&'static str>),
    mut step: Step,
) -> Result<Gate, Problem> {
    let call = submitted.call;
    let Some(about) = about(submitted, &step, method) else { return Ok(Gate::Open(step, None)) };
    let all = at_place(&call.tenant.webhooks, (about.flow, Stage::After), about.method);
    let (with_a_say, others): (Vec<&Webhook>, Vec<&Webhook>) =
        all.into_iter().partition(|webhook| webhook.has_a_say());
    let context = || {
        let session = about.session.as_ref().map(|session| submitted.session(session, &about.identity));
        submitted.context(Some(&submitted.identity(&about.identity)), session.as_ref())
    };
    let mut said = hooks.take_said();
    for webhook in with_a_say.into_iter().filter(|_| !about.asked) {
        match ask(call, (webhook, about.flow.as_str()), context()).await? {
            Said::Go(changes) => {
                said.metadata_public = changes.metadata_public.or(said.metadata_public);
                said.metadata_admin = changes.metadata_admin.or(said.metadata_admin);
            }
            Said::Stop(messages) => {
                // Of these two the form shows traits; of the others what is said of one is said of the whole.
                let has_traits = matches!(about.flow, FlowName::Registration | FlowName::Settings);
                let messages = messages.into_iter();
                let messages = messages.map(|(field, message)| (field.filter(|_| has_traits), message));
                let refusals = Refusals { messages: messages.collect(), ..Refusals::default() };
                let schema = crate::self_service::room(call).schema(&submitted.flow.schema);
                let mut flow = submitted.flow.clone();
                (flow.messages, flow.field_messages) = (Vec::new(), Vec::new());
                if let FlowKind::Settings { saved, .. } = &mut flow.kind {
                    *saved = false;
                }
                return Ok(Gate::Shut(Box::new(flow.refused(refusals, schema))));
            }
        }
    }
    if let Step::Saved { identity, change, .. } = &mut step {
        with_metadata(identity, change, &said);
    }
    let tell = (!others.is_empty()).then(|| Tell {
        flow: about.flow,
        webhooks: others.into_iter().cloned().collect(),
        context: context(),
    });
    Ok(Gate::Open(step, tell))
}

/// Whom to tell of an account that is made while its session waits for an application to fetch it. Those that have a say
/// were asked before, as for any account.
pub(crate) fn signed_up(
    submitted: Submitted<'_>,
    method: Option<&'static str>,
    identity: &Identity,
) -> Option<Tell> {
    let flow = FlowName::Registration;
    let all = at_place(&submitted.call.tenant.webhooks, (flow, Stage::After), method);
    let webhooks: Vec<Webhook> = all.into_iter().filter(|webhook| !webhook.has_a_say()).cloned().collect();
    // There is no session yet.
    let context = || submitted.context(Some(&submitted.identity(identity)), None);
    (!webhooks.is_empty()).then(|| Tell { flow, webhooks, context: context() })
}

/// An account that is changed gets the metadata that webhooks gave it, in the same change.
fn with_metadata(identity: &mut Identity, change: &mut Change<Write>, said: &Changes) {
    if said.metadata_public.is_none() && said.metadata_admin.is_none() {
        return;
    }
    let set = |identity: &mut Identity| {
        if let Some(metadata) = &said.metadata_public {
            identity.metadata_public = Some(Value::Object(metadata.clone()));
        }
        if let Some(metadata) = &said.metadata_admin {
            identity.metadata_admin = Some(Value::Object(metadata.clone()));
        }
    };
    set(identity);
    let mut is_replaced = false;
    for write in &mut change.writes {
        if let Write::ReplaceIdentity(replaced) = write {
            set(replaced);
            is_replaced = true;
        }
    }
    if !is_replaced {
        // First: what else is written of a credential counts on, and this is guarded by the count that was read.
        change.writes.insert(0, Write::ReplaceIdentity(Box::new(identity.clone())));
    }
}

impl Tell {
    /// Tells them. What is written stays, whatever becomes of it.
    pub(crate) async fn tell(self, submitted: Submitted<'_>) {
        let call = submitted.call;
        for webhook in &self.webhooks {
            let at = (webhook, self.flow.as_str());
            if webhook.response.ignore {
                keep(submitted, at, self.context.clone()).await;
            } else {
                ask::tell(call, at, self.context.clone()).await;
            }
        }
    }
}

/// Keeps a message for whom nobody waits: it is sent in the background until it is taken.
async fn keep(submitted: Submitted<'_>, at: (&Webhook, &'static str), context: Map<String, Value>) {
    let call = submitted.call;
    let body = match ask::body(call, at.0, context).await {
        Ok(Some(body)) => body,
        Ok(None) => return,
        Err(failed) => return ask::note(call, at, &failed),
    };
    let message = NewWebhookMessage {
        webhook: at.0.name.clone(),
        id: call.node.rng.uuid(),
        topic: at.1.to_owned(),
        body,
        at: call.now(),
    };
    let write = tenancy::Write::QueueWebhookMessage(Box::new(message));
    if let Err(error) = call.node.storage.apply(Change::new(call.tenant.id.clone()).write(write)).await {
        tracing::error!(request = %call.request, webhook = at.0.name, %error, "a message to a webhook was not kept");
        let lost = AuditEvent::new("webhook.failed", Actor::System, "webhook", &at.0.name)
            .with("flow", &at.1)
            .with("kind", &"not_kept");
        call.node.storage.audit_stateless(&call.tenant.id, lost);
    }
}

/// Asks and tells the webhooks of a form that begins; whether it may.
pub(crate) async fn begins(submitted: Submitted<'_>, flow: FlowName) -> Result<(), Problem> {
    let call = submitted.call;
    for webhook in at_place(&call.tenant.webhooks, (flow, Stage::Before), None) {
        let live = submitted.session;
        let identity = live.map(|live| submitted.identity(live.identity()));
        let session = live.map(|live| submitted.session(live.session(), live.identity()));
        let (at, context) =
            ((webhook, flow.as_str()), submitted.context(identity.as_ref(), session.as_ref()));
        if webhook.has_a_say() {
            if let Said::Stop(messages) = ask(call, at, context).await? {
                let words = messages.into_iter().map(|(_, message)| message.text).next();
                let is_program = call.wants_json() || call.path.ends_with("/api");
                return Err(match words.filter(|_| is_program) {
                    Some(words) => Problem::BadRequest(words),
                    None => Problem::Interrupted,
                });
            }
        } else if webhook.response.ignore {
            keep(submitted, at, context).await;
        } else {
            ask::tell(call, at, context).await;
        }
    }
    Ok(())
}
