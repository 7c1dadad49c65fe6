//! Errors as the flow API says them.
//!
//! What went wrong inside becomes one [`Problem`], and [`Problem`] has the one table from cause to id,
//! status and words. The words are for the client; causes are in the log.

use std::time::Duration;

use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::{FlowId, RequestId, Timestamp};
use serde_json::{Value, json};

use crate::administration::AdministrationError;
use crate::flow::{FlowError, ForeignFlow, MalformedSubmission, StartError};
use crate::limiter::{LimitReached, NotCounted};
use crate::password::PolicyViolation;
use crate::ports::StoreUnavailable;
use crate::return_to::ReturnToForbidden;

/// An error of the flow API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum Problem {
    /// Somebody is signed in already.
    SessionAlreadyAvailable,
    /// Nobody is signed in.
    SessionInactive,
    /// Whoever is signed in must prove it again first.
    SessionRefreshRequired {
        /// Where.
        redirect_browser_to: String,
    },
    /// The session has not proven the second factor that there is.
    SecondFactorRequired {
        /// Where it is proven.
        redirect_browser_to: String,
    },
    /// A second factor was asked for without a first one.
    FirstFactorRequired,
    /// A second factor was asked for, and there is none.
    SecondFactorUnavailable,
    /// The flow may not be submitted any more.
    FlowExpired {
        /// How long ago, in nanoseconds.
        since: u64,
        /// When.
        expired_at: Timestamp,
        /// The flow in its place.
        use_flow_id: FlowId,
    },
    /// No such flow.
    FlowUnknown,
    /// The operator has closed it.
    FlowDisabled,
    /// The form is not ours, or not this browser's.
    CsrfViolation,
    /// A native application's endpoint was called by a browser.
    BrowserAtNativeEndpoint,
    /// The form was begun by somebody else.
    IdentityMismatch,
    /// Somebody acts in another's name, whose account they do not change.
    ActsForAnother,
    /// The identity may not sign in.
    IdentityDisabled,
    /// What came from another provider answers nothing that was asked here.
    ProviderAnswerUnasked,
    /// What came from another provider came before.
    ProviderAnswerUsed,
    /// `return_to` is not on the list.
    ReturnToForbidden,
    /// A single-page application must send the browser elsewhere.
    LocationChangeRequired {
        /// Where.
        redirect_browser_to: String,
    },
    /// There is no such thing, or not for this caller.
    NotFound,
    /// It is taken, or changed meanwhile.
    Conflict(&'static str),
    /// The request cannot be understood.
    BadRequest(String),
    /// The password is known from breaches.
    BreachedPassword,
    /// A session token that is not one of ours.
    UnknownToken,
    /// The current session cannot be revoked here.
    CurrentSession,
    /// Too many attempts.
    TooManyAttempts {
        /// Come back after.
        retry_after: Duration,
    },
    /// The node is busy.
    Busy {
        /// Come back after.
        retry_after: Duration,
    },
    /// The store did not answer.
    Unavailable,
    /// Something that the operator must mend.
    Internal,
    /// A server of the tenant's does not let the form begin.
    Interrupted,
    /// A server of the tenant's that has a say was not reached, or gave no usable answer.
    UpstreamFailed,
    /// A server of the tenant's that has a say took too long.
    UpstreamTimedOut,
}

