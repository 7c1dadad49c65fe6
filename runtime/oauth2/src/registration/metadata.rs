//! What a client may ask for itself (RFC 7591 sections 2 and 5). One rule a line, in the order in which they are reported.

use serde_json::{Map, Value};
use url::{Origin, Url};

use super::whose::{self, Given};
use super::{RegistrationError, RegistrationSettings};
use crate::client::{ClientDocument, GrantType, Lifespans};
use crate::scope::Scopes;

/// Reads a request, and refuses what only an operator gives; of a client that is there already, `before` is what it was.
pub(super) fn check(
    settings: &RegistrationSettings,
    before: Option<&ClientDocument>,
    request: Map<String, Value>,
) -> Result<ClientDocument, RegistrationError> {
    let request = match before {
        Some(before) => whose::kept(before, request)?,
        None => request,
    };
    let document: ClientDocument = serde_json::from_value(Value::Object(request))
        .map_err(|error| RegistrationError::Malformed(error.to_string()))?;
    if before.is_none() {
        check_privileges(&document)?;
    }
    let given = Given::of(settings, before);
    let document = with_allowed(settings, document);
    check_grants((settings, &given), &document)?;
    check_scope((settings, &given), &document)?;
    check_audience((settings, &given), &document)?;
    check_pages(&document)?;
    check_ways_out(before, &document)?;
    let document = given.put_back(document);
    check_sector(before, &document)?;
    Ok(document)
}

const fn refuse(property: &'static str, reason: &'static str) -> RegistrationError {
    RegistrationError::Metadata { property, reason }
}

/// Attack: a client makes itself first party, or puts itself down as somebody else's. It is told, so that its developer does
/// not wonder.
fn check_privileges(document: &ClientDocument) -> Result<(), RegistrationError> {
    let is_listed = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let has_metadata = !document.metadata.is_null() && document.metadata != Value::Object(Map::new());
    for (property, is_asked_for) in [
        ("skip_consent", document.skip_consent),
        ("skip_logout_consent", document.skip_logout_consent == Some(true)),
        ("owner", !document.owner.is_empty()),
        ("metadata", has_metadata),
        ("authorization_details_types", is_listed(&document.authorization_details_types)),
        ("request_uris", is_listed(&document.request_uris)),
        ("pkce_plain", document.pkce_plain == Some(true)),
        ("token_exchange", document.token_exchange.is_some()),
        ("lifespans", document.lifespans != Lifespans::default()),
    ] {
        if is_asked_for {
            return Err(refuse(property, "is set by operators alone"));
        }
    }
    Ok(())
}

/// The members of the server's own are not the client's to say; what it leaves out is what it may have.
fn with_allowed(settings: &RegistrationSettings, document: ClientDocument) -> ClientDocument {
    let mut document = ClientDocument {
        client_id: None,
        client_secret: None,
        registration_access_token: None,
        registration_client_uri: None,
        ..document
    };
    if document.audience.as_ref().is_none_or(Vec::is_empty) {
        document.audience = Some(settings.audience.clone());
    }
    if document.scope.is_empty() {
        document.scope = settings.scopes.join(" ");
    }
    document.with_defaults()
}

fn check_grants(
    (settings, given): (&RegistrationSettings, &Given),
    document: &ClientDocument,
) -> Result<(), RegistrationError> {
    for name in document.grant_types.iter().flatten() {
        let grant = GrantType::parse(name);
        let may_choose = grant.is_some_and(|grant| settings.grant_types.contains(&grant));
        if !may_choose && !given.grant_types.contains(name) {
            return Err(refuse("grant_types", "holds a grant that cannot be registered here"));
        }
        let has_address = document.redirect_uris.as_ref().is_some_and(|uris| !uris.is_empty());
        if grant == Some(GrantType::AuthorizationCode) && !has_address {
            return Err(crate::client::InvalidClient::NoRedirectUri.into());
        }
    }
    Ok(())
}

fn check_scope(
    (settings, given): (&RegistrationSettings, &Given),
    document: &ClientDocument,
) -> Result<(), RegistrationError> {
    let asked = Scopes::parse(&document.scope).map_err(|_| crate::client::InvalidClient::Scope)?;
    let allowed: Scopes = settings.scopes.iter().map(String::as_str).chain(given.scope.iter()).collect();
    if allowed.covers(&asked) {
        Ok(())
    } else {
        Err(refuse("scope", "holds a scope that cannot be registered here"))
    }
}

