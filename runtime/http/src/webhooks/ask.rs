//! One call of a webhook from a form: its body, its retries, what became of it.

use std::time::Duration;

use primitives::hook_document::HookDocument;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::outbound::{OutboundError, OutboundResponse};
use primitives::transform::{TransformDecision, TransformPlace, TransformRequest};
use primitives::{Actor, AuditEvent};
use serde_json::{Map, Value};
use tenancy::webhook::Webhook;
use tokio::time::Instant;

use super::answer::{self, Changes, Improper, Said};
use super::context::plain;
use super::request::{Message, NoAnswer, Whose, send};
use crate::call::Call;

/// How long after the first failed attempt the next one is made; each further one waits twice as long.
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// Where a webhook is called, for records: e.g. `registration`.
pub(super) type PlaceName = &'static str;

/// Why a webhook gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failed {
    /// What makes its body failed.
    #[error("its template: {0}")]
    Template(String),
    /// There was no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// Its answer was none.
    #[error(transparent)]
    Improper(#[from] Improper),
}

impl Failed {
    fn kind(&self) -> HookFailureKind {
        match self {
            Self::NoAnswer(NoAnswer::Outbound(OutboundError::Timeout | OutboundError::Connect)) => {
                HookFailureKind::UpstreamTimeout
            }
            Self::Template(_) | Self::NoAnswer(_) | Self::Improper(_) => HookFailureKind::Upstream,
        }
    }
}

/// Asks a webhook that has a say. A failure is closed: nothing is written.
pub(super) async fn ask(
    call: &Call,
    (webhook, place): (&Webhook, PlaceName),
    context: Map<String, Value>,
) -> Result<Said, HookFailure> {
    let sent = context.get("identity").cloned().unwrap_or_default();
    let asked = async {
        let Some(answer) = exchange(call, webhook, context).await? else {
            return Ok(Said::Go(Changes::default()));
        };
        let parses = webhook.response.parse;
        Ok::<_, Failed>(answer::read((answer.status, &answer.body), (&sent, parses))?)
    };
    match asked.await {
        Ok(said) => {
            let outcome = match &said {
                Said::Go(_) => "went_on",
                Said::Stop(_) => {
                    record(call, "webhook.interrupted", (webhook, place), "");
                    "interrupted"
                }
            };
            call.node.metrics.webhook(outcome);
            Ok(said)
        }
        Err(failed) => {
            let kind = failed.kind();
            note(call, (webhook, place), &failed);
            let plugin = format!("{}{}", tenancy::webhook::WEBHOOK_PREFIX, webhook.name);
            Err(HookFailure { plugin, kind, detail: failed.to_string() })
        }
    }
}

/// Tells a webhook that has no say, and waits until it answers. A failure is open.
pub(super) async fn tell(call: &Call, at: (&Webhook, PlaceName), context: Map<String, Value>) {
    let told = async {
        match exchange(call, at.0, context).await? {
            Some(answer) if answer.status >= 300 => {
                Err(Failed::NoAnswer(NoAnswer::Unready(format!("it answered {}", answer.status))))
            }
            Some(_) | None => Ok(()),
        }
    };
    match told.await {
        Ok(()) => call.node.metrics.webhook("went_on"),
        Err(failed) => note(call, at, &failed),
    }
}

/// A failure is in the log and in the tenant's audit records, without anything of what was said.
pub(super) fn note(call: &Call, at: (&Webhook, PlaceName), failed: &Failed) {
    let (webhook, kind) = (&at.0.name, failed.kind().as_str());
    tracing::warn!(request = %call.request, tenant = %call.tenant.id, webhook, kind, %failed, "a webhook failed");
    record(call, "webhook.failed", at, kind);
    call.node.metrics.webhook(kind);
}

fn record(call: &Call, action: &'static str, (webhook, place): (&Webhook, PlaceName), kind: &str) {
    let event = AuditEvent::new(action, Actor::System, "webhook", &webhook.name).with("flow", &place);
    let event = if kind.is_empty() { event } else { event.with("kind", &kind) };
    call.node.storage.audit_stateless(&call.tenant.id, event.with("request", &call.request));
}

/// The body of a call; `None` if the template says that nothing is to be sent.
pub(super) async fn body(
    call: &Call,
    webhook: &Webhook,
    context: Map<String, Value>,
) -> Result<Option<String>, Failed> {
    let Some(template) = &webhook.body else { return Ok(Some(plain(context).to_string())) };
    let too_large = |error: &dyn std::fmt::Display| Failed::Template(error.to_string());
    let subject = context.get("identity").and_then(|identity| identity.get("id")).and_then(Value::as_str);
    let subject = subject.map(str::to_owned);
    let input = Map::from_iter([("ctx".to_owned(), Value::Object(context))]);
    let request = TransformRequest {
        place: TransformPlace::WebhookBody,
        template: template.template.clone(),
        subject,
        input: HookDocument::check(&input).map_err(|error| too_large(&error))?,
    };
    let hook = HookContext {
        tenant: call.tenant.id.clone(),
        organisation: None,
        client: None,
        actor: Actor::Anonymous,
        request: call.request,
    };
    match call.node.transform.transform(&hook, &template.plugin, &request).await {
        Ok(TransformDecision::Output(document)) => Ok(Some(document.to_string())),
        Ok(TransformDecision::Cancel) => Ok(None),
        // Whoever runs plugins has logged why.
        Err(failure) => Err(Failed::Template(failure.kind.as_str().to_owned())),
    }
}

/// Sends a call, and again as often as the webhook allows within its time. `None` if nothing was to be sent.
async fn exchange(
    call: &Call,
    webhook: &Webhook,
    context: Map<String, Value>,
) -> Result<Option<OutboundResponse>, Failed> {
    let until = Instant::now() + webhook.timeout();
    let Some(body) = body(call, webhook, context).await? else { return Ok(None) };
    let id = call.node.rng.uuid().to_string();
    let whose =
        Whose { means: (&*call.node).into(), tenant: &call.tenant.id, by_operator: call.tenant.by_operator };
    let mut wait = FIRST_RETRY;
    for attempt in 0.. {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let answer = send(whose, webhook, Message { id: &id, body: &body }, left).await;
        let is_passing = match &answer {
            Ok(answer) => matches!(answer.status, 502..=504),
            Err(NoAnswer::Outbound(OutboundError::Connect)) => true,
            Err(_) => false,
        };
        let is_last = attempt >= webhook.retries || until.saturating_duration_since(Instant::now()) <= wait;
        if !is_passing || is_last {
            return Ok(Some(answer?));
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    Err(NoAnswer::Outbound(OutboundError::Timeout).into())
}
