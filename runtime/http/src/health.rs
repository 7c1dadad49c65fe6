//! What tells about the node: alive, ready, version, settings, metrics.

use std::fmt::Write as _;

use http::StatusCode;
use ring::digest;
use serde_json::json;
use tenancy::Tenants as _;

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

/// `GET /admin/health/config`: a digest of the tenant's settings, by which who changed them sees that they are there.
pub(crate) async fn config(call: Call) -> Answer {
    let found = call.node.storage.find_tenant(call.tenant.id.clone()).await;
    match found {
        Ok(Some(tenant)) => {
            let document = serde_json::to_vec(&tenant.settings.document).unwrap_or_default();
            let mut text = String::new();
            for byte in digest::digest(&digest::SHA256, &document).as_ref() {
                write!(text, "{byte:02x}").ok();
            }
            no_store(respond(StatusCode::OK, "text/plain; charset=utf-8", text))
        }
        Ok(None) => Failure::not_found().to_api(call.request),
        Err(error) => {
            tracing::error!(request = %call.request, %error, "the settings of a tenant cannot be read");
            Failure::unavailable().to_api(call.request)
        }
    }
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
