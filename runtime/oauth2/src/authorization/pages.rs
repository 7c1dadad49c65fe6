//! What the pages of ours along the way need to know.

use primitives::OrganisationId;
use url::Url;

use super::redirect::ProvenRedirect;
use super::request::AuthorizationRequest;
use crate::details::AuthorizationDetails;
use crate::metadata_document;

/// What a sign-in page needs to know of the request behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRequest {
    /// The client's id.
    pub client_id: String,
    /// The client's name, or its id.
    pub client_name: String,
    /// Who the client thinks will sign in.
    pub login_hint: Option<String>,
    /// In which organisation's name the person must sign in.
    pub organisation: Option<OrganisationId>,
    /// Languages, the preferred one first (BCP 47).
    pub ui_locales: Vec<String>,
    /// Wished-for authentication contexts, the preferred one first.
    pub acr_values: Vec<String>,
    /// Whether somebody who is signed in must prove it again.
    pub reauthenticate: bool,
}

/// What a consent page needs to know of the request behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentRequest {
    /// The client's id.
    pub client_id: String,
    /// The client's name, or its id.
    pub client_name: String,
    /// The host that vouches for a client which nobody registered: what is asked is not remembered.
    pub described_at: Option<String>,
    /// Whether it registered itself, so that nobody has looked at what it says of itself.
    pub is_self_registered: bool,
    /// Whether the answer goes to a program on the person's own machine.
    pub is_local: bool,
    /// A picture of the client.
    pub logo_uri: Option<String>,
    /// A page about the client.
    pub client_uri: Option<String>,
    /// A page about privacy.
    pub policy_uri: Option<String>,
    /// A page with the terms of service.
    pub tos_uri: Option<String>,
    /// What it asks for.
    pub scopes: Vec<String>,
    /// Where it wants to use it.
    pub audience: Vec<String>,
    /// What it asks for that no scope says.
    pub details: AuthorizationDetails,
    /// Whether the answer can be remembered for all of it.
    pub can_remember: bool,
    /// The host that the person is sent to afterwards; the scheme for an app's own.
    pub redirect_host: String,
    /// Languages, the preferred one first (BCP 47).
    pub ui_locales: Vec<String>,
    /// The same request as it stands before a sign-in, for a person who is somebody else.
    pub login_challenge: String,
}

/// What the person answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentVerdict {
    /// Whether the client gets what it asked for.
    pub allow: bool,
    /// Whether not to ask again.
    pub remember: bool,
}

impl LoginRequest {
    pub(super) fn new(request: AuthorizationRequest, reauthenticate: bool) -> Self {
        Self {
            client_id: request.client_id.as_str().to_owned(),
            client_name: request.client_name,
            login_hint: request.login_hint,
            organisation: request.organisation,
            ui_locales: request.ui_locales,
            acr_values: request.acr_values,
            reauthenticate,
        }
    }
}

impl ConsentRequest {
    pub(super) fn new(
        redirect: &ProvenRedirect,
        request: AuthorizationRequest,
        (login_challenge, can_remember): (String, bool),
    ) -> Self {
        let document = &redirect.client.record.document;
        let page = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self {
            client_id: redirect.client.id.as_str().to_owned(),
            client_name: redirect.client.display_name().to_owned(),
            described_at: metadata_document::host(&redirect.client),
            is_self_registered: redirect.client.record.registration.is_some(),
            is_local: redirect.proves_nobody,
            logo_uri: page(&document.logo_uri),
            client_uri: page(&document.client_uri),
            policy_uri: page(&document.policy_uri),
            tos_uri: page(&document.tos_uri),
            scopes: request.told_scope().to_vec(),
            audience: request.audience,
            can_remember,
            details: request.details,
            redirect_host: host(&redirect.redirect_uri),
            ui_locales: request.ui_locales,
            login_challenge,
        }
    }
}

/// The host of an address; the scheme, for an app's own.
pub(crate) fn host(uri: &str) -> String {
    let url = Url::parse(uri).ok();
    let host = url.as_ref().and_then(Url::host_str).filter(|host| !host.is_empty());
    host.or(url.as_ref().map(Url::scheme)).unwrap_or_default().to_owned()
}
