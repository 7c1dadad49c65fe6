//! The app: what its handlers share, its routes, and the headers of every answer.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use std::sync::Arc;

use crate::attempts::Attempts;
use crate::clock::Clock;
use crate::cookies::Cookie;
use crate::provider::Provider;
use crate::sessions::{Session, Sessions};
use crate::settings::{PublicUrl, Settings};
use crate::{callback, dashboard, login, logout};

/// The largest form that this app has is its sign-out button.
const LARGEST_FORM: usize = 16 * 1024;

/// What the handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) public_url: PublicUrl,
    pub(crate) provider: Provider,
    pub(crate) attempts: Attempts,
    pub(crate) sessions: Sessions,
    clock: Clock,
    policy: HeaderValue,
}

impl App {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Finds the session of a browser, with its id.
    pub(crate) fn find_session<'a>(&self, headers: &'a HeaderMap) -> Option<(&'a str, Arc<Session>)> {
        let id = Cookie::Session.find(headers, &self.public_url)?;
        self.sessions.find(id, self.now()).map(|session| (id, session))
    }
}

/// Returns the app behind its routes.
pub fn router(settings: &Settings, provider: Provider, clock: Clock) -> Router {
    let app = App {
        public_url: settings.public_url.clone(),
        policy: policy(&provider),
        provider,
        attempts: Attempts::new(),
        sessions: Sessions::new(),
        clock,
    };
    let app = Arc::new(app);
    Router::new()
        .route("/", get(dashboard::show))
        .route("/session", get(dashboard::session))
        .route("/login", get(login::begin))
        .route("/callback", get(callback::receive))
        .route("/logout", post(logout::begin))
        .route("/another-account", get(logout::another_account))
        .route("/signed-out", get(logout::done))
        .route("/health", get(|| async { "ok\n" }))
        .route(
            "/assets/nexboard.css",
            get(|| async { asset("text/css; charset=utf-8", include_str!("../assets/nexboard.css")) }),
        )
        .route(
            "/assets/mark.svg",
            get(|| async { asset("image/svg+xml", include_str!("../assets/mark.svg")) }),
        )
        .fallback(dashboard::not_found)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), secure))
        .with_state(app)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=300")], text).into_response()
}

/// Nothing runs, and a form leads to us or, through the redirect of a sign-out, to the provider.
fn policy(provider: &Provider) -> HeaderValue {
    let end_session = provider.end_session_origin().unwrap_or_default();
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self' {end_session}"
    );
    HeaderValue::from_str(policy.trim_end()).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Sets what every answer carries; pages are about one person and are kept nowhere.
async fn secure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, app.policy.clone());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    if app.public_url.is_https() {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
