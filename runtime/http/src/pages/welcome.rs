//! `/`: whose service this is, and the ways in. And where a password is changed.

use http::StatusCode;
use ui::WelcomeView;

use super::show;
use crate::browser::session_of_cookie;
use crate::call::Call;
use crate::oauth2::consent::label;
use crate::response::{Answer, see_other};
use crate::self_service::Kind;

/// `GET /`
pub(crate) async fn page(call: Call) -> Answer {
    let live = match session_of_cookie(&call).await {
        Ok(live) => live,
        Err(failure) => return failure.to_page(&call),
    };
    let view = WelcomeView { subject: live.map(|live| label(live.identity())) };
    show(&call, StatusCode::OK, &[], None, |context| call.node.pages.welcome(&view, context))
}

/// `GET /.well-known/change-password`: where password managers send people.
pub(crate) async fn change_password(call: Call) -> Answer {
    see_other(&Kind::Settings.start_url(&call))
}
