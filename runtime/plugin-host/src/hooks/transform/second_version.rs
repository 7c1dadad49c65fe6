//! What a second version of a package takes, shown with one that nobody released: a host that knows it beside the first
//! serves components of either, and one that exports both in the newer.
//!
//! This is what would stand in `transform.rs` then: the type of the function in the new version, and how a call is told to
//! it and its answer taken.

use std::sync::Arc;

use primitives::hook_document::HookDocument;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::time::FixedClock;
use primitives::transform::{TransformDecision, TransformHook as _, TransformPlace, TransformRequest};
use primitives::{Actor, RequestId, Sealer, TenantId, Timestamp};
use serde_json::{Value, json};
use tenancy::TenantPlugins;
use tenancy::plugin::{HookName, Settings, TrustSettings};
use uuid::Uuid;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use super::{Answer, TransformCall};
use crate::bindings::transform::exports::portcullis::transform::hook as first;
use crate::bindings::transform::portcullis::call::types as first_types;
use crate::bindings::transform_next::exports::portcullis::transform::hook as wit;
use crate::bindings::transform_next::portcullis::call::types;
use crate::hooks::context::call_context;
use crate::state::CallState;
use crate::{Compiler, PluginHost, PluginSource, PluginSpec};

/// `transform` of an instance, in this version.
pub(crate) type Transform = TypedFunc<
    (types::CallContext<'static>, wit::TransformRequest<'static>),
    (Result<wit::TransformDecision, types::HookError>,),
>;

/// Tells a guest of this version what it knows, and takes its answer.
pub(super) async fn run(
    call: TransformCall,
    transform: Transform,
    store: &mut Store<CallState>,
) -> wasmtime::Result<Answer> {
    let request = wit::TransformRequest {
        place: match call.request.place {
            TransformPlace::WebhookBody => wit::Place::WebhookBody,
            TransformPlace::SessionToken => wit::Place::SessionToken,
            TransformPlace::MessageBody => wit::Place::MessageBody,
        },
        template: &call.request.template,
        input: call.request.input.as_str(),
        locale: None,
        extensions: &[],
    };
    let (answer,) = transform.call_async(store, (call_context!(types, &call.context), request)).await?;
    Ok(match answer {
        Ok(wit::TransformDecision::Cancel) => Ok(first::TransformDecision::Cancel),
        Ok(wit::TransformDecision::Output(wit::Output { document, locale: _, extensions })) => {
            Ok(first::TransformDecision::Output(first::Output { document, extensions }))
        }
        Err(types::HookError { message, extensions }) => Err(first_types::HookError { message, extensions }),
    })
}

/// A host with the guests of these names, each a plugin.
fn host(guests: &[&str], code: &std::path::Path) -> PluginHost {
    let key = DataKey { id: 1, material: [7; 32].into() };
    let sealer = Arc::new(Sealer::new(Keyring::new(key, Vec::new()), Arc::new(SeededRng::new(7))));
    let clock = Arc::new(FixedClock::new(Timestamp::from_seconds(1_000)));
    let host = PluginHost::new(Settings::default(), code, Compiler::ThisProcess, sealer, clock).unwrap();
    let tenant = TenantId::default_tenant();
    futures(TenantPlugins::install(&host, &tenant, Vec::new(), &TrustSettings::default()));
    for guest in guests {
        let source = PluginSource::File(built(guest));
        let mut spec = PluginSpec::new(guest.replace('_', "-"), source, HookName::Transform);
        // A busy machine is no failure of the guest's.
        spec.limits.wall_ms = Some(10_000);
        futures(host.install_plugin(&tenant, spec)).unwrap();
    }
    host
}

/// A guest that `cargo xtask guests` built, beside the program of this test.
fn built(guest: &str) -> std::path::PathBuf {
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(3).unwrap();
    let path = target.join(format!("guests/wasm32-wasip2/release/{guest}.wasm"));
    assert!(path.is_file(), "{} is missing; run: cargo xtask guests", path.display());
    path
}

fn futures<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

fn ask(host: &PluginHost, plugin: &str, template: &str) -> Result<TransformDecision, HookFailure> {
    let context = HookContext {
        tenant: TenantId::default_tenant(),
        organisation: None,
        client: Some("nexboard".parse().unwrap()),
        actor: Actor::System,
        request: RequestId(Uuid::nil()),
    };
    let request = TransformRequest {
        place: TransformPlace::WebhookBody,
        template: template.to_owned(),
        subject: None,
        input: HookDocument::check(json!({ "ctx": {} }).as_object().unwrap()).unwrap(),
    };
    futures(host.transform(&context, plugin, &request))
}

#[test]
fn host_that_knows_two_versions_serves_components_of_either() {
    let place = tempfile::tempdir().unwrap();
    let host = host(&["transform_rules", "transform_next", "transform_both"], &place.path().join("code"));
    let made = |plugin: &str| match ask(&host, plugin, "signed-up").unwrap() {
        TransformDecision::Output(document) => document,
        TransformDecision::Cancel => Value::Null,
    };
    let next = json!({ "version": "0.2.0", "place": "webhook", "client": "nexboard" });
    let before = json!({ "place": "webhook-body", "template": "signed-up", "was": { "ctx": {} } });
    assert_eq!(made("transform-rules"), before, "built against the first");
    assert_eq!(made("transform-next"), next, "built against the second");
    assert_eq!(made("transform-both"), next, "one that exports both is called in the newer");
    // Again, on instances that were made ahead, and one after the other.
    for (plugin, expect) in
        [("transform-rules", &before), ("transform-next", &next), ("transform-rules", &before)]
    {
        assert_eq!(made(plugin), *expect, "{plugin}");
    }
    for plugin in ["transform-rules", "transform-next"] {
        let failure = ask(&host, plugin, "error").unwrap_err();
        assert_eq!(failure.kind, HookFailureKind::GuestError, "{failure}");
        assert!(failure.detail.contains("no idea of "), "{failure}");
    }
}
