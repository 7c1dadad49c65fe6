//! Says at introspection which plan an app has now, and that tokens of apps that may not have any are live no more.
//!
//! The settings name the plan of each app by its `client_id`; `false` means that its tokens are worth nothing:
//!
//! ```toml
//! [settings.plans]
//! web = "team"
//! legacy = false
//! ```

use portcullis_plugin::introspection::{Decision, IntrospectedToken, Introspection};
use portcullis_plugin::token::{CallContext, Hook, HookError};
use portcullis_plugin::{config, log};
use serde_json::Value;

struct Plugin;

// Tokens and userinfo stay as they are. A plugin that has something to say of them implements its functions here.
impl Hook for Plugin {}

impl Introspection for Plugin {
    fn shape_introspection(call: CallContext, _token: IntrospectedToken) -> Result<Decision, HookError> {
        let client = call.client.unwrap_or_default();
        match config::find::<Value>(&["plans", &client])? {
            Some(Value::Bool(false)) => Ok(Decision::Inactive),
            Some(plan) => Decision::answer().claim("plan", plan),
            None => {
                log::info(format!("no plan for {client}"));
                Ok(Decision::answer())
            }
        }
    }
}

portcullis_plugin::export_token!(Plugin);
portcullis_plugin::export_introspection!(Plugin);
