//! `/ui/assets/{name}`: the files that pages load, each named by its content and so kept for good.

use http::StatusCode;
use ui::{Branding, IMMUTABLE, brand_stylesheet_name};

use crate::call::Call;
use crate::failure::Failure;
use crate::response::{Answer, respond, set};

/// `GET /ui/assets/{name}`
pub(crate) async fn file(call: Call) -> Answer {
    let name = call.place("name");
    // The looks that no tenant chose are those of a page that is no tenant's, see `refusal`.
    let no_ones = Branding::default();
    let looks = [&call.tenant.branding, &no_ones];
    let mut answer = if let Some(branding) = looks.into_iter().find(|b| name == brand_stylesheet_name(b)) {
        respond(StatusCode::OK, "text/css; charset=utf-8", branding.stylesheet())
    } else if let Some(asset) = call.node.pages.assets().find(name) {
        respond(StatusCode::OK, asset.content_type, asset.body)
    } else {
        return Failure::not_found().to_api(call.request);
    };
    set(&mut answer, "cache-control", IMMUTABLE);
    set(&mut answer, "x-content-type-options", "nosniff");
    answer
}
