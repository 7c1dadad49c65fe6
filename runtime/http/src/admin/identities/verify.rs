//! `POST /admin/portcullis/v1/identities/{id}/credentials/verify`: whether a credential is right, for an operator whose
//! own form asked for it.

use http::StatusCode;
use identity::administration::verify::{Proof, VerifyError, credential};
use identity::{IdentityState, Problem};
use primitives::IdentityId;
use serde_json::{Value, json};

use crate::admin::{actor, body};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json_no_store};
use crate::self_service::{Applied, apply, failed, room};

/// How often it is decided again because somebody was faster.
const MOST_ATTEMPTS: usize = 3;

/// `POST …/credentials/verify`
pub(crate) async fn post(call: Call) -> Answer {
    match verdict(&call).await {
        Ok(answer) => json_no_store(StatusCode::OK, &answer),
        Err(failure) => failure.to_problem(call.request),
    }
}

async fn verdict(call: &Call) -> Result<Value, Failure> {
    let id: IdentityId = call.place("id").parse().map_err(|_| Failure::not_found())?;
    for _ in 0..MOST_ATTEMPTS {
        let proof: Proof = body(call)?;
        let decided = credential(room(call), (actor(call), call.client), id, proof).await;
        let (verdict, change) = decided.map_err(|error| match error {
            VerifyError::NotFound => Failure::not_found(),
            VerifyError::Flow(error) => {
                tracing::debug!(request = %call.request, %error, "a credential was not verified");
                of_problem(&Problem::of_submission(error, String::new))
            }
        })?;
        // Nothing is told before it is in the log.
        if apply(call, change).await.map_err(|problem| of_problem(&problem))? == Applied::Whole {
            let is_active = verdict.state == IdentityState::Active;
            let state = if is_active { "active" } else { "inactive" };
            return Ok(json!({ "verified": verdict.verified, "state": state }));
        }
    }
    Err(of_problem(&failed(call, Problem::Unavailable)))
}

/// An error of the compatible API in the form of ours.
pub(super) fn of_problem(problem: &Problem) -> Failure {
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Failure::new(status, problem.id(), problem.reason())
}
