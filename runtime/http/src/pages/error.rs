//! `/ui/error?id=`: what went wrong, in words that help.

use http::StatusCode;
use identity::{BrowserError, Problem};
use ui::ErrorView;

use super::show;
use crate::call::Call;
use crate::response::Answer;
use crate::self_service::{Kind, csrf_cookie_of, errors};

/// The words for whoever comes without the cookie that forms are bound to.
const COOKIES_MISSING: &str = "cookies_missing";

/// `GET /ui/error`
pub(crate) async fn page(call: Call) -> Answer {
    let id = call.query_value("id").unwrap_or_default();
    let problem =
        errors::find(&call, &id).map_or(Problem::NotFound, |(_, BrowserError { problem, .. })| problem);
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A browser that keeps no cookies is another browser at each request, and has to read why.
    let is_without = problem == Problem::CsrfViolation && csrf_cookie_of(&call).is_none();
    let view = ErrorView {
        id: Some(if is_without { COOKIES_MISSING } else { problem.id() }.to_owned()),
        title: String::new(),
        message: problem.reason().to_owned(),
        request_id: None,
        restart_url: Some(Kind::Login.start_url(&call)),
        ..ErrorView::default()
    };
    show(&call, status, &[], None, |context| call.node.pages.error(&view, context))
}
