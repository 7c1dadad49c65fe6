//! `POST /admin/portcullis/v1/plugins?name=…`: a component becomes a version of a plugin. It runs when it is
//! enabled.
//!
//! Attack: somebody without a key has the node read or compile megabytes. So the caller is let in before the
//! body is read (`dispatch`), few uploads go on at once, and what has no room is not compiled.

use std::fmt::Write as _;
use std::sync::Arc;

use http::StatusCode;
use primitives::UploadedPluginId;
use ring::digest;
use serde_json::{Value, json};
use tenancy::plugin::uploaded::{
    self, CheckedComponent, ComponentRoom, PluginVersion, Upload, UploadedPlugin, UploadedPlugins as _,
    Uploading, is_plugin_name,
};

use super::{ATTEMPTS, answer, asked, check_not_declared, commit, contention, refused, store, unfit};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;

/// The media type of a component.
const WASM: &str = "application/wasm";

/// `POST …/plugins?name=…`
pub(crate) async fn post(call: Call) -> Answer {
    let taken = take(&call).await;
    answer(&call, taken)
}

async fn take(call: &Call) -> Result<(StatusCode, Value), Failure> {
    let name = call.query_value("name").unwrap_or_default();
    if !is_plugin_name(&name) {
        let words = "`name` in the query says which plugin this is a version of: 1 to 63 lower-case letters, \
                     digits and hyphens.";
        return Err(Failure::bad_request(words));
    }
    if !call.has_media_type(WASM) {
        let words = format!("A component is sent as {WASM}.");
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", words));
    }
    check_not_declared(call, &name)?;
    let bounds = call.node.plugins.upload_bounds();
    check_room(call, &name, bounds.room).await?;
    call.patience.extend(bounds.compile);
    let bytes = Arc::from(call.body.as_ref());
    let checked = call.node.plugins.check_component(bytes).await;
    let component = checked.map_err(|refusal| unfit(call, &refusal))?;
    keep(call, &name, component, bounds.room).await
}

/// Refuses what has no room before it costs anything. Two at once may both pass here; the guard of the write
/// lets one of them.
async fn check_room(call: &Call, name: &str, room: ComponentRoom) -> Result<(), Failure> {
    let (storage, tenant) = (&call.node.storage, &call.tenant.id);
    let used = storage.component_usage(tenant).await.map_err(|error| store(call, &error))?;
    let bytes = used.bytes.saturating_add(call.body.len() as u64);
    if used.versions < room.versions && bytes <= room.bytes {
        return Ok(());
    }
    // What is there already takes no more room.
    let mut sha256 = String::new();
    for byte in digest::digest(&digest::SHA256, &call.body).as_ref() {
        write!(sha256, "{byte:02x}").ok();
    }
    let versions = storage.list_plugin_versions(tenant, name).await.map_err(|error| store(call, &error))?;
    if versions.iter().any(|version| version.facts.sha256 == sha256) {
        return Ok(());
    }
    Err(no_room(room))
}

fn no_room(ComponentRoom { versions, bytes }: ComponentRoom) -> Failure {
    let words = format!(
        "The tenant may keep {versions} versions of {bytes} bytes altogether (`plugins.uploads`); delete versions \
         that it no longer needs."
    );
    Failure::new(StatusCode::INSUFFICIENT_STORAGE, "no_room", words)
}

async fn keep(
    call: &Call,
    name: &str,
    component: CheckedComponent,
    room: ComponentRoom,
) -> Result<(StatusCode, Value), Failure> {
    let (storage, tenant) = (&call.node.storage, &call.tenant.id);
    let id = UploadedPluginId::generate(call.node.rng.as_ref());
    for _ in 0..ATTEMPTS {
        let known = storage.list_uploaded_plugins(tenant).await.map_err(|error| store(call, &error))?;
        let versions =
            storage.list_plugin_versions(tenant, name).await.map_err(|error| store(call, &error))?;
        let state: (&[UploadedPlugin], &[PluginVersion]) = (&known, &versions);
        let uploading = Uploading { name, id, component: component.clone(), room };
        let decided = uploaded::upload(&asked(call), uploading, state);
        match decided.map_err(|error| refused(&error))? {
            Upload::Known(version) => return Ok((StatusCode::OK, document(name, &version))),
            Upload::New(version, change) => match commit(call, change).await? {
                None => return Ok((StatusCode::CREATED, document(name, &version))),
                Some(Upload::ROOM) => return Err(no_room(room)),
                Some(_) => {}
            },
        }
    }
    Err(contention())
}

fn document(name: &str, version: &PluginVersion) -> Value {
    let mut document = json!(version);
    if let Value::Object(fields) = &mut document {
        fields.insert("name".to_owned(), name.into());
    }
    document
}
