//! From a request's head to its response: the phases that every request goes through.
//!
//! | phase | fails with |
//! |---|---|
//! | 1 name the request, find the client behind trusted proxies, and its certificate | |
//! | 2 find tenant and route | 404, 405 |
//! | 3 load the tenant | 404, 503, 500 |
//! | 4 let the caller in, where operators are | 401, 403, 404 |
//! | 5 read the body, within the route's limit | 413, 400, 503 |
//! | 6 the handler | its own |
//!
//! All of it happens within the listener's time limit (408), and a handler that panics costs its own
//! request (500) and nobody else's. What fails here is told by `refusal`: to a browser as a page, and for that
//! the tenant is loaded before anything that it can be loaded before.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use primitives::{ClientAddress, RequestId};
use tenancy::{AccessDenied, TenantState};

use crate::admin_auth;
use crate::body::{self, BodyError};
use crate::call::Call;
use crate::client_certificate;
use crate::failure::Failure;
use crate::node::Node;
use crate::oauth2::cors;
use crate::patience::Patience;
use crate::refusal::Arriving;
use crate::response::{Answer, CauseIsLogged, set};
use crate::routes::{Access, Matched, Route, RouteTable};
use crate::self_service::FlowCookies;
use crate::server::Entrance;
use crate::tenants::LoadError;

