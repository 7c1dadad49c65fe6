//! `/admin/portcullis/v1/plugins`: a tenant's plugins as they are now, and those of them that were uploaded.
//!
//! The tenant is that of the address (`/t/{tenant}`, or a host), as for clients and identities.

pub(crate) mod enable;
pub(crate) mod logs;
pub(crate) mod secrets;
pub(crate) mod shadow;
pub(crate) mod upload;

use http::StatusCode;
use serde_json::{Value, json};
use storage::{ApplyError, Storage};
use tenancy::Write;
use tenancy::plugin::uploaded::{
    Asked, CandidateRefusal, PluginVersion, RefusalReason, UploadError, UploadedPlugin, UploadedPlugins as _,
};

use super::{actor, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, empty, json_no_store, no_store};

/// Two who change one plugin at once are decided one after the other, so often.
const ATTEMPTS: usize = 4;

/// `GET …/plugins`
pub(crate) async fn list(call: Call) -> Answer {
    let uploaded = match call.node.storage.list_uploaded_plugins(&call.tenant.id).await {
        Ok(uploaded) => uploaded,
        Err(error) => return store(&call, &error).to_problem(call.request),
    };
    let plugins = call.node.plugins.list(&call.tenant.id);
    json_no_store(StatusCode::OK, &json!({ "plugins": plugins, "uploaded": uploaded }))
}

/// `GET …/plugins/{name}`
pub(crate) async fn show(call: Call) -> Answer {
    let shown = async {
        let (plugin, versions) = load(&call, call.place("name")).await?;
        Ok((StatusCode::OK, document(&call, &plugin, &versions)))
    };
    answer(&call, shown.await)
}

/// `DELETE …/plugins/{name}`
pub(crate) async fn delete(call: Call) -> Answer {
    let is_declared = call.tenant.declared_plugins.contains(call.place("name"));
    let deleted =
        change(&call, |plugin, _, asked| plugin.delete(asked, is_declared).map(|change| ((), change)));
    gone(&call, deleted.await)
}

/// `DELETE …/plugins/{name}/versions/{version}`
pub(crate) async fn delete_version(call: Call) -> Answer {
    let Ok(version) = call.place("version").parse() else {
        return Failure::not_found().to_problem(call.request);
    };
    let deleted = change(&call, |plugin, versions, asked| {
        plugin.delete_version(version, versions, asked).map(|change| ((), change))
    });
    gone(&call, deleted.await)
}

/// Decides on the plugin of the path and applies what was decided; decides again if somebody was faster.
async fn change<T>(
    call: &Call,
    decide: impl Fn(
        UploadedPlugin,
        &[PluginVersion],
        &Asked<'_>,
    ) -> Result<(T, primitives::Change<Write>), UploadError>,
) -> Result<T, Failure> {
    for _ in 0..ATTEMPTS {
        let (plugin, versions) = load(call, call.place("name")).await?;
        let (decided, change) = decide(plugin, &versions, &asked(call)).map_err(|error| refused(&error))?;
        if commit(call, change).await?.is_none() {
            return Ok(decided);
        }
    }
    Err(contention())
}

/// Applies a change; the write that missed its guard, if one did.
async fn commit(call: &Call, change: primitives::Change<Write>) -> Result<Option<usize>, Failure> {
    match call.node.storage.apply(change).await {
        Ok(()) => Ok(None),
        Err(ApplyError::Missed { write }) => Ok(Some(write)),
        Err(ApplyError::Storage(error)) => Err(store(call, &error)),
    }
}

/// An uploaded plugin with its versions.
async fn load(call: &Call, name: &str) -> Result<(UploadedPlugin, Vec<PluginVersion>), Failure> {
    let (storage, tenant): (&Storage, _) = (&call.node.storage, &call.tenant.id);
    let found = storage.find_uploaded_plugin(tenant, name).await.map_err(|error| store(call, &error))?;
    let plugin = found.ok_or_else(|| {
        let words = "This tenant has no uploaded plugin of that name.";
        Failure::new(StatusCode::NOT_FOUND, "unknown_plugin", words)
    })?;
    let versions = storage.list_plugin_versions(tenant, name).await.map_err(|error| store(call, &error))?;
    Ok((plugin, versions))
}

