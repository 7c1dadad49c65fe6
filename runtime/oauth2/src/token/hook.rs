//! Phase 5: the tenant's plugin may add claims, or deny. Fails closed.

use primitives::audit::Actor;
use primitives::hooks::HookContext;
use primitives::{ClientId, RequestId};

use super::{Granted, TokenError};
use crate::client::Client;
use crate::grant::Grant;
use crate::hooks::{TokenDecision, TokenRequest, TokenShape, TokenSubject};
use crate::liveness::LiveGrant;
use crate::server::AuthorizationServer;

/// Asks the hook about tokens that are about to be issued.
pub(super) async fn shape_tokens(
    server: &AuthorizationServer,
    client: &Client,
    granted: &Granted,
    request: RequestId,
) -> Result<TokenShape, TokenError> {
    let grant = granted.grant.as_ref();
    let context = context(server, &client.id, grant.map(LiveGrant::grant), request);
    if !server.ports.hook.applies(&context) {
        return Ok(TokenShape::default());
    }
    let input = TokenRequest {
        grant_type: granted.grant_type.as_str().to_owned(),
        subject: grant.map(subject),
        scopes: granted.scope.to_vec(),
        audience: granted.audience.clone(),
        id_token: grant.is_some() && granted.scope.openid(),
    };
    match server.ports.hook.shape_tokens(&context, &input).await? {
        TokenDecision::Issue(shape) => Ok(shape),
        TokenDecision::Deny { description } => Err(TokenError::AccessDenied(description)),
    }
}

/// Who the hook is called for.
pub(crate) fn context(
    server: &AuthorizationServer,
    client: &ClientId,
    grant: Option<&Grant>,
    request: RequestId,
) -> HookContext {
    HookContext {
        tenant: server.tenant.clone(),
        organisation: grant.and_then(|grant| grant.subject.organisation),
        client: Some(client.clone()),
        actor: grant.map_or_else(|| Actor::Client(client.clone()), |grant| Actor::Subject(grant.subject.id)),
        request,
    }
}

/// The person as the hook sees them.
pub(crate) fn subject(live: &LiveGrant) -> TokenSubject {
    let (subject, profile) = (&live.grant().subject, live.profile());
    TokenSubject {
        id: subject.id.to_string(),
        session: Some(subject.session.to_string()),
        assurance: subject.acr.clone(),
        methods: subject.amr.clone(),
        traits: profile.traits.clone(),
        metadata: profile.metadata_public.clone(),
    }
}
