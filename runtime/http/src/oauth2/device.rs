//! `/oauth2/device/…` and `/ui/device`: the device authorization grant (RFC 8628).
//!
//! What is counted here, and the room relies on: requests of clients that prove nothing, by source, since each writes a
//! row; and guesses of codes, by source and by tenant (section 5.1). Right guesses are taken back, so that a house full of
//! devices meets no limit.

use http::StatusCode;
use identity::limiter::{Attempts as _, LimitKey, NotCounted};
use identity::settings::Rate;
use oauth2::authorization::PageError;
use oauth2::device::{DeviceOutcome, DeviceQuestion, DeviceStep, UserCode};
use oauth2::parameters::Parameters;
use oauth2::ports::PortError;
use oauth2::token::TokenError;
use ui::{DeviceCodeProblem, DeviceCodeView, DeviceDoneView, DeviceView, Hidden};

use super::asked;
use super::authorize::{encode, refuse};
use super::consent::label;
use super::cors::let_read;
use super::error::refuse as refuse_client;
use super::{client_request, form};
use crate::browser::{BrowserState, session_of_cookie};
use crate::call::Call;
use crate::commit::commit;
use crate::response::{Answer, json_no_store, page, see_other, set};
use crate::self_service::with_query;

/// Requests of public clients from one source.
const REQUESTS: Rate = Rate { burst: 30, refill_seconds: 10 };
/// Wrong codes from one source: of 20⁸.
const GUESSES: Rate = Rate { burst: 10, refill_seconds: 30 };
/// Wrong codes at one tenant from everywhere: in the ten minutes of a code, some 900 of 20⁸.
const GUESSES_OF_TENANT: Rate = Rate { burst: 300, refill_seconds: 1 };

/// `POST /oauth2/device/auth`
pub(crate) async fn begin(call: Call) -> Answer {
    let parameters = match form(&call) {
        Ok(parameters) => parameters,
        Err(error) => return refuse_client(&call, &error),
    };
    let proves = call.headers.contains_key("authorization")
        || ["client_secret", "client_assertion"].iter().any(|proof| parameters.find(proof).is_some());
    if !proves {
        let key = LimitKey::Device(call.tenant.id.clone(), call.client.limit_key());
        if call.node.attempts.count(key, REQUESTS, call.now()).await.is_err() {
            let busy = PortError::busy("too many devices begin at this address");
            return refuse_client(&call, &TokenError::Port(busy));
        }
    }
    let request = client_request(&call, &parameters);
    let answer = match commit(&call.node, || call.tenant.oauth2.device_authorization(request)).await {
        Ok(begun) => json_no_store(StatusCode::OK, &begun),
        Err(error) => refuse_client(&call, &error),
    };
    let_read(&call, &parameters, answer).await
}

/// `GET /oauth2/device/verify`: a code in the address is shown, and does nothing by itself.
pub(crate) async fn show_code(call: Call) -> Answer {
    if let Some(verifier) = call.query_value("consent_verifier") {
        return consented(&call, &verifier).await;
    }
    let brought = call.query_value("user_code").and_then(|code| UserCode::parse(&code));
    let user_code = brought.map(|code| code.to_string()).unwrap_or_default();
    if let Some(answer) = at_app(&call, &user_code).await {
        return answer;
    }
    code_page(&call, StatusCode::OK, user_code, None)
}

/// Leads to the tenant's own page that asks for a code, or on from there; `None` where the page is ours.
async fn at_app(call: &Call, user_code: &str) -> Option<Answer> {
    let server = &call.tenant.oauth2;
    server.settings.urls.device.verification.as_ref()?;
    let browser = match BrowserState::read(call).await {
        Ok(browser) => browser,
        Err(failure) => return Some(failure.to_page(call)),
    };
    let next = match call.query_value("device_verifier") {
        Some(verifier) => server
            .continue_device(&verifier, browser.as_room(call))
            .map(|challenge| challenge_url(call, &challenge)),
        None => server.device_app(user_code, browser.as_room(call))?,
    };
    Some(match next {
        Ok(url) => browser.remember(call, see_other(&url)),
        Err(error) => refuse(call, &error),
    })
}

fn code_page(
    call: &Call,
    status: StatusCode,
    user_code: String,
    problem: Option<DeviceCodeProblem>,
) -> Answer {
    let view = DeviceCodeView { action: call.tenant.absolute("/oauth2/device/verify"), user_code, problem };
    show(call, status, |context| call.node.pages.device_code(&view, context))
}

/// `POST /oauth2/device/verify`
pub(crate) async fn enter_code(call: Call) -> Answer {
    let browser = match BrowserState::read_posting(&call).await {
        Ok(browser) => browser,
        Err(failure) => return failure.to_page(&call),
    };
    let form = Parameters::parse(&call.body);
    let typed = form.find("user_code").unwrap_or_default();
    let shown = || typed.chars().take(64).collect();
    if let Err(limit) = count_guess(&call).await {
        let problem = Some(DeviceCodeProblem::TooMany);
        let mut answer = code_page(&call, StatusCode::TOO_MANY_REQUESTS, shown(), problem);
        set(&mut answer, "retry-after", &limit.retry_after().as_secs().to_string());
        return answer;
    }
    match call.tenant.oauth2.enter_user_code(typed, browser.as_room(&call)).await {
        Ok(Some(challenge)) => {
            forgive_guess(&call).await;
            let next = challenge_url(&call, &challenge);
            browser.remember(&call, see_other(&next))
        }
        Ok(None) => code_page(&call, StatusCode::BAD_REQUEST, shown(), Some(DeviceCodeProblem::Unknown)),
        Err(error) => refuse(&call, &error),
    }
}

