//! A request to a webhook, with what proves from whom it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse, Reach};
use primitives::{Clock, TenantId};
use std::time::Duration;
use storage::Storage;
use tenancy::TenantSecrets as _;
use tenancy::webhook::{ApiKeyPlace, SigningKey, Webhook, WebhookAuth};

use crate::node::Node;

/// The most of an answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAnswer {
    /// The tenant lacks what the webhook refers to. The tenant's to mend.
    #[error("{0}")]
    Unready(String),
    /// The server was not reached, or does not answer as servers do.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

/// A message about to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    /// Names it, for receivers that tell repetitions.
    pub(super) id: &'a str,
    /// Its body; none for methods that have none.
    pub(super) body: &'a str,
}

/// Whose webhook it is, and where its servers may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    pub(super) means: Means<'a>,
    pub(super) tenant: &'a TenantId,
    /// Whether the operator's file named its address.
    pub(super) by_operator: bool,
}

/// What of a node is needed to send.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) storage: &'a Storage,
    pub(super) outbound: &'a dyn Outbound,
    pub(super) clock: &'a dyn Clock,
    /// The version of the node.
    pub(super) version: &'static str,
}

impl<'a> From<&'a Node> for Means<'a> {
    fn from(node: &'a Node) -> Self {
        Self {
            storage: &node.storage,
            outbound: node.outbound.as_ref(),
            clock: node.clock.as_ref(),
            version: node.settings.version,
        }
    }
}

/// Sends a message once.
///
/// Attack: whoever may write a tenant's settings has the node call servers of its own network. So only an address that the
/// operator's file names may be one that is not public.
pub(super) async fn send(
    whose: Whose<'_>,
    webhook: &Webhook,
    message: Message<'_>,
    timeout: Duration,
) -> Result<OutboundResponse, NoAnswer> {
    let body = if webhook.method.has_body() { message.body } else { "" };
    let mut headers: Vec<(String, String)> =
        webhook.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    if !body.is_empty() {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
        headers.push(("user-agent".to_owned(), format!("portcullis/{}", whose.means.version)));
    }
    headers.extend(proof(whose, webhook).await?);
    headers.extend(signature(whose, webhook, (message.id, body)).await?);
    let request = OutboundRequest {
        method: webhook.method.as_str(),
        url: webhook.url.clone(),
        headers,
        body: body.as_bytes().to_vec(),
        max_response_bytes: ANSWER_BYTES,
        timeout,
        reach: if whose.by_operator { Reach::NamedByOperator } else { Reach::Public },
    };
    Ok(whose.means.outbound.fetch(request).await?)
}

async fn proof(whose: Whose<'_>, webhook: &Webhook) -> Result<Option<(String, String)>, NoAnswer> {
    let Some(auth) = &webhook.auth else { return Ok(None) };
    let secret = secret(whose, auth.secret()).await?;
    let header = match auth {
        WebhookAuth::ApiKey { place: ApiKeyPlace::Header, name, .. } => (name.clone(), secret),
        WebhookAuth::ApiKey { place: ApiKeyPlace::Cookie, name, .. } => {
            ("cookie".to_owned(), format!("{name}={secret}"))
        }
        WebhookAuth::BasicAuth { user, .. } => {
            ("authorization".to_owned(), format!("Basic {}", STANDARD.encode(format!("{user}:{secret}"))))
        }
    };
    // A line break would end the header, and begin another.
    if header.1.chars().any(char::is_control) {
        return Err(NoAnswer::Unready(format!("the secret {:?} cannot be in a header", auth.secret())));
    }
    Ok(Some(header))
}

async fn signature(
    whose: Whose<'_>,
    webhook: &Webhook,
    (id, body): (&str, &str),
) -> Result<Vec<(String, String)>, NoAnswer> {
    let Some(name) = &webhook.signing_secret else { return Ok(Vec::new()) };
    let key = SigningKey::parse(&secret(whose, name).await?);
    let key = key.map_err(|error| NoAnswer::Unready(format!("secret {name:?}: {error}")))?;
    let headers = key.headers(id, whose.means.clock.now(), body.as_bytes());
    Ok(headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

async fn secret(whose: Whose<'_>, name: &str) -> Result<String, NoAnswer> {
    let found = whose.means.storage.find_tenant_secret(whose.tenant, name).await;
    let found = found.map_err(|error| NoAnswer::Unready(error.to_string()))?;
    let missing = || NoAnswer::Unready(format!("the tenant has no secret {name:?}"));
    Ok(found.ok_or_else(missing)?.expose().clone())
}
