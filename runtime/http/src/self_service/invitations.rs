//! Invitations for whoever has one: what it is for, and accepting it.
//!
//! Attack: a page elsewhere lets a signed-in person's browser accept an invitation of the attacker's. The body must say
//! that it is JSON, which no form of another origin can; the form of our own page carries the token of its own cookie.

use http::StatusCode;
use identity::Problem;
use identity::organisation::invitation::{self, Invitation};
use identity::organisation::{Organisation, OrganisationError, change};
use identity::session::LiveSession;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Applied, apply, check_session, failed, respond, room, session_of_anybody};
use crate::call::Call;
use crate::response::{Answer, json_no_store};

/// How often a decision is made again because somebody was faster.
const MOST_ATTEMPTS: usize = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Presented {
    token: String,
}

/// `GET /portcullis/v1/invitations?token=`
pub(crate) async fn show(call: Call) -> Answer {
    let token = call.query_value("token").unwrap_or_default();
    match load(&call, &token).await {
        Ok((invitation, organisation)) => {
            json_no_store(StatusCode::OK, &document(&invitation, &organisation))
        }
        Err(problem) => respond(&call, &problem),
    }
}

/// `POST /portcullis/v1/invitations/accept`
pub(crate) async fn accept(call: Call) -> Answer {
    let accepted = async {
        if !call.has_media_type("application/json") {
            return Err(Problem::BadRequest(
                "The body must be JSON, and its `Content-Type` must say so.".to_owned(),
            ));
        }
        let Presented { token } = serde_json::from_slice(&call.body)
            .map_err(|_| Problem::BadRequest("The body must have the member `token` alone.".to_owned()))?;
        let live = session_of_anybody(&call).await?;
        accept_for(&call, &live, &token).await
    };
    match accepted.await {
        Ok((invitation, organisation)) => {
            json_no_store(StatusCode::OK, &document(&invitation, &organisation))
        }
        Err(problem) => respond(&call, &problem),
    }
}

/// The invitation of a token, if it is still good, with its organisation.
pub(crate) async fn load(call: &Call, token: &str) -> Result<(Invitation, Organisation), Problem> {
    let found = async {
        let invitation = invitation::load_open(room(call), token).await?;
        let organisation = change::load(room(call), invitation.organisation).await?;
        Ok((invitation, organisation))
    };
    found.await.map_err(|error| problem(call, error))
}

/// Somebody who is signed in joins.
pub(crate) async fn accept_for(
    call: &Call,
    live: &LiveSession,
    token: &str,
) -> Result<(Invitation, Organisation), Problem> {
    check_session(call, live)?;
    for _ in 0..MOST_ATTEMPTS {
        let (_, organisation) = load(call, token).await?;
        let decided = invitation::accept(room(call), live, token).await;
        let (invitation, change) = decided.map_err(|error| problem(call, error))?;
        if apply(call, change).await? == Applied::Whole {
            return Ok((invitation, organisation));
        }
    }
    Err(Problem::Conflict("The invitation or the account changed meanwhile; look again."))
}

fn document(invitation: &Invitation, organisation: &Organisation) -> Value {
    json!({
        "organization": { "id": organisation.id, "label": organisation.label },
        "address": invitation.address,
        "role": invitation.role,
        "expires_at": invitation.expires_at,
    })
}

/// Whoever has no good token learns nothing of what it may have been.
fn problem(call: &Call, error: OrganisationError) -> Problem {
    match error {
        OrganisationError::Store(error) => failed(call, error),
        OrganisationError::AnotherAddress => {
            Problem::Conflict("This invitation is for another address than this account has.")
        }
        OrganisationError::Limited(limit) => limit.into(),
        OrganisationError::NotFound
        | OrganisationError::NothingInIt(_)
        | OrganisationError::Malformed(_)
        | OrganisationError::DomainTaken
        | OrganisationError::NotProven { .. }
        | OrganisationError::Unanswered(_)
        | OrganisationError::LastOwner
        | OrganisationError::OwnersOnly
        | OrganisationError::AdministratorsOnly
        | OrganisationError::Managed
        | OrganisationError::InvitationSpent => Problem::NotFound,
    }
}
