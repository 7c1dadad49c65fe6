//! `…/plugins/{name}/shadow`: a version sees a share of the calls of what runs, and how it would have answered is
//! compared.

use http::StatusCode;
use serde_json::{Value, json};
use tenancy::plugin::uploaded::{ShadowRequest, Shadowing};

use super::enable::{check_declaration, reload};
use super::{
    ATTEMPTS, answer, asked, change, check_not_declared, commit, contention, gone, load, refused, unfit,
};
use crate::admin::body;
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;

/// `POST …/plugins/{name}/shadow`
pub(crate) async fn begin(call: Call) -> Answer {
    let begun = cast(&call).await;
    answer(&call, begun)
}

/// `GET …/plugins/{name}/shadow`
pub(crate) async fn show(call: Call) -> Answer {
    let shown = shown(&call).await;
    answer(&call, shown)
}

/// `DELETE …/plugins/{name}/shadow`
pub(crate) async fn end(call: Call) -> Answer {
    let ended = async {
        change(&call, |plugin, _, asked| plugin.cast(None, asked)).await?;
        reload(&call).await
    };
    let ended = ended.await;
    gone(&call, ended)
}

async fn cast(call: &Call) -> Result<(StatusCode, Value), Failure> {
    let wanted: ShadowRequest = body(call)?;
    check_not_declared(call, call.place("name"))?;
    call.patience.extend(call.node.plugins.upload_bounds().compile);
    for _ in 0..ATTEMPTS {
        let (plugin, versions) = load(call, call.place("name")).await?;
        let proposed = plugin.propose_shadow(&wanted, &versions, &asked(call));
        let shadowing = proposed.map_err(|error| refused(&error))?;
        check_declaration(&plugin.name, &shadowing.candidate.declaration)?;
        let candidate = shadowing.stored().of(plugin.id, &plugin.name);
        let checked =
            call.node.plugins.check_shadow(&call.tenant.id, candidate, &call.tenant.plugin_trust).await;
        checked.map_err(|refusal| unfit(call, &refusal))?;
        let (_, change) = plugin.cast(Some(shadowing), &asked(call)).map_err(|error| refused(&error))?;
        if commit(call, change).await?.is_none() {
            reload(call).await?;
            return shown(call).await;
        }
    }
    Err(contention())
}

/// What shadows, and what this node has counted.
async fn shown(call: &Call) -> Result<(StatusCode, Value), Failure> {
    let (plugin, _) = load(call, call.place("name")).await?;
    let no_shadow = || {
        let words = format!("Plugin {} has no shadow.", plugin.name);
        Failure::new(StatusCode::NOT_FOUND, "no_shadow", words)
    };
    let Shadowing { candidate, per_mille } = plugin.shadow().ok_or_else(no_shadow)?;
    let report = call.node.plugins.shadow(&call.tenant.id, &plugin.name);
    let document = json!({
        "name": plugin.name,
        "candidate": candidate,
        "per_mille": per_mille,
        "version": candidate.declaration.version,
        "current_version": plugin.enabled().map(|current| current.declaration.version),
        "report": report,
    });
    Ok((StatusCode::OK, document))
}
