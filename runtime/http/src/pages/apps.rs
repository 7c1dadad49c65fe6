//! The apps with access on the page of one's account, and how it is taken back.

use std::collections::BTreeMap;

use identity::Problem;
use identity::session::LiveSession;
use oauth2::ports::{GrantFilter, PortError};
use primitives::{Actor, ClientId};
use ui::AppItem;

use crate::call::Call;
use crate::commit::commit;
use crate::self_service::{check_session, session_of_browser};

/// How many grants are looked at, the latest first. An app is shown once, however often it was granted something.
const MOST_LOOKED_AT: u32 = 200;

/// The apps, in the order of their names. A page without them is better than none.
pub(super) async fn listed(call: &Call, live: &LiveSession) -> Vec<AppItem> {
    let subject = live.identity().id;
    let listed = call.tenant.oauth2.list_access(subject, GrantFilter::default(), MOST_LOOKED_AT).await;
    let listed = listed
        .inspect_err(|error| tracing::error!(request = %call.request, %error, "apps cannot be listed"))
        .unwrap_or_default();
    let mut apps = BTreeMap::new();
    for access in listed {
        let id = access.granted.client().to_string();
        let named = access.client.map(|client| client.client_name).filter(|name| !name.is_empty());
        let name = named.unwrap_or_else(|| id.clone());
        let (granted_at, _) = access.granted.place();
        // The first is the latest.
        apps.entry((name.clone(), id.clone())).or_insert(AppItem { id, name, granted_at });
    }
    apps.into_values().collect()
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
