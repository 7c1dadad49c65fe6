//! Errors have the API's shapes, ids and codes.

use std::time::Duration;

use portcullis_identity::{BrowserError, Problem};
use primitives::{FlowId, RequestId};
use serde_json::{Value, json};

use crate::openapi::Description;
use crate::world::{NOW, World, sealer};

fn document(problem: &Problem) -> Value {
    problem.document(RequestId::generate(&World::new().rng))
}

#[test]
fn ids_and_codes_are_the_apis() {
    let to = || "https://id.example/x".to_owned();
    let wait = Duration::from_secs(3);
    for (problem, id, code) in [
        (Problem::SessionAlreadyAvailable, "session_already_available", 400),
        (Problem::SessionInactive, "session_inactive", 401),
        (Problem::SessionRefreshRequired { redirect_browser_to: to() }, "session_refresh_required", 403),
        (Problem::SecondFactorRequired { redirect_browser_to: to() }, "session_aal2_required", 403),
        (Problem::FirstFactorRequired, "session_aal1_required", 401),
        (Problem::FlowDisabled, "self_service_flow_disabled", 400),
        (Problem::CsrfViolation, "security_csrf_violation", 403),
        (Problem::IdentityMismatch, "security_identity_mismatch", 403),
        (Problem::IdentityDisabled, "identity_disabled", 401),
        (Problem::ReturnToForbidden, "self_service_flow_return_to_forbidden", 400),
        (
            Problem::LocationChangeRequired { redirect_browser_to: to() },
            "browser_location_change_required",
            422,
        ),
        (Problem::TooManyAttempts { retry_after: wait }, "too_many_attempts", 429),
    ] {
        let document = document(&problem);
        assert_eq!(
            (document["error"]["id"].as_str(), document["error"]["code"].as_u64()),
            (Some(id), Some(code))
        );
    }
}

#[test]
fn shapes_are_the_apis() {
    let Some(description) = Description::load() else { return };
    let to = || "https://id.example/x".to_owned();
    let expired = Problem::FlowExpired { since: 1, expired_at: NOW, use_flow_id: FlowId(uuid::Uuid::nil()) };
    for (problem, schema) in [
        (Problem::SessionInactive, "errorGeneric"),
        (Problem::BadRequest("why".to_owned()), "errorGeneric"),
        (expired, "selfServiceFlowExpiredError"),
        (Problem::SessionRefreshRequired { redirect_browser_to: to() }, "needsPrivilegedSessionError"),
    ] {
        description.check(schema, &document(&problem));
    }
    let error = BrowserError { problem: Problem::CsrfViolation, at: NOW };
    let id = error.id(&sealer(), &World::new().tenant);
    description.check("flowError", &error.document(id));
}

#[test]
fn special_members_stand_beside_the_error() {
    let to = "https://id.example/x";
    let special = document(&Problem::LocationChangeRequired { redirect_browser_to: to.to_owned() });
    assert_eq!(special["redirect_browser_to"], to);
    let id = FlowId(uuid::Uuid::from_u128(7));
    let special = document(&Problem::FlowExpired { since: 9, expired_at: NOW, use_flow_id: id });
    assert_eq!((&special["since"], &special["use_flow_id"]), (&json!(9), &json!(id)));
}
