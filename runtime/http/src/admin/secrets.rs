//! `/admin/portcullis/v1/secrets`: the secrets to which a tenant's settings refer by name.
//!
//! A secret is set here and shown nowhere; of a tenant that the file owns, the file refers to it.

use http::StatusCode;
use primitives::Secret;
use serde::Deserialize;
use serde_json::json;
use tenancy::plugin::secrets::is_secret_name;
use tenancy::ports::Tenants as _;
use tenancy::secrets::{self, TENANT_SECRET_BYTES, TENANT_SECRETS_AT_MOST};
use tenancy::{ManagedBy, TenantSecret, TenantSecrets as _};

use super::{actor, apply, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store};

/// What is sent to set a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    value: Secret<String>,
}

/// `GET …/secrets`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = call.node.storage.list_tenant_secrets(&call.tenant.id).await;
    match listed.map_err(|error| store(&call, &error)) {
        Ok(secrets) => {
            let names: Vec<&str> = secrets.iter().map(|secret| secret.name.as_str()).collect();
            json_no_store(StatusCode::OK, &json!({ "secrets": names }))
        }
        Err(failure) => failure.to_problem(call.request),
    }
}

/// `PUT …/secrets/{name}`
pub(crate) async fn put(call: Call) -> Answer {
    let set = async {
        // What is wrong with the body is not told in its own words: they would have the secret in them.
        let body: Result<Body, _> = serde_json::from_slice(&call.body);
        let expected = || Failure::bad_request(r#"The body: `{"value": "…"}` is expected."#.to_owned());
        let Body { value } = body.map_err(|_| expected())?;
        if value.expose().is_empty() || value.expose().len() > TENANT_SECRET_BYTES {
            return Err(Failure::bad_request(format!("A secret has 1 to {TENANT_SECRET_BYTES} bytes.")));
        }
        let name = named(&call).await?;
        let known = call.node.storage.list_tenant_secrets(&call.tenant.id).await;
        let known = known.map_err(|error| store(&call, &error))?;
        let is_known = known.iter().any(|secret| secret.name == name);
        if !is_known && known.len() >= TENANT_SECRETS_AT_MOST {
            let words = format!("A tenant has at most {TENANT_SECRETS_AT_MOST} secrets.");
            return Err(Failure::new(StatusCode::CONFLICT, "too_many_secrets", words));
        }
        let secret = TenantSecret { name: name.to_owned(), value };
        let change = secrets::put(&call.tenant.id, secret, (actor(&call), call.now()));
        apply(&call, change, "Somebody else was faster.").await
    };
    done(&call, set.await)
}

/// `DELETE …/secrets/{name}`
pub(crate) async fn delete(call: Call) -> Answer {
    let deleted = async {
        let change = secrets::delete(&call.tenant.id, named(&call).await?, actor(&call));
        apply(&call, change, "Somebody else was faster.").await
    };
    done(&call, deleted.await)
}

/// The name in the path, if its tenant's secrets are set here.
async fn named(call: &Call) -> Result<&str, Failure> {
    let name = call.place("name");
    if !is_secret_name(name) {
        let words = "A secret's name is 1 to 64 letters, digits, `_`, `-` and `.`.";
        return Err(Failure::bad_request(words));
    }
    let tenant = call.node.storage.find_tenant(call.tenant.id.clone()).await;
    let tenant = tenant.map_err(|error| store(call, &error))?.ok_or_else(Failure::not_found)?;
    if tenant.managed_by == ManagedBy::File {
        let words = "The file of the node owns this tenant, and refers to its secrets.".to_owned();
        return Err(Failure::new(StatusCode::CONFLICT, "managed_by_file", words));
    }
    Ok(name)
}

fn done(call: &Call, result: Result<(), Failure>) -> Answer {
    match result {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(failure) => failure.to_problem(call.request),
    }
}
