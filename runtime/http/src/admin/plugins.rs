//! `/admin/portcullis/v1/plugins`: a tenant's plugins as they are now.

use http::StatusCode;
use serde_json::json;

use crate::call::Call;
use crate::response::{Answer, json_no_store};

/// `GET …/plugins`
pub(crate) async fn list(call: Call) -> Answer {
    let plugins = call.node.plugins.list(&call.tenant.id);
    json_no_store(StatusCode::OK, &json!({ "plugins": plugins }))
}
