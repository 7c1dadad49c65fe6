//! `/ui/assets/{name}`: the files that pages load, each named by its content and so kept for good.

use http::StatusCode;
use ui::{IMMUTABLE, brand_stylesheet_name};

use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, respond, set};

/// `GET /ui/assets/{name}`
pub(crate) async fn file(call: Call) -> Answer {
    let name = call.place("name");
    let mut answer = if name == brand_stylesheet_name(&call.tenant.branding) {
        respond(StatusCode::OK, "text/css; charset=utf-8", call.tenant.branding.stylesheet())
    } else if let Some(asset) = call.node.pages.assets().find(name) {
        respond(StatusCode::OK, asset.content_type, asset.body)
    } else {
        return Failure::not_found().to_api(call.request);
    };
    set(&mut answer, "cache-control", IMMUTABLE);
    set(&mut answer, "x-content-type-options", "nosniff");
    answer
}
