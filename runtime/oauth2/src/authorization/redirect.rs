//! Stage 1: which client asks, and that the address to answer to is the client's own.
//!
//! Attack: a request with an attacker's `redirect_uri` makes us an open redirector, or hands them the
//! code. Until this stage has passed there is no address to answer to; after it, the only answers are
//! made of a [`ProvenRedirect`].

use std::sync::Arc;

use primitives::{ClientId, RequestId};

use super::error::RedirectError;
use super::page_error::PageError;
use super::request::AuthorizationRequest;
use super::response::{ResponseMode, UnsecuredResponse};
use crate::client::Client;
use crate::metadata_document::find_client;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;

/// The longest `state` that is carried; longer ones are refused.
pub(super) const MAX_STATE: usize = 2_048;

/// A client, and an address that is proven to be the client's.
#[derive(Debug)]
pub(super) struct ProvenRedirect {
    pub(super) client: Arc<Client>,
    /// As the request has it, or the client's only one.
    pub(super) redirect_uri: String,
    /// Whether the request named it.
    pub(super) is_named: bool,
    /// Whether any program on the person's machine may be listening there.
    pub(super) proves_nobody: bool,
    /// How answers travel.
    pub(super) mode: ResponseMode,
    /// What goes back with every answer.
    pub(super) state: Option<String>,
}

/// Proves the redirect URI of a request.
pub(super) async fn prove(
    server: &AuthorizationServer,
    parameters: &Parameters<'_>,
) -> Result<ProvenRedirect, PageError> {
    if parameters.too_many() {
        return Err(PageError::Malformed("The request has too many parameters."));
    }
    if matches!(parameters.repeated(), Some("client_id" | "redirect_uri")) {
        return Err(PageError::Malformed("The request names its client or its address twice."));
    }
    let id = parameters.find("client_id").ok_or(PageError::Malformed("The request names no client."))?;
    let id: ClientId = id.parse().map_err(|_| PageError::UnknownClient)?;
    let state = parameters.find("state").filter(|state| state.len() <= MAX_STATE);
    let redirect = match_redirect(server, &id, parameters.find("redirect_uri")).await?;
    Ok(ProvenRedirect {
        mode: ResponseMode::check(parameters).unwrap_or_else(|instead| instead),
        state: state.map(str::to_owned),
        ..redirect
    })
}

/// Proves the redirect URI of a request that was sealed: its client may have changed since.
pub(super) async fn prove_again(
    server: &AuthorizationServer,
    request: &AuthorizationRequest,
) -> Result<ProvenRedirect, PageError> {
    let redirect = match_redirect(server, &request.client_id, Some(&request.redirect_uri)).await?;
    let (mode, state) = (request.mode, request.state.clone());
    Ok(ProvenRedirect { is_named: request.is_named, mode, state, ..redirect })
}

async fn match_redirect(
    server: &AuthorizationServer,
    id: &ClientId,
    requested: Option<&str>,
) -> Result<ProvenRedirect, PageError> {
    let client = find_client(server, id).await?.ok_or(PageError::UnknownClient)?;
    let registered = match (requested, client.redirect_uris.as_slice()) {
        (Some(requested), _) => client.find_redirect_uri(requested),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let registered = registered.ok_or(PageError::RedirectUri)?;
    Ok(ProvenRedirect {
        redirect_uri: requested.unwrap_or(registered.as_str()).to_owned(),
        is_named: requested.is_some(),
        proves_nobody: registered.proves_nobody(),
        mode: ResponseMode::Query,
        state: None,
        client,
    })
}

impl ProvenRedirect {
    /// Answers with a code, with tokens, or with both.
    pub(super) fn grant(
        &self,
        server: &AuthorizationServer,
        granted: Vec<(&'static str, String)>,
    ) -> UnsecuredResponse {
        self.respond(server, granted)
    }

    /// Answers with an error. A failure of ours is logged here, once.
    pub(super) fn refuse(
        &self,
        server: &AuthorizationServer,
        error: &RedirectError,
        request: RequestId,
    ) -> UnsecuredResponse {
        match error {
            RedirectError::Port(cause) => {
                tracing::error!(%request, tenant = %server.tenant, error = %cause, "authorization request failed");
            }
            // What a plugin failed with is in the log already; what its answer came to here has no plugin's name.
            RedirectError::Hook(failure) if failure.plugin.is_empty() => {
                tracing::error!(%request, tenant = %server.tenant, error = %failure, "authorization request failed");
            }
            _ => {}
        }
        let description = error.description().into_owned();
        self.respond(server, vec![("error", error.code().to_owned()), ("error_description", description)])
    }

    /// Answers with the refusal of a login or consent app, in its words.
    pub(super) fn reject(
        &self,
        server: &AuthorizationServer,
        error: String,
        description: String,
    ) -> UnsecuredResponse {
        self.respond(server, vec![("error", error), ("error_description", description)])
    }

    fn respond(
        &self,
        server: &AuthorizationServer,
        mut parameters: Vec<(&'static str, String)>,
    ) -> UnsecuredResponse {
        parameters.extend(self.state.clone().map(|state| ("state", state)));
        // RFC 9207: the client sees which server answers, so that two cannot be mixed up.
        parameters.push(("iss", server.issuer.as_str().to_owned()));
        UnsecuredResponse { redirect_uri: self.redirect_uri.clone(), mode: self.mode, parameters }
    }
}
