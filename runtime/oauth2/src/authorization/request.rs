//! Stage 2: what the client asks for, checked. From here on the request is this type, also while it
//! travels sealed through the browser.

use std::time::Duration;

use primitives::{ClientId, GrantId, OrganisationId, RequestId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::acr;
use super::error::RedirectError;
use super::redirect::{MAX_STATE, ProvenRedirect};
use super::response::ResponseMode;
use super::response_type::ResponseType;
use crate::claims_request::RequestedClaims;
use crate::client::{Client, GrantType};
use crate::client_policy::{self, DetailsAt};
use crate::confirmation::Thumbprint;
use crate::details::{self, AuthorizationDetails};
use crate::id_token_hint::{Hint, verify_hint};
use crate::parameters::Parameters;
use crate::pkce::ChallengeMethod;
use crate::scope::Scopes;
use crate::security_profile::{self, Message};
use crate::server::AuthorizationServer;
use crate::settings::PkcePolicy;
use crate::token::request::{check_audience, check_scope};

/// The values of `prompt`, as discovery lists them.
pub(crate) const PROMPTS: [&str; 5] = ["none", "login", "consent", "select_account", "create"];

const MAX_NONCE: usize = 512;
const MAX_HINT: usize = 256;
const MAX_REQUEST_URL: usize = 3_072;
/// What a longer hint says is not shown to an app.
const MAX_HINT_CLAIMS: usize = 2_048;
/// More languages or contexts than this are not read.
const MAX_WORDS: usize = 16;
const MAX_WORD: usize = 64;

/// An authorization request that may be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct AuthorizationRequest {
    /// The grant that it will become: one request becomes one grant, since its id is taken then.
    pub(super) grant: GrantId,
    pub(super) client_id: ClientId,
    /// The client's name as it was, for the sign-in page.
    pub(super) client_name: String,
    pub(super) redirect_uri: String,
    pub(super) is_named: bool,
    pub(super) mode: ResponseMode,
    #[serde(default)]
    pub(super) response_type: ResponseType,
    pub(super) state: Option<String>,
    pub(super) scope: Scopes,
    pub(super) audience: Vec<String>,
    /// What no scope says (RFC 9396).
    #[serde(default, skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub(super) details: AuthorizationDetails,
    /// The claims that are asked for by name (OpenID Connect Core section 5.5).
    #[serde(default, skip_serializing_if = "RequestedClaims::is_empty")]
    pub(super) claims: RequestedClaims,
    pub(super) nonce: Option<String>,
    pub(super) code_challenge: Option<String>,
    /// How it was made. What was sealed before there was more than `S256` says nothing of it.
    #[serde(default)]
    pub(super) code_challenge_method: ChallengeMethod,
    /// The key with whose proof alone the code is redeemed (`dpop_jkt`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dpop_jkt: Option<Thumbprint>,
    pub(super) prompt: Prompt,
    /// The person must have proven who they are no earlier than this (`prompt=login`, `max_age`).
    /// Fixed when the request arrives, so that a slow person is not asked for ever.
    pub(super) authenticated_since: Option<Timestamp>,
    /// Who it must be (`id_token_hint`), by the name that the client knows.
    pub(super) hinted: Option<String>,
    /// What that hint says, for a login or consent app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hint_claims: Option<Map<String, Value>>,
    pub(super) login_hint: Option<String>,
    /// How the sign-in is to be shown, for a login or consent app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) display: Option<String>,
    /// In which organisation's name the person must sign in (`organization`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) organisation: Option<OrganisationId>,
    pub(super) ui_locales: Vec<String>,
    /// How strongly the person is to prove who they are, the preferred first.
    pub(super) acr_values: Vec<String>,
    /// Whether one of these must be reached.
    #[serde(default)]
    pub(super) acr_is_essential: bool,
    pub(super) requested_at: Timestamp,
    /// The request as it came, for a login or consent app that reads more of it than we do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request_url: Option<String>,
}

impl AuthorizationRequest {
    /// The scopes in whose words the person is asked, for claims that are asked for by name too.
    pub(super) fn told_scope(&self) -> Scopes {
        let named = self.claims.scopes();
        self.scope.iter().chain(named.iter()).collect()
    }
}

/// What `prompt` asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Prompt {
    /// No page may be shown.
    pub(super) none: bool,
    /// The person proves again who they are (`login`), or chooses to be somebody else (`select_account`).
    pub(super) login: bool,
    /// Whoever is signed in makes way for whom the person chooses to be (`select_account`).
    #[serde(default)]
    pub(super) select: bool,
    /// Nobody who is not signed in has an account (`create`; OpenID Connect Prompt Create 1.0).
    #[serde(default)]
    pub(super) create: bool,
    /// The person is asked, whatever they said before.
    pub(super) consent: bool,
}

