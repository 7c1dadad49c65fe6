//! Makes the bodies of webhooks: what happened, and to whom. Of people of the domain in the setting `ignored` none is sent.

use portcullis_plugin::config;
use portcullis_plugin::transform::{CallContext, Decision, Hook, HookError, TransformRequest};
use serde::Deserialize;
use serde_json::json;

struct Plugin;

#[derive(Deserialize)]
struct Input {
    ctx: Context,
}

#[derive(Deserialize)]
struct Context {
    identity: Identity,
}

#[derive(Deserialize)]
struct Identity {
    id: String,
    traits: Traits,
}

#[derive(Deserialize)]
struct Traits {
    email: String,
}

impl Hook for Plugin {
    fn transform(_call: CallContext, request: TransformRequest) -> Result<Decision, HookError> {
        if request.place != "webhook-body" {
            return Err(HookError::new(format!("no template for {}", request.place)));
        }
        let Input { ctx: Context { identity: Identity { id, traits: Traits { email } } } } = request.input()?;
        if config::find::<String>(&["ignored"])?.as_deref() == email.rsplit('@').next() {
            return Ok(Decision::Cancel);
        }
        Decision::output(&json!({ "event": request.template, "id": id, "email": email }))
    }
}

portcullis_plugin::export_transform!(Plugin);
