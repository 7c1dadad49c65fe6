//! `/ui/consent`: the person decides whether a client gets what it asks for.
//!
//! Attack: another site posts the form for the person. It cannot: the challenge is sealed to this browser
//! and this person, is in nobody else's hands, and the browser names the origin that posts.

use http::{Method, StatusCode};
use oauth2::authorization::ConsentVerdict;
use oauth2::parameters::Parameters;
use ui::{ConsentView, Hidden};

use super::asked;
use super::authorize::{encode, refuse, respond};
use crate::browser::{BrowserState, session_of_cookie};
use crate::call::Call;
use crate::commit::commit;
use crate::response::{Answer, page};

/// `GET /ui/consent?consent_challenge=…`
pub(crate) async fn show(call: Call) -> Answer {
    let (browser, live) = match (BrowserState::read(&call).await, session_of_cookie(&call).await) {
        (Ok(browser), Ok(live)) => (browser, live),
        (Err(failure), _) | (_, Err(failure)) => return failure.to_page(&call),
    };
    let challenge = call.query_value("consent_challenge").unwrap_or_default();
    let request = match call.tenant.oauth2.consent_request(&challenge, browser.as_room(&call)).await {
        Ok(request) => request,
        Err(error) => return refuse(&call, &error),
    };
    let is_described = request.described_at.is_some();
    let is_unverified = is_described || request.is_self_registered;
    // The picture of a client at which no operator has looked would look as if one had.
    let logo = request.logo_uri.as_deref().filter(|_| !is_unverified).and_then(|uri| uri.parse().ok());
    let login_challenge = encode(&request.login_challenge);
    let switch =
        format!("/self-service/login/browser?login_challenge={login_challenge}&prompt=select_account");
    let switch_account_url = call.tenant.absolute(&switch);
    let locale = call.locale(&request.ui_locales);
    let view = ConsentView {
        client_name: request.client_name,
        client_logo: logo.clone(),
        scopes: asked::scopes(&call, request.scopes, locale),
        details: asked::details(&call, &request.details, locale),
        places: request.audience,
        subject: browser.external().or_else(|| live.map(|live| label(live.identity()))).unwrap_or_default(),
        action: call.tenant.absolute("/ui/consent"),
        hidden: vec![Hidden { name: "consent_challenge".to_owned(), value: challenge }],
        // Where an app of the tenant's own signs people in, it is the client that begins again.
        switch_account_url: Some(switch_account_url).filter(|_| browser.is_of_identity()),
        is_local: is_unverified && request.is_local,
        is_self_registered: request.is_self_registered,
        described_at: request.described_at,
        redirect_host: Some(request.redirect_host),
        can_remember: request.can_remember && !is_described,
    };
    let here = call.page_path();
    let context = call.page_context(&here, locale);
    let html = call.node.pages.consent(&view, &context);
    page(StatusCode::OK, html, &ui::page_headers(&call.tenant.branding, logo.as_ref()))
}

/// `POST /ui/consent`
pub(crate) async fn decide(call: Call) -> Answer {
    debug_assert_eq!(call.method, Method::POST);
    let browser = match BrowserState::read_posting(&call).await {
        Ok(browser) => browser,
        Err(failure) => return failure.to_page(&call),
    };
    let form = Parameters::parse(&call.body);
    let challenge = form.find("consent_challenge").unwrap_or_default();
    let verdict = ConsentVerdict {
        allow: form.find("decision") == Some("allow"),
        remember: form.find("remember") == Some("true"),
    };
    let server = &call.tenant.oauth2;
    let decide = || server.decide_consent(challenge, verdict, browser.as_room(&call));
    let next = commit(&call.node, decide).await;
    respond(&call, next)
}

/// What a person is called by on pages: the e-mail address, else the user name, else the name.
pub(crate) fn label(identity: &identity::Identity) -> String {
    ["email", "username", "phone", "name"]
        .iter()
        .find_map(|name| identity.traits.get(*name)?.as_str())
        .unwrap_or_default()
        .to_owned()
}
