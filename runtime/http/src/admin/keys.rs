//! `/admin/portcullis/v1/keys`: admin keys of the operator, and below a tenant's prefix those of the tenant.

use http::StatusCode;
use primitives::{AdminKeyId, OrganisationId, TenantId, Timestamp};
use serde::Deserialize;
use serde_json::json;
use tenancy::{AccessDenied, AdminKeys as _, KeyOwner, NewAdminKey, Scope};

use super::{actor, apply, body, page, principal, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store, no_store};

/// `GET …/keys?tenant=…&organisation=…`: those of a tenant, with those of its organisations, or those of one of these.
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let organisation = call.query_value("organisation").filter(|organisation| !organisation.is_empty());
        let organisation = organisation.map(|id| id.parse().map_err(|_| Failure::not_found())).transpose()?;
        let owner = owner(&call, call.query_value("tenant").as_deref(), organisation)?;
        check(&call, &owner, Scope::KeysRead)?;
        call.node.storage.list_admin_keys(owner, page(&call)).await.map_err(|error| store(&call, &error))
    };
    match listed.await {
        Ok(keys) => {
            let next = keys.last().map(|key| key.id);
            json_no_store(StatusCode::OK, &json!({ "keys": keys, "next_page_token": next }))
        }
        Err(failure) => failure.to_problem(call.request),
    }
}

/// What a new key is made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: String,
    /// Whose; the operator's without it.
    #[serde(default)]
    tenant: Option<String>,
    /// One of the tenant's, for which alone it is.
    #[serde(default)]
    organisation: Option<OrganisationId>,
    scopes: Vec<Scope>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
    /// How many clients may be registered with it.
    #[serde(default)]
    uses: Option<u32>,
}

/// `POST …/keys`: the key itself is in this answer and nowhere else.
pub(crate) async fn create(call: Call) -> Answer {
    let made = async {
        let new: NewKey = body(&call)?;
        let owner = owner(&call, new.tenant.as_deref(), new.organisation)?;
        let NewKey { name, scopes, expires_at, uses, .. } = new;
        let new = NewAdminKey { name, owner, scopes, expires_at, uses };
        if !new.is_of_form() {
            return Err(Failure::bad_request("A key has a name of 1 to 200 bytes and at least one scope."));
        }
        if !new.is_countable() {
            let words = "`uses` is at least 1, of a tenant's key with the scope `clients:register` alone.";
            return Err(Failure::bad_request(words));
        }
        principal(&call)?.check_may_create(&new).map_err(denied)?;
        if let KeyOwner::Tenant(tenant) | KeyOwner::Organisation(tenant, _) = &new.owner {
            use tenancy::Tenants as _;
            let found = call.node.storage.find_tenant(tenant.clone()).await;
            found.map_err(|error| store(&call, &error))?.ok_or_else(Failure::not_found)?;
        }
        if let KeyOwner::Organisation(tenant, organisation) = &new.owner {
            use identity::organisation::Organisations as _;
            let found = call.node.storage.find_organisation(tenant, *organisation).await;
            found.map_err(|error| store(&call, &error))?.ok_or_else(Failure::not_found)?;
        }
        let (key, text, change) =
            new.create(actor(&call), call.node.sealer(), call.node.rng.as_ref(), call.now());
        apply(&call, change, "The key could not be made; try again.").await?;
        Ok(json!({ "key": key, "secret": text.expose() }))
    };
    match made.await {
        Ok(answer) => json_no_store(StatusCode::CREATED, &answer),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// `DELETE …/keys/{key}`
pub(crate) async fn delete(call: Call) -> Answer {
    let deleted = async {
        let id: AdminKeyId = call.place("key").parse().map_err(|_| Failure::not_found())?;
        let found = call.node.storage.find_admin_key(id).await.map_err(|error| store(&call, &error))?;
        let (key, _) = found.ok_or_else(Failure::not_found)?;
        if !principal(&call)?.sees_key(&key) {
            return Err(Failure::not_found());
        }
        check(&call, &key.owner, Scope::KeysWrite)?;
        apply(&call, key.delete(actor(&call)), "The key is gone already.").await
    };
    match deleted.await {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// Whose keys are meant: those of the tenant that is named, or of an organisation of it, else those of whoever asks.
fn owner(
    call: &Call,
    tenant: Option<&str>,
    organisation: Option<OrganisationId>,
) -> Result<KeyOwner, Failure> {
    let owner = match tenant {
        Some(tenant) => {
            let tenant: TenantId = tenant.parse().map_err(|_| Failure::not_found())?;
            KeyOwner::Tenant(tenant)
        }
        None => principal(call)?.owner.clone(),
    };
    match (owner, organisation) {
        (KeyOwner::Tenant(tenant), Some(organisation)) => Ok(KeyOwner::Organisation(tenant, organisation)),
        (owner, None) => Ok(owner),
        (KeyOwner::Operator | KeyOwner::Organisation(..), Some(_)) => {
            Err(Failure::bad_request("`organisation` needs its `tenant`."))
        }
    }
}

fn check(call: &Call, owner: &KeyOwner, scope: Scope) -> Result<(), Failure> {
    let principal = principal(call)?;
    let allowed = match owner {
        KeyOwner::Operator => principal.check_operator(scope),
        KeyOwner::Tenant(tenant) | KeyOwner::Organisation(tenant, _) => principal.check_access(tenant, scope),
    };
    allowed.map_err(denied)
}

fn denied(denied: AccessDenied) -> Failure {
    match denied {
        AccessDenied::NotFound => Failure::not_found(),
        AccessDenied::OperatorOnly | AccessDenied::MissingScope(_) | AccessDenied::WiderThanOneself(_) => {
            Failure::new(StatusCode::FORBIDDEN, "forbidden", denied.to_string())
        }
    }
}
