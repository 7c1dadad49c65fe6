//! The apps with access on the page of one's account, what each may do, and how it is taken back.

use identity::Problem;
use identity::session::LiveSession;
use oauth2::access::AppAccess;
use oauth2::ports::PortError;
use primitives::{Actor, ClientId};
use ui::{AppItem, Locale};

use crate::call::Call;
use crate::commit::commit;
use crate::oauth2::asked;
use crate::self_service::{check_session, session_of_browser};

/// How many apps are shown: those that were granted something last.
const MOST_SHOWN: u32 = 200;

/// The apps, in the order of their names. A page without them is better than none.
pub(super) async fn listed(call: &Call, live: &LiveSession) -> Vec<AppItem> {
    let listed = call.tenant.oauth2.list_apps(live.identity().id, MOST_SHOWN).await;
    let listed = listed
        .inspect_err(|error| tracing::error!(request = %call.request, %error, "apps cannot be listed"))
        .unwrap_or_default();
    let locale = call.locale(&[]);
    let mut apps: Vec<_> = listed.into_iter().map(|app| item(call, app, locale)).collect();
    apps.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    apps
}

fn item(call: &Call, app: AppAccess, locale: Locale) -> AppItem {
    AppItem {
        id: app.client.to_string(),
        name: app.name,
        granted_at: app.granted_at,
        scopes: asked::scopes(call, app.scopes.to_vec(), locale),
        details: asked::details(call, &app.details, locale),
        places: app.audience,
        has_more: app.has_more,
    }
}

/// Takes back what whoever asks has granted to an app. What was taken back before is no error.
pub(super) async fn take_back(call: &Call, client: &str) -> Result<(), Problem> {
    let live = session_of_browser(call).await?.ok_or(Problem::SessionInactive)?;
    check_session(call, &live)?;
    let client: ClientId = client.parse().map_err(|_| Problem::NotFound)?;
    let subject = live.identity().id;
    let decide =
        || async { call.tenant.oauth2.revoke_access(subject, Some(client.clone()), Actor::Subject(subject)) };
    commit(&call.node, decide).await.map_err(|error: PortError| {
        tracing::error!(request = %call.request, %error, "access was not taken back");
        Problem::Unavailable
    })
}
