//! Tokens of other providers, for an operator who asks for them (`include_credential=oidc`): renewed before they are
//! handed out, where they have expired.

use identity::Write;
use identity::administration::Credentials;
use identity::ports::Links as _;
use identity::providers::Link;
use identity::{Identity, Problem};
use primitives::{AuditEvent, Change};
use tenancy::Scope;

use crate::admin::actor;
use crate::call::Call;
use crate::self_service::{apply, failed};

/// The credentials with tokens, where they were asked for by somebody who may read secrets of people; else without.
pub(super) async fn with_tokens(
    call: &Call,
    identity: &Identity,
    mut credentials: Credentials,
) -> Result<Credentials, Problem> {
    let may_read = call
        .principal
        .as_ref()
        .is_some_and(|principal| principal.check_access(&call.tenant.id, Scope::CredentialsExport).is_ok());
    let asked = call.query_values("include_credential").iter().any(|kind| kind == "oidc");
    if !asked || !may_read || credentials.links.is_empty() {
        return Ok(credentials);
    }
    for link in &mut credentials.links {
        *link = fresh(call, identity, link.clone()).await?;
    }
    credentials.shows_tokens = true;
    let event = AuditEvent::new("identity.credential_revealed", actor(call), "identity", &identity.id);
    call.node.storage.audit_stateless(&call.tenant.id, event.with("type", &"oidc"));
    Ok(credentials)
}

/// The link with tokens that are good. If they cannot be renewed it has those that it had.
async fn fresh(call: &Call, identity: &Identity, link: Link) -> Result<Link, Problem> {
    let is_stale = |link: &Link| link.tokens.as_ref().is_some_and(|tokens| tokens.are_stale(call.now()));
    if !is_stale(&link) {
        return Ok(link);
    }
    let _turn = call.tenant.providers.turn(&link).await;
    // Whoever had the turn before may have done it.
    let Some(current) = again(call, identity, &link).await? else { return Ok(link) };
    let Some(tokens) = current.tokens.as_ref().filter(|_| is_stale(&current)) else { return Ok(current) };
    let renewed = match call.tenant.providers.renew(&current.provider, tokens).await {
        Ok(renewed) => renewed,
        Err(failure) => {
            let provider = current.provider.as_str();
            tracing::warn!(request = %call.request, provider, %failure, "tokens of a provider were not renewed");
            return Ok(current);
        }
    };
    let write = Write::ReplaceLinkTokens {
        provider: current.provider.clone(),
        subject: current.subject.clone(),
        tokens: Box::new(renewed),
        version: current.version,
        at: call.now(),
    };
    // If another node was faster, what it wrote is read.
    apply(call, Change::new(call.tenant.id.clone()).write(write)).await?;
    Ok(again(call, identity, &current).await?.unwrap_or(current))
}

async fn again(call: &Call, identity: &Identity, link: &Link) -> Result<Option<Link>, Problem> {
    let links = call.node.storage.list_links(&call.tenant.id, identity.id).await;
    let mut links = links.map_err(|error| failed(call, error))?.into_iter();
    Ok(links.find(|known| known.provider == link.provider && known.subject == link.subject))
}