/// How a request came here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// The grant that it becomes, if that is settled: it is answered once then.
    pub(super) grant: Option<GrantId>,
    /// Whether its client pushed it.
    pub(super) is_pushed: bool,
    /// Whether its client signed it.
    pub(super) is_signed: bool,
}

impl Origin {
    /// Whether it came as the tenant or its client asks of all.
    pub(super) fn check(self, server: &AuthorizationServer, client: &Client) -> Result<(), RedirectError> {
        let document = &client.record.document;
        let message = Message { is_pushed: self.is_pushed, is_signed: self.is_signed };
        security_profile::check_origin(server, client, message)?;
        let must_push = server.settings.require_pushed_authorization_requests
            || document.require_pushed_authorization_requests == Some(true);
        if must_push && !self.is_pushed {
            return Err(invalid("the request must be pushed (RFC 9126)"));
        }
        let must_sign = server.settings.require_signed_request_object
            || document.require_signed_request_object == Some(true);
        if must_sign && !self.is_signed {
            return Err(invalid("the request must be signed by its client (RFC 9101)"));
        }
        Ok(())
    }
}

/// Checks a request that a browser brings, or the reference of.
pub(super) async fn check_first(
    server: &AuthorizationServer,
    redirect: &ProvenRedirect,
    parameters: &Parameters<'_>,
    (origin, id): (Origin, RequestId),
) -> Result<AuthorizationRequest, RedirectError> {
    origin.check(server, &redirect.client)?;
    let request = check(server, redirect, parameters, (DetailsAt::Authorization, id)).await?;
    Ok(AuthorizationRequest { grant: origin.grant.unwrap_or(request.grant), ..request })
}

/// Checks what a request asks for, in the order of the table in [`super`].
pub(super) async fn check(
    server: &AuthorizationServer,
    redirect: &ProvenRedirect,
    parameters: &Parameters<'_>,
    (at, id): (DetailsAt, RequestId),
) -> Result<AuthorizationRequest, RedirectError> {
    let client = &redirect.client;
    check_form(parameters)?;
    let response_type = check_response_type(server, client, parameters)?;
    let way = (response_type, redirect.mode, redirect.is_named);
    security_profile::check_request(server, client, way, parameters)?;
    let scope = check_scope(parameters, &client.scope)?;
    if response_type.has_id_token() && !(scope.openid() && parameters.find("nonce").is_some()) {
        // OpenID Connect Core sections 3.2.2.1 and 3.3.2.11: nothing else binds the token to the browser that asked for it.
        return Err(invalid("scope openid and a nonce are required with response type id_token"));
    }
    if scope.openid() && !redirect.is_named {
        return Err(invalid("redirect_uri is required with scope openid"));
    }
    let audience = check_audience(parameters, &server.targets(client))?;
    let details = details::check(server, client, parameters)?;
    let claims = check_claims(client, parameters, &scope)?;
    let (code_challenge, code_challenge_method) = check_pkce(server, client, parameters, response_type)?;
    let prompt = Prompt::check(parameters)?;
    let now = server.now();
    let since = [prompt.login.then_some(now), check_max_age(parameters)?.map(|max_age| now.before(max_age))];
    let hint = check_hint(server, client, parameters).await?;
    let (hinted, hint_claims) = hint.map_or((None, None), |hint| (Some(hint.subject), Some(hint.claims)));
    let hinted = match named_subject(&claims, hinted)? {
        Some(named) => Some(server.own_name(client, named).await?),
        None => None,
    };
    let words = |name| parameters.words(name).take(MAX_WORDS).map(|word| cut(word, MAX_WORD)).collect();
    let (acr_values, acr_is_essential) = acr::wanted(words("acr_values"), claims.demand("acr"));
    if server.settings.urls.login.is_none() {
        acr::check_possible((&acr_values, acr_is_essential))?;
    }
    // Last: what makes no sense anyway costs no plugin's time.
    client_policy::check_details(server, client, (&details, at), id).await?;
    Ok(AuthorizationRequest {
        grant: GrantId::generate(server.rng.as_ref()),
        client_id: client.id.clone(),
        client_name: cut(client.display_name(), 128),
        redirect_uri: redirect.redirect_uri.clone(),
        is_named: redirect.is_named,
        mode: redirect.mode,
        response_type,
        state: redirect.state.clone(),
        scope: if response_type.has_code() {
            without_vain_offline(client, &scope)
        } else {
            without_offline(&scope)
        },
        audience,
        details,
        claims,
        nonce: parameters.find("nonce").map(str::to_owned),
        code_challenge,
        code_challenge_method,
        dpop_jkt: check_key(parameters)?,
        prompt,
        authenticated_since: since.into_iter().flatten().max(),
        hinted,
        hint_claims: hint_claims.filter(|claims| asks_apps(server) && is_short(claims)),
        organisation: check_organisation(parameters)?,
        login_hint: parameters.find("login_hint").map(|hint| cut(hint, MAX_HINT)),
        display: parameters.find("display").filter(|_| asks_apps(server)).map(|word| cut(word, MAX_WORD)),
        ui_locales: words("ui_locales"),
        acr_values,
        acr_is_essential,
        requested_at: now,
        request_url: request_url(server, parameters),
    })
}