fn check_audience(
    (settings, given): (&RegistrationSettings, &Given),
    document: &ClientDocument,
) -> Result<(), RegistrationError> {
    let mut asked = document.audience.iter().flatten();
    if asked.all(|asked| settings.audience.contains(asked) || given.audience.contains(asked)) {
        Ok(())
    } else {
        Err(refuse("audience", "holds an audience that cannot be registered here"))
    }
}

const WHERE: &str = "must be https, at the host of one of redirect_uris";

/// Attack (section 5): a client shows somebody else's picture and terms. Its pages are at a host to which its answers go, and
/// so are the pages whose scripts may ask for its tokens.
fn check_pages(document: &ClientDocument) -> Result<(), RegistrationError> {
    let own: Vec<Url> =
        document.redirect_uris.iter().flatten().filter_map(|uri| Url::parse(uri).ok()).collect();
    let is_own = |page: &str| {
        let page = Url::parse(page).ok().filter(|page| page.scheme() == "https");
        page.is_some_and(|page| own.iter().any(|uri| uri.scheme() == "https" && uri.host() == page.host()))
    };
    for (property, page) in [
        ("client_uri", &document.client_uri),
        ("logo_uri", &document.logo_uri),
        ("policy_uri", &document.policy_uri),
        ("tos_uri", &document.tos_uri),
    ] {
        if !page.is_empty() && !is_own(page) {
            return Err(refuse(property, WHERE));
        }
    }
    // A frame of it stands in our own page.
    if document.frontchannel_logout_uri.as_deref().is_some_and(|page| !page.is_empty() && !is_own(page)) {
        return Err(refuse("frontchannel_logout_uri", WHERE));
    }
    let origins: Vec<Origin> = own.iter().map(Url::origin).collect();
    for origin in document.allowed_cors_origins.iter().flatten() {
        let origin = Url::parse(origin).ok().map(|url| url.origin()).filter(Origin::is_tuple);
        if !origin.is_some_and(|origin| origins.contains(&origin)) {
            return Err(refuse("allowed_cors_origins", "must be origins of redirect_uris"));
        }
    }
    Ok(())
}

/// Attack (RFC 9700 section 4.11.2): whoever may register makes of our sign-out a link to anywhere. It leads to where the client's
/// answers go, or to where it led before this was asked.
fn check_ways_out(
    before: Option<&ClientDocument>,
    document: &ClientDocument,
) -> Result<(), RegistrationError> {
    let own: Vec<Url> =
        document.redirect_uris.iter().flatten().filter_map(|uri| Url::parse(uri).ok()).collect();
    let is_own = |uri: &String| {
        let uri = Url::parse(uri).ok();
        uri.is_some_and(|uri| own.iter().any(|own| own.scheme() == uri.scheme() && own.host() == uri.host()))
    };
    let had = before.and_then(|before| before.post_logout_redirect_uris.as_deref()).unwrap_or_default();
    let mut asked = document.post_logout_redirect_uris.iter().flatten();
    if asked.all(|uri| had.contains(uri) || is_own(uri)) {
        Ok(())
    } else {
        Err(refuse("post_logout_redirect_uris", "must be at the hosts of redirect_uris"))
    }
}

/// Attack (OpenID Connect Core section 8.1): a client puts down an address of somebody else's app, and is told people's names as
/// that app is. An answer that goes to that address tells it nothing; what it is told otherwise does. What it had stays.
fn check_sector(before: Option<&ClientDocument>, document: &ClientDocument) -> Result<(), RegistrationError> {
    let is_as_before = before.is_some_and(|before| {
        let mut grants = document.grant_types.iter().flatten();
        takes_sector_unasked(before)
            && before.redirect_uris == document.redirect_uris
            && grants.all(|grant| before.grant_types.iter().flatten().any(|had| had == grant))
    });
    if takes_sector_unasked(document) && !is_as_before {
        let reason = "is needed for pairwise names by grants that do not answer to redirect_uris";
        return Err(refuse("sector_identifier_uri", reason));
    }
    Ok(())
}

/// Whether a client would learn the names of a sector that nobody has asked about it.
fn takes_sector_unasked(document: &ClientDocument) -> bool {
    let is_asked = document.sector_identifier_uri.as_deref().is_some_and(|uri| !uri.is_empty());
    let mut grants = document.grant_types.iter().flatten().filter_map(|name| GrantType::parse(name));
    // The answers of `implicit` go there too, and a client that acts for itself is told of nobody.
    let tells_nothing = |grant: GrantType| {
        matches!(
            grant,
            GrantType::AuthorizationCode
                | GrantType::Implicit
                | GrantType::RefreshToken
                | GrantType::ClientCredentials
        )
    };
    document.subject_type == "pairwise" && !is_asked && !grants.all(tells_nothing)
}
