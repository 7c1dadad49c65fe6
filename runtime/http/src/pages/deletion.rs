//! The form on the settings page that deletes the account, and the page afterwards.

use http::StatusCode;
use identity::Problem;
use identity::deletion::{DeletionError, confirmation};
use identity::session::LiveSession;
use primitives::FlowId;
use ui::{DeletionRefusal, DeletionView, Hidden};

use super::settings_form::SettingsForm;
use super::show;
use crate::call::Call;
use crate::response::{Answer, see_other};
use crate::self_service::deletion::{Refusal, deleted};
use crate::self_service::{
    Kind, check_session, csrf_cookie_of, forget_session, respond_to_browser, room, session_of_browser,
    with_query,
};

/// What a page says of a deletion that was refused, by the word in its address.
const REFUSED: &str = "deletion";

/// The form, where the tenant lets people delete their accounts and nobody else acts in this one's name.
pub(super) async fn view(call: &Call, live: &LiveSession, flow: FlowId) -> Option<DeletionView> {
    if !call.tenant.identity.flow.settings.account_deletion || live.session().actor.is_some() {
        return None;
    }
    let word = confirmation(room(call), live.identity()).await;
    let word = word
        .inspect_err(
            |error| tracing::error!(request = %call.request, %error, "an account has no form to delete it"),
        )
        .ok()?;
    let token = csrf_cookie_of(call)?.token(call.node.sealer(), &call.tenant.id, flow);
    let hidden = |name: &str, value: String| Hidden { name: name.to_owned(), value };
    Some(DeletionView {
        action: call.tenant.absolute("/ui/account/deletion"),
        hidden: vec![hidden("csrf_token", token), hidden("flow", flow.to_string())],
        word,
        refused: match call.query_value(REFUSED).as_deref() {
            Some("unconfirmed") => Some(DeletionRefusal::Unconfirmed),
            Some("last_owner") => Some(DeletionRefusal::LastOwner),
            _ => None,
        },
    })
}

/// `POST /ui/account/deletion`
pub(crate) async fn post(call: Call) -> Answer {
    match end(&call).await {
        Ok(answer) => answer,
        Err(
            Problem::SessionRefreshRequired { redirect_browser_to }
            | Problem::SecondFactorRequired { redirect_browser_to },
        ) => see_other(&redirect_browser_to),
        Err(problem) => respond_to_browser(&call, problem),
    }
}

async fn end(call: &Call) -> Result<Answer, Problem> {
    let form = SettingsForm::check(call)?;
    let flow = form.flow;
    let live = session_of_browser(call).await?.ok_or(Problem::SessionInactive)?;
    check_session(call, &live)?;
    let again = |why: &str| {
        let page = with_query(&Kind::Settings.page_url(call, flow), REFUSED, why);
        // The field itself: browsers put the cursor there.
        Ok(see_other(&format!("{page}#deletion-confirm")))
    };
    match deleted(call, &live, &form.value("confirm")).await {
        Ok(()) => {
            let mut answer = see_other(&call.tenant.absolute("/ui/account-deleted"));
            forget_session(call, &mut answer);
            Ok(answer)
        }
        Err(Refusal::Refused(DeletionError::Unconfirmed)) => again("unconfirmed"),
        Err(Refusal::Refused(DeletionError::LastOwner)) => again("last_owner"),
        Err(refusal) => Err(refusal.problem(call)),
    }
}

/// `GET /ui/account-deleted`
pub(crate) async fn done(call: Call) -> Answer {
    show(&call, StatusCode::OK, &[], None, |context| call.node.pages.account_deleted(context))
}
