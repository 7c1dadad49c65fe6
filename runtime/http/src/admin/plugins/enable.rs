//! `…/plugins/{name}/enable`, `/disable` and `/rollback`: which version of an uploaded plugin runs, and how.
//!
//! A candidate is loaded and started on this node first; one that does not do is refused, and what runs goes on.
//! When this answers, this node runs it; others do within a second, when the change log tells them.

use http::StatusCode;
use serde_json::Value;
use tenancy::plugin::uploaded::{
    Asked, Enablement, PluginVersion, UploadError, UploadedPlugin, VersionDeclaration,
};

use super::{
    ATTEMPTS, answer, asked, change, check_not_declared, commit, contention, document, load, refused, unfit,
};
use crate::admin::body;
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;

/// `POST …/plugins/{name}/enable`
pub(crate) async fn enable(call: Call) -> Answer {
    let enabled = async {
        let declaration: VersionDeclaration = body(&call)?;
        check_declaration(call.place("name"), &declaration)?;
        let propose = |plugin: &UploadedPlugin, versions: &[PluginVersion], asked: &Asked<'_>| {
            plugin.propose(declaration.clone(), versions, asked)
        };
        run(&call, "plugin.enabled", propose).await
    };
    let enabled = enabled.await;
    answer(&call, enabled)
}

/// `POST …/plugins/{name}/rollback`
pub(crate) async fn rollback(call: Call) -> Answer {
    let rolled_back =
        run(&call, "plugin.rolled_back", |plugin, _, asked| plugin.propose_rollback(asked)).await;
    answer(&call, rolled_back)
}

/// `POST …/plugins/{name}/promote`: what shadowed runs.
pub(crate) async fn promote(call: Call) -> Answer {
    let promoted = run(&call, "plugin.promoted", |plugin, _, asked| plugin.propose_promotion(asked)).await;
    answer(&call, promoted)
}

/// `POST …/plugins/{name}/disable`
pub(crate) async fn disable(call: Call) -> Answer {
    let disabled = async {
        change(&call, |plugin, _, asked| plugin.disable(asked)).await?;
        reload(&call).await?;
        shown(&call).await
    };
    let disabled = disabled.await;
    answer(&call, disabled)
}

/// Lets what is proposed run, after it has shown that it can.
pub(super) async fn run(
    call: &Call,
    action: &'static str,
    propose: impl Fn(&UploadedPlugin, &[PluginVersion], &Asked<'_>) -> Result<Enablement, UploadError>,
) -> Result<(StatusCode, Value), Failure> {
    check_not_declared(call, call.place("name"))?;
    call.patience.extend(call.node.plugins.upload_bounds().compile);
    for _ in 0..ATTEMPTS {
        let (plugin, versions) = load(call, call.place("name")).await?;
        let enablement = propose(&plugin, &versions, &asked(call)).map_err(|error| refused(&error))?;
        let candidate = enablement.stored(&plugin);
        let checked =
            call.node.plugins.check_candidate(&call.tenant.id, candidate, &call.tenant.plugin_trust).await;
        checked.map_err(|refusal| unfit(call, &refusal))?;
        let (_, change) = plugin.enable(enablement, action, &asked(call));
        if commit(call, change).await?.is_none() {
            reload(call).await?;
            return shown(call).await;
        }
    }
    Err(contention())
}

/// Has this node run what the rows say now.
pub(super) async fn reload(call: &Call) -> Result<(), Failure> {
    match call.node.tenants.load(&call.node, &call.tenant.id).await {
        Ok(_) => Ok(()),
        Err(error) => Err(super::store(call, &error)),
    }
}

pub(super) async fn shown(call: &Call) -> Result<(StatusCode, Value), Failure> {
    let (plugin, versions) = load(call, call.place("name")).await?;
    Ok((StatusCode::OK, document(call, &plugin, &versions)))
}

/// The rules of a declaration in a file, and that it is not too large.
pub(super) fn check_declaration(name: &str, declaration: &VersionDeclaration) -> Result<(), Failure> {
    let malformed =
        |words: String| Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed_declaration", words);
    declaration.check_size().map_err(malformed)?;
    config::tenant::check_plugin(&declaration.as_declared(name)).map_err(|error| malformed(error.to_string()))
}