/// Counts a code that the tenant's own page was told: by tenant alone, since every one comes from the same app.
pub(crate) async fn count_guess_of_app(call: &Call) -> Result<(), NotCounted> {
    let key = LimitKey::UserCode(call.tenant.id.clone(), None);
    call.node.attempts.count(key, GUESSES_OF_TENANT, call.now()).await
}

/// Takes back the count of a code that was right.
pub(crate) async fn forgive_guess_of_app(call: &Call) {
    let key = LimitKey::UserCode(call.tenant.id.clone(), None);
    call.node.attempts.forgive(key, GUESSES_OF_TENANT, call.now()).await;
}

/// Counted before anything is looked up, the source's own first.
async fn count_guess(call: &Call) -> Result<(), NotCounted> {
    for (key, rate) in guess_keys(call) {
        call.node.attempts.count(key, rate, call.now()).await?;
    }
    Ok(())
}

async fn forgive_guess(call: &Call) {
    for (key, rate) in guess_keys(call) {
        call.node.attempts.forgive(key, rate, call.now()).await;
    }
}

fn guess_keys(call: &Call) -> [(LimitKey, Rate); 2] {
    let of = |source| LimitKey::UserCode(call.tenant.id.clone(), source);
    [(of(Some(call.client.limit_key())), GUESSES), (of(None), GUESSES_OF_TENANT)]
}

/// `GET /ui/device?device_challenge=…`
pub(crate) async fn ask(call: Call) -> Answer {
    let (browser, live) = match (BrowserState::read(&call).await, session_of_cookie(&call).await) {
        (Ok(browser), Ok(live)) => (browser, live),
        (Err(failure), _) | (_, Err(failure)) => return failure.to_page(&call),
    };
    let challenge = call.query_value("device_challenge").unwrap_or_default();
    let here = challenge_url(&call, &challenge);
    let sign_in = with_query(&call.tenant.absolute("/self-service/login/browser"), "return_to", &here);
    match call.tenant.oauth2.device_step(&challenge, browser.as_room(&call)).await {
        Ok(DeviceStep::Login) => see_other(&sign_in),
        Ok(DeviceStep::LoginApp(url) | DeviceStep::ConsentApp(url)) => see_other(&url),
        Ok(DeviceStep::Question(question)) => {
            let subject = browser.external().or_else(|| live.map(|live| label(live.identity())));
            let subject = subject.unwrap_or_default();
            let view = view(&call, *question, subject, with_query(&sign_in, "prompt", "select_account"));
            show(&call, StatusCode::OK, |context| call.node.pages.device(&view, context))
        }
        Err(error) => refuse(&call, &error),
    }
}

fn view(call: &Call, question: DeviceQuestion, subject: String, switch_account_url: String) -> DeviceView {
    let locale = call.locale(&[]);
    DeviceView {
        client_name: question.client_name,
        described_at: question.described_at,
        is_self_registered: question.is_self_registered,
        scopes: asked::scopes(call, question.scopes, locale),
        details: asked::details(call, &question.details, locale),
        places: question.audience,
        subject,
        user_code: question.user_code,
        action: call.tenant.absolute("/ui/device"),
        hidden: vec![Hidden { name: "device_challenge".to_owned(), value: question.challenge }],
        switch_account_url,
    }
}

/// `POST /ui/device`
pub(crate) async fn decide(call: Call) -> Answer {
    let browser = match BrowserState::read_posting(&call).await {
        Ok(browser) => browser,
        Err(failure) => return failure.to_page(&call),
    };
    let form = Parameters::parse(&call.body);
    let challenge = form.find("device_challenge").unwrap_or_default();
    let allow = form.find("decision") == Some("allow");
    let (server, room) = (&call.tenant.oauth2, browser.as_room(&call));
    done(&call, commit(&call.node, || server.answer_device(challenge, allow, room)).await)
}

/// A browser comes back from the tenant's consent app.
async fn consented(call: &Call, verifier: &str) -> Answer {
    let browser = match BrowserState::read(call).await {
        Ok(browser) => browser,
        Err(failure) => return failure.to_page(call),
    };
    let (server, room) = (&call.tenant.oauth2, browser.as_room(call));
    done(call, commit(&call.node, || server.continue_device_consent(verifier, room)).await)
}

/// What the person is told at the end.
fn done(call: &Call, answered: Result<DeviceOutcome, PageError>) -> Answer {
    let done = match answered {
        Ok(DeviceOutcome::Allowed) => DeviceDoneView::Allowed,
        Ok(DeviceOutcome::Denied) => DeviceDoneView::Denied,
        Ok(DeviceOutcome::Refused(reason)) => DeviceDoneView::Refused(reason),
        Err(error) => return refuse(call, &error),
    };
    show(call, StatusCode::OK, |context| call.node.pages.device_done(&done, context))
}

fn challenge_url(call: &Call, challenge: &str) -> String {
    call.tenant.absolute(&format!("/ui/device?device_challenge={}", encode(challenge)))
}

fn show(call: &Call, status: StatusCode, render: impl FnOnce(&ui::PageContext<'_>) -> String) -> Answer {
    let here = call.page_path();
    let context = call.page_context(&here, call.locale(&[]));
    page(status, render(&context), &ui::page_headers(&call.tenant.branding, None))
}
