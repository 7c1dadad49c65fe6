//! The servers that a plugin on trial reaches by the capability `http`: those of its case, and none in the world.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, ready};
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};

use crate::commands::plugin::cases::{Exchange, Sent};

/// What is asked of them and what they answer, in order.
#[derive(Debug, Default)]
pub(super) struct TrialServers(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    exchanges: Vec<Exchange>,
    sent: Vec<Sent>,
}

impl TrialServers {
    /// Forgets everything but these.
    pub(super) fn begin_with(&self, exchanges: &[Exchange]) {
        *self.state() = State { exchanges: exchanges.to_vec(), sent: Vec::new() };
    }

    /// Begins anew with the same: another call.
    pub(super) fn again(&self) {
        self.state().sent.clear();
    }

    /// What was sent.
    pub(super) fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer of the exchange whose turn it is. Nobody answers another request.
    fn answer(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let OutboundRequest { method, url, headers, body, max_response_bytes, .. } = request;
        let headers = headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        let sent = Sent { method: method.to_owned(), url: url.into(), headers, body };
        let mut state = self.state();
        let exchange = state.exchanges.get(state.sent.len()).filter(|exchange| exchange.is(&sent));
        let reply = exchange.and_then(|exchange| exchange.answer.clone());
        state.sent.push(sent);
        drop(state);
        let reply = reply.ok_or(OutboundError::Connect)?;
        let body = reply.bytes();
        if body.len() > max_response_bytes {
            return Err(OutboundError::TooLarge);
        }
        let headers = reply.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        Ok(OutboundResponse { status: reply.status, headers: headers.collect(), body })
    }
}

impl Outbound for TrialServers {
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        Box::pin(ready(self.answer(request)))
    }
}
