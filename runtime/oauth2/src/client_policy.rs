//! Whether this client may do this, by the tenant's plugins on the hook `policy`. Fails closed.

use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::policy::{Permission, PolicyDecision, PolicyRequest};
use primitives::{Actor, AuthenticatedSubject, ClientId, RequestId};
use serde_json::{Map, Value, json};

use crate::client::{Client, ClientDocument};
use crate::details::{AUTHORIZATION_DETAILS, AuthorizationDetails};
use crate::registration::{RegisteredBy, Registering};
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::token::{Granted, TokenError};

/// What a client wants.
struct Wanted<'a> {
    action: &'static str,
    client: &'a ClientId,
    subject: Option<String>,
    known: Value,
}

/// Why it does not get it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// A plugin denies it.
    #[error("{0}")]
    Denied(String),
    /// It could not be decided.
    #[error(transparent)]
    Hook(#[from] HookFailure),
}

/// At the authorization endpoint, for a person who is signed in.
pub(crate) async fn check_authorization(
    server: &AuthorizationServer,
    client: &ClientId,
    (scope, audience, details): (&Scopes, &[String], &AuthorizationDetails),
    subject: &AuthenticatedSubject,
    request: RequestId,
) -> Result<(), Refusal> {
    let context = HookContext {
        tenant: server.tenant.clone(),
        organisation: subject.organisation,
        client: Some(client.clone()),
        actor: Actor::Subject(subject.subject),
        request,
    };
    let wanted = || Wanted {
        action: "authorize",
        client,
        subject: Some(subject.sub()),
        known: with_details(
            json!({
                "scopes": scope.to_vec(),
                "audience": audience,
                "assurance": subject.acr(),
                "methods": subject.methods,
            }),
            details,
        ),
    };
    ask(server, &context, wanted).await
}

/// The obligation by which a plugin puts members of its own in the place of a client's.
const METADATA: &str = "metadata";

/// At the registration endpoint, for a client that would be made or changed by itself, or describes itself; the members that
/// plugins put in the place of its own.
pub(crate) async fn check_registration(
    server: &AuthorizationServer,
    Registering { client, by, statement }: Registering<'_>,
    document: &ClientDocument,
    request: RequestId,
) -> Result<Map<String, Value>, Refusal> {
    let context = HookContext {
        tenant: server.tenant.clone(),
        organisation: None,
        client: Some(client.clone()),
        actor: Actor::Client(client.clone()),
        request,
    };
    let wanted = || Wanted {
        action: "register",
        client,
        subject: None,
        known: json!({
            "client_name": document.client_name,
            "redirect_uris": document.redirect_uris,
            "grant_types": document.grant_types,
            "scopes": document.scope.split(' ').filter(|scope| !scope.is_empty()).collect::<Vec<_>>(),
            "token_endpoint_auth_method": document.token_endpoint_auth_method,
            "by": by.as_str(),
            "initial_access_token": match by {
                RegisteredBy::InitialAccessToken(id) => Some(id),
                RegisteredBy::Anybody | RegisteredBy::Itself | RegisteredBy::MetadataDocument => None,
            },
            "software_statement": statement.map(|statement| &statement.claims),
            "metadata": document,
        }),
    };
    let Some(permission) = permission(server, &context, wanted).await? else { return Ok(Map::new()) };
    let (changes, others): (Vec<_>, Vec<_>) =
        permission.obligations.into_iter().partition(|obligation| obligation.name == METADATA);
    Permission { obligations: others, headers: permission.headers }.without_terms()?;
    Ok(changes.into_iter().flat_map(|obligation| obligation.parameters).collect())
}

/// At the token endpoint, once the grant is verified.
pub(crate) async fn check_token(
    server: &AuthorizationServer,
    client: &ClientId,
    granted: &Granted,
    request: RequestId,
) -> Result<(), TokenError> {
    let grant = granted.grant.as_ref().map(crate::liveness::LiveGrant::grant);
    let context = crate::token::hook::context(server, client, grant, request);
    check_judged(server, &context, (client, &granted.details, DetailsAt::Token)).await?;
    let wanted = || {
        let mut known = json!({
            "grant_type": granted.grant_type.as_str(),
            "scopes": granted.scope.to_vec(),
            "audience": granted.audience,
        });
        if let (Some(grant), Some(known)) = (grant, known.as_object_mut()) {
            known.insert("assurance".to_owned(), grant.subject.acr.as_str().into());
            known.insert("methods".to_owned(), grant.subject.amr.clone().into());
        }
        let mut known = with_details(known, &granted.details);
        if let (Some(exchanged), Some(known)) = (&granted.exchanged, known.as_object_mut()) {
            known.insert("subject_client".to_owned(), exchanged.subject_client.as_str().into());
            known.insert("act".to_owned(), json!(granted.act()));
        }
        let named = || granted.subject.as_ref().map(|named| named.name.clone());
        let subject = grant.map(|grant| grant.subject.sub()).or_else(named);
        Wanted { action: "token", client, subject, known }
    };
    ask(server, &context, wanted).await.map_err(|refusal| match refusal {
        Refusal::Denied(reason) => TokenError::AccessDenied(reason),
        Refusal::Hook(failure) => TokenError::Hook(failure),
    })
}

