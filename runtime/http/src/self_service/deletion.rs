//! `DELETE /portcullis/v1/account`: whoever is signed in deletes their account; by their session token, or by the cookie
//! of a single-page application. The built-in page has a form of its own.
//!
//! Attack: a page elsewhere makes a signed-in browser send it. The body must say that it is JSON and the method is one
//! that no form of another origin sends; where the browser says from where it comes, it is from here.

use http::StatusCode;
use identity::Problem;
use identity::deletion::{DeletionError, delete_my_account};
use identity::session::LiveSession;
use serde::Deserialize;

use super::assurance::step_up_url;
use super::{Applied, Kind, apply, failed, forget_session, respond, room, session_of_anybody, with_query};
use crate::browser::is_own_origin;
use crate::call::Call;
use crate::response::{Answer, empty};

/// How often it is decided again because somebody was faster.
const MOST_ATTEMPTS: usize = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmed {
    /// What the account signs in with, e.g. its address; `delete` where it has nothing of the kind.
    confirm: String,
}

/// `DELETE /portcullis/v1/account`
pub(crate) async fn delete(call: Call) -> Answer {
    match deleted_by_api(&call).await {
        Ok(()) => {
            let mut answer = empty(StatusCode::NO_CONTENT);
            if call.header("cookie").is_some() {
                forget_session(&call, &mut answer);
            }
            answer
        }
        Err(problem) => respond(&call, &problem),
    }
}

async fn deleted_by_api(call: &Call) -> Result<(), Problem> {
    let malformed =
        "The body must be JSON with the member `confirm` alone, and its `Content-Type` must say so.";
    if !is_own_origin(call) {
        return Err(Problem::CsrfViolation);
    }
    if !call.has_media_type("application/json") {
        return Err(Problem::BadRequest(malformed.to_owned()));
    }
    let Confirmed { confirm } =
        serde_json::from_slice(&call.body).map_err(|_| Problem::BadRequest(malformed.to_owned()))?;
    let live = session_of_anybody(call).await?;
    deleted(call, &live, &confirm).await.map_err(|refusal| refusal.problem(call))
}

/// Why an account is still there.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// What the room says.
    Refused(DeletionError),
    /// Something else.
    Failed(Problem),
}

/// Deletes the account of a session.
pub(crate) async fn deleted(call: &Call, live: &LiveSession, typed: &str) -> Result<(), Refusal> {
    for _ in 0..MOST_ATTEMPTS {
        let change = delete_my_account(room(call), live, typed).await.map_err(Refusal::Refused)?;
        if apply(call, change).await.map_err(Refusal::Failed)? == Applied::Whole {
            return Ok(());
        }
        // A membership changed, or they were signed out.
        if super::session_of_anybody(call).await.is_err() {
            return Err(Refusal::Failed(Problem::SessionInactive));
        }
    }
    Err(Refusal::Failed(Problem::Unavailable))
}

impl Refusal {
    /// As the API says it.
    pub(crate) fn problem(self, call: &Call) -> Problem {
        let back = || Kind::Settings.start_url(call);
        match self {
            Self::Failed(problem) => problem,
            Self::Refused(error) => match error {
                DeletionError::Closed => Problem::FlowDisabled,
                DeletionError::RefreshRequired => {
                    let start = with_query(&Kind::Login.start_url(call), "refresh", "true");
                    let redirect_browser_to = with_query(&start, "return_to", &back());
                    Problem::SessionRefreshRequired { redirect_browser_to }
                }
                DeletionError::SecondFactorRequired => Problem::SecondFactorRequired {
                    redirect_browser_to: step_up_url(call, Some(("return_to", &back()))),
                },
                DeletionError::Unconfirmed => Problem::BadRequest(
                    "`confirm` must be what the account signs in with, or `delete` where that is nothing."
                        .to_owned(),
                ),
                DeletionError::LastOwner => Problem::Conflict(
                    "An organisation would be left without an owner. Make somebody else its owner first.",
                ),
                DeletionError::Store(error) => failed(call, error),
            },
        }
    }
}
