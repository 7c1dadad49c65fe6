//! Components that were built against earlier versions of the contract, and are committed as they were built: what
//! somebody has today must be served tomorrow (`wit/README.md`).

use std::path::PathBuf;

use oauth2::hooks::TokenDecision;
use portcullis_plugin_host::{PluginSource, inspect};
use serde_json::json;

use crate::fixture::{Fixture, issued, run, spec};

fn component(version: &str) -> PathBuf {
    let frozen = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../wit/frozen");
    frozen.join(version).join("token.wasm")
}

/// `token.wasm` is what `portcullis plugin new --language c --hook token` makes of `wit/frozen/0.1.0`.
#[test]
fn component_of_0_1_0_is_served() {
    let path = component("0.1.0");
    let told = inspect(&std::fs::read(&path).unwrap()).unwrap();
    assert!(told.exports.iter().any(|export| export == "portcullis:token/hook@0.1.0"), "{told:?}");
    assert!(told.imports.iter().all(|import| import.ends_with("@0.1.0")), "{told:?}");

    let fixture = Fixture::with("token_remembers");
    let mut plugin = spec("token_remembers");
    plugin.source = PluginSource::File(path);
    for (plan, expect) in
        [(json!("team"), Some(json!("team"))), (json!(3), Some(json!(3))), (json!(null), None)]
    {
        plugin.settings = json!({ "plans": { "nexboard": plan } }).as_object().unwrap().clone();
        if plan.is_null() {
            plugin.settings.clear();
        }
        run(fixture.host.install_plugin(&fixture.tenant, plugin.clone())).unwrap();
        let shape = issued(fixture.shape(None, "ada@acme.example"));
        assert_eq!(
            (shape.id_token.get("plan"), shape.access_token.get("plan")),
            (expect.as_ref(), expect.as_ref())
        );
    }
    plugin.settings = json!({ "plans": { "nexboard": false } }).as_object().unwrap().clone();
    run(fixture.host.install_plugin(&fixture.tenant, plugin)).unwrap();
    let description = "This app may not get tokens any more.".to_owned();
    assert_eq!(fixture.shape(None, ""), Ok(TokenDecision::Deny { description }));
}