impl Problem {
    /// Its id, status and reason: the one table.
    fn wire(&self) -> (&'static str, u16, &str) {
        match self {
            Self::SessionAlreadyAvailable => (
                "session_already_available",
                400,
                "Somebody is signed in already. Sign out first, or ask for a renewed sign-in with `refresh=true`.",
            ),
            Self::SessionInactive => {
                ("session_inactive", 401, "No active session was found in this request.")
            }
            Self::SessionRefreshRequired { .. } => (
                "session_refresh_required",
                403,
                "The last sign-in is too long ago for this change. Sign in once more, then try again.",
            ),
            Self::SecondFactorRequired { .. } => (
                "session_aal2_required",
                403,
                "An active session was found, but it has not proven the second factor of its account. Do so, then try again.",
            ),
            Self::FirstFactorRequired => {
                ("session_aal1_required", 401, "A second factor needs a session with a first one.")
            }
            Self::SecondFactorUnavailable => {
                ("session_aal2_unavailable", 400, "This account has no second factor.")
            }
            Self::FlowExpired { .. } => {
                ("self_service_flow_expired", 410, "The form was open for too long. Go on with the new one.")
            }
            Self::FlowUnknown => ("not_found", 404, "There is no such form. Begin again."),
            Self::FlowDisabled => ("self_service_flow_disabled", 400, "The operator has closed this form."),
            Self::CsrfViolation => (
                "security_csrf_violation",
                403,
                "The form was not begun in this browser, or its token or cookie is missing. Begin again.",
            ),
            Self::BrowserAtNativeEndpoint => (
                "security_csrf_violation",
                400,
                "Flows of native applications refuse the headers `Cookie` and `Origin`. Browsers use the browser flows.",
            ),
            Self::IdentityMismatch => (
                "security_identity_mismatch",
                403,
                "The form was begun by another person than the one who is signed in. Begin again.",
            ),
            Self::ActsForAnother => (
                "session_impersonated",
                403,
                "Whoever acts in somebody's name changes nothing of their account.",
            ),
            Self::IdentityDisabled => ("identity_disabled", 401, "This account was disabled."),
            Self::ProviderAnswerUnasked => (
                "provider_answer_unasked",
                400,
                "What came from the other provider belongs to no sign-in that was begun here, or took too long. Begin again.",
            ),
            Self::ProviderAnswerUsed => (
                "provider_answer_used",
                400,
                "This sign-in with the other provider was finished before. Begin again if you are not signed in.",
            ),
            Self::ReturnToForbidden => (
                "self_service_flow_return_to_forbidden",
                400,
                "The address in `return_to` is not one that this server sends people to.",
            ),
            Self::LocationChangeRequired { .. } => (
                "browser_location_change_required",
                422,
                "The browser must go to the address in `redirect_browser_to`.",
            ),
            Self::NotFound => ("not_found", 404, "There is no such thing here."),
            Self::Conflict(reason) => ("conflict", 409, reason),
            Self::BadRequest(reason) => ("invalid_request", 400, reason),
            Self::BreachedPassword => (
                "password_breached",
                400,
                "The password has been found in data breaches and must no longer be used (message 4000034).",
            ),
            Self::UnknownToken => {
                ("unknown_session_token", 403, "The session token is malformed or does not exist.")
            }
            Self::CurrentSession => ("invalid_request", 400, "The current session ends by signing out."),
            Self::TooManyAttempts { .. } => {
                ("too_many_attempts", 429, "Too many attempts. Please try again later.")
            }
            Self::Busy { .. } => ("busy", 429, "The server is busy. Please try again in a moment."),
            Self::Unavailable => {
                ("temporarily_unavailable", 503, "The server cannot answer right now. Please try again.")
            }
            Self::Internal => {
                ("server_error", 500, "The server could not answer. Ask its operator, naming the request id.")
            }
            Self::Interrupted => {
                ("form_interrupted", 400, "Whoever runs this service does not let this form begin.")
            }
            Self::UpstreamFailed => (
                "upstream_failed",
                502,
                "A third-party upstream service responded improperly. Please try again later.",
            ),
            Self::UpstreamTimedOut => (
                "upstream_timed_out",
                504,
                "A third-party upstream service could not be reached. Please try again later.",
            ),
        }
    }

