//! What an exchanged token is for: never more than the one that it comes of, and never more than its client may have.

use super::subject::Presented;
use crate::client::Client;
use crate::parameters::Parameters;
use crate::scope::Scopes;
use crate::token::TokenError;
use crate::token::request::{check_audience, check_scope};

/// The scopes that were asked for, or all that both have. Nothing is offline that ends with another token.
pub(super) fn scope(
    parameters: &Parameters<'_>,
    client: &Client,
    subject: &Presented,
) -> Result<Scopes, TokenError> {
    let is_offline = |scope: &str| matches!(scope, "offline_access" | "offline");
    let has_both = |scope: &&str| client.scope.contains(scope) && !is_offline(scope);
    let both: Scopes = subject.scope.iter().filter(has_both).collect();
    let asked = check_scope(parameters, &both)?;
    Ok(if parameters.find("scope").is_some() { asked } else { both })
}

/// The audiences that were asked for, or all that both have.
pub(super) fn audience(
    parameters: &Parameters<'_>,
    client: &Client,
    subject: &Presented,
) -> Result<Vec<String>, TokenError> {
    let has_both = |one: &&String| client.audience().contains(one);
    let both: Vec<String> = subject.audience.iter().filter(has_both).cloned().collect();
    let targets = client.record.document.token_exchange.iter().flat_map(|rules| &rules.targets);
    let allowed: Vec<String> = both.iter().chain(targets).cloned().collect();
    let asked = check_audience(parameters, &allowed)?;
    if !asked.is_empty() {
        return Ok(asked);
    }
    // A token for somebody does not become one for nobody in particular, which every server may take for its own.
    if both.is_empty() && !subject.audience.is_empty() {
        return Err(TokenError::InvalidTarget);
    }
    Ok(both)
}
