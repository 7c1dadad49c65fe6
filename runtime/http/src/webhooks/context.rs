//! What a webhook is told of a request: `ctx`, as Kratos' templates know it.
//!
//! Attack: what a browser sends along by itself lets its bearer in: the session's cookie and token, the CSRF cookie and the
//! token of the form, codes and tokens in the address. A receiver that is told everything, or whoever reads its log, is in.
//! So headers go by a list, and none of those is in anything that leaves.

use identity::identity::IdentityState;
use identity::session::{LiveSession, Session, identity_document, session_document};
use identity::{Flow, Identity, flow::schema_url};
use serde_json::{Map, Value, json};

use crate::browser::SESSION_COOKIE;
use crate::call::Call;
use crate::self_service::document;

/// Headers of which webhooks are told, as they are written in Go, whose templates there are.
const TOLD_HEADERS: [&str; 11] = [
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Content-Length",
    "Content-Type",
    "Origin",
    "Sec-Ch-Ua",
    "Sec-Ch-Ua-Mobile",
    "Sec-Ch-Ua-Platform",
    "Sec-Fetch-Site",
    "User-Agent",
];

/// What the address of a request has that only its sender may know.
const SECRET_PARAMETERS: [&str; 5] = ["token", "code", "state", "login_challenge", "init_code"];

/// A request, and the form that it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Submitted<'a> {
    pub(crate) call: &'a Call,
    pub(crate) flow: &'a Flow,
    pub(crate) session: Option<&'a LiveSession>,
}

impl Submitted<'_> {
    /// The document of all of it.
    pub(super) fn context(&self, identity: Option<&Value>, session: Option<&Value>) -> Map<String, Value> {
        let call = self.call;
        // A later step of a form, or a later request for it, need not send it again.
        let payload = transient_payload(call).unwrap_or_else(|| self.flow.transient_payload.to_value());
        // Without a cookie the form has no token.
        let mut flow = document(call, self.flow, None, self.session);
        if let Some(fields) = flow.as_object_mut() {
            fields.remove("oauth2_login_challenge");
            fields.insert("transient_payload".to_owned(), payload.clone());
            if let Some(ui) = fields.get_mut("ui").and_then(Value::as_object_mut) {
                ui.remove("nodes");
                ui.remove("action");
            }
            fields.insert("request_url".to_owned(), address(call, &self.flow.request).into());
        }
        let context = json!({
            "flow": flow,
            "identity": identity,
            "session": session,
            "request_method": call.method.as_str(),
            "request_url": address(call, &call.path_and_query()),
            "request_headers": headers(call),
            "request_cookies": cookies(call),
            "transient_payload": payload,
        });
        match context {
            Value::Object(context) => context,
            _ => Map::new(),
        }
    }

    /// An account that is there.
    pub(super) fn identity(&self, identity: &Identity) -> Value {
        identity_document(identity, &schema_url(&self.call.tenant.base_url, &identity.schema_id))
    }

    /// An account that somebody wants. As with Kratos, it has no id yet.
    pub(super) fn candidate(&self, schema: &str, traits: &Map<String, Value>) -> Value {
        json!({
            "id": uuid::Uuid::nil(),
            "schema_id": schema,
            "schema_url": schema_url(&self.call.tenant.base_url, schema),
            "state": IdentityState::Active,
            "traits": traits,
        })
    }

    pub(super) fn session(&self, session: &Session, identity: &Identity) -> Value {
        let url = schema_url(&self.call.tenant.base_url, &identity.schema_id);
        session_document(session, self.call.now(), Some((identity, &url)))
    }
}

/// What is sent where no template makes something of it: nothing of the request's own headers and cookies.
pub(super) fn plain(mut context: Map<String, Value>) -> Value {
    context.remove("request_headers");
    context.remove("request_cookies");
    Value::Object(context)
}

/// What the form's own page or application sends for the webhooks alone: an object, in JSON or as a field's text.
fn transient_payload(call: &Call) -> Option<Value> {
    let given = if call.has_media_type("application/json") {
        let body: Option<Value> = serde_json::from_slice(&call.body).ok();
        body.and_then(|mut body| body.get_mut("transient_payload").map(Value::take))
    } else if call.has_media_type("application/x-www-form-urlencoded") {
        let mut pairs = url::form_urlencoded::parse(&call.body);
        let field = pairs.find(|(name, _)| name == "transient_payload");
        field.and_then(|(_, text)| serde_json::from_str(&text).ok())
    } else {
        None
    };
    given.filter(Value::is_object)
}

fn address(call: &Call, path_and_query: &str) -> String {
    let Some((path, query)) = path_and_query.split_once('?') else {
        return call.tenant.absolute(path_and_query);
    };
    let kept = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| !SECRET_PARAMETERS.contains(&name.as_ref()));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    let path = call.tenant.absolute(path);
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

fn headers(call: &Call) -> Map<String, Value> {
    let told = TOLD_HEADERS.iter().filter_map(|name| {
        let values = call.headers.get_all(name.to_ascii_lowercase()).iter();
        let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| ((*name).to_owned(), json!(values)))
    });
    told.collect()
}

fn cookies(call: &Call) -> Map<String, Value> {
    let is_ours = |name: &str| {
        name == SESSION_COOKIE || name.starts_with("csrf_token_") || name.starts_with("portcullis_")
    };
    let sent = call.headers.get_all(http::header::COOKIE).iter().filter_map(|header| header.to_str().ok());
    sent.flat_map(primitives::cookie::pairs)
        .filter(|(name, _)| !is_ours(name))
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}