    /// Its id.
    pub fn id(&self) -> &'static str {
        self.wire().0
    }

    /// Its HTTP status.
    pub fn status(&self) -> u16 {
        self.wire().1
    }

    /// What is wrong, for the client.
    pub fn reason(&self) -> &str {
        self.wire().2
    }

    /// After how many seconds to come back.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyAttempts { retry_after } | Self::Busy { retry_after } => {
                Some(retry_after.as_secs().max(1))
            }
            _ => None,
        }
    }

    /// `genericError`.
    pub fn error(&self, request: Option<RequestId>) -> Value {
        let (id, code, reason) = self.wire();
        let mut error = json!({
            "id": id,
            "code": code,
            "status": status_text(code),
            "reason": reason,
            "message": message(code),
        });
        if let (Some(request), Some(fields)) = (request, error.as_object_mut()) {
            fields.insert("request".to_owned(), request.to_string().into());
        }
        error
    }

    /// The whole body, with what special errors carry beside `error`.
    pub fn document(&self, request: RequestId) -> Value {
        let error = self.error(Some(request));
        match self {
            Self::SessionRefreshRequired { redirect_browser_to }
            | Self::SecondFactorRequired { redirect_browser_to } => {
                json!({ "error": error, "redirect_browser_to": redirect_browser_to })
            }
            // The API's description has an error within the error, its users read the outer one.
            Self::LocationChangeRequired { redirect_browser_to } => {
                let mut outer = error.clone();
                if let Some(fields) = outer.as_object_mut() {
                    fields.insert("error".to_owned(), error);
                }
                json!({ "error": outer, "redirect_browser_to": redirect_browser_to })
            }
            Self::FlowExpired { since, expired_at, use_flow_id } => {
                json!({ "error": error, "since": since, "expired_at": expired_at, "use_flow_id": use_flow_id })
            }
            _ => json!({ "error": error }),
        }
    }
}

const fn status_text(code: u16) -> &'static str {
    match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        410 => "Gone",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    }
}

const fn message(code: u16) -> &'static str {
    match code {
        400 => "The request was malformed or contained invalid parameters",
        401 => "The request could not be authorized",
        403 => "The requested action was forbidden",
        404 => "The requested resource could not be found",
        409 => "The resource could not be created or changed due to a conflict",
        410 => "The form expired",
        422 => "The browser must go elsewhere",
        429 => "Too many requests",
        502 => "An upstream service failed",
        503 => "The service is unavailable",
        504 => "An upstream service took too long",
        _ => "An internal server error occurred",
    }
}

impl From<HookFailure> for Problem {
    fn from(failure: HookFailure) -> Self {
        match failure.kind {
            HookFailureKind::Upstream => Self::UpstreamFailed,
            HookFailureKind::UpstreamTimeout => Self::UpstreamTimedOut,
            HookFailureKind::Trap
            | HookFailureKind::CpuLimit
            | HookFailureKind::WallLimit
            | HookFailureKind::MemoryLimit
            | HookFailureKind::OutputLimit
            | HookFailureKind::Concurrency
            | HookFailureKind::CircuitOpen
            | HookFailureKind::BadAnswer
            | HookFailureKind::GuestError
            | HookFailureKind::Unavailable => Self::Internal,
        }
    }
}

impl From<StoreUnavailable> for Problem {
    fn from(_: StoreUnavailable) -> Self {
        Self::Unavailable
    }
}

impl From<LimitReached> for Problem {
    fn from(limit: LimitReached) -> Self {
        Self::TooManyAttempts { retry_after: limit.retry_after }
    }
}

impl From<NotCounted> for Problem {
    fn from(error: NotCounted) -> Self {
        error.into_either()
    }
}

impl From<ForeignFlow> for Problem {
    fn from(_: ForeignFlow) -> Self {
        Self::CsrfViolation
    }
}

impl From<ReturnToForbidden> for Problem {
    fn from(_: ReturnToForbidden) -> Self {
        Self::ReturnToForbidden
    }
}