/// `claims`; without `openid` there is neither an ID token nor userinfo.
fn check_claims(
    client: &Client,
    parameters: &Parameters<'_>,
    scope: &Scopes,
) -> Result<RequestedClaims, RedirectError> {
    match parameters.find("claims") {
        Some(text) if scope.openid() => Ok(RequestedClaims::parse(text, &client.scope)?),
        _ => Ok(RequestedClaims::default()),
    }
}

/// Who it must be, if the request names somebody by `sub` or by a hint (OpenID Connect Core section 5.5.1).
fn named_subject(claims: &RequestedClaims, hinted: Option<String>) -> Result<Option<String>, RedirectError> {
    let named = claims.demand("sub").and_then(|sub| sub.texts().next());
    match (named, hinted) {
        (Some(named), Some(hinted)) if named != hinted => {
            Err(invalid("id_token_hint and claims name two people"))
        }
        (named, hinted) => Ok(hinted.or(named.map(str::to_owned))),
    }
}

/// The request as an address, where an app may ask for it. One that is too long to travel along is cut to the endpoint.
fn request_url(server: &AuthorizationServer, parameters: &Parameters<'_>) -> Option<String> {
    if !asks_apps(server) {
        return None;
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters.pairs()).finish();
    let endpoint = &server.endpoints.authorization;
    Some(if query.len() > MAX_REQUEST_URL { endpoint.clone() } else { format!("{endpoint}?{query}") })
}

/// Whether an app of the tenant's own is told of requests.
fn asks_apps(server: &AuthorizationServer) -> bool {
    let urls = &server.settings.urls;
    urls.login.is_some() || urls.consent.is_some()
}

/// Whether it may travel along.
fn is_short(claims: &Map<String, Value>) -> bool {
    serde_json::to_string(claims).is_ok_and(|text| text.len() <= MAX_HINT_CLAIMS)
}

