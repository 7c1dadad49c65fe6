//! The list of sessions on the settings page, and the form that ends them.

use identity::Problem;
use identity::ports::Sessions as _;
use identity::session::LiveSession;
use identity::session::revoke::revoke_my_others;
use identity::trusted_device::TrustedDevice;
use primitives::FlowId;
use ui::{Hidden, SessionItem, SessionsView};

use super::settings_form::SettingsForm;
use super::{apps, deletion, organisation};
use crate::call::Call;
use crate::response::{Answer, see_other};
use crate::self_service::{
    Kind, apply, check_session, csrf_cookie_of, respond_to_browser, session_of_browser, trusted_devices,
    with_query,
};
use crate::sessions;

/// How many sessions the page lists.
const MOST_SHOWN: u32 = 50;

/// The sessions of a person, this one first.
pub(super) async fn view(call: &Call, live: &LiveSession, flow: FlowId) -> Option<SessionsView> {
    let tenant = &call.tenant.id;
    let identity = live.identity().id;
    let listed = call.node.storage.list_live(tenant, identity, call.now(), MOST_SHOWN).await;
    let mut listed = listed
        .inspect_err(|error| tracing::error!(request = %call.request, %error, "sessions cannot be listed"))
        .ok()?;
    let current = live.session().id;
    listed.sort_by_key(|session| session.id != current);
    let token = csrf_cookie_of(call)?.token(call.node.sealer(), tenant, flow);
    let hidden = |name: &str, value: String| Hidden { name: name.to_owned(), value };
    Some(SessionsView {
        action: call.tenant.absolute("/ui/sessions"),
        hidden: vec![hidden("csrf_token", token), hidden("flow", flow.to_string())],
        sessions: listed
            .into_iter()
            .map(|session| SessionItem {
                id: session.id.to_string(),
                current: session.id == current,
                user_agent: session.device.user_agent,
                ip_address: session.device.ip_address,
                authenticated_at: session.authenticated_at,
            })
            .collect(),
        revoked: call.query_value("revoked").is_some(),
        organisations: organisation::links(call, live).await,
        deletion: deletion::view(call, live, flow).await,
        devices: devices(call, live).await,
        apps: apps::listed(call, live).await,
    })
}

/// The devices that they trust, where there are any.
async fn devices(call: &Call, live: &LiveSession) -> Vec<SessionItem> {
    let listed = trusted_devices::listed(call, live).await.unwrap_or_default();
    let item = |trusted: TrustedDevice| SessionItem {
        id: trusted.id.to_string(),
        current: live.session().trusted_device == Some(trusted.id),
        user_agent: trusted.device.user_agent,
        ip_address: trusted.device.ip_address,
        authenticated_at: trusted.created_at,
    };
    listed.into_iter().map(item).collect()
}

/// `POST /ui/sessions`: `session=<id>` ends one, `session=others` all but this one; `device=<id>` forgets a trusted device;
/// `app=<id>` takes back what an app was granted.
pub(crate) async fn revoke(call: Call) -> Answer {
    match end(&call).await {
        Ok((flow, Ended::Session)) => {
            see_other(&with_query(&Kind::Settings.page_url(&call, flow), "revoked", "true"))
        }
        Ok((flow, Ended::Other)) => see_other(&Kind::Settings.page_url(&call, flow)),
        Err(problem) => respond_to_browser(&call, problem),
    }
}

/// What is said of it on the page: nothing, where the list says it.
enum Ended {
    Session,
    Other,
}

async fn end(call: &Call) -> Result<(FlowId, Ended), Problem> {
    debug_assert_eq!(call.method, http::Method::POST);
    let form = SettingsForm::check(call)?;
    let flow = form.flow;
    let (which, device, app) = (form.value("session"), form.value("device"), form.value("app"));
    if !app.is_empty() {
        apps::take_back(call, &app).await?;
        return Ok((flow, Ended::Other));
    }
    if !device.is_empty() {
        match trusted_devices::forgotten(call, &device).await {
            // Forgotten in another window meanwhile.
            Ok(()) | Err(Problem::NotFound) => {}
            Err(problem) => return Err(problem),
        }
    } else if which == "others" {
        let live = session_of_browser(call).await?.ok_or(Problem::SessionInactive)?;
        check_session(call, &live)?;
        apply(call, revoke_my_others(&call.tenant.id, &live, call.now())).await?;
    } else {
        match sessions::revoke(call, &which).await {
            // Ended in another window meanwhile.
            Ok(()) | Err(Problem::NotFound) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok((flow, Ended::Session))
}
