//! `/admin/portcullis/v1/tenants`

use std::time::Duration;

use config::tenant::TenantSettings;
use http::StatusCode;
use oauth2::lifespan::keys_needed;
use primitives::{Change, TenantId};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tenancy::tenant::TenantUpdate;
use tenancy::{AccessDenied, ManagedBy, Scope, Tenant, TenantError, Tenants as _};
use url::Url;

use super::{actor, apply, body, page, principal, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store, no_store};

/// `GET …/tenants`: what the caller may see of them.
pub(crate) async fn list(call: Call) -> Answer {
    let tenants = match call.node.storage.list_tenants(page(&call)).await {
        Ok(tenants) => tenants,
        Err(error) => return store(&call, &error).to_problem(call.request),
    };
    let next = tenants.last().map(|tenant| tenant.id.to_string());
    let seen = tenants.iter().map(|tenant| document(&call, tenant)).collect::<Vec<_>>();
    json_no_store(StatusCode::OK, &json!({ "tenants": seen, "next_page_token": next }))
}

/// What a new tenant is made of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    id: TenantId,
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    issuer: Option<Url>,
    #[serde(default)]
    settings: Map<String, Value>,
}

/// `POST …/tenants`
pub(crate) async fn create(call: Call) -> Answer {
    let made: Result<Value, Failure> = async {
        let new: NewTenant = body(&call)?;
        check_settings(&new.settings)?;
        let mut tenant = Tenant::new(new.id, ManagedBy::Api, call.now());
        tenant.host = new.host.map(|host| host.to_ascii_lowercase());
        tenant.issuer = new.issuer;
        tenant.settings.document = with_defaults(new.settings);
        let answer = document(&call, &tenant);
        let taken =
            "A tenant of this id, or with this host, exists already, or one of this id is being deleted.";
        apply(&call, tenant.create(actor(&call)), taken).await?;
        Ok(answer)
    }
    .await;
    match made {
        Ok(answer) => json_no_store(StatusCode::CREATED, &answer),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// What a new tenant has that says nothing else: tenants that were there before go on as they were.
fn with_defaults(mut settings: Map<String, Value>) -> Map<String, Value> {
    let identity = settings.entry("identity").or_insert_with(|| json!({}));
    if let Some(identity) = identity.as_object_mut() {
        identity.entry("account_enumeration").or_insert_with(|| json!("mitigate"));
    }
    settings
}

/// `GET …/tenants/{tenant}`
pub(crate) async fn show(call: Call) -> Answer {
    match find(&call, Scope::TenantsRead).await {
        Ok(tenant) => json_no_store(StatusCode::OK, &document(&call, &tenant)),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// What may be changed of a tenant; `null` clears host and issuer, what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "left out, null and a value are three wishes")]
struct Patch {
    #[serde(default, deserialize_with = "given")]
    host: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    issuer: Option<Option<Url>>,
    #[serde(default)]
    suspended: Option<bool>,
    #[serde(default)]
    settings: Option<Map<String, Value>>,
}

fn given<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// `PATCH …/tenants/{tenant}`
pub(crate) async fn update(call: Call) -> Answer {
    let changed: Result<Value, Failure> = async {
        let tenant = find(&call, Scope::TenantsWrite).await?;
        let patch: Patch = body(&call)?;
        if let Some(settings) = &patch.settings {
            let wanted = check_settings(settings)?;
            check_components(&call, &tenant, &wanted)?;
        }
        let update = TenantUpdate {
            host: patch.host,
            issuer: patch.issuer,
            suspended: patch.suspended,
            settings: patch.settings,
        };
        let longest = TenantSettings::longest_token_by(&tenant.settings.document);
        let (tenant, change) = tenant.update(update, actor(&call), call.now()).map_err(refused)?;
        keep_keys(&call, longest, &tenant).await?;
        apply(&call, change, "The tenant was changed by somebody else, or another tenant has this host.")
            .await?;
        Ok(document(&call, &tenant))
    }
    .await;
    match changed {
        Ok(answer) => json_no_store(StatusCode::OK, &answer),
        Err(failure) => Failure::to_problem(&failure, call.request),
    }
}

/// `DELETE …/tenants/{tenant}`: from when this is answered nobody finds it. What is left of it goes in the background.
pub(crate) async fn delete(call: Call) -> Answer {
    let deleted = async {
        let tenant = find(&call, Scope::TenantsWrite).await?;
        let deleted = tenant.delete(actor(&call), call.now(), call.node.rng.as_ref()).map_err(refused)?;
        apply(&call, deleted, "The tenant was changed by somebody else at the same time; try again.").await
    };
    match deleted.await {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// What was signed while tokens lived longer keeps its keys, from before the new settings count: if they do not in the end, a key
/// that stays for too long harms nobody.
async fn keep_keys(call: &Call, before: Duration, tenant: &Tenant) -> Result<(), Failure> {
    let after = TenantSettings::longest_token_by(&tenant.settings.document);
    let Some(kept) = keys_needed(before, after, call.now()) else { return Ok(()) };
    let change = Change::new(tenant.id.clone()).write(kept);
    apply(call, change, "The tenant was changed by somebody else at the same time; try again.").await
}

fn refused(error: TenantError) -> Failure {
    let id = match error {
        TenantError::ManagedByFile => "managed_by_file",
        TenantError::Default => "default_tenant",
    };
    Failure::new(StatusCode::CONFLICT, id, error.to_string())
}

/// The tenant in the path, as far as the caller may know of it.
async fn find(call: &Call, scope: Scope) -> Result<Tenant, Failure> {
    let id: TenantId = call.place("tenant").parse().map_err(|_| Failure::not_found())?;
    principal(call)?.check_access(&id, scope).map_err(|denied| match denied {
        AccessDenied::NotFound => Failure::not_found(),
        AccessDenied::OperatorOnly | AccessDenied::MissingScope(_) | AccessDenied::WiderThanOneself(_) => {
            Failure::new(StatusCode::FORBIDDEN, "forbidden", denied.to_string())
        }
    })?;
    let found = call.node.storage.find_tenant(id).await.map_err(|error| store(call, &error))?;
    found.ok_or_else(Failure::not_found)
}

/// Settings that the tenant could not be loaded with are refused before they are stored.
fn check_settings(settings: &Map<String, Value>) -> Result<TenantSettings, Failure> {
    let checked = TenantSettings::check_document(settings);
    checked.map_err(|error| Failure::bad_request(format!("The settings: {error}.")))
}

/// Whose components a tenant runs, and what they may use, is the word of the node's operator.
///
/// Attack: somebody has a tenant's own key, adds a signing key to those that the tenant trusts, or gives up that components
/// are signed, and lets theirs run; or names a file of the node as a component, or grants it what uploads may not have.
fn check_components(call: &Call, tenant: &Tenant, wanted: &TenantSettings) -> Result<(), Failure> {
    // Settings that are no longer understood trusted nobody.
    let known = TenantSettings::check_document(&tenant.settings.document).unwrap_or_default();
    let changed = if known.plugin_trust != wanted.plugin_trust {
        "plugin_trust"
    } else if known.plugins != wanted.plugins {
        "plugin"
    } else {
        return Ok(());
    };
    principal(call)?.check_operator(Scope::TenantsWrite).map_err(|_| {
        let words = format!("Only a key of the node's operator changes `{changed}`: leave it as it is.");
        Failure::new(StatusCode::FORBIDDEN, "forbidden", words)
    })
}

fn document(call: &Call, tenant: &Tenant) -> Value {
    let mut document = serde_json::to_value(tenant).unwrap_or_default();
    if let Value::Object(fields) = &mut document {
        fields.insert("issuer".to_owned(), tenant.issuer(&call.node.settings.base_url).into());
    }
    document
}
