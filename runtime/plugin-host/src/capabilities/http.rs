//! `http`: requests to the servers that the operator named, through the node's one guarded way out.
//!
//! Attack: a guest calls what only the node can reach, by address, name, redirect or user part; smuggles a
//! second request into the first; takes 1 GB; or holds its place while a server says nothing. So the origin is
//! compared exactly with the named ones; what is not a plain header is refused; no redirect is followed; answers
//! are bounded; a call ends within its wall time; and of the node's places half stay for those that do not wait.

use std::time::Duration;

use primitives::origin::Origin;
use primitives::outbound::{OutboundError, OutboundRequest, OutboundResponse};
use tenancy::plugin::Capability;
use url::Url;

use super::HostCall;
use super::wit::http::{ErrorKind, Host, HttpError, Method, Request, Response};
use crate::header;
use crate::state::CallState;

/// The longest URL, in bytes.
const URL_BYTES: usize = 8 << 10;
/// How many headers a request may have.
const HEADERS: usize = 64;
/// What the headers of an answer may take, in bytes.
const ANSWER_HEADER_BYTES: usize = 32 << 10;

/// What only the node says about the connection and the body (RFC 9110 sections 7.2, 7.6.1, 8.6 and 10.1.1), in
/// either direction.
const OF_THE_CONNECTION: [&str; 9] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
];

impl Host for CallState {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, HttpError>> {
        self.http_calls = self.http_calls.saturating_add(1);
        let (call, number) = (self.host_call(Capability::Http, "send"), self.http_calls);
        let answer = call.answer(async {
            if number > call.limits.http_calls {
                return Err(failed(
                    ErrorKind::Limit,
                    format!("a call may send {} requests", call.limits.http_calls),
                ));
            }
            let request = check(request, &call)?;
            let outbound = call.granted.outbound.as_ref().ok_or_else(super::not_granted)?;
            let busy = || failed(ErrorKind::Limit, "too many plugins of this node wait for answers");
            let _waits = call.granted.waits.try_acquire().map_err(|_| busy())?;
            outbound.fetch(request).await.map_err(outbound_failed).and_then(answered)
        });
        Ok(answer.await)
    }
}

/// Checks a request: the whole of what a guest can decide about it.
fn check(request: Request, call: &HostCall) -> Result<OutboundRequest, HttpError> {
    let Request { method, url, headers, body, timeout_ms, extensions } = request;
    if !extensions.is_empty() {
        return Err(invalid("extensions are empty in this version"));
    }
    if url.len() > URL_BYTES {
        return Err(invalid("the URL is too long"));
    }
    let url = Url::parse(&url).map_err(|_| invalid("not an absolute URL"))?;
    let not_named = || failed(ErrorKind::NotAllowed, "not an origin that the operator named");
    let reach =
        *Origin::of(&url).and_then(|origin| call.granted.origins.get(&origin)).ok_or_else(not_named)?;
    if headers.len() > HEADERS {
        return Err(invalid("too many headers"));
    }
    for (name, value) in &headers {
        check_header(name, value)?;
    }
    let timeout = timeout(call, timeout_ms).ok_or_else(|| outbound_failed(OutboundError::Timeout))?;
    Ok(OutboundRequest {
        method: match method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        },
        url,
        headers,
        body,
        max_response_bytes: usize::try_from(call.limits.http_response_bytes).unwrap_or(usize::MAX),
        timeout,
        reach,
    })
}

/// What is left of the call's wall time, less what the guest needs to answer with what it has learned.
fn timeout(call: &HostCall, wanted_ms: Option<u32>) -> Option<Duration> {
    let wall = call.wall;
    let left = wall.checked_sub(call.meter.age())?.checked_sub(wall / 10)?;
    let wanted = wanted_ms.map_or(left, |wanted| Duration::from_millis(u64::from(wanted)));
    Some(left.min(wanted)).filter(|timeout| !timeout.is_zero())
}

/// A header that is one header, and the guest's to set.
fn check_header(name: &str, value: &str) -> Result<(), HttpError> {
    if !header::is_name(name) {
        return Err(invalid("not the name of a header"));
    }
    if !value.bytes().all(|c| c == b'\t' || (b' '..=b'~').contains(&c)) {
        return Err(invalid("a header holds printable ASCII only"));
    }
    if is_of_the_connection(&name.to_ascii_lowercase()) {
        return Err(invalid("a header that only the node sets"));
    }
    Ok(())
}

fn is_of_the_connection(lower_case_name: &str) -> bool {
    OF_THE_CONNECTION.contains(&lower_case_name) || lower_case_name.starts_with("proxy-")
}

/// What the guest gets of an answer. Cookies are for browsers: a plugin keeps no session with anybody.
fn answered(response: OutboundResponse) -> Result<Response, HttpError> {
    let OutboundResponse { status, mut headers, body } = response;
    headers.retain(|(name, _)| !is_of_the_connection(name) && !name.starts_with("set-cookie"));
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ANSWER_HEADER_BYTES {
        return Err(outbound_failed(OutboundError::TooLarge));
    }
    Ok(Response { status, headers, body, extensions: Vec::new() })
}

fn failed(kind: ErrorKind, message: impl Into<String>) -> HttpError {
    HttpError { kind, message: message.into(), extensions: Vec::new() }
}

fn invalid(message: &str) -> HttpError {
    failed(ErrorKind::Invalid, message)
}

/// A host call that is not admitted.
impl From<String> for HttpError {
    fn from(reason: String) -> Self {
        failed(ErrorKind::Limit, reason)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "is given to map_err")]
fn outbound_failed(error: OutboundError) -> HttpError {
    let kind = match error {
        OutboundError::Forbidden => ErrorKind::NotAllowed,
        OutboundError::Connect => ErrorKind::Connect,
        OutboundError::Timeout => ErrorKind::Timeout,
        OutboundError::TooLarge => ErrorKind::TooLarge,
        OutboundError::Malformed => ErrorKind::Malformed,
    };
    failed(kind, error.to_string())
}
