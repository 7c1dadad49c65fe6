//! What a document says, and what of it counts (section 4 of the draft; RFC 7591 section 2).

use primitives::outbound::OutboundResponse;
use primitives::{ClientId, RequestId, Timestamp};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use url::Url;

use super::address::Address;
use crate::client::{
    AuthenticationMethod, Client, ClientDocument, ClientRecord, GrantType, InvalidClient, ManagedBy,
};
use crate::client_authentication::Proof;
use crate::client_policy::{self, Refusal};
use crate::fetch;
use crate::registration::{RegisteredBy, Registering, RegistrationSettings};
use crate::server::AuthorizationServer;

/// The largest document, in bytes; the draft recommends five kibibytes, and keys by value take some.
const MOST_BYTES: usize = 8 * 1_024;

/// What of a document counts. Whatever else a client says of itself is an operator's to say, or nobody's.
const MEMBERS: [&str; 17] = [
    "client_name",
    "client_uri",
    "tos_uri",
    "policy_uri",
    "redirect_uris",
    "post_logout_redirect_uris",
    "grant_types",
    "response_types",
    "scope",
    "jwks",
    "jwks_uri",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "request_object_signing_alg",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "dpop_bound_access_tokens",
];

/// Grants that such a client may have, if the tenant lets them register: those at which a person is asked on our page.
const GRANTS: [GrantType; 2] = [GrantType::AuthorizationCode, GrantType::RefreshToken];

