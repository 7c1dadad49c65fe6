//! `/ui/login`, `/ui/registration`, `/ui/settings`, `/ui/verification`, `/ui/recovery`: a flow as a page.

use http::StatusCode;
use identity::Problem;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{Challenge, FlowKind, Message, OwnFlow};
use identity::session::LiveSession;
use identity::settings::ProofMeans;
use ui::flow::FlowIdentity;
use ui::{FlowView, PageContext};

use super::{sessions, show, with_script};
use crate::browser::BrowserState;
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, see_other};
use crate::self_service::start::anew;
use crate::self_service::{Kind, csrf_cookie_of, document, load, owner, respond_to_browser, set_csrf_cookie};

/// `GET /ui/login?flow=`
pub(crate) async fn login(call: Call) -> Answer {
    let mut form = match read(&call, Kind::Login).await {
        Ok(form) => form,
        Err(answer) => return *answer,
    };
    form.view.identity = whose(&form);
    let behind = behind(&call, &form.own).await;
    let client = behind.client_name.as_deref();
    let answer = show(&call, StatusCode::OK, &behind.languages, client, |context| {
        // Whoever is signed in signs up only after signing out.
        let registration = context.registration && form.session.is_none();
        call.node.pages.login(&form.view, &PageContext { registration, ..*context })
    });
    let mut answer = with_script(&call, &form.view, answer);
    if let Some(cookie) = &form.new_cookie {
        set_csrf_cookie(&call, &mut answer, cookie);
    }
    answer
}

/// Who is asked to prove it again. Another tab may have signed in somebody else meanwhile.
fn whose(form: &Form) -> Option<FlowIdentity> {
    let FlowKind::Login { refresh: Some(required), .. } = form.own.flow.kind else { return None };
    let identity = form.session.as_ref()?.identity();
    (identity.id == required).then(|| FlowIdentity { traits: identity.traits.clone().into() })
}

/// `GET /ui/registration?flow=`
pub(crate) async fn registration(call: Call) -> Answer {
    let form = match read(&call, Kind::Registration).await {
        Ok(form) => form,
        Err(answer) => return *answer,
    };
    let behind = behind(&call, &form.own).await;
    let answer = show(&call, StatusCode::OK, &behind.languages, behind.client_name.as_deref(), |context| {
        call.node.pages.registration(&form.view, context)
    });
    with_script(&call, &form.view, answer)
}

/// `GET /ui/settings?flow=`
pub(crate) async fn settings(call: Call) -> Answer {
    let form = match read(&call, Kind::Settings).await {
        Ok(form) => form,
        Err(answer) => return *answer,
    };
    let listed = match &form.session {
        Some(live) => sessions::view(&call, live, form.own.flow.id).await,
        None => None,
    };
    let answer = show(&call, StatusCode::OK, &[], None, |context| {
        call.node.pages.settings(&form.view, listed.as_ref(), context)
    });
    with_script(&call, &form.view, answer)
}

/// `GET /ui/verification?flow=`
pub(crate) async fn verification(call: Call) -> Answer {
    proof(&call, Kind::Verification).await
}

/// `GET /ui/recovery?flow=`
pub(crate) async fn recovery(call: Call) -> Answer {
    proof(&call, Kind::Recovery).await
}

async fn proof(call: &Call, kind: Kind) -> Answer {
    let mut form = match read(call, kind).await {
        Ok(form) => form,
        Err(answer) => return *answer,
    };
    if let Some(message) = spent(&form) {
        return anew(call, kind, message).await;
    }
    // The way back to signing in leads on to where that was to lead.
    form.view.oauth2_login_challenge = form.own.flow.login_challenge().map(str::to_owned);
    let mut answer = show(call, StatusCode::OK, &[], None, |context| match kind {
        Kind::Recovery => call.node.pages.recovery(&form.view, context),
        _ => call.node.pages.verification(&form.view, context),
    });
    answer = with_script(call, &form.view, answer);
    if let Some(cookie) = &form.new_cookie {
        set_csrf_cookie(call, &mut answer, cookie);
    }
    answer
}

/// What is said to whoever opens a recovery that let somebody in elsewhere, or before.
///
/// Attack: a link is used by whoever reads somebody's mail, and its owner, who opens it next, reads that they are back in. They
/// are not, and had better know that it was used.
fn spent(form: &Form) -> Option<Message> {
    let flow = &form.own.flow;
    let FlowKind::Recovery { challenge: Challenge::PassedChallenge } = flow.kind else { return None };
    form.session.is_none().then(|| match flow.means {
        ProofMeans::Link => Message::wrong_link(flow.kind.as_str()),
        ProofMeans::Code => Message::wrong_code(flow.kind.as_str()),
    })
}

/// A flow ready to be shown.
struct Form {
    own: OwnFlow,
    view: FlowView,
    session: Option<LiveSession>,
    /// The cookie of a browser that had none: what an operator began, or a link opened, is nobody's yet.
    new_cookie: Option<CsrfCookie>,
}

/// The flow of the request, or where the browser goes instead.
///
/// A flow that is not there or not open any more leads to a new one. One of another browser does not: a
/// browser that keeps no cookies would go round for ever.
async fn read(call: &Call, kind: Kind) -> Result<Form, Box<Answer>> {
    let Some(id) = call.query_value("flow").filter(|id| !id.is_empty()) else {
        return Err(Box::new(begin(call, kind)));
    };
    let cookie = csrf_cookie_of(call);
    let found = async {
        let own = load(call, kind, &id, cookie.as_ref()).await?;
        let session = owner(call, &own.flow).await?;
        Ok::<_, Problem>((own, session))
    };
    let (own, session) = found.await.map_err(|problem| Box::new(instead(call, kind, problem)))?;
    let new_cookie = cookie.is_none().then(|| CsrfCookie::generate(call.node.rng.as_ref()));
    let cookie = cookie.or_else(|| new_cookie.clone());
    let document = document(call, &own.flow, cookie.as_ref(), session.as_ref());
    let view = serde_json::from_value(document).map_err(|error| {
        tracing::error!(request = %call.request, %error, "a flow cannot be shown");
        Box::new(Failure::internal().to_page(call))
    })?;
    Ok(Form { own, view, session, new_cookie })
}

/// Begins a flow, for what the request says that it is for.
fn begin(call: &Call, kind: Kind) -> Answer {
    let start = kind.start_url(call);
    see_other(&if call.query.is_empty() { start } else { format!("{start}?{}", call.query) })
}

fn instead(call: &Call, kind: Kind, problem: Problem) -> Answer {
    match problem {
        Problem::FlowExpired { use_flow_id, .. } => see_other(&kind.page_url(call, use_flow_id)),
        Problem::SecondFactorRequired { redirect_browser_to } => see_other(&redirect_browser_to),
        Problem::FlowUnknown | Problem::SessionInactive => see_other(&kind.start_url(call)),
        problem => respond_to_browser(call, problem),
    }
}

/// The authorization request behind a flow.
#[derive(Default)]
struct Behind {
    client_name: Option<String>,
    languages: Vec<String>,
}

async fn behind(call: &Call, own: &OwnFlow) -> Behind {
    let Some(challenge) = own.flow.login_challenge() else { return Behind::default() };
    let Ok(browser) = BrowserState::read(call).await else { return Behind::default() };
    // If the request behind it is gone by now, the sign-in itself still is worth showing.
    let request = call.tenant.oauth2.login_request(challenge, browser.as_room(call).binding);
    request.map_or_else(
        |_| Behind::default(),
        |request| Behind { client_name: Some(request.client_name), languages: request.ui_locales },
    )
}