/// Where a client asks for details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DetailsAt {
    /// In a request that it pushes.
    Pushed,
    /// In a request that a browser brings.
    Authorization,
    /// By a device.
    Device,
    /// In a token that is about to be made.
    Token,
}

impl DetailsAt {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pushed => "pushed",
            Self::Authorization => "authorization",
            Self::Device => "device",
            Self::Token => "token",
        }
    }
}

/// Whether details are good whose types leave that to plugins (`validate = "plugin"`), before anybody is asked about them.
pub(crate) async fn check_details(
    server: &AuthorizationServer,
    client: &Client,
    (details, at): (&AuthorizationDetails, DetailsAt),
    request: RequestId,
) -> Result<(), TokenError> {
    let context = crate::token::hook::context(server, &client.id, None, request);
    check_judged(server, &context, (&client.id, details, at)).await
}

/// Attack: the plugin that would refuse is bound to another client, or is not there any more, and what it would refuse goes
/// through unseen. So where nobody can be asked, nothing is given.
async fn check_judged(
    server: &AuthorizationServer,
    context: &HookContext,
    (client, details, at): (&ClientId, &AuthorizationDetails, DetailsAt),
) -> Result<(), TokenError> {
    let judged = details.for_plugins(server);
    if judged.is_empty() {
        return Ok(());
    }
    if !server.ports.policy.applies(context) {
        let detail = "no plugin on the hook policy says whether authorization_details are good".to_owned();
        let kind = HookFailureKind::Unavailable;
        return Err(TokenError::Hook(HookFailure { plugin: String::new(), kind, detail }));
    }
    let known = json!({ "at": at.as_str(), AUTHORIZATION_DETAILS: judged });
    let wanted = || Wanted { action: AUTHORIZATION_DETAILS, client, subject: None, known };
    ask(server, context, wanted).await.map_err(|refusal| match refusal {
        Refusal::Denied(reason) => TokenError::InvalidAuthorizationDetails(reason.into()),
        Refusal::Hook(failure) => TokenError::Hook(failure),
    })
}

/// What no scope says, where there is something.
fn with_details(mut known: Value, details: &AuthorizationDetails) -> Value {
    if let (Some(known), false) = (known.as_object_mut(), details.is_empty()) {
        known.insert(AUTHORIZATION_DETAILS.to_owned(), json!(details));
    }
    known
}

async fn ask<'a>(
    server: &AuthorizationServer,
    context: &HookContext,
    wanted: impl FnOnce() -> Wanted<'a>,
) -> Result<(), Refusal> {
    match permission(server, context, wanted).await? {
        Some(permission) => Ok(permission.without_terms()?),
        None => Ok(()),
    }
}

/// On what terms the plugins permit it; nothing where there is none to ask.
async fn permission<'a>(
    server: &AuthorizationServer,
    context: &HookContext,
    wanted: impl FnOnce() -> Wanted<'a>,
) -> Result<Option<Permission>, Refusal> {
    let policy = &server.ports.policy;
    if !policy.applies(context) {
        return Ok(None);
    }
    let Wanted { action, client, subject, known } = wanted();
    let known = match known {
        Value::Object(known) => known,
        _ => Map::new(),
    };
    let resource = format!("client:{}", client.as_str());
    let request = PolicyRequest { subject, action: action.to_owned(), resource, context: known };
    match policy.decide(context, &request).await? {
        PolicyDecision::Permit(permission) => Ok(Some(permission)),
        PolicyDecision::Deny { reason } => Err(Refusal::Denied(reason)),
    }
}

#[cfg(test)]
mod details_tests;
#[cfg(test)]
mod tests;
