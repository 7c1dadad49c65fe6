//! Nexboard, its provider, and browsers that visit it.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::DateTime;
use http_body_util::BodyExt;
use nexboard::{Clock, HttpClient, Provider, ProviderError, Settings};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tower::ServiceExt;
use url::Url;

use crate::fake_provider::{CODE, FakeProvider, Twist};

const START: i64 = 1_795_000_000;

/// The app and its provider.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) provider: Arc<FakeProvider>,
    app: Router,
    now: Arc<AtomicI64>,
}

/// What a browser got.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// A browser with its cookies.
#[derive(Clone, Default)]
pub(crate) struct Visitor(HashMap<String, String>);

impl Stage {
    pub(crate) async fn new(twist: Twist) -> Self {
        Self::try_new(twist).await.unwrap()
    }

    pub(crate) async fn try_new(twist: Twist) -> Result<Self, ProviderError> {
        let provider = FakeProvider::start(twist, START).await;
        let now = Arc::new(AtomicI64::new(START));
        let read = Arc::clone(&now);
        let clock = Clock::from(move || DateTime::from_timestamp(read.load(Ordering::SeqCst), 0).unwrap());
        let settings = Settings {
            public_url: "http://127.0.0.1:4490".parse().unwrap(),
            issuer: provider.issuer.clone(),
            client_id: "nexboard".to_owned(),
            client_secret: None,
            scopes: ["openid", "email", "offline_access"].map(str::to_owned).to_vec(),
        };
        let known = Provider::discover(&settings, HttpClient::new().unwrap(), clock.clone()).await?;
        Ok(Self { app: nexboard::router(&settings, known, clock), provider, now })
    }

    pub(crate) fn wait(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn twist(&self, change: impl FnOnce(&mut Twist)) {
        change(&mut self.provider.twist.lock().unwrap());
    }

    pub(crate) async fn get(&self, visitor: &mut Visitor, path: &str) -> Answer {
        self.send(visitor, Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, visitor: &mut Visitor, path: &str, form: &str) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(visitor, request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn send(&self, visitor: &mut Visitor, mut request: Request<Body>) -> Answer {
        let cookies: Vec<String> = visitor.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request.headers_mut().insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        let answer = self.app.clone().oneshot(request).await.unwrap();
        for line in answer.headers().get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap();
            assert!(line.contains("; HttpOnly; SameSite=Lax"), "{line}");
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            visitor.0.insert(name.to_owned(), value.to_owned());
            visitor.0.retain(|_, value| !value.is_empty());
        }
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Goes to the provider, which remembers what was asked, and returns the `state`.
    pub(crate) async fn begin(&self, visitor: &mut Visitor) -> String {
        let asked: HashMap<String, String> =
            self.get(visitor, "/login").await.location().query_pairs().into_owned().collect();
        let state = asked["state"].clone();
        *self.provider.asked.lock().unwrap() = asked;
        state
    }

    /// Comes back from the provider as a good one sends a browser back.
    pub(crate) async fn come_back(&self, visitor: &mut Visitor, state: &str) -> Answer {
        let iss: String = url::form_urlencoded::byte_serialize(self.provider.issuer.as_bytes()).collect();
        self.get(visitor, &format!("/callback?code={CODE}&state={state}&iss={iss}")).await
    }

    /// Signs in; returns the browser.
    pub(crate) async fn signed_in(&self) -> Visitor {
        let mut visitor = Visitor::default();
        let state = self.begin(&mut visitor).await;
        let answer = self.come_back(&mut visitor, &state).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        visitor
    }

    pub(crate) async fn is_signed_in(&self, visitor: &mut Visitor) -> bool {
        self.get(visitor, "/session").await.status == StatusCode::OK
    }
}

impl Answer {
    pub(crate) fn location(&self) -> Url {
        let place = self.headers[header::LOCATION].to_str().unwrap();
        Url::parse("http://127.0.0.1:4490").unwrap().join(place).unwrap()
    }

    /// The answer is this page, and says this.
    pub(crate) fn expect(&self, status: u16, words: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert!(self.text.contains(words), "no {words:?} in {}", self.text);
    }
}

impl Visitor {
    pub(crate) fn session(&self) -> Option<&String> {
        self.0.get("nexboard_session")
    }

    pub(crate) fn set_session(&mut self, id: &str) {
        self.0.insert("nexboard_session".to_owned(), id.to_owned());
    }
}