fn invalid(text: &'static str) -> RedirectError {
    RedirectError::InvalidRequest(text.into())
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn check_form(parameters: &Parameters<'_>) -> Result<(), RedirectError> {
    crate::token::check_form(parameters)?;
    let too_long = |name: &str, most: usize| parameters.find(name).is_some_and(|value| value.len() > most);
    if parameters.find("registration").is_some() {
        return Err(RedirectError::RegistrationNotSupported);
    }
    if ResponseMode::check(parameters).is_err() {
        return Err(invalid("response_mode is unknown, or does not go with response_type"));
    }
    if too_long("state", MAX_STATE) || too_long("nonce", MAX_NONCE) {
        return Err(invalid("state or nonce is too long"));
    }
    Ok(())
}

fn check_response_type(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters<'_>,
) -> Result<ResponseType, RedirectError> {
    let requested = parameters.find("response_type").ok_or(invalid("response_type is missing"))?;
    let requested = ResponseType::parse(requested).ok_or(RedirectError::UnsupportedResponseType)?;
    may_use(server, client, requested)?;
    Ok(requested)
}

/// Whether the tenant has a response type, and the client may use it: it has registered the type and the grants that go with
/// it (OpenID Connect Dynamic Client Registration section 2).
fn may_use(
    server: &AuthorizationServer,
    client: &Client,
    response_type: ResponseType,
) -> Result<(), RedirectError> {
    if !server.settings.response_types.contains(&response_type) {
        return Err(RedirectError::UnsupportedResponseType);
    }
    let mut registered = client.record.document.response_types.iter().flatten();
    let is_registered = registered.any(|known| ResponseType::parse(known) == Some(response_type));
    let may_have_code = !response_type.has_code() || client.may_use(GrantType::AuthorizationCode);
    let may_have_tokens = !response_type.is_front_channel() || client.may_use(GrantType::Implicit);
    // Attack: a client that has no tokens but those that are bound to a key gets one that is not.
    let document = &client.record.document;
    let must_bind = [document.dpop_bound_access_tokens, document.tls_client_certificate_bound_access_tokens];
    let must_bind = must_bind.contains(&Some(true));
    if is_registered && may_have_code && may_have_tokens && !(must_bind && response_type.has_token()) {
        Ok(())
    } else {
        Err(RedirectError::UnauthorizedClient)
    }
}

fn check_pkce(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters<'_>,
    response_type: ResponseType,
) -> Result<(Option<String>, ChallengeMethod), RedirectError> {
    let is_required = match server.settings.pkce {
        // There is nothing to redeem.
        _ if !response_type.has_code() => false,
        PkcePolicy::All => true,
        PkcePolicy::PublicClients => client.is_public(),
    };
    let named = parameters.find("code_challenge_method");
    let Some(challenge) = parameters.find("code_challenge") else {
        return match named {
            None if is_required => Err(invalid("code_challenge is required (RFC 7636)")),
            None => Ok((None, ChallengeMethod::default())),
            Some(_) => Err(invalid("code_challenge is missing")),
        };
    };
    let method = ChallengeMethod::requested(named).map_err(|_| invalid(OTHER_METHOD))?;
    check_method(server, client, method)?;
    if method.is_challenge(challenge) {
        Ok((Some(challenge.to_owned()), method))
    } else {
        Err(invalid("code_challenge is malformed"))
    }
}

const OTHER_METHOD: &str = "code_challenge_method must be S256";

fn check_method(
    server: &AuthorizationServer,
    client: &Client,
    method: ChallengeMethod,
) -> Result<(), RedirectError> {
    if method.is_allowed(server, client) { Ok(()) } else { Err(invalid(OTHER_METHOD)) }
}

/// `dpop_jkt` (RFC 9449 section 10).
fn check_key(parameters: &Parameters<'_>) -> Result<Option<Thumbprint>, RedirectError> {
    let named = parameters.find("dpop_jkt").map(str::parse).transpose();
    named.map_err(|_| invalid("dpop_jkt must be the SHA-256 thumbprint of a key"))
}

impl Prompt {
    fn check(parameters: &Parameters<'_>) -> Result<Self, RedirectError> {
        let words: Vec<_> = parameters.words("prompt").collect();
        if words.iter().any(|word| !PROMPTS.contains(word)) {
            return Err(invalid("prompt holds an unknown value"));
        }
        let has = |name| words.contains(&name);
        if has("none") && words.len() > 1 {
            return Err(invalid("prompt=none stands alone"));
        }
        let select = has("select_account");
        let login = has("login") || select;
        Ok(Self { none: has("none"), login, select, create: has("create"), consent: has("consent") })
    }
}

fn check_max_age(parameters: &Parameters<'_>) -> Result<Option<Duration>, RedirectError> {
    let Some(text) = parameters.find("max_age") else { return Ok(None) };
    let seconds: u32 = text.parse().map_err(|_| invalid("max_age must be a number of seconds"))?;
    Ok(Some(Duration::from_secs(seconds.into())))
}

fn check_organisation(parameters: &Parameters<'_>) -> Result<Option<OrganisationId>, RedirectError> {
    let asked = parameters.find("organization").filter(|asked| !asked.is_empty());
    asked.map(|id| id.parse().map_err(|_| invalid("organization must be an organization's id"))).transpose()
}

async fn check_hint(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters<'_>,
) -> Result<Option<Hint>, RedirectError> {
    let Some(text) = parameters.find("id_token_hint") else { return Ok(None) };
    match verify_hint(server, text).await? {
        Some(hint) if hint.client == client.id => Ok(Some(hint)),
        _ => Err(invalid("id_token_hint is not an ID token that we gave this client")),
    }
}

/// Whoever gets no code gets no refresh token.
fn without_offline(scope: &Scopes) -> Scopes {
    scope.iter().filter(|scope| !matches!(*scope, "offline_access" | "offline")).collect()
}

/// A client that may not refresh is not given what only refreshing is for (OpenID Connect Core section
/// 11). So a grant of `offline_access` always has a refresh token.
pub(crate) fn without_vain_offline(client: &Client, scope: &Scopes) -> Scopes {
    if client.may_use(GrantType::RefreshToken) { scope.clone() } else { without_offline(scope) }
}

/// Checks a request that was sealed against its client as it is now.
pub(super) fn check_again(
    server: &AuthorizationServer,
    redirect: &ProvenRedirect,
    request: &AuthorizationRequest,
) -> Result<(), RedirectError> {
    let client = &redirect.client;
    may_use(server, client, request.response_type)?;
    check_method(server, client, request.code_challenge_method)?;
    if !client.scope.covers(&request.scope) {
        return Err(RedirectError::InvalidScope("the client may not ask for this scope any more".into()));
    }
    let targets = server.targets(client);
    if !request.audience.iter().all(|one| targets.contains(one)) {
        return Err(RedirectError::InvalidTarget);
    }
    if !request.details.are_allowed(server, client) {
        let text = "the client may not use a type of authorization_details any more";
        return Err(RedirectError::InvalidAuthorizationDetails(text.into()));
    }
    Ok(())
}
