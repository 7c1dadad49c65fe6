//! How a request fails before or outside its handler, in the form of the API that it was for.

use http::StatusCode;
use primitives::RequestId;
use serde_json::json;
use ui::{ErrorView, PageContext, Pages};

use crate::call::Call;
use crate::response::{Answer, json_no_store, no_store, page, respond, set};

/// The form of a route's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    /// `{"error": "invalid_request", "error_description": …}` (RFC 6749 section 5.2).
    OAuth,
    /// `{"error": {"code", "status", "reason", "message", "request"}}`, as the flow APIs have it.
    Api,
    /// A page for a person, or the API's form for whoever asks for JSON.
    Page,
    /// A problem document (RFC 9457), as our own API has it.
    Problem,
}

/// A failure in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    /// A word that programs can rely on.
    pub(crate) id: &'static str,
    /// For the caller.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, id: &'static str, message: impl Into<String>) -> Self {
        Self { status, id, message: message.into() }
    }

    /// Nothing is there, as far as this caller may know.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.")
    }

    /// Ours. The cause is in the log.
    pub(crate) fn internal() -> Self {
        let words = "The server could not answer. Ask its operator, naming the request id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", words)
    }

    /// Ours for now: the database or a pool does not answer.
    pub(crate) fn unavailable() -> Self {
        let words = "The server cannot answer right now. Please try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", words)
    }

    /// The caller's: the request is not what the endpoint takes.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", message)
    }

    /// Renders it in the API's form.
    pub(crate) fn to_api(&self, request: RequestId) -> Answer {
        let body = json!({"error": {
            "id": self.id,
            "code": self.status.as_u16(),
            "status": self.status.canonical_reason().unwrap_or_default(),
            "reason": self.message,
            "message": self.message,
            "request": request.to_string(),
        }});
        self.with_hints(json_no_store(self.status, &body))
    }

    /// Renders it as a problem document.
    pub(crate) fn to_problem(&self, request: RequestId) -> Answer {
        let body = json!({
            "type": format!("urn:portcullis:problem:{}", self.id),
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.message,
            "request_id": request.to_string(),
        });
        let text = serde_json::to_vec(&body).unwrap_or_default();
        self.with_hints(no_store(respond(self.status, "application/problem+json", text)))
    }

    /// Renders it in OAuth's form.
    pub(crate) fn to_oauth(&self) -> Answer {
        // `error_description` is printable ASCII without quotes and backslashes (RFC 6749 section 5.2).
        let plain: String =
            self.message.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
        let code = match self.status.as_u16() {
            503 => "temporarily_unavailable",
            500.. => "server_error",
            _ => "invalid_request",
        };
        let body = json!({"error": code, "error_description": plain, "status_code": self.status.as_u16()});
        self.with_hints(json_no_store(self.status, &body))
    }

    /// Renders it as a page of the tenant; as JSON for whoever asks for that.
    pub(crate) fn to_page(&self, call: &Call) -> Answer {
        if call.wants_json() {
            return self.to_api(call.request);
        }
        let here = call.page_path();
        let context = call.page_context(&here, call.locale(&[]));
        self.to_page_in(&call.node.pages, &context, call.request)
    }

    /// Renders it as a page with these surroundings.
    pub(crate) fn to_page_in(&self, pages: &Pages, context: &PageContext<'_>, request: RequestId) -> Answer {
        let view = ErrorView {
            id: Some(self.id.to_owned()),
            title: String::new(),
            message: self.message.clone(),
            request_id: Some(request.to_string()),
            restart_url: None,
        };
        let html = pages.error(&view, context);
        self.with_hints(page(self.status, html, &ui::page_headers(context.branding, None)))
    }

    fn with_hints(&self, mut response: Answer) -> Answer {
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            set(&mut response, "retry-after", "1");
        }
        response
    }
}
