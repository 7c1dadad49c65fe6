//! Asks the server that a tenant has as its token hook: once, within its time, and not too often at a time.

use std::sync::Arc;

use config::tenant::token_hook;
use futures_util::future::BoxFuture;
use oauth2::settings::Settings;
use oauth2::token_webhook::{self, Improper, NAME, Question, TokenWebhook, TokenWebhookAnswer};
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::outbound::{Outbound, OutboundError};
use primitives::{Actor, AuditEvent, Clock, RequestId, Rng, TenantId};
use storage::Storage;
use tenancy::webhook::{WEBHOOK_PREFIX, Webhook};
use tokio::sync::Semaphore;

use super::request::{Means, Message, NoAnswer, Whose, send};
use crate::metrics::HttpMetrics;
use crate::node::Node;

/// Questions of a tenant under way at a time. Further ones fail at once: a server that does not answer holds no more requests than
/// these.
const AT_A_TIME: usize = 64;

/// A tenant's server, and what it takes to ask it.
#[derive(Debug)]
pub(crate) struct TokenHookServer {
    webhook: Webhook,
    tenant: TenantId,
    by_operator: bool,
    storage: Storage,
    outbound: Arc<dyn Outbound>,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    metrics: HttpMetrics,
    version: &'static str,
    places: Semaphore,
}

/// Why there is no answer that counts.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{AT_A_TIME} requests wait for it already")]
    Busy,
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    #[error(transparent)]
    Improper(#[from] Improper),
}

impl Failed {
    const fn kind(&self) -> HookFailureKind {
        match self {
            Self::Busy => HookFailureKind::Concurrency,
            Self::NoAnswer(NoAnswer::Outbound(OutboundError::Timeout | OutboundError::Connect)) => {
                HookFailureKind::UpstreamTimeout
            }
            Self::NoAnswer(_) => HookFailureKind::Upstream,
            Self::Improper(_) => HookFailureKind::BadAnswer,
        }
    }
}

impl TokenHookServer {
    /// The server that a tenant's settings name, if they name one.
    pub(crate) fn of(
        node: &Node,
        (tenant, by_operator): (&TenantId, bool),
        settings: &Settings,
    ) -> Option<Arc<dyn TokenWebhook>> {
        let hook = settings.token_hook.as_ref()?;
        Some(Arc::new(Self {
            webhook: token_hook::as_webhook(hook),
            tenant: tenant.clone(),
            by_operator,
            storage: node.storage.clone(),
            outbound: Arc::clone(&node.outbound),
            clock: Arc::clone(&node.clock),
            rng: Arc::clone(&node.rng),
            metrics: node.metrics.clone(),
            version: node.settings.version,
            places: Semaphore::new(AT_A_TIME),
        }))
    }

    async fn exchange(&self, question: &Question) -> Result<TokenWebhookAnswer, Failed> {
        let _place = self.places.try_acquire().map_err(|_| Failed::Busy)?;
        let means = Means {
            storage: &self.storage,
            outbound: self.outbound.as_ref(),
            clock: self.clock.as_ref(),
            version: self.version,
        };
        let whose = Whose { means, tenant: &self.tenant, by_operator: self.by_operator };
        let (id, body) = (self.rng.uuid().to_string(), question.document.to_string());
        let message = Message { id: &id, body: &body };
        // Once: what was asked may have been counted, and who asks for a token may ask again.
        let answer = send(whose, &self.webhook, message, self.webhook.timeout()).await?;
        Ok(token_webhook::answer::read(answer.status, &answer.body, &question.own)?)
    }

    /// A failure is in the log and in the tenant's audit records, without anything of what was said.
    fn note(&self, failed: &Failed, request: RequestId) {
        let (tenant, kind) = (&self.tenant, failed.kind().as_str());
        tracing::warn!(%request, %tenant, kind, %failed, "the token hook failed");
        self.record("webhook.failed", kind, request);
        self.metrics.webhook(kind);
    }

    fn record(&self, action: &'static str, kind: &str, request: RequestId) {
        let event = AuditEvent::new(action, Actor::System, "webhook", &NAME).with("flow", &"token");
        let event = if kind.is_empty() { event } else { event.with("kind", &kind) };
        self.storage.audit_stateless(&self.tenant, event.with("request", &request));
    }
}

impl TokenWebhook for TokenHookServer {
    fn ask<'a>(
        &'a self,
        question: &'a Question,
        request: RequestId,
    ) -> BoxFuture<'a, Result<TokenWebhookAnswer, HookFailure>> {
        Box::pin(async move {
            match self.exchange(question).await {
                Ok(TokenWebhookAnswer::Refused) => {
                    self.record("webhook.interrupted", "", request);
                    self.metrics.webhook("interrupted");
                    Ok(TokenWebhookAnswer::Refused)
                }
                Ok(answer) => {
                    self.metrics.webhook("went_on");
                    Ok(answer)
                }
                Err(failed) => {
                    self.note(&failed, request);
                    let plugin = format!("{WEBHOOK_PREFIX}{NAME}");
                    Err(HookFailure { plugin, kind: failed.kind(), detail: failed.to_string() })
                }
            }
        })
    }
}
