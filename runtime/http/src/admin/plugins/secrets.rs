//! `…/plugins/{name}/secrets`: what an uploaded plugin knows and nobody is told. Set and deleted one by one; listed by name.
//!
//! When this answers, this node's plugin has it; others' do within a second.

use http::StatusCode;
use primitives::{Change, Secret};
use serde::Deserialize;
use serde_json::json;
use tenancy::Write;
use tenancy::plugin::uploaded::{Asked, SecretError, SecretFacts, UploadedPlugin, UploadedPlugins as _};

use super::enable::reload;
use super::{ATTEMPTS, answer, asked, check_not_declared, commit, contention, gone, load};
use crate::admin::store;
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;

/// What is sent to set one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    value: Secret<String>,
}

/// `GET …/plugins/{name}/secrets`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        load(&call, call.place("name")).await?;
        Ok((StatusCode::OK, json!({ "secrets": known(&call).await? })))
    };
    let listed = listed.await;
    answer(&call, listed)
}

/// `PUT …/plugins/{name}/secrets/{secret}`
pub(crate) async fn put(call: Call) -> Answer {
    let set = async {
        // What is wrong with the body is not told in its own words: they would have the secret in them.
        let body: Result<Body, _> = serde_json::from_slice(&call.body);
        let Body { value } =
            body.map_err(|_| Failure::bad_request(r#"The body: `{"value": "…"}` is expected."#.to_owned()))?;
        check_not_declared(&call, call.place("name"))?;
        change(&call, |plugin, known, asked| {
            plugin.set_secret((call.place("secret"), value.clone()), known, asked)
        })
        .await
    };
    let set = set.await;
    gone(&call, set)
}

/// `DELETE …/plugins/{name}/secrets/{secret}`
pub(crate) async fn delete(call: Call) -> Answer {
    let deleted =
        change(&call, |plugin, known, asked| plugin.delete_secret(call.place("secret"), known, asked)).await;
    gone(&call, deleted)
}

/// Decides and applies, anew if somebody was faster; then this node's plugin has what is decided.
async fn change(
    call: &Call,
    decide: impl Fn(UploadedPlugin, &[SecretFacts], &Asked<'_>) -> Result<Change<Write>, SecretError>,
) -> Result<(), Failure> {
    for _ in 0..ATTEMPTS {
        let (plugin, _) = load(call, call.place("name")).await?;
        let known = known(call).await?;
        let change = decide(plugin, &known, &asked(call)).map_err(|error| refused(&error))?;
        if commit(call, change).await?.is_none() {
            return reload(call).await;
        }
    }
    Err(contention())
}

async fn known(call: &Call) -> Result<Vec<SecretFacts>, Failure> {
    let listed = call.node.storage.list_secret_facts(&call.tenant.id, call.place("name")).await;
    listed.map_err(|error| store(call, &error))
}

/// What is wrong with what was asked for.
fn refused(error: &SecretError) -> Failure {
    let (status, id) = match error {
        SecretError::Name => (StatusCode::UNPROCESSABLE_ENTITY, "malformed_secret_name"),
        SecretError::Size => (StatusCode::UNPROCESSABLE_ENTITY, "malformed_secret"),
        SecretError::TooMany => (StatusCode::CONFLICT, "too_many_secrets"),
        SecretError::Unknown => (StatusCode::NOT_FOUND, "unknown_secret"),
    };
    Failure::new(status, id, error.to_string())
}
