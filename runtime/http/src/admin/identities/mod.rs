//! `/admin/identities`: operators make, change, list and delete identities.

pub(crate) mod batch;
pub(crate) mod export;
pub(crate) mod impersonate;
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
use identity::ports::{Identities as _, StoreUnavailable};
use identity::search::IdentitySearch as _;
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
/// What a list is narrowed by.
const FILTERS: [&str; 4] =
    ["ids", "credentials_identifier", "preview_credentials_identifier_similar", "organization_id"];
/// Identities that can be asked for by id in one request.
const MOST_IDS: usize = 500;

/// `GET /admin/identities`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let page = paging::asked(&call, LARGEST_PAGE)?;
        let found = find(&call, &page).await?;
        let documents = documents(&call, &found.identities).await?;
        Ok::<_, Problem>((page, found, documents))
    };
    match listed.await {
        Ok((page, found, documents)) => {
            let mut answer = json_no_store(StatusCode::OK, &documents);
            if found.is_paged {
                let last = found.identities.last().map(|identity| identity.id.to_string());
                paging::link(&call, &mut answer, &page, found.identities.len(), last);
            }
            answer
        }
        Err(problem) => respond(&call, &problem),
    }
}

/// Identities of a list, and whether there is a next page behind a full one.
struct Listed {
    identities: Vec<Identity>,
    is_paged: bool,
}

/// The documents of a list, with credentials where they are asked for.
async fn documents(call: &Call, identities: &[Identity]) -> Result<Vec<Value>, Problem> {
    let with_credentials = !values_of(call, "include_credential").is_empty();
    let mut documents = Vec::with_capacity(identities.len());
    for identity in identities {
        let found = if with_credentials {
            let found = credentials(room(call), identity.id).await.map_err(|error| failed(call, error))?;
            Some(tokens::with_tokens(call, identity, found).await?)
        } else {
            None
        };
        documents.push(document(call, identity, found.as_ref()));
    }
    Ok(documents)
}

/// The identities that a list's filter leaves; of these there is at most one.
async fn find(call: &Call, page: &paging::Asked) -> Result<Listed, Problem> {
    let storage = &call.node.storage;
    let tenant = &call.tenant.id;
    let value = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
    let bad = |words: &str| Problem::BadRequest(words.to_owned());
    // Every read is of the most recent data.
    if value("consistency").is_some_and(|asked| asked != "strong" && asked != "eventual") {
        return Err(bad("`consistency` is `strong` or `eventual`."));
    }
    if FILTERS.iter().filter(|name| value(name).is_some()).count() > 1 {
        return Err(bad("Filters cannot be combined."));
    }
    let store = |error: StoreUnavailable| failed(call, error);
    let whole = |identities| Ok(Listed { identities, is_paged: false });
    if let Some(similar) = value("preview_credentials_identifier_similar") {
        let Some(start) = Identifier::parse(&similar) else { return whole(Vec::new()) };
        return whole(
            storage.find_by_start_of_identifier(tenant, start.as_str(), page.size).await.map_err(store)?,
        );
    }
    if let Some(identifier) = value("credentials_identifier") {
        let Some(identifier) = Identifier::parse(&identifier) else { return whole(Vec::new()) };
        let found = storage.find_by_identifier(tenant, &identifier).await.map_err(store)?;
        return whole(found.into_iter().map(|(identity, _)| identity).collect());
    }
    let ids = values_of(call, "ids");
    if ids.len() > MOST_IDS {
        return Err(Problem::BadRequest(format!("At most {MOST_IDS} `ids` can be asked for.")));
    }
    if !ids.is_empty() {
        let ids: Result<Vec<IdentityId>, _> = ids.iter().map(|id| id.parse()).collect();
        let ids = ids.map_err(|_| bad("One of `ids` is not a UUID."))?;
        return whole(storage.find_identities(tenant, &ids).await.map_err(store)?);
    }
    let after = page.after.as_deref().and_then(|id| id.parse().ok());
    let identities = match value("organization_id") {
        None => storage.list_identities(tenant, after, page.size).await.map_err(store)?,
        Some(organisation) => {
            let organisation: OrganisationId =
                organisation.parse().map_err(|_| bad("`organization_id` is not a UUID."))?;
            storage.list_of_organisation(tenant, organisation, after, page.size).await.map_err(store)?
        }
    };
    Ok(Listed { identities, is_paged: true })
}

/// The values of a parameter that may be repeated or a list.
fn values_of(call: &Call, wanted: &str) -> Vec<String> {
    url::form_urlencoded::parse(call.query.as_bytes())
        .filter(|(name, _)| name == wanted)
        .flat_map(|(_, values)| values.split(',').map(str::to_owned).collect::<Vec<_>>())
        .filter(|value| !value.is_empty())
        .collect()
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
