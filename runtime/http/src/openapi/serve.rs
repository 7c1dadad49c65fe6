//! `/openapi.json` and its page: what the listener serves that is asked.
//!
//! Attack: a document that is browsable brings a script, which then is one of this origin. There is none: the page is text that
//! opens and closes, loads nothing from elsewhere, and its policy lets nothing run.

use std::collections::BTreeMap;

use http::StatusCode;
use ui::{ApiOperationView, ApiParameterView, ApiView};

use super::{body_of, described, document, key_of, places};
use crate::call::Call;
use crate::pages::show;
use crate::response::{Answer, json, set};
use crate::routes;

/// `GET /openapi.json`
pub(crate) async fn json_document(call: Call) -> Answer {
    let mut answer = json(StatusCode::OK, &document(&call.routers, call.node.settings.version));
    set(&mut answer, "cache-control", "public, max-age=300");
    set(&mut answer, "access-control-allow-origin", "*");
    answer
}

/// `GET /openapi`
pub(crate) async fn page(call: Call) -> Answer {
    let view = view(&call);
    show(&call, StatusCode::OK, &[], None, |context| call.node.pages.api(&view, context))
}

fn view(call: &Call) -> ApiView {
    let described = described::all();
    let mut groups: BTreeMap<&'static str, Vec<ApiOperationView>> = BTreeMap::new();
    for route in routes::all().iter().filter(|route| route.is_of(&call.routers)) {
        let known = described.get(route.operation);
        let of_path = places(route.path).map(|name| ApiParameterView {
            name: name.to_owned(),
            place: "path".to_owned(),
            is_required: true,
        });
        let named = known.iter().flat_map(|known| &known.parameters).map(|parameter| ApiParameterView {
            name: parameter.1.clone(),
            place: parameter.0.clone(),
            is_required: parameter.2,
        });
        let (needs_key, scope) = key_of(route.access);
        groups.entry(group(route.path)).or_default().push(ApiOperationView {
            id: route.operation,
            method: route.method.as_str().to_owned(),
            path: route.path.replace("{*", "{"),
            summary: route.summary,
            parameters: of_path.chain(named).collect(),
            body: body_of(route, known).join(", "),
            answers: known.map(|known| known.answers.join(", ")).unwrap_or_default(),
            needs_key,
            scope,
        });
    }
    let groups = groups.into_iter().map(|(name, operations)| (name.to_owned(), operations)).collect();
    // Whatever name the listener is reached by.
    let document = format!("{}/openapi.json", call.tenant.base_path);
    ApiView { document, version: call.node.settings.version, groups }
}

/// What stands together: what is below the first part of a path that is no operators', and one part further down of those that are.
pub(super) fn group(path: &'static str) -> &'static str {
    let parts = if path.starts_with("/admin/portcullis/") {
        4
    } else if path.starts_with("/admin/") {
        2
    } else {
        1
    };
    let end = path.match_indices('/').nth(parts).map_or(path.len(), |(at, _)| at);
    let shown = path.get(..end).unwrap_or(path);
    shown.split_once("/{").map_or(shown, |(before, _)| before)
}
