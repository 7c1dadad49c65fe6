//! What goes along to a provider and comes back: `state`, sealed.
//!
//! Attack (login CSRF, replay): somebody sends a victim's browser an answer of their own, or one twice. The state names
//! the form that it was begun from, which opens with that browser's cookie only, and itself, which the form remembers to
//! have had. It holds the nonce and the PKCE verifier too, so that nothing is written before an answer comes.

use std::time::Duration;

use identity::flow::Flow;
use primitives::{FlowId, Rng, SealedKind, SealedPlace, Sealer, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

/// How long somebody may take at the provider.
const LIFESPAN: Duration = Duration::from_mins(30);

/// What an attempt is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The form that it was begun from.
    pub(crate) flow: FlowId,
    /// The word of that form in paths.
    pub(crate) kind: String,
    /// With which provider.
    pub(crate) provider: String,
    /// Names this attempt.
    pub(crate) id: String,
    /// What the ID token repeats.
    pub(crate) nonce: String,
    /// What proves that the code was asked for by us.
    pub(crate) verifier: String,
    /// Until when.
    pub(crate) expires_at: Timestamp,
}

impl State {
    pub(crate) fn new(flow: &Flow, provider: &str, rng: &dyn Rng, now: Timestamp) -> Self {
        Self {
            flow: flow.id,
            kind: flow.kind.as_str().to_owned(),
            provider: provider.to_owned(),
            id: rng.token(),
            nonce: rng.token(),
            verifier: rng.token(),
            expires_at: now.after(LIFESPAN),
        }
    }

    pub(crate) fn seal(&self, sealer: &Sealer, tenant: &TenantId) -> String {
        let plain = serde_json::to_vec(self).unwrap_or_default();
        sealer.seal_text(context(tenant), &plain)
    }

    /// Opens what came back, if it is ours and not too old.
    pub(crate) fn open(sealer: &Sealer, tenant: &TenantId, text: &str, now: Timestamp) -> Option<Self> {
        let plain = sealer.open_text(context(tenant), text).ok()?;
        let state: Self = serde_json::from_slice(&plain).ok()?;
        (now < state.expires_at).then_some(state)
    }
}

const fn context(tenant: &TenantId) -> SealedPlace<'_> {
    SealedPlace { tenant, kind: SealedKind::ProviderState, row: "" }
}
