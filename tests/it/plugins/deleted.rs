//! An uploaded plugin is deleted and another is uploaded under its name, while a node still runs the first.

use oauth2::hooks::{TokenDecision, TokenHook as _, TokenRequest};
use primitives::hooks::HookContext;
use primitives::rng::SeededRng;
use primitives::{Actor, RequestId, TenantId};
use serde_json::{Value, json};
use tenancy::TenantPlugins as _;
use tenancy::plugin::TrustSettings;
use tenancy::plugin::uploaded::{StoredPlugin, UploadedPlugins as _};

use super::uploads::bytes;
use crate::world::World;

/// A call in a tenant.
pub(crate) fn context(tenant: &str) -> HookContext {
    HookContext {
        tenant: tenant.parse().unwrap(),
        organisation: None,
        client: None,
        actor: Actor::System,
        request: RequestId::generate(&SeededRng::new(1)),
    }
}

/// What a machine asks for.
pub(crate) fn asked() -> TokenRequest {
    TokenRequest {
        grant_type: "client_credentials".to_owned(),
        subject: None,
        scopes: Vec::new(),
        audience: Vec::new(),
        id_token: false,
        exchange: None,
    }
}

/// What a call of a plugin on such a node comes to: what its guest says of each step, or of each secret.
async fn late_call(world: &World, plugin: StoredPlugin) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let host = world.another_host(&directory.path().join("compiled"));
    let acme: TenantId = "acme".parse().unwrap();
    let reports = host.install_all(&acme, (Vec::new(), vec![plugin]), &TrustSettings::default()).await;
    match host.shape_tokens(&context("acme"), &asked()).await {
        Ok(TokenDecision::Issue(shape)) => shape.id_token.into(),
        other => panic!("{other:?}: {reports:?}"),
    }
}

impl World {
    async fn run_as_shape(&self, guest: &str, settings: Value) -> StoredPlugin {
        let version = self.push(bytes(guest)).await;
        let body = json!({
            "version": version, "grants": ["config", "kv", "secrets"], "settings": settings,
            "limits": { "wall_ms": 10_000 },
        });
        let enabled = self.plugin("POST", "/enable", body).await;
        assert_eq!(enabled.status, 200, "{}", enabled.text());
        let found = self.storage.find_uploaded_plugin(&"acme".parse().unwrap(), "shape").await;
        found.unwrap().unwrap().stored().unwrap()
    }

    async fn delete_shape(&self) {
        assert_eq!(self.plugin("POST", "/disable", Value::Null).await.status, 200);
        assert_eq!(self.plugin("DELETE", "", Value::Null).await.status, 204);
    }
}

/// Attack: the call is in flight on a node that was not told yet, and writes into what the new plugin keeps.
#[tokio::test(flavor = "multi_thread")]
async fn call_of_a_deleted_plugin_has_no_part_in_what_another_of_its_name_keeps() {
    let world = World::start().await;
    let steps = json!([["set", "a", "mine"], ["get", "theirs"], ["add", "n", 1], ["delete", "theirs"]]);
    let first = world.run_as_shape("capability_kv", json!({ "steps": steps })).await;
    world.delete_shape().await;
    let steps = json!([["swap", "theirs", null, "kept"], ["get", "theirs"], ["get", "a"], ["get", "n"]]);
    let second = world.run_as_shape("capability_kv", json!({ "steps": steps })).await;
    assert_eq!(late_call(&world, second.clone()).await["results"], json!([true, "kept", null, null]));

    let gone = "HookError(\"the plugin was deleted\")";
    let late = late_call(&world, first).await;
    assert_eq!(late["results"], json!([gone, null, gone, true]));
    let after = late_call(&world, second).await;
    assert_eq!(after["results"], json!([false, "kept", null, null]));
}

/// Attack: the node loads the deleted plugin when the new one has its secrets.
#[tokio::test(flavor = "multi_thread")]
async fn deleted_plugin_that_is_loaded_late_is_given_no_secret_of_another_of_its_name() {
    let world = World::start().await;
    let settings = json!({ "names": ["key"] });
    let first = world.run_as_shape("capability_secrets", settings.clone()).await;
    world.delete_shape().await;
    let second = world.run_as_shape("capability_secrets", settings).await;
    let set = world.plugin("PUT", "/secrets/key", json!({ "value": "of the second" })).await;
    assert_eq!(set.status, 204, "{}", set.text());
    assert_eq!(late_call(&world, second).await["key"], "of the second");
    assert_eq!(late_call(&world, first).await["key"], Value::Null);
}