fn asked(call: &Call) -> Asked<'_> {
    Asked { tenant: &call.tenant.id, actor: actor(call), now: call.now() }
}

/// The plugin with its versions, and how it runs on this node.
fn document(call: &Call, plugin: &UploadedPlugin, versions: &[PluginVersion]) -> Value {
    let mut running = call.node.plugins.list(&call.tenant.id);
    running.retain(|report| report.name == plugin.name);
    let mut document = serde_json::to_value(plugin).unwrap_or_default();
    if let Value::Object(fields) = &mut document {
        fields.insert("versions".to_owned(), json!(versions));
        fields.insert("running".to_owned(), json!(running.pop()));
    }
    document
}

fn answer(call: &Call, done: Result<(StatusCode, Value), Failure>) -> Answer {
    match done {
        Ok((status, body)) => json_no_store(status, &body),
        Err(failure) => failure.to_problem(call.request),
    }
}

fn gone(call: &Call, done: Result<(), Failure>) -> Answer {
    match done {
        Ok(()) => no_store(empty(StatusCode::NO_CONTENT)),
        Err(failure) => failure.to_problem(call.request),
    }
}

/// What the configuration file or the tenant's settings declare is changed there.
fn check_not_declared(call: &Call, name: &str) -> Result<(), Failure> {
    if call.tenant.declared_plugins.contains(name) {
        let words = format!("Plugin {name} is declared in the tenant's settings; change it there.");
        return Err(Failure::new(StatusCode::CONFLICT, "declared_in_settings", words));
    }
    Ok(())
}

fn contention() -> Failure {
    let words = "The plugin was changed by somebody else at the same time; try again.";
    Failure::new(StatusCode::CONFLICT, "conflict", words)
}

/// What is wrong with what was asked for.
fn refused(error: &UploadError) -> Failure {
    let (status, id) = match error {
        UploadError::UnknownVersion { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_version"),
        UploadError::NothingBefore(_) => (StatusCode::CONFLICT, "nothing_to_roll_back_to"),
        UploadError::NoShadow(_) => (StatusCode::CONFLICT, "no_shadow"),
        UploadError::NotEnabled(_) => (StatusCode::CONFLICT, "not_enabled"),
        UploadError::StillEnabled(_) => (StatusCode::CONFLICT, "still_enabled"),
        UploadError::VersionInUse { .. } => (StatusCode::CONFLICT, "version_in_use"),
        UploadError::TooMany => (StatusCode::CONFLICT, "too_many_plugins"),
    };
    Failure::new(status, id, error.to_string())
}

/// What is wrong with a candidate.
fn unfit(call: &Call, refusal: &CandidateRefusal) -> Failure {
    let status = match refusal.reason {
        RefusalReason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RefusalReason::Busy => StatusCode::SERVICE_UNAVAILABLE,
        RefusalReason::Internal => {
            tracing::error!(request = %call.request, tenant = %call.tenant.id, reason = refusal.detail, "a plugin cannot be checked");
            return Failure::internal();
        }
        RefusalReason::NotAComponent
        | RefusalReason::CoreModule
        | RefusalReason::Truncated
        | RefusalReason::Invalid
        | RefusalReason::OtherContractVersion
        | RefusalReason::NoHook
        | RefusalReason::UnknownImport
        | RefusalReason::CompileGivenUp
        | RefusalReason::NotGranted
        | RefusalReason::GrantNotAllowed
        | RefusalReason::NotExported
        | RefusalReason::SettingsSchema
        | RefusalReason::SettingsDoNotFit
        | RefusalReason::DoesNotStart
        | RefusalReason::Malformed
        | RefusalReason::NotOffered
        | RefusalReason::NotStored
        | RefusalReason::Signature => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Failure::new(status, refusal.reason.as_str(), refusal.detail.clone())
}