/// Answers one request.
pub(crate) async fn answer(
    node: Arc<Node>,
    table: Arc<RouteTable>,
    entrance: Entrance,
    request: Request<Incoming>,
) -> Answer {
    let started = Instant::now();
    let id = RequestId::generate(node.rng.as_ref());
    let method = request.method().clone();
    let (headers, uri) = (request.headers(), request.uri());
    let mut arriving = Arriving::new(id, headers, uri, table.has_pages);
    // In a box: the connection moves what it is given, more than once, and this is kilobytes.
    let patience = Arc::new(Patience::lasting(entrance.request_timeout));
    let work = Box::pin(run(&node, (&table, &entrance), request, &mut arriving, &patience));
    let work = AssertUnwindSafe(work).catch_unwind();
    let mut response = match patience.await_for(work).await {
        Some(Ok(response)) => response,
        Some(Err(_panic)) => {
            // The panic hook has logged what and where.
            tracing::error!(request = %id, operation = arriving.operation(), "a handler panicked");
            arriving.refuse(&node, &Failure::internal())
        }
        None => {
            let words = "The request took too long to arrive or to be answered.";
            arriving.refuse(&node, &Failure::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", words))
        }
    };
    if method == Method::HEAD {
        *response.body_mut() = http_body_util::Full::default();
    }
    set(&mut response, "x-request-id", &id.to_string());
    if entrance.is_tls {
        set(&mut response, "strict-transport-security", "max-age=31536000");
    }
    let (status, operation) = (response.status(), arriving.operation());
    let took = started.elapsed();
    node.metrics.record(operation, status.as_u16(), took);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    if status.is_server_error() && response.extensions().get::<CauseIsLogged>().is_none() {
        tracing::warn!(request = %id, %method, operation, status = status.as_u16(), micros, "request failed");
    } else {
        tracing::debug!(request = %id, %method, operation, status = status.as_u16(), micros, "request");
    }
    response
}

async fn run<'a>(
    node: &Arc<Node>,
    (table, entrance): (&'a RouteTable, &Entrance),
    request: Request<Incoming>,
    arriving: &mut Arriving<'a>,
    patience: &Arc<Patience>,
) -> Answer {
    let id = arriving.request;
    // 1
    let (mut head, body) = request.into_parts();
    let client = client_address(node, entrance.peer, &head.headers);
    let certificate = client_certificate::take(node, entrance, &mut head.headers);
    // 2
    let host = forwarded_host(node, entrance.peer, &head.headers)
        .or_else(|| head.uri.authority().map(http::uri::Authority::as_str));
    let located = match node.tenants.locate(&node.storage, host, head.uri.path()).await {
        Ok(Some(located)) => located,
        Ok(None) => return arriving.refuse(node, &Failure::not_found()),
        Err(error) => return arriving.refuse(node, &load_failure(&error, id)),
    };
    if let Some(allowed) = cors::preflight(table, (&head.method, &located.path), &head.headers) {
        return allowed;
    }
    let Matched { route, places } = match table.find(&head.method, &located.path) {
        Ok(matched) => matched,
        Err(unmatched) => {
            if arriving.has_reader() {
                // For its looks alone: a page without them does as well.
                arriving.tenant = node.tenants.load(node, &located.tenant).await.ok().flatten();
            }
            return arriving.refuse_unmatched(node, &unmatched);
        }
    };
    arriving.route = Some(route);
    // 3
    let tenant = match node.tenants.load(node, &located.tenant).await {
        // At the address that was asked for, where it has several.
        Ok(Some(tenant)) => tenant.asked_at(host),
        Ok(None) => return arriving.refuse(node, &Failure::not_found()),
        Err(error) => return arriving.refuse(node, &load_failure(&error, id)),
    };
    arriving.tenant = Some(Arc::clone(&tenant));
    let mut call = Call {
        node: Arc::clone(node),
        tenant,
        request: id,
        client,
        method: head.method,
        path: located.path,
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: Bytes::new(),
        places,
        principal: None,
        certificate,
        patience: Arc::clone(patience),
        flow_cookies: FlowCookies::default(),
        routers: Arc::clone(&table.routers),
    };
    // 4
    match let_in(&call, route, entrance).await {
        Ok(principal) => call.principal = principal,
        Err(failure) => {
            let mut response = arriving.refuse(node, &failure);
            if failure.status == StatusCode::UNAUTHORIZED {
                set(&mut response, "www-authenticate", "Bearer realm=\"portcullis\"");
            }
            return response;
        }
    }
    // 5
    let Ok(_turn) = route.body.enter(node) else {
        return arriving.refuse(node, &Failure::unavailable());
    };
    let limit = route.body.limit(node, entrance);
    call.body = match body::read(body, limit).await {
        Ok(body) => body,
        Err(error) => return arriving.refuse(node, &body_failure(error, limit)),
    };
    // 6
    let flow_cookies = call.flow_cookies.clone();
    let mut answer = (route.handler)(call).await;
    flow_cookies.write(&mut answer);
    answer
}

/// Phase 4: what the route asks for, and a tenant that answers.
async fn let_in(
    call: &Call,
    route: &Route,
    entrance: &Entrance,
) -> Result<Option<tenancy::AdminPrincipal>, Failure> {
    let principal = match route.access {
        Access::Public | Access::PublicAnywhere | Access::PageFile | Access::Description => {
            return match call.tenant.state {
                TenantState::Active => Ok(None),
                // To the world a tenant that its operator stopped is not there.
                TenantState::Suspended | TenantState::Disabled => Err(Failure::not_found()),
            };
        }
        Access::Health => return Ok(None),
        Access::Tenant(_) | Access::Organisation(_) | Access::Operator(_) | Access::AnyOperator => {
            admin_auth::authenticate(call, entrance).await?
        }
    };
    let allowed = match route.access {
        Access::Tenant(scope) => principal.check_access(&call.tenant.id, scope),
        Access::Organisation(scope) => {
            let organisation = call.place("organisation").parse().ok();
            principal.check_organisation(&call.tenant.id, organisation, scope)
        }
        Access::Operator(scope) => principal.check_operator(scope),
        Access::Public
        | Access::PublicAnywhere
        | Access::PageFile
        | Access::Health
        | Access::Description
        | Access::AnyOperator => Ok(()),
    };
    match allowed {
        Ok(()) => Ok(Some(principal)),
        Err(AccessDenied::NotFound) => Err(Failure::not_found()),
        Err(
            denied @ (AccessDenied::OperatorOnly
            | AccessDenied::MissingScope(_)
            | AccessDenied::WiderThanOneself(_)),
        ) => Err(Failure::new(StatusCode::FORBIDDEN, "forbidden", denied.to_string())),
    }
}

fn body_failure(error: BodyError, limit: u64) -> Failure {
    match error {
        BodyError::TooLarge => Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            format!("The body is larger than this server takes: {limit} bytes."),
        ),
        BodyError::Broken => Failure::bad_request("The body did not arrive."),
    }
}

fn load_failure(error: &LoadError, request: RequestId) -> Failure {
    tracing::error!(%request, %error, "a tenant cannot be loaded");
    match error {
        LoadError::Store(_) => Failure::unavailable(),
        LoadError::Settings { .. } => Failure::internal(),
    }
}

/// The client behind trusted proxies. A request over a Unix socket comes from this machine.
fn client_address(node: &Node, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    node.settings.trusted_proxies.client_address(peer, forwarded)
}

/// The host that was asked for: `Host`, or `X-Forwarded-Host` where a trusted proxy says so.
fn forwarded_host<'a>(node: &Node, peer: IpAddr, headers: &'a HeaderMap) -> Option<&'a str> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let forwarded =
        text("x-forwarded-host").filter(|_| node.settings.trusted_proxies.contains(peer)).map(str::trim);
    forwarded.or_else(|| text("host"))
}
