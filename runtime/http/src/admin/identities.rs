//! `/admin/identities`: operators make, change, list and delete identities.

use http::StatusCode;
use identity::administration::{
    Administered, AdministrationError, CreateIdentity, Credentials, ReplaceIdentity, admin_identity_document,
    create, credentials, delete, patch, replace,
};
use identity::flow::schema_url;
use identity::ports::{Identities as _, StoreUnavailable};
use identity::{Identifier, Identity, Problem};
use primitives::{IdentityId, OrganisationId};
use serde_json::Value;

use super::{actor, paging};
use crate::call::Call;
use crate::response::{Answer, empty, json_no_store, set};
use crate::self_service::{Applied, apply, failed, respond, room};

/// How often a decision is made again because somebody was faster.
const MOST_ATTEMPTS: usize = 3;
const LARGEST_PAGE: u32 = 1000;
/// Identities that can be asked for by id in one request.
const MOST_IDS: usize = 500;

/// `GET /admin/identities`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let page = paging::asked(&call, LARGEST_PAGE)?;
        let found = find(&call, &page).await?;
        Ok::<_, Problem>((page, found))
    };
    match listed.await {
        Ok((page, found)) => {
            let documents: Vec<Value> =
                found.iter().map(|identity| document(&call, identity, None)).collect();
            let mut answer = json_no_store(StatusCode::OK, &documents);
            let last = found.last().map(|identity| identity.id.to_string());
            paging::link(&call, &mut answer, &page, found.len(), last);
            answer
        }
        Err(problem) => respond(&call, &problem),
    }
}

/// The identities that a list's filters leave.
async fn find(call: &Call, page: &paging::Asked) -> Result<Vec<Identity>, Problem> {
    let storage = &call.node.storage;
    let tenant = &call.tenant.id;
    let value = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
    if value("preview_credentials_identifier_similar").is_some() {
        return Err(Problem::BadRequest("Identities are not found by similar identifiers.".to_owned()));
    }
    let store = |error: StoreUnavailable| failed(call, error);
    if let Some(identifier) = value("credentials_identifier") {
        let Some(identifier) = Identifier::parse(&identifier) else { return Ok(Vec::new()) };
        let found = storage.find_by_identifier(tenant, &identifier).await.map_err(store)?;
        return Ok(found.into_iter().map(|(identity, _)| identity).collect());
    }
    let ids: Vec<String> = url::form_urlencoded::parse(call.query.as_bytes())
        .filter(|(name, _)| name == "ids")
        .flat_map(|(_, ids)| ids.split(',').map(str::to_owned).collect::<Vec<_>>())
        .filter(|id| !id.is_empty())
        .collect();
    if ids.len() > MOST_IDS {
        return Err(Problem::BadRequest(format!("At most {MOST_IDS} `ids` can be asked for.")));
    }
    if !ids.is_empty() {
        let mut found = Vec::new();
        for id in ids {
            let id = id.parse().map_err(|_| Problem::BadRequest("One of `ids` is not a UUID.".to_owned()))?;
            found.extend(storage.find_identity(tenant, id).await.map_err(store)?);
        }
        return Ok(found);
    }
    let after = page.after.as_deref().and_then(|id| id.parse().ok());
    match value("organization_id") {
        None => storage.list_identities(tenant, after, page.size).await.map_err(store),
        Some(organisation) => {
            let organisation: OrganisationId = organisation
                .parse()
                .map_err(|_| Problem::BadRequest("`organization_id` is not a UUID.".to_owned()))?;
            storage.list_of_organisation(tenant, organisation, after, page.size).await.map_err(store)
        }
    }
}

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
    match credentials(room(call), identity.id).await {
        Ok(credentials) => json_no_store(status, &document(call, identity, Some(&credentials))),
        Err(error) => respond(call, &failed(call, error)),
    }
}

fn document(call: &Call, identity: &Identity, credentials: Option<&Credentials>) -> Value {
    admin_identity_document(identity, &schema_url(&call.tenant.base_url, &identity.schema_id), credentials)
}
