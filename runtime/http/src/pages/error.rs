//! `/ui/error?id=`: what went wrong, in words that help.

use http::StatusCode;
use identity::{BrowserError, Problem};
use ui::ErrorView;

use super::show;
use crate::call::Call;
use crate::response::Answer;
use crate::self_service::{Kind, errors};

/// `GET /ui/error`
pub(crate) async fn page(call: Call) -> Answer {
    let id = call.query_value("id").unwrap_or_default();
    let problem =
        errors::find(&call, &id).map_or(Problem::NotFound, |(_, BrowserError { problem, .. })| problem);
    let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let view = ErrorView {
        id: Some(problem.id().to_owned()),
        title: String::new(),
        message: problem.reason().to_owned(),
        request_id: None,
        restart_url: Some(Kind::Login.start_url(&call)),
    };
    show(&call, status, &[], None, |context| call.node.pages.error(&view, context))
}