impl From<MalformedSubmission> for Problem {
    fn from(malformed: MalformedSubmission) -> Self {
        Self::BadRequest(malformed.to_string())
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        match error {
            StartError::SessionAlreadyAvailable => Self::SessionAlreadyAvailable,
            StartError::SessionRequired => Self::SessionInactive,
            StartError::FirstFactorRequired => Self::FirstFactorRequired,
            StartError::SecondFactorUnavailable => Self::SecondFactorUnavailable,
            StartError::UnknownAssuranceLevel
            | StartError::UnknownAddress
            | StartError::UnknownSchema
            | StartError::UnknownOrganisation
            | StartError::InvitationSpent => Self::BadRequest(error.to_string()),
            StartError::ReturnTo(error) => error.into(),
            StartError::RegistrationDisabled | StartError::Closed => Self::FlowDisabled,
            StartError::Limited(limit) => limit.into(),
            StartError::Store(error) => error.into(),
        }
    }
}

impl Problem {
    /// What a submission's error is; `again` is where a renewed sign-in begins, or the second factor is proven.
    pub fn of_submission(error: FlowError, again: impl FnOnce() -> String) -> Self {
        match error {
            FlowError::Limited(limit) => limit.into(),
            FlowError::Busy(busy) => Self::Busy { retry_after: busy.retry_after },
            FlowError::Store(error) => error.into(),
            FlowError::SessionRequired => Self::SessionInactive,
            FlowError::RefreshRequired => Self::SessionRefreshRequired { redirect_browser_to: again() },
            FlowError::SecondFactorRequired => Self::SecondFactorRequired { redirect_browser_to: again() },
            FlowError::IdentityMismatch => Self::IdentityMismatch,
            FlowError::ActsForAnother => Self::ActsForAnother,
            FlowError::IdentityDisabled => Self::IdentityDisabled,
            FlowError::RegistrationDisabled | FlowError::Closed => Self::FlowDisabled,
            FlowError::Hash(_) => Self::Internal,
            FlowError::Hook(failure) => failure.into(),
        }
    }
}

impl From<AdministrationError> for Problem {
    fn from(error: AdministrationError) -> Self {
        match error {
            AdministrationError::NotFound => Self::NotFound,
            AdministrationError::IdentifierTaken => {
                Self::Conflict("Another identity has the same login identifier, or one that looks like it.")
            }
            AdministrationError::KeyTaken => Self::Conflict("A credential of the same id exists already."),
            AdministrationError::IdTaken => Self::Conflict("Another identity has the same id."),
            AdministrationError::LinkTaken => Self::Conflict(
                "Another identity has the same link, or this one has another to the same provider.",
            ),
            AdministrationError::ExternalIdTaken => {
                Self::Conflict("Another identity has the same `external_id`.")
            }
            AdministrationError::Busy(busy) => Self::Busy { retry_after: busy.retry_after },
            AdministrationError::Store(error) => error.into(),
            AdministrationError::Password(PolicyViolation::Breached { .. }) => Self::BreachedPassword,
            AdministrationError::Password(PolicyViolation::Unchecked) => Self::Unavailable,
            AdministrationError::Hook(_) => Self::Internal,
            AdministrationError::Password(
                PolicyViolation::TooShort { .. }
                | PolicyViolation::TooLong { .. }
                | PolicyViolation::SimilarToIdentifier,
            )
            | AdministrationError::Malformed(_)
            | AdministrationError::UnknownSchema
            | AdministrationError::Traits(_)
            | AdministrationError::Refused(_)
            | AdministrationError::ForeignAddress
            | AdministrationError::UnsupportedCredential(_)
            | AdministrationError::UnknownCredential(_)
            | AdministrationError::CodeOfSchema
            | AdministrationError::LastCredential
            | AdministrationError::PasswordTooLong
            | AdministrationError::UnusableHash(_)
            | AdministrationError::FixedMember(_)
            | AdministrationError::Patch(_) => Self::BadRequest(error.to_string()),
        }
    }
}
