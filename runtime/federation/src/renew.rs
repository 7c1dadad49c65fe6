//! Renewing tokens of providers when somebody asks for them: one at a time for each link.
//!
//! Attack (of our own making): two requests use one refresh token, the provider takes the second for a theft and revokes
//! the link's tokens. So of many who ask at a time one renews; on several nodes the version of the link decides whose
//! tokens are kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use identity::providers::UpstreamTokens;
use tokio::sync::Mutex as Turn;

use crate::failure::Failure;
use crate::provider::Provider;
use crate::room::Asking;
use crate::token::{self, Grant};

/// Who renews which link at present.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<String, Arc<Turn<()>>>>);

impl Turns {
    /// The turn of one link.
    pub(crate) fn of(&self, link: &str) -> Arc<Turn<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody waits for those that only this map knows.
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(link.to_owned()).or_default())
    }
}

/// Newer tokens for those of a link.
pub(crate) async fn renew(
    asking: Asking<'_>,
    provider: &Provider,
    tokens: &UpstreamTokens,
) -> Result<UpstreamTokens, Failure> {
    let refresh_token = tokens.current.refresh_token.as_deref();
    let refresh_token = refresh_token.ok_or(Failure::Settings("there is no refresh token"))?;
    let given = token::exchange(asking, provider, Grant::Refresh(refresh_token)).await?;
    given.access_token()?;
    Ok(tokens.renewed(&given.kept(asking)))
}
