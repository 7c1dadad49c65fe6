//! `…/organisations/{organisation}/connection`: the provider with which an organisation's people sign in.

use ::federation::connection::{self, Asked, Connection, ConnectionError};
use ::federation::ports::Connections as _;
use http::StatusCode;
use identity::organisation::Organisation;
use identity::organisation::change::{self, By};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{answer, by, checked, conflict, failure, gone};
use crate::admin::{apply, body, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;
use crate::self_service::room;

/// What is told to whoever is not the first.
const FASTER: &str = "Somebody else was faster: it is not what it was; look again.";

/// `GET …/connection`
pub(crate) async fn show(call: Call) -> Answer {
    let shown = async {
        let organisation = checked(&call).await?;
        let found = find(&call, organisation).await?.ok_or_else(Failure::not_found)?;
        document(&call, &found).await
    };
    answer(&call, StatusCode::OK, shown.await)
}

/// `PUT …/connection`
pub(crate) async fn put(call: Call) -> Answer {
    let set = async {
        let (organisation, by) = (load(&call).await?, by(&call));
        // The secret is taken out of it before the rest is read: what is wrong is told in words that have it not.
        let wished: Map<String, Value> = body(&call)?;
        let known = find(&call, organisation.id).await?;
        let decided = connection::put(asked(&call, &organisation, &by)?, known.as_ref(), wished);
        let (connection, change) = decided.map_err(refused)?;
        apply(&call, change, FASTER).await?;
        document(&call, &connection).await
    };
    answer(&call, StatusCode::OK, set.await)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    enabled: bool,
}

/// `PATCH …/connection`: `{"enabled": false}` lets nobody come by it, until it is enabled again.
pub(crate) async fn switch(call: Call) -> Answer {
    let switched = async {
        let (organisation, by) = (load(&call).await?, by(&call));
        let Switch { enabled } = body(&call)?;
        let known = find(&call, organisation.id).await?.ok_or_else(Failure::not_found)?;
        let decided = connection::switch(asked(&call, &organisation, &by)?, known, enabled);
        let (connection, change) = decided.map_err(refused)?;
        if let Some(change) = change {
            apply(&call, change, FASTER).await?;
        }
        document(&call, &connection).await
    };
    answer(&call, StatusCode::OK, switched.await)
}

/// `DELETE …/connection`
pub(crate) async fn remove(call: Call) -> Answer {
    let removed = async {
        let (organisation, by) = (load(&call).await?, by(&call));
        let known = find(&call, organisation.id).await?.ok_or_else(Failure::not_found)?;
        let change = connection::delete(asked(&call, &organisation, &by)?, &known).map_err(refused)?;
        apply(&call, change, FASTER).await
    };
    gone(&call, removed.await)
}

async fn load(call: &Call) -> Result<Organisation, Failure> {
    let id = super::organisation(call)?;
    change::load(room(call), id).await.map_err(|error| failure(call, error))
}

fn asked<'a>(call: &'a Call, organisation: &'a Organisation, by: &'a By) -> Result<Asked<'a>, Failure> {
    let by = by.owning().map_err(|error| failure(call, error))?;
    Ok(Asked { tenant: &call.tenant.id, organisation, by, rng: call.node.rng.as_ref(), now: call.now() })
}

async fn find(call: &Call, organisation: primitives::OrganisationId) -> Result<Option<Connection>, Failure> {
    let found = call.node.storage.find_connection(&call.tenant.id, organisation).await;
    found.map_err(|error| store(call, &error))
}

async fn document(call: &Call, connection: &Connection) -> Result<Value, Failure> {
    use ::federation::ports::ProviderSecrets as _;

    let secret = call.node.storage.find_provider_secret(&call.tenant.id, &connection.settings.id).await;
    let secret = secret.map_err(|error| store(call, &error))?;
    Ok(json!({
        "provider": connection.settings,
        "redirect_uri": call.tenant.providers.redirect_uri_of(connection),
        "has_secret": secret.is_some(),
        "enabled": connection.enabled,
        "created_at": connection.created_at,
        "updated_at": connection.updated_at,
    }))
}

#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
fn refused(error: ConnectionError) -> Failure {
    let words = format!("{error}.");
    match error {
        ConnectionError::Enforced => conflict(words),
        ConnectionError::Malformed(_) | ConnectionError::Secret => Failure::bad_request(words),
    }
}
