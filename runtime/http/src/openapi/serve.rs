//! `/openapi.json` and its page: what the listener serves that is asked.
//!
//! Attack: a document that is browsable brings a script, which then is one of this origin. There is none: the page is text that
//! opens and closes, loads nothing from elsewhere, and its policy lets nothing run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use config::Router;
use http::StatusCode;
use ui::{ApiContentView, ApiFieldView, ApiOperationView, ApiParameterView, ApiSchemaView, ApiView, ApiWord};

use super::shape::{Field, Shape, parts};
use super::shapes::Content;
use super::{described, key_of, places, security, shapes};
use crate::call::Call;
use crate::pages::show;
use crate::response::{Answer, respond, set};
use crate::routes;

/// `GET /openapi.json`
pub(crate) async fn json_document(call: Call) -> Answer {
    let text = text(&call.routers, call.node.settings.version);
    let mut answer = respond(StatusCode::OK, "application/json", text);
    set(&mut answer, "cache-control", "public, max-age=300");
    set(&mut answer, "access-control-allow-origin", "*");
    answer
}

/// Documents that are kept. A node has few listeners.
const KEPT: usize = 8;

/// The document of a listener, which is the same for as long as the program runs. Attack: it takes milliseconds to make and nobody needs
/// to be known to ask for it; so each is made once.
fn text(routers: &Arc<[Router]>, version: &str) -> Bytes {
    static MADE: Mutex<Vec<(Arc<[Router]>, Bytes)>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, text)) = made.iter().find(|(of, _)| of == routers) {
        return text.clone();
    }
    let text = Bytes::from(super::text(routers, version));
    if made.len() < KEPT {
        made.push((routers.clone(), text.clone()));
    }
    text
}

/// `GET /openapi`
pub(crate) async fn page(call: Call) -> Answer {
    let view = view(&call);
    show(&call, StatusCode::OK, &[], None, |context| call.node.pages.api(&view, context))
}

fn view(call: &Call) -> ApiView {
    let (described, shapes) = (described::all(), shapes::all());
    let mut kinds = BTreeSet::new();
    let mut schemes = Vec::new();
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
        let asked = security::of(route);
        schemes.extend(asked.schemes);
        let (taken, given) = (shapes.taken(route, known), shapes.given(route, known));
        kinds.extend(taken.iter().chain(given.values().flatten()).map(|content| content.kind.clone()));
        groups.entry(group(route.path)).or_default().push(ApiOperationView {
            id: route.operation,
            method: route.method.as_str().to_owned(),
            path: route.path.replace("{*", "{"),
            summary: route.summary,
            parameters: of_path.chain(named).collect(),
            body: taken.iter().map(|content| shown("", content)).collect(),
            answers: given.iter().flat_map(|(status, contents)| answers(status, contents)).collect(),
            needs_key,
            scope,
            schemes: asked.schemes.iter().map(|scheme| scheme.name()).collect(),
            is_optional: asked.is_optional,
            in_body: asked.in_body,
        });
    }
    let groups = groups.into_iter().map(|(name, operations)| (name.to_owned(), operations)).collect();
    let behind = shapes.behind(kinds.iter().map(String::as_str)).into_iter();
    let schemas = behind.map(|(name, shape)| schema(name, shape)).collect();
    // Whatever name the listener is reached by.
    let document = format!("{}/openapi.json", call.tenant.base_path);
    let schemes = security::shown(&schemes);
    ApiView { document, version: call.node.settings.version, groups, schemas, schemes }
}

fn answers(status: &str, contents: &[Content]) -> Vec<ApiContentView> {
    if contents.is_empty() {
        return vec![shown(status, &Content::nothing())];
    }
    contents.iter().map(|content| shown(status, content)).collect()
}

fn shown(status: &str, content: &Content) -> ApiContentView {
    ApiContentView {
        status: status.to_owned(),
        media_type: content.media_type.clone(),
        kind: words(&content.kind),
    }
}

fn words(kind: &str) -> Vec<ApiWord> {
    parts(kind).into_iter().map(|(text, is_name)| ApiWord { text: text.to_owned(), is_name }).collect()
}

fn schema(name: &str, shape: &Shape) -> ApiSchemaView {
    let name = name.to_owned();
    match shape {
        Shape::Type(kind) => ApiSchemaView { name, kind: words(kind), fields: Vec::new() },
        Shape::Object { fields, .. } => {
            let field = |field: &Field| ApiFieldView {
                name: field.name.clone(),
                kind: words(&field.kind),
                is_required: field.is_required,
            };
            ApiSchemaView { name, kind: Vec::new(), fields: fields.iter().map(field).collect() }
        }
    }
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
