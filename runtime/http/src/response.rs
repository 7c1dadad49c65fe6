//! The few kinds of response that handlers make.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

/// Marks a response to a request that failed, where whoever failed has logged it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CauseIsLogged;

/// A whole response in memory: nothing that we answer is large.
pub(crate) type Answer = Response<Full<Bytes>>;

/// A response with a body of a media type.
pub(crate) fn respond(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// JSON. Only our own types are serialised, and they all do.
pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    respond(status, "application/json", serde_json::to_vec(body).unwrap_or_default())
}

/// JSON that no cache may keep: whatever holds a token or depends on who asks.
pub(crate) fn json_no_store(status: StatusCode, body: &impl Serialize) -> Answer {
    no_store(json(status, body))
}

/// A page with the headers that every page carries.
pub(crate) fn page(status: StatusCode, html: String, headers: &[(&'static str, String)]) -> Answer {
    let mut response = respond(status, "text/html; charset=utf-8", html);
    for (name, value) in headers {
        set(&mut response, name, value);
    }
    response
}

/// An empty response.
pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// 303: the browser goes on with GET, whatever it came with.
pub(crate) fn see_other(location: &str) -> Answer {
    let mut response = no_store(empty(StatusCode::SEE_OTHER));
    set(&mut response, "location", location);
    response
}

/// Forbids every cache to keep it.
pub(crate) fn no_store(mut response: Answer) -> Answer {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Sets a header. A value that cannot stand in a header is left out: none that we compute is of the kind.
pub(crate) fn set(response: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}

/// Sets a cookie beside others.
pub(crate) fn set_cookie(response: &mut Answer, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
