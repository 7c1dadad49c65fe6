//! `…/organisations/{organisation}/connection`: the provider with which an organisation's people sign in.

use ::federation::connection::{self, Asked, Connection, ConnectionError};
use ::federation::ports::Connections as _;
use http::StatusCode;
use identity::organisation::change;
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
        let organisation = checked(&call).await?;
        // The secret is taken out of it before the rest is read: what is wrong is told in words that have it not.
        let wished: Map<String, Value> = body(&call)?;
        let known = find(&call, organisation).await?;
        let actor = by(&call).actor;
        let decided = connection::put(asked(&call, &actor), organisation, known.as_ref(), wished);
        let (connection, change) = decided.map_err(|error| malformed(&error))?;
        apply(&call, change, FASTER).await?;
        document(&call, &connection).await
    };
    answer(&call, StatusCode::OK, set.await)
}

/// `DELETE …/connection`
///
/// While people must come by it, it stays: without it nobody but owners would come in at all.
pub(crate) async fn remove(call: Call) -> Answer {
    let removed = async {
        let organisation = super::organisation(&call)?;
        let found = change::load(room(&call), organisation).await.map_err(|error| failure(&call, error))?;
        let known = find(&call, organisation).await?.ok_or_else(Failure::not_found)?;
        if found.policy.enforce_connection {
            return Err(conflict("The organisation's policy has `enforce_connection`: change that first."));
        }
        let actor = by(&call).actor;
        apply(&call, connection::delete(asked(&call, &actor), &known), FASTER).await
    };
    gone(&call, removed.await)
}

fn asked<'a>(call: &'a Call, actor: &'a primitives::Actor) -> Asked<'a> {
    Asked { tenant: &call.tenant.id, actor, rng: call.node.rng.as_ref(), now: call.now() }
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
        "created_at": connection.created_at,
        "updated_at": connection.updated_at,
    }))
}

fn malformed(error: &ConnectionError) -> Failure {
    Failure::bad_request(format!("{error}."))
}
