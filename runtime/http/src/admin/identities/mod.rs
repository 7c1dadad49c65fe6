//! `/admin/identities`: operators make, change, list and delete identities.

pub(crate) mod batch;
pub(crate) mod export;
pub(crate) mod impersonate;
pub(crate) mod list;
pub(crate) mod search;
mod tokens;
pub(crate) mod verify;
pub(crate) mod violations;

use http::StatusCode;
use identity::administration::{
    Administered, AdministrationError, CreateIdentity, Credentials, ReplaceIdentity, admin_identity_document,
    create, credentials, delete, patch, replace,
};
use identity::flow::schema_url;
use identity::ports::Identities as _;
use identity::{Identity, Problem};
use primitives::IdentityId;
use serde_json::Value;

use super::actor;
use crate::call::Call;
use crate::response::{Answer, empty, json_no_store, set};
use crate::self_service::{Applied, apply, failed, respond, room};

/// How often a decision is made again because somebody was faster.
const MOST_ATTEMPTS: usize = 3;

/// `POST /admin/identities`
pub(crate) async fn make(call: Call) -> Answer {
    let body = match CreateIdentity::from_json(&call.body) {
        Ok(body) => body,
        Err(error) => return respond(&call, &failed(&call, error)),
    };
    let made = decide(&call, async || create(room(&call), actor(&call), body.clone()).await).await;
    match made {
        Ok(identity) => {
            let mut answer = show(&call, StatusCode::CREATED, &identity).await;
            set(
                &mut answer,
                "location",
                &call.tenant.absolute(&format!("/admin/identities/{}", identity.id)),
            );
            answer
        }
        Err(problem) => respond(&call, &problem),
    }
}

/// `GET /admin/identities/{id}`
pub(crate) async fn get(call: Call) -> Answer {
    match load(&call).await {
        Ok(identity) => show(&call, StatusCode::OK, &identity).await,
        Err(problem) => respond(&call, &problem),
    }
}

/// `GET /admin/identities/by/external/{externalID}`
pub(crate) async fn get_by_external_id(call: Call) -> Answer {
    let found = call.node.storage.find_by_external_id(&call.tenant.id, call.place("externalID")).await;
    match found.map_err(|error| failed(&call, error)) {
        Ok(Some(identity)) => show(&call, StatusCode::OK, &identity).await,
        Ok(None) => respond(&call, &Problem::NotFound),
        Err(problem) => respond(&call, &problem),
    }
}

/// `PUT /admin/identities/{id}`
pub(crate) async fn put(call: Call) -> Answer {
    let body = match ReplaceIdentity::from_json(&call.body) {
        Ok(body) => body,
        Err(error) => return respond(&call, &failed(&call, error)),
    };
    let changed = async {
        let id = id_of(&call)?;
        decide(&call, async || replace(room(&call), actor(&call), id, body.clone()).await).await
    };
    match changed.await {
        Ok(identity) => show(&call, StatusCode::OK, &identity).await,
        Err(problem) => respond(&call, &problem),
    }
}

/// `PATCH /admin/identities/{id}`: a JSON Patch.
pub(crate) async fn change(call: Call) -> Answer {
    let changed = async {
        let id = id_of(&call)?;
        let operations: Value = serde_json::from_slice(&call.body)
            .map_err(|_| Problem::BadRequest("The body must be JSON.".to_owned()))?;
        decide(&call, async || patch(room(&call), actor(&call), id, &operations).await).await
    };
    match changed.await {
        Ok(identity) => show(&call, StatusCode::OK, &identity).await,
        Err(problem) => respond(&call, &problem),
    }
}

/// `DELETE /admin/identities/{id}`
pub(crate) async fn remove(call: Call) -> Answer {
    let removed = async {
        let id = id_of(&call)?;
        let change = delete(room(&call), actor(&call), id).await.map_err(|error| failed(&call, error))?;
        match apply(&call, change).await? {
            Applied::Whole => Ok(()),
            Applied::Missed => Err(Problem::NotFound),
        }
    };
    match removed.await {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(problem) => respond(&call, &problem),
    }
}

/// The id in the path. What is no id names nothing.
pub(super) fn id_of(call: &Call) -> Result<IdentityId, Problem> {
    call.place("id").parse().map_err(|_| Problem::NotFound)
}

/// The identity in the path.
pub(super) async fn load(call: &Call) -> Result<Identity, Problem> {
    let found = call.node.storage.find_identity(&call.tenant.id, id_of(call)?).await;
    found.map_err(|error| failed(call, error))?.ok_or(Problem::NotFound)
}

/// Decides, applies, and decides again if somebody was faster.
async fn decide<F>(call: &Call, decide: impl Fn() -> F) -> Result<Identity, Problem>
where
    F: Future<Output = Result<Administered, AdministrationError>>,
{
    for _ in 0..MOST_ATTEMPTS {
        let Administered { identity, change } = decide().await.map_err(|error| failed(call, error))?;
        if apply(call, change).await? == Applied::Whole {
            return Ok(identity);
        }
    }
    Err(Problem::Conflict("The identity was changed by others at the same time. Try again."))
}

async fn show(call: &Call, status: StatusCode, identity: &Identity) -> Answer {
    let found = async {
        let found = credentials(room(call), identity.id).await.map_err(|error| failed(call, error))?;
        tokens::with_tokens(call, identity, found).await
    };
    match found.await {
        Ok(credentials) => json_no_store(status, &document(call, identity, Some(&credentials))),
        Err(problem) => respond(call, &problem),
    }
}

fn document(call: &Call, identity: &Identity, credentials: Option<&Credentials>) -> Value {
    admin_identity_document(identity, &schema_url(&call.tenant.base_url, &identity.schema_id), credentials)
}
