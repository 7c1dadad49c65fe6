//! `/ui/invitation`: where the mail of an invitation leads.
//!
//! Attack: a page elsewhere posts this form in the name of somebody signed in, with an invitation of its own. The form
//! carries a token of this browser's cookie, made for this very invitation.

use http::StatusCode;
use identity::Problem;
use identity::flow::csrf::CsrfCookie;
use identity::organisation::invitation::Invitation;
use primitives::FlowId;
use ui::{Hidden, InvitationView};

use super::show;
use crate::call::Call;
use crate::failure::Failure;
use crate::oauth2::consent::label;
use crate::response::{Answer, see_other};
use crate::self_service::{
    Kind, csrf_cookie_of, invitations, respond_to_browser, session_of_browser, set_csrf_cookie, with_query,
};

/// `GET /ui/invitation?token=`
pub(crate) async fn page(call: Call) -> Answer {
    let token = call.query_value("token").unwrap_or_default();
    shown(&call, &token, false).await
}

async fn shown(call: &Call, token: &str, refused: bool) -> Answer {
    let (invitation, organisation) = match invitations::load(call, token).await {
        Ok(found) => found,
        Err(Problem::NotFound) => return spent().to_page(call),
        Err(problem) => return respond_to_browser(call, problem),
    };
    let live = match session_of_browser(call).await {
        Ok(live) => live,
        Err(problem) => return respond_to_browser(call, problem),
    };
    let known = csrf_cookie_of(call);
    let cookie = known.clone().unwrap_or_else(|| CsrfCookie::generate(call.node.rng.as_ref()));
    let csrf_token = cookie.token(call.node.sealer(), &call.tenant.id, form_of(&invitation));
    let here = with_query(&call.tenant.absolute("/ui/invitation"), "token", token);
    let sign_in = with_query(&Kind::Login.start_url(call), "return_to", &here);
    let hidden = |name: &str, value: String| Hidden { name: name.to_owned(), value };
    let sign_up = with_query(&Kind::Registration.start_url(call), "invitation", token);
    let view = InvitationView {
        organisation: organisation.label,
        address: invitation.address,
        subject: live.map(|live| label(live.identity())),
        refused,
        action: call.tenant.absolute("/ui/invitation"),
        hidden: vec![hidden("csrf_token", csrf_token), hidden("token", token.to_owned())],
        other_account_url: with_query(&sign_in, "prompt", "select_account"),
        sign_in_url: sign_in,
        sign_up_url: sign_up,
    };
    let status = if refused { StatusCode::CONFLICT } else { StatusCode::OK };
    let mut answer = show(call, status, &[], None, |context| call.node.pages.invitation(&view, context));
    if known.is_none() {
        set_csrf_cookie(call, &mut answer, &cookie);
    }
    answer
}

/// The form of an invitation has its name.
const fn form_of(invitation: &Invitation) -> FlowId {
    FlowId(invitation.id.0)
}

fn spent() -> Failure {
    let words = "This invitation is not valid any more. Ask whoever invited you for another one.";
    Failure::new(StatusCode::NOT_FOUND, "invitation_spent", words)
}

/// `POST /ui/invitation`
pub(crate) async fn accept(call: Call) -> Answer {
    let value = |wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(&call.body);
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    let (token, csrf_token) = (value("token"), value("csrf_token"));
    let accepted = async {
        let (invitation, _) = invitations::load(&call, &token).await?;
        let cookie = csrf_cookie_of(&call).ok_or(Problem::CsrfViolation)?;
        if !cookie.check(call.node.sealer(), &call.tenant.id, form_of(&invitation), &csrf_token) {
            return Err(Problem::CsrfViolation);
        }
        let live = session_of_browser(&call).await?.ok_or(Problem::SessionInactive)?;
        invitations::accept_for(&call, &live, &token).await
    };
    match accepted.await {
        Ok(_) => see_other(&Kind::Settings.start_url(&call)),
        Err(Problem::NotFound) => spent().to_page(&call),
        Err(Problem::Conflict(_)) => shown(&call, &token, true).await,
        Err(Problem::SessionInactive) => {
            see_other(&with_query(&call.tenant.absolute("/ui/invitation"), "token", &token))
        }
        Err(Problem::SecondFactorRequired { redirect_browser_to }) => see_other(&redirect_browser_to),
        Err(problem) => respond_to_browser(&call, problem),
    }
}
