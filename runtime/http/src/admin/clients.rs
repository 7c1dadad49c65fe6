//! `/admin/clients`: OAuth clients, as the Hydra API has them.

use http::StatusCode;
use oauth2::client::admin::{ClientError, ClientPage, ShownClient};
use oauth2::client::{ClientDocument, Lifespans};
use oauth2::ports::{ClientFilter, ClientPlace, PortError};
use primitives::{ClientId, SealedKind, SealedPlace, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{actor, paging};
use crate::call::Call;
use crate::commit::{Uncommitted, commit};
use crate::response::{Answer, empty, json_no_store, no_store, set};

/// Clients of a page, unless the caller asks for another number.
const PAGE: u32 = 250;

impl Uncommitted for ClientError {
    fn store(error: PortError) -> Self {
        Self::Port(error)
    }

    fn contention() -> Self {
        Self::Port(PortError::busy("too many changes of the same client"))
    }
}

/// `GET /admin/clients`
pub(crate) async fn list(call: Call) -> Answer {
    let size = call.query_value("page_size").and_then(|size| size.parse().ok()).unwrap_or(PAGE);
    let Ok(after) = call
        .query_value("page_token")
        .filter(|token| !token.is_empty())
        .map_or(Ok(None), |token| open(&call, &token))
    else {
        return refuse(&call, &ClientError::Patch("page_token is not one of this list".into()));
    };
    let filter = ClientFilter {
        after,
        client_name: call.query_value("client_name"),
        owner: call.query_value("owner"),
    };
    match call.tenant.oauth2.list_clients(&filter, size).await {
        Ok(ClientPage { clients, next }) => {
            let mut answer = json_no_store(StatusCode::OK, &clients);
            if let Some(next) = next {
                let next = paging::url(&call, size, Some(&seal(&call, &next)));
                set(&mut answer, "link", &format!("<{next}>; rel=\"next\""));
            }
            answer
        }
        Err(error) => refuse(&call, &error),
    }
}

/// `POST /admin/clients`
pub(crate) async fn create(call: Call) -> Answer {
    let document: ClientDocument = match body(&call) {
        Ok(document) => document,
        Err(error) => return refuse(&call, &error),
    };
    let server = &call.tenant.oauth2;
    match commit(&call.node, || server.create_client(document.clone(), actor(&call))).await {
        Ok(made) => shown(StatusCode::CREATED, &made),
        Err(error) => refuse(&call, &error),
    }
}

/// `GET /admin/clients/{id}`
pub(crate) async fn show(call: Call) -> Answer {
    let found = match id(&call) {
        Ok(id) => call.tenant.oauth2.load_client(&id).await,
        Err(error) => Err(error),
    };
    match found {
        Ok(client) => shown(StatusCode::OK, &client),
        Err(error) => refuse(&call, &error),
    }
}

/// `PUT /admin/clients/{id}`
pub(crate) async fn replace(call: Call) -> Answer {
    let (id, document) = match (id(&call), body::<ClientDocument>(&call)) {
        (Ok(id), Ok(document)) => (id, document),
        (Err(error), _) | (_, Err(error)) => return refuse(&call, &error),
    };
    let server = &call.tenant.oauth2;
    match commit(&call.node, || server.replace_client(&id, document.clone(), actor(&call))).await {
        Ok(client) => shown(StatusCode::OK, &client),
        Err(error) => refuse(&call, &error),
    }
}

/// `PATCH /admin/clients/{id}`, by JSON Patch (RFC 6902).
pub(crate) async fn patch(call: Call) -> Answer {
    let (id, patch) = match (id(&call), body::<Value>(&call)) {
        (Ok(id), Ok(patch)) => (id, patch),
        (Err(error), _) | (_, Err(error)) => return refuse(&call, &error),
    };
    let server = &call.tenant.oauth2;
    match commit(&call.node, || server.patch_client(&id, &patch, actor(&call))).await {
        Ok(client) => shown(StatusCode::OK, &client),
        Err(error) => refuse(&call, &error),
    }
}

/// `PUT /admin/clients/{id}/lifespans`
pub(crate) async fn lifespans(call: Call) -> Answer {
    let (id, lifespans) = match (id(&call), body::<Lifespans>(&call)) {
        (Ok(id), Ok(lifespans)) => (id, lifespans),
        (Err(error), _) | (_, Err(error)) => return refuse(&call, &error),
    };
    let server = &call.tenant.oauth2;
    let set = || server.set_client_lifespans(&id, lifespans, actor(&call));
    match Box::pin(commit(&call.node, set)).await {
        Ok(client) => shown(StatusCode::OK, &client),
        Err(error) => refuse(&call, &error),
    }
}

/// `POST /admin/clients/{id}/secrets/rotate`
pub(crate) async fn rotate_secret(call: Call) -> Answer {
    let id = match id(&call) {
        Ok(id) => id,
        Err(error) => return refuse(&call, &error),
    };
    let server = &call.tenant.oauth2;
    match commit(&call.node, || server.rotate_client_secret(&id, actor(&call))).await {
        Ok(client) => shown(StatusCode::OK, &client),
        Err(error) => refuse(&call, &error),
    }
}

/// `DELETE /admin/clients/{id}/secrets/rotate`
pub(crate) async fn drop_secrets(call: Call) -> Answer {
    let id = match id(&call) {
        Ok(id) => id,
        Err(error) => return refuse(&call, &error),
    };
    let server = &call.tenant.oauth2;
    match commit(&call.node, || server.drop_rotated_client_secrets(&id, actor(&call))).await {
        Ok(client) => shown(StatusCode::OK, &client),
        Err(error) => refuse(&call, &error),
    }
}

/// `DELETE /admin/clients/{id}`
pub(crate) async fn delete(call: Call) -> Answer {
    let id = match id(&call) {
        Ok(id) => id,
        Err(error) => return refuse(&call, &error),
    };
    let server = &call.tenant.oauth2;
    match commit(&call.node, || server.delete_client(&id, actor(&call))).await {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(error) => refuse(&call, &error),
    }
}

fn shown(status: StatusCode, client: &ShownClient) -> Answer {
    json_no_store(status, &client.as_created())
}

fn id(call: &Call) -> Result<ClientId, ClientError> {
    call.place("id").parse().map_err(|_| ClientError::NotFound)
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, ClientError> {
    serde_json::from_slice(&call.body)
        .map_err(|error| ClientError::Patch(format!("the body: {error}").into()))
}

/// Attack: a page token is read, forged, or taken from another list or tenant. It is sealed for this list
/// of this tenant, and opens nowhere else.
fn seal(call: &Call, after: &ClientPlace) -> String {
    let context = SealedPlace { tenant: &call.tenant.id, kind: SealedKind::ClientPageToken, row: "" };
    let place = format!("{} {}", after.created_at.micros(), after.id.as_str());
    call.node.sealer().seal_text(context, place.as_bytes())
}

fn open(call: &Call, token: &str) -> Result<Option<ClientPlace>, ()> {
    let context = SealedPlace { tenant: &call.tenant.id, kind: SealedKind::ClientPageToken, row: "" };
    let plain = call.node.sealer().open_text(context, token).map_err(|_| ())?;
    let (micros, id) = std::str::from_utf8(&plain).map_err(|_| ())?.split_once(' ').ok_or(())?;
    let created_at = Timestamp::from_micros(micros.parse().map_err(|_| ())?);
    Ok(Some(ClientPlace { created_at, id: id.parse().map_err(|_| ())? }))
}

fn refuse(call: &Call, error: &ClientError) -> Answer {
    let status = match error {
        ClientError::Invalid(_) | ClientError::Patch(_) => StatusCode::BAD_REQUEST,
        ClientError::NotFound => StatusCode::NOT_FOUND,
        ClientError::Exists | ClientError::ManagedByFile => StatusCode::CONFLICT,
        ClientError::Port(PortError::Busy(_)) => StatusCode::SERVICE_UNAVAILABLE,
        ClientError::Port(PortError::Unavailable(_)) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let description = if error.is_internal() {
        tracing::error!(request = %call.request, tenant = %call.tenant.id, %error, "a client cannot be managed");
        "the server could not answer; ask its operator, naming the request id".to_owned()
    } else {
        error.to_string()
    };
    let body = json!({
        "error": error.code(),
        "error_description": description,
        "status_code": status.as_u16(),
        "request_id": call.request.to_string(),
    });
    json_no_store(status, &body)
}
