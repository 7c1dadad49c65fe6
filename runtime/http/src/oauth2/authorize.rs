//! `/oauth2/auth`: the authorization request, and how it goes on after a sign-in.

use http::{Method, StatusCode};
use oauth2::authorization::{Fault, Next, PageError, SignInPage};
use oauth2::parameters::Parameters;
use oauth2::ports::PortError;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ui::Locale;

use super::{FORM, external, form_post};
use crate::browser::{BrowserState, cookie};
use crate::call::{ASKED_LOCALE_COOKIE, Call};
use crate::commit::{Uncommitted, commit};
use crate::failure::Failure;
use crate::response::{Answer, see_other, set_cookie};

impl Uncommitted for PageError {
    fn store(error: PortError) -> Self {
        Self::Port(error)
    }

    fn contention() -> Self {
        Self::Port(PortError::busy("too many requests for the same grant"))
    }
}

/// `GET` and `POST /oauth2/auth` (RFC 6749 section 3.1, OpenID Connect Core section 3.1.2.1).
pub(crate) async fn begin(call: Call) -> Answer {
    let browser = match BrowserState::read(&call).await {
        Ok(browser) => browser,
        Err(failure) => return failure.to_page(&call),
    };
    if let Some(answer) = external::come_back(&call, &browser).await {
        return answer;
    }
    let browser = browser.anew();
    let encoded = if call.method == Method::POST && call.has_media_type(FORM) {
        &call.body[..]
    } else {
        call.query.as_bytes()
    };
    let parameters = Parameters::parse(encoded);
    let server = &call.tenant.oauth2;
    let next = commit(&call.node, || server.authorize(&parameters, browser.as_room(&call))).await;
    let mut answer = respond(&call, next);
    remember_language(&call, parameters.find("ui_locales"), &mut answer);
    browser.remember(&call, answer)
}

/// Lets everything on the way to the app be in the language that it asks for (OpenID Connect Core section 3.1.2.1).
fn remember_language(call: &Call, ui_locales: Option<&str>, answer: &mut Answer) {
    let asked = ui_locales.and_then(Locale::from_tags);
    let (tag, age) = match asked {
        Some(locale) => (locale.tag(), None),
        // What another app asked for before is over.
        None if call.cookie(ASKED_LOCALE_COOKIE).is_some() => ("", Some(0)),
        None => return,
    };
    set_cookie(answer, &cookie(call, ASKED_LOCALE_COOKIE, tag, age));
}

/// `GET /oauth2/auth/resume`: the browser comes back signed in.
pub(crate) async fn resume(call: Call) -> Answer {
    let browser = match BrowserState::read(&call).await {
        Ok(browser) => browser.anew(),
        Err(failure) => return failure.to_page(&call),
    };
    let challenge = call.query_value("login_challenge").unwrap_or_default();
    let server = &call.tenant.oauth2;
    let next = commit(&call.node, || server.resume(&challenge, browser.as_room(&call))).await;
    browser.remember(&call, respond(&call, next))
}

/// Where the browser goes next.
pub(super) fn respond(call: &Call, next: Result<Next, PageError>) -> Answer {
    match next {
        Ok(Next::Login { challenge, reauthenticate, elsewhere, page }) => {
            let (form, how) = match (page, reauthenticate, elsewhere) {
                (SignInPage::Registration, ..) => ("registration", ""),
                (SignInPage::SecondFactor, ..) => ("login", "&aal=aal2"),
                (SignInPage::SecondFactorAgain, ..) => ("login", "&aal=aal2&refresh=true"),
                (SignInPage::Login, true, _) => ("login", "&refresh=true"),
                (SignInPage::Login, false, true) => ("login", "&prompt=select_account"),
                (SignInPage::Login, false, false) => ("login", ""),
            };
            let path = format!("/self-service/{form}/browser?login_challenge={}{how}", encode(&challenge));
            see_other(&call.tenant.absolute(&path))
        }
        Ok(Next::Consent { challenge }) => {
            let path = format!("/ui/consent?consent_challenge={}", encode(&challenge));
            see_other(&call.tenant.absolute(&path))
        }
        Ok(Next::Page(url)) => see_other(&url),
        Ok(Next::Answer(response)) => match response.location() {
            Some(location) => see_other(&location),
            None => form_post::page(&response),
        },
        Err(error) => refuse(call, &error),
    }
}

/// A page that says what is wrong. Nothing of it goes to an address that the request brought along.
pub(crate) fn refuse(call: &Call, error: &PageError) -> Answer {
    let (request, tenant) = (call.request, &call.tenant.id);
    let status = match error.fault() {
        Fault::Request => StatusCode::BAD_REQUEST,
        Fault::Forbidden => StatusCode::FORBIDDEN,
        Fault::Gone => StatusCode::GONE,
        Fault::Server => StatusCode::INTERNAL_SERVER_ERROR,
        Fault::Busy => StatusCode::SERVICE_UNAVAILABLE,
    };
    if status.is_server_error() {
        tracing::error!(%request, %tenant, %error, "an authorization request failed");
    } else {
        tracing::info!(%request, %tenant, %error, "an authorization request was refused");
    }
    match external::error_page(call, error) {
        Some(page) => page,
        None => Failure::new(status, error.id(), error.message()).to_page(call),
    }
}

pub(super) fn encode(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}
