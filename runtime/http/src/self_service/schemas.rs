//! `GET /schemas` and `GET /schemas/{id}`: the identity schemas, for whoever shows or checks traits.

use http::StatusCode;
use identity::Problem;
use serde_json::{Value, json};

use super::respond;
use crate::call::Call;
use crate::response::{Answer, json};

/// `GET /schemas`
pub(crate) async fn list(call: Call) -> Answer {
    let schemas = call.tenant.schemas.iter();
    let all: Vec<Value> =
        schemas.map(|schema| json!({ "id": schema.id(), "schema": schema.document() })).collect();
    json(StatusCode::OK, &all)
}

/// `GET /schemas/{id}`: by its id, or by its id in base64url, as `schema_url` has it.
pub(crate) async fn show(call: Call) -> Answer {
    let id = call.place("id");
    let decoded = || {
        let bytes = primitives::base64url::decode(id)?;
        call.tenant.schemas.find(std::str::from_utf8(&bytes).ok()?)
    };
    match call.tenant.schemas.find(id).or_else(decoded) {
        Some(schema) => json(StatusCode::OK, schema.document()),
        None => respond(&call, &Problem::NotFound),
    }
}
