//! `/admin/portcullis/v1/providers`: the other providers of a tenant, and with what it proves to them who it is.
//!
//! Which ones there are is a matter of the tenant's settings. A secret is set here and shown nowhere; of a tenant that the
//! file owns, the file refers to it.

use federation::ports::ProviderSecrets as _;
use federation::secrets::{self, SECRET_BYTES};
use http::StatusCode;
use identity::providers::Providers as _;
use primitives::Secret;
use serde::Deserialize;
use serde_json::json;
use tenancy::ManagedBy;
use tenancy::ports::Tenants as _;

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

/// `GET …/providers`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let secrets = call.node.storage.list_provider_secrets(&call.tenant.id).await;
        let secrets = secrets.map_err(|error| store(&call, &error))?;
        let has_secret = |id: &str| secrets.iter().any(|(known, _)| known == id);
        let providers = call.tenant.providers.offers().iter().map(|offer| {
            json!({
                "id": offer.id,
                "label": offer.label,
                "organization_id": offer.organisation,
                "redirect_uri": call.tenant.providers.redirect_uri(&offer.id),
                "has_secret": has_secret(&offer.id),
            })
        });
        Ok::<_, Failure>(json!({ "providers": providers.collect::<Vec<_>>() }))
    };
    match listed.await {
        Ok(document) => json_no_store(StatusCode::OK, &document),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// `PUT …/providers/{provider}/secret`
pub(crate) async fn put_secret(call: Call) -> Answer {
    let set = async {
        // What is wrong with the body is not told in its own words: they would have the secret in them.
        let body: Result<Body, _> = serde_json::from_slice(&call.body);
        let expected = || Failure::bad_request(r#"The body: `{"value": "…"}` is expected."#.to_owned());
        let Body { value } = body.map_err(|_| expected())?;
        if value.expose().is_empty() || value.expose().len() > SECRET_BYTES {
            return Err(Failure::bad_request(format!("A secret has 1 to {SECRET_BYTES} bytes.")));
        }
        let provider = known(&call).await?;
        let change = secrets::put(&call.tenant.id, provider, value, (actor(&call), call.now()));
        apply(&call, change, "Somebody else was faster.").await
    };
    done(&call, set.await)
}

/// `DELETE …/providers/{provider}/secret`
pub(crate) async fn delete_secret(call: Call) -> Answer {
    let deleted = async {
        let provider = known(&call).await?;
        let change = secrets::delete(&call.tenant.id, provider, actor(&call));
        apply(&call, change, "Somebody else was faster.").await
    };
    done(&call, deleted.await)
}

/// The provider in the path, if its tenant's secrets are set here.
async fn known(call: &Call) -> Result<&str, Failure> {
    let provider = call.place("provider");
    if !call.tenant.providers.offers().iter().any(|offer| offer.id == provider) {
        return Err(Failure::not_found());
    }
    let tenant = call.node.storage.find_tenant(call.tenant.id.clone()).await;
    let tenant = tenant.map_err(|error| store(call, &error))?.ok_or_else(Failure::not_found)?;
    if tenant.managed_by == ManagedBy::File {
        let words = "The file of the node owns this tenant, and refers to its secrets.".to_owned();
        return Err(Failure::new(StatusCode::CONFLICT, "managed_by_file", words));
    }
    Ok(provider)
}

fn done(call: &Call, result: Result<(), Failure>) -> Answer {
    match result {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(failure) => failure.to_problem(call.request),
    }
}
