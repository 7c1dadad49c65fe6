//! Hands messages over to a service of the operator's by HTTP, through the node's one way out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use identity::courier::CourierMessage;
use primitives::Secret;
use primitives::message::MessageContent;
use primitives::outbound::{Outbound, OutboundRequest, Reach};
use url::Url;

use crate::outbox::DeliveryError;

/// Of what a service answers only the status matters.
const MOST_ANSWERED: usize = 64 << 10;

/// A service that takes messages.
pub struct HttpChannel {
    url: Url,
    method: &'static str,
    proof: Option<(String, Secret<String>)>,
    timeout: Duration,
    outbound: Arc<dyn Outbound>,
}

/// The ways of messages that go by HTTP.
#[derive(Debug, Clone, Default)]
pub struct Channels {
    /// Takes e-mail, in the place of a mail server.
    pub email: Option<Arc<HttpChannel>>,
    /// Takes text messages.
    pub sms: Option<Arc<HttpChannel>>,
}

impl fmt::Debug for HttpChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpChannel").finish_non_exhaustive()
    }
}

impl HttpChannel {
    /// A way to a service, with what proves the node to it. `None` if the address is not one that messages may go to.
    pub fn new(
        channel: &config::courier::HttpChannel,
        credential: Option<Secret<String>>,
        timeout: Duration,
        outbound: Arc<dyn Outbound>,
    ) -> Option<Self> {
        let proof = credential.map(|credential| (channel.effective_header().to_owned(), credential));
        Some(Self {
            url: channel.effective_url()?,
            method: channel.method.as_str(),
            proof,
            timeout,
            outbound,
        })
    }

    /// Hands a message over, as it was given or as a plugin left it.
    pub(super) async fn send(
        &self,
        message: &CourierMessage,
        content: &MessageContent,
    ) -> Result<(), DeliveryError> {
        let document = message.document(content);
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("idempotency-key".to_owned(), message.id.to_string()),
        ];
        headers.extend(self.proof.iter().map(|(name, value)| (name.clone(), value.expose().clone())));
        let request = OutboundRequest {
            method: self.method,
            url: self.url.clone(),
            headers,
            body: document.to_string().into_bytes(),
            max_response_bytes: MOST_ANSWERED,
            timeout: self.timeout,
            // It stands in the node's own configuration, which no tenant writes.
            reach: Reach::NamedByOperator,
        };
        let answer = self.outbound.fetch(request).await;
        let answer = answer.map_err(|error| DeliveryError::Unreachable(error.to_string()))?;
        let said = || format!("the service answered {}", answer.status);
        match answer.status {
            200..300 => Ok(()),
            // Who the node is, and where it sends to, is the operator's to mend, and the message waits for it.
            status @ 400..500 if !matches!(status, 401 | 403 | 404 | 408 | 425 | 429) => {
                Err(DeliveryError::Permanent(said()))
            }
            _ => Err(DeliveryError::Temporary(said())),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use futures_util::future::BoxFuture;
    use primitives::outbound::{OutboundError, OutboundResponse};

    use super::*;

    /// A service that answers with a status, and remembers what it was sent.
    #[derive(Debug)]
    pub(in crate::courier) struct Service(pub(in crate::courier) Mutex<(u16, Vec<OutboundRequest>)>);

    impl Outbound for Service {
        fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
            let mut kept = self.0.lock().unwrap();
            kept.1.push(request);
            let status = kept.0;
            Box::pin(std::future::ready(match status {
                0 => Err(OutboundError::Connect),
                status => Ok(OutboundResponse { status, headers: Vec::new(), body: Vec::new() }),
            }))
        }
    }

    /// A channel to it.
    pub(in crate::courier) fn channel(service: &Arc<Service>) -> Arc<HttpChannel> {
        let settings = config::courier::HttpChannel {
            url: "https://sms.example/messages".to_owned(),
            method: config::courier::ChannelMethod::Post,
            header: None,
            credential: None,
        };
        let credential = Some(Secret::new("Bearer sesame".to_owned()));
        let outbound: Arc<dyn Outbound> = service.clone();
        Arc::new(HttpChannel::new(&settings, credential, Duration::from_secs(1), outbound).unwrap())
    }
}
