//! Requests that apps of the tenant's own answer, by the Hydra API: sign-ins, consents, sign-outs, devices.

use http::StatusCode;
use oauth2::authorization::external::{AcceptConsent, AcceptLogin, ChallengeError, RedirectTo, Reject};
use oauth2::decision::Decision;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{body, store};
use crate::call::Call;
use crate::commit::commit;
use crate::failure::Failure;
use crate::oauth2::device::{count_guess_of_app, forgive_guess_of_app};
use crate::response::{Answer, empty, json_no_store};

/// `GET /admin/oauth2/auth/requests/login?login_challenge=…`
pub(crate) async fn show_login(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    show(&call, "login_challenge", |challenge| async move { server.show_login_challenge(&challenge).await })
        .await
}

/// `PUT /admin/oauth2/auth/requests/login/accept?login_challenge=…`
pub(crate) async fn accept_login(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    let take = |challenge: String, answer: AcceptLogin| async move {
        server.accept_login_challenge(&challenge, answer).await
    };
    redirect(&call, "login_challenge", take).await
}

/// `PUT /admin/oauth2/auth/requests/login/reject?login_challenge=…`
pub(crate) async fn reject_login(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    let take = |challenge: String, answer: Reject| async move {
        server.reject_login_challenge(&challenge, answer).await
    };
    redirect(&call, "login_challenge", take).await
}

/// `GET /admin/oauth2/auth/requests/consent?consent_challenge=…`
pub(crate) async fn show_consent(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    show(
        &call,
        "consent_challenge",
        |challenge| async move { server.show_consent_challenge(&challenge).await },
    )
    .await
}

/// `PUT /admin/oauth2/auth/requests/consent/accept?consent_challenge=…`
pub(crate) async fn accept_consent(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    let take = |challenge: String, answer: AcceptConsent| async move {
        server.accept_consent_challenge(&challenge, answer).await
    };
    redirect(&call, "consent_challenge", take).await
}

/// `PUT /admin/oauth2/auth/requests/consent/reject?consent_challenge=…`
pub(crate) async fn reject_consent(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    let take = |challenge: String, answer: Reject| async move {
        server.reject_consent_challenge(&challenge, answer).await
    };
    redirect(&call, "consent_challenge", take).await
}

/// `GET /admin/oauth2/auth/requests/logout?logout_challenge=…`
pub(crate) async fn show_logout(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    show(&call, "logout_challenge", |challenge| async move { server.show_logout_challenge(&challenge).await })
        .await
}

/// `PUT /admin/oauth2/auth/requests/logout/accept?logout_challenge=…`
pub(crate) async fn accept_logout(call: Call) -> Answer {
    let server = &call.tenant.oauth2;
    let take =
        |challenge: String, _: Nothing| async move { server.accept_logout_challenge(&challenge).await };
    redirect(&call, "logout_challenge", take).await
}

/// `PUT /admin/oauth2/auth/requests/logout/reject?logout_challenge=…`
pub(crate) async fn reject_logout(call: Call) -> Answer {
    let challenge = match challenge(&call, "logout_challenge") {
        Ok(challenge) => challenge,
        Err(failure) => return failure.to_oauth(),
    };
    match commit(&call.node, || call.tenant.oauth2.reject_logout_challenge(&challenge)).await {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(error) => refuse(&call, error),
    }
}

/// An answer of which nothing is read.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Nothing {}

/// `acceptDeviceUserCodeRequest`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct AcceptDevice {
    user_code: String,
}

/// `PUT /admin/oauth2/auth/requests/device/accept?device_challenge=…`
pub(crate) async fn accept_device(call: Call) -> Answer {
    if count_guess_of_app(&call).await.is_err() {
        let words = "Too many codes were tried. Please try again in a moment.";
        return Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", words).to_oauth();
    }
    let server = &call.tenant.oauth2;
    let take = |challenge: String, answer: AcceptDevice| async move {
        server.accept_device_challenge(&challenge, &answer.user_code).await
    };
    let answer = redirect(&call, "device_challenge", take).await;
    if answer.status() == StatusCode::OK {
        forgive_guess_of_app(&call).await;
    }
    answer
}

fn challenge(call: &Call, name: &'static str) -> Result<String, Failure> {
    let named = call.query_value(name).filter(|challenge| !challenge.is_empty());
    named.ok_or_else(|| Failure::bad_request(format!("Name the `{name}`.")))
}

/// The challenge, and the answer to it. An empty body says nothing of what may be said.
fn read<T: DeserializeOwned + Default>(call: &Call, name: &'static str) -> Result<(String, T), Failure> {
    let challenge = challenge(call, name)?;
    let answer = if call.body.is_empty() { T::default() } else { body(call)? };
    Ok((challenge, answer))
}

async fn show<F: Future<Output = Result<Value, ChallengeError>>>(
    call: &Call,
    name: &'static str,
    look: impl FnOnce(String) -> F,
) -> Answer {
    let challenge = match challenge(call, name) {
        Ok(challenge) => challenge,
        Err(failure) => return failure.to_oauth(),
    };
    match look(challenge).await {
        Ok(document) => json_no_store(StatusCode::OK, &document),
        // What was answered says where the browser begins anew, so that an app can send it there.
        Err(ChallengeError::Gone { redirect_to }) => {
            json_no_store(StatusCode::GONE, &RedirectTo { redirect_to })
        }
        Err(error) => refuse(call, error),
    }
}

/// Takes an answer; says where the app sends the browser.
async fn redirect<T, F>(call: &Call, name: &'static str, take: impl Fn(String, T) -> F) -> Answer
where
    T: DeserializeOwned + Default + Clone,
    F: Future<Output = Decision<RedirectTo, ChallengeError>>,
{
    let (challenge, answer) = match read::<T>(call, name) {
        Ok(read) => read,
        Err(failure) => return failure.to_oauth(),
    };
    match commit(&call.node, || take(challenge.clone(), answer.clone())).await {
        Ok(redirect) => json_no_store(StatusCode::OK, &redirect),
        Err(error) => refuse(call, error),
    }
}

fn refuse(call: &Call, error: ChallengeError) -> Answer {
    let failure = match error {
        ChallengeError::Port(error) => store(call, &error),
        ChallengeError::Unknown => Failure::new(StatusCode::NOT_FOUND, "not_found", error.to_string()),
        ChallengeError::Answered => Failure::new(StatusCode::CONFLICT, "conflict", error.to_string()),
        ChallengeError::Gone { .. } => Failure::new(StatusCode::GONE, "gone", error.to_string()),
        ChallengeError::Invalid(words) => Failure::bad_request(words),
    };
    failure.to_oauth()
}
