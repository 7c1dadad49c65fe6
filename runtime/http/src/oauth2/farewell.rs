//! The last page of a session, which opens the apps of the session to end theirs (OpenID Connect Front-Channel Logout 1.0).

use std::collections::BTreeSet;

use http::StatusCode;
use oauth2::frontchannel_logout::Farewell;
use primitives::SessionId;
use ui::{FarewellView, farewell_policy};

use crate::call::Call;
use crate::response::{Answer, page, set};
use crate::self_service::with_query;

/// Where the browser goes when its sessions have ended: to the apps that were used in them first, if any wants that.
///
/// That we cannot tell which they are is no reason to stay.
pub(crate) async fn target(call: &Call, sessions: &[SessionId], redirect: Option<String>) -> String {
    let ours = call.tenant.absolute("/ui/signed-out");
    match call.tenant.oauth2.seal_farewell(sessions, redirect.clone()).await {
        Ok(Some(sealed)) => with_query(&ours, "farewell", &sealed),
        Ok(None) => redirect.unwrap_or(ours),
        Err(error) => {
            tracing::error!(request = %call.request, tenant = %call.tenant.id, %error, "no app is opened at a logout");
            redirect.unwrap_or(ours)
        }
    }
}

/// Where a browser goes in which nobody was signed in, at the word of a client at which nobody here has looked: to our page,
/// which shows the way.
pub(crate) fn offer(call: &Call, redirect: Option<String>) -> String {
    let ours = call.tenant.absolute("/ui/signed-out");
    match redirect {
        Some(redirect) => with_query(&ours, "farewell", &call.tenant.oauth2.seal_offer(redirect)),
        None => ours,
    }
}

/// `GET /ui/signed-out`, with what [`target`] or [`offer`] sealed or without.
pub(crate) async fn signed_out(call: Call) -> Answer {
    let farewell = match call.query_value("farewell") {
        Some(sealed) => call.tenant.oauth2.open_farewell(&sealed).await.unwrap_or_default(),
        None => None,
    };
    let here = call.page_path();
    let context = call.page_context(&here, call.locale(&[]));
    let headers = ui::page_headers(&call.tenant.branding, None);
    let Some(Farewell { frames, redirect, offered }) = farewell else {
        return page(StatusCode::OK, call.node.pages.signed_out(&context), &headers);
    };
    if let Some((next, host)) = redirect.as_deref().zip(offered.as_deref()) {
        return page(StatusCode::OK, call.node.pages.signed_out_with_way((next, host), &context), &headers);
    }
    let origins: BTreeSet<_> = frames.iter().map(|frame| frame.origin().ascii_serialization()).collect();
    let view = FarewellView { frames: frames.into_iter().map(String::from).collect(), next: redirect };
    let mut answer = page(StatusCode::OK, call.node.pages.farewell(&view, &context), &headers);
    if let Some((name, policy)) = headers.iter().find(|(name, _)| *name == "content-security-policy") {
        set(&mut answer, name, &farewell_policy(policy, &origins.into_iter().collect::<Vec<_>>()));
    }
    answer
}