/// Why a document is not taken; for the log of whoever runs this, and never for whoever asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum NotTaken {
    /// Too much is under way.
    #[error("too many documents are being fetched")]
    Busy,
    /// It is not to be had.
    #[error("it cannot be fetched: no answer 200 of a public address in time, or too large")]
    Unreachable,
    /// It is something else.
    #[error("its content type is not JSON")]
    Type,
    /// It cannot be read.
    #[error("it is no JSON object of a client: {0}")]
    Malformed(String),
    /// It is somebody else's.
    #[error("its client_id is not its own address")]
    OtherClient,
    /// It holds what everybody can read (section 4.1).
    #[error("it has a secret, or a way to prove itself by one")]
    Secret,
    /// It answers to somewhere else, or has its keys there.
    #[error("{0} leads to another host")]
    OtherHost(&'static str),
    /// It is no client.
    #[error(transparent)]
    Invalid(#[from] InvalidClient),
    /// A plugin permits another client than this one.
    #[error("the tenant's policy changes it")]
    Changed,
    /// A plugin does not permit it.
    #[error("the tenant's policy: {0}")]
    Policy(#[from] Refusal),
}

/// Fetches and reads the document of an id.
pub(super) async fn fetch(
    server: &AuthorizationServer,
    id: &ClientId,
    address: &Address,
) -> Result<(Client, OutboundResponse), NotTaken> {
    let response = {
        let _place = server.fetch_places.take_for_stranger().ok_or(NotTaken::Busy)?;
        let fetched = fetch::get(server, address.as_str(), "application/json", MOST_BYTES).await;
        fetched.ok_or(NotTaken::Unreachable)?
    };
    if !is_json(&response) {
        return Err(NotTaken::Type);
    }
    let client = read(&server.settings.registration, id, address, &response.body)?;
    // The fetch is for whoever waits, and so it has an id of its own.
    let request = RequestId::generate(server.rng.as_ref());
    let registering = Registering { client: id, by: RegisteredBy::MetadataDocument, statement: None };
    let changes =
        client_policy::check_registration(server, registering, &client.record.document, request).await?;
    if !changes.is_empty() {
        // What such a client is stands at its address, and nowhere else.
        return Err(NotTaken::Changed);
    }
    Ok((client, response))
}

/// `application/json`, or another JSON by its suffix (RFC 6839 section 3.1).
fn is_json(response: &OutboundResponse) -> bool {
    let found = response.headers.iter().find(|(name, _)| name == "content-type");
    let media_type = found.and_then(|(_, value)| value.split(';').next()).unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// Reads a document of this address.
pub(super) fn read(
    settings: &RegistrationSettings,
    id: &ClientId,
    address: &Address,
    body: &[u8],
) -> Result<Client, NotTaken> {
    let malformed = |error: serde_json::Error| NotTaken::Malformed(error.to_string());
    let mut members: Map<String, Value> = serde_json::from_slice(body).map_err(malformed)?;
    if members.get("client_id").and_then(Value::as_str) != Some(id.as_str()) {
        return Err(NotTaken::OtherClient);
    }
    if ["client_secret", "client_secret_expires_at"].iter().any(|name| members.contains_key(*name)) {
        return Err(NotTaken::Secret);
    }
    members.retain(|name, _| MEMBERS.contains(&name.as_str()));
    let document: ClientDocument = serde_json::from_value(Value::Object(members)).map_err(malformed)?;
    let document = without_app_schemes(with_allowed(settings, document)?);
    check_hosts(address, &document)?;
    let document = ClientDocument {
        allowed_cors_origins: Some(origins(&document)),
        client_id: Some(id.clone()),
        ..of_own_host(address, document)
    };
    if document.redirect_uris.as_ref().is_none_or(Vec::is_empty) {
        return Err(InvalidClient::NoRedirectUri.into());
    }
    Ok(Client::check(record(document, version(body)))?)
}

/// A client of which nothing is known but its id: what was issued to it is its own, and it gets nothing more.
pub(super) fn nothing_but(id: &ClientId) -> Option<Client> {
    let method = AuthenticationMethod::NONE.as_str().to_owned();
    let document = ClientDocument {
        client_id: Some(id.clone()),
        token_endpoint_auth_method: method,
        ..Default::default()
    };
    Client::check(record(document, 0)).ok()
}

fn record(document: ClientDocument, version: i64) -> ClientRecord {
    // It was there before anything that was issued to it.
    let always = Timestamp::from_seconds(0);
    ClientRecord {
        document,
        secrets: Vec::new(),
        managed_by: ManagedBy::Document,
        enabled: true,
        created_at: always,
        updated_at: always,
        not_before: always,
        version,
        registration: None,
    }
}

/// Tells documents of one address apart: fetched keys belong to one of them.
fn version(body: &[u8]) -> i64 {
    let first =
        digest(&SHA256, body).as_ref().iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    first.cast_signed()
}

/// A document is written for every server there is: what this one does not let register is left out, and not refused.
fn with_allowed(
    settings: &RegistrationSettings,
    mut document: ClientDocument,
) -> Result<ClientDocument, NotTaken> {
    if document.token_endpoint_auth_method.is_empty() {
        AuthenticationMethod::NONE.as_str().clone_into(&mut document.token_endpoint_auth_method);
    }
    match AuthenticationMethod::parse(&document.token_endpoint_auth_method).map(AuthenticationMethod::proof) {
        Some(Proof::Nothing | Proof::Signature) => {}
        Some(Proof::Secret | Proof::Certificate) | None => return Err(NotTaken::Secret),
    }
    let is_allowed = |grant: &GrantType| settings.grant_types.contains(grant) && GRANTS.contains(grant);
    let asked = document.grant_types.filter(|asked| !asked.is_empty());
    let asked = asked.unwrap_or_else(|| vec![GrantType::AuthorizationCode.as_str().to_owned()]);
    let grants = asked.iter().filter_map(|name| GrantType::parse(name)).filter(is_allowed);
    document.grant_types = Some(grants.map(|grant| grant.as_str().to_owned()).collect());
    let is_asked =
        |scope: &String| document.scope.is_empty() || document.scope.split(' ').any(|asked| asked == scope);
    document.audience = Some(settings.audience.clone());
    let scopes: Vec<String> = settings.scopes.iter().filter(|scope| is_asked(scope)).cloned().collect();
    document.scope = scopes.join(" ");
    if document.response_types.as_ref().is_none_or(Vec::is_empty) {
        document.response_types = Some(vec!["code".to_owned()]);
    }
    Ok(document)
}

/// An app's own scheme belongs to nobody, and so to no host: any app on the machine may take it. A document that is for other servers too
/// has the rest of its addresses; one that has no other is refused.
fn without_app_schemes(mut document: ClientDocument) -> ClientDocument {
    let is_web = |uri: &String| Url::parse(uri).map_or(true, |uri| matches!(uri.scheme(), "http" | "https"));
    for uris in [&mut document.redirect_uris, &mut document.post_logout_redirect_uris].into_iter().flatten() {
        uris.retain(is_web);
    }
    document
}

/// Answers go to the host that the person is shown, or to the person's own machine; keys are at that host.
fn check_hosts(address: &Address, document: &ClientDocument) -> Result<(), NotTaken> {
    for (property, uris) in [
        ("redirect_uris", &document.redirect_uris),
        ("post_logout_redirect_uris", &document.post_logout_redirect_uris),
    ] {
        let mut uris = uris.iter().flatten();
        if !uris.all(|uri| address.is_at_same_host(uri) || is_http(uri)) {
            return Err(NotTaken::OtherHost(property));
        }
    }
    match document.jwks_uri.as_deref().filter(|uri| !uri.is_empty()) {
        Some(uri) if !address.is_at_same_host(uri) => Err(NotTaken::OtherHost("jwks_uri")),
        _ => Ok(()),
    }
}

/// Which of the machine's own addresses may be registered is the rule of all clients.
fn is_http(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|uri| uri.scheme() == "http")
}

/// Pages about the client are at its host, or are left out: somebody else's terms would be shown as its own.
fn of_own_host(address: &Address, mut document: ClientDocument) -> ClientDocument {
    for page in [&mut document.client_uri, &mut document.policy_uri, &mut document.tos_uri] {
        if !address.is_at_same_host(page) {
            page.clear();
        }
    }
    document
}

/// Where its answers go its scripts may read them.
fn origins(document: &ClientDocument) -> Vec<String> {
    let uris = document.redirect_uris.iter().flatten().filter_map(|uri| Url::parse(uri).ok());
    let mut origins: Vec<String> = uris.map(|uri| uri.origin().ascii_serialization()).collect();
    origins.sort_unstable();
    origins.dedup();
    origins
}
