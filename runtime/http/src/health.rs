//! What tells about the node: alive, ready, version, metrics.

use http::StatusCode;
use serde_json::json;

use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, json as json_response, no_store, respond};

/// `GET /health/alive`
pub(crate) async fn alive(_: Call) -> Answer {
    no_store(json_response(StatusCode::OK, &json!({"status": "ok"})))
}

/// `GET /health/ready`: whether the database answers.
pub(crate) async fn ready(call: Call) -> Answer {
    match call.node.storage.ping().await {
        Ok(()) => no_store(json_response(StatusCode::OK, &json!({"status": "ok"}))),
        Err(error) => {
            tracing::warn!(request = %call.request, %error, "not ready");
            let errors = json!({"errors": {"database": "does not answer"}});
            no_store(json_response(StatusCode::SERVICE_UNAVAILABLE, &errors))
        }
    }
}

/// `GET /version`
pub(crate) async fn version(call: Call) -> Answer {
    json_response(StatusCode::OK, &json!({"version": call.node.settings.version}))
}

/// `GET /metrics`, in the text format of Prometheus (OpenMetrics 1.0).
pub(crate) async fn metrics(call: Call) -> Answer {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &call.node.registry) {
        Ok(()) => no_store(respond(
            StatusCode::OK,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            text,
        )),
        Err(error) => {
            tracing::error!(request = %call.request, %error, "metrics cannot be encoded");
            Failure::internal().to_api(call.request)
        }
    }
}
