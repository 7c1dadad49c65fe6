//! `GET /self-service/{login,registration,settings,verification,recovery}/flows?id=`: shows a flow to whoever began it.

use http::StatusCode;
use identity::flow::{FlowKind, Transport};
use identity::session::LiveSession;
use identity::{Flow, Problem};

use super::assurance::check_settings;
use super::cookies::csrf_cookie_of;
use super::flows::{document, load};
use super::visitor::{session_of_browser, session_of_headers};
use super::{Kind, respond};
use crate::call::Call;
use crate::response::{Answer, json_no_store};

/// `GET /self-service/login/flows`
pub(crate) async fn login(call: Call) -> Answer {
    let id = call.query_value("id").unwrap_or_default();
    match super::test_login::shown(&call, &id).await {
        Some(document) => json_no_store(StatusCode::OK, &document),
        None => show(&call, Kind::Login).await,
    }
}

/// `GET /self-service/registration/flows`
pub(crate) async fn registration(call: Call) -> Answer {
    show(&call, Kind::Registration).await
}

/// `GET /self-service/settings/flows`
pub(crate) async fn settings(call: Call) -> Answer {
    show(&call, Kind::Settings).await
}

/// `GET /self-service/verification/flows`
pub(crate) async fn verification(call: Call) -> Answer {
    show(&call, Kind::Verification).await
}

/// `GET /self-service/recovery/flows`
pub(crate) async fn recovery(call: Call) -> Answer {
    show(&call, Kind::Recovery).await
}

async fn show(call: &Call, kind: Kind) -> Answer {
    let id = call.query_value("id").unwrap_or_default();
    let cookie = csrf_cookie_of(call);
    let shown = async {
        let own = load(call, kind, &id, cookie.as_ref()).await?;
        let session = owner(call, &own.flow).await?;
        Ok::<_, Problem>(document(call, &own.flow, cookie.as_ref(), session.as_ref()))
    };
    match shown.await {
        Ok(document) => json_no_store(StatusCode::OK, &document),
        Err(problem) => respond(call, &problem),
    }
}

/// The session of whoever asks, which must be the owner's if the flow has one.
pub(crate) async fn owner(call: &Call, flow: &Flow) -> Result<Option<LiveSession>, Problem> {
    let session = match flow.transport {
        Transport::Browser => session_of_browser(call).await?,
        Transport::Api => session_of_headers(call).await?,
    };
    match (&flow.kind, &session) {
        (FlowKind::Settings { .. }, None) => Err(Problem::SessionInactive),
        (FlowKind::Settings { identity, .. }, Some(live)) if live.identity().id != *identity => {
            Err(Problem::IdentityMismatch)
        }
        (FlowKind::Settings { .. }, Some(live)) => {
            check_settings(call, live, &Kind::Settings.page_url(call, flow.id))?;
            Ok(session)
        }
        (
            FlowKind::Login { .. }
            | FlowKind::Registration { .. }
            | FlowKind::Verification { .. }
            | FlowKind::Recovery { .. },
            _,
        ) => Ok(session),
    }
}
