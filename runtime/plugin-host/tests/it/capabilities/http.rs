//! Requests go to the servers that the operator named, as plain requests, bounded, and to nobody else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use oauth2::hooks::TokenHook as _;
use portcullis_plugin_host::{Capability, PluginSpec, Services, Settings};
use primitives::hooks::HookFailureKind;
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse, Reach};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::fixture::{Fixture, issued, request, run, spec};

/// A world outside in which every server answers alike, or not at all.
#[derive(Debug)]
pub(crate) struct Outside {
    requests: Mutex<Vec<OutboundRequest>>,
    headers: Vec<(String, String)>,
    fails: Option<OutboundError>,
    /// So many requests are answered.
    answers: Semaphore,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            requests: Mutex::default(),
            headers: Vec::new(),
            fails: None,
            answers: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }
}

impl Outside {
    /// Looks at everything that was sent.
    pub(crate) fn check_requests(&self, check: impl Fn(&OutboundRequest)) {
        let requests = self.requests.lock().unwrap();
        assert!(!requests.is_empty());
        requests.iter().for_each(check);
    }

    /// Servers that say nothing.
    fn hanging() -> Arc<Self> {
        Arc::new(Self { answers: Semaphore::new(0), ..Self::default() })
    }
}

impl Outbound for Outside {
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        self.requests.lock().unwrap().push(request);
        async {
            self.answers.acquire().await.unwrap().forget();
            match &self.fails {
                Some(error) => Err(error.clone()),
                None => {
                    Ok(OutboundResponse { status: 200, headers: self.headers.clone(), body: b"hi".to_vec() })
                }
            }
        }
        .boxed()
    }
}

const API: &str = "https://api.example";

/// A node whose plugin sends these requests to origins of which `API` alone is named.
fn fixture(outside: &Arc<Outside>, settings: Settings) -> Fixture {
    let outbound: Arc<dyn Outbound> = Arc::<Outside>::clone(outside);
    Fixture::new(settings).offering(Services { outbound: Some(outbound), ..Services::default() })
}

fn sender(requests: &Value) -> PluginSpec {
    let mut spec = spec("capability_http");
    spec.grants.insert(Capability::Http);
    spec.http_origins.insert(API.parse().unwrap());
    spec.settings.insert("requests".to_owned(), requests.clone());
    spec
}

/// What comes of these requests, and those that left the node.
fn sent(outside: Outside, requests: &Value) -> (Value, Vec<OutboundRequest>) {
    let outside = Arc::new(outside);
    let fixture = fixture(&outside, Settings::default());
    let mut sender = sender(requests);
    // What is refused counts too.
    if requests.as_array().unwrap().len() > 9 {
        sender.limits.http_calls = 64;
    }
    run(fixture.host.install_plugin(&fixture.tenant, sender)).unwrap();
    let results = issued(fixture.shape(None, "")).id_token["results"].clone();
    let left = outside.requests.lock().unwrap().clone();
    (results, left)
}

#[test]
pub(crate) fn capability_http() {
    let headers = ["content-type", "set-cookie", "set-cookie2", "connection", "proxy-authenticate"];
    let headers = headers.map(|name| (name.to_owned(), "x".to_owned())).to_vec();
    let (results, left) = sent(
        Outside { headers, ..Outside::default() },
        &json!([{ "method": "post", "url": "https://API.example:443/v1?q=1", "headers": [["Authorization", "Bearer x"]], "body": "b", "timeout": 50_000 }]),
    );
    assert_eq!(results, json!([{ "status": 200, "headers": ["content-type"], "body": "hi", "bytes": 2 }]));
    let [request] = left.as_slice() else { panic!("{left:?}") };
    assert_eq!(
        (request.method, request.url.as_str(), request.reach),
        ("POST", "https://api.example/v1?q=1", Reach::Public)
    );
    assert_eq!(request.headers, [("Authorization".to_owned(), "Bearer x".to_owned())]);
    assert_eq!((request.body.as_slice(), request.max_response_bytes), (&b"b"[..], 256 << 10));
    // Nine tenths of the wall time at most.
    assert!(request.timeout <= Duration::from_secs(9), "{request:?}");
}

#[test]
fn only_a_named_origin_is_called() {
    let urls = [
        "http://api.example",
        "https://api.example:8443",
        "https://evil.example",
        "https://api.example.evil.example",
        "https://xapi.example",
        "https://api.example.",
        "https://user@api.example",
        "https://api.example@evil.example",
        "https:\\\\evil.example",
        "https://evil.example#https://api.example",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://api.example\u{ff0e}evil.example",
    ];
    let requests: Vec<Value> = urls.iter().map(|url| json!({ "url": url })).collect();
    let (results, left) = sent(Outside::default(), &json!(requests));
    for (url, found) in urls.iter().zip(results.as_array().unwrap()) {
        assert_eq!(found, "ErrorKind::NotAllowed: not an origin that the operator named", "{url}");
    }
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_not_a_plain_request_is_not_sent() {
    let with = |name: &str, value: &str| json!({ "url": API, "headers": [[name, value]] });
    let header = |name: &str| (with(name, "x"), "a header that only the node sets");
    let many: Vec<[&str; 2]> = vec![["a", "b"]; 65];
    let cases = [
        (json!({ "url": "/relative" }), "not an absolute URL"),
        (json!({ "url": format!("{API}/{}", "x".repeat(9_000)) }), "the URL is too long"),
        (json!({ "url": API, "headers": many }), "too many headers"),
        (with("a", "b\r\nhost: evil.example"), "a header holds printable ASCII only"),
        (with("a", "b\nc"), "a header holds printable ASCII only"),
        (with("a", "b\0"), "a header holds printable ASCII only"),
        (with("a\r\nb", "c"), "not the name of a header"),
        (with("a:", "c"), "not the name of a header"),
        (with("", "c"), "not the name of a header"),
        header("Host"),
        header("content-length"),
        header("Transfer-Encoding"),
        header("CONNECTION"),
        header("proxy-authorization"),
        header("Upgrade"),
    ];
    let requests: Vec<&Value> = cases.iter().map(|(request, _)| request).collect();
    let (results, left) = sent(Outside::default(), &json!(requests));
    for ((request, words), found) in cases.iter().zip(results.as_array().unwrap()) {
        assert_eq!(*found, format!("ErrorKind::Invalid: {words}"), "{request}");
    }
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn one_call_sends_eight_requests() {
    let requests: Vec<Value> = vec![json!({ "url": API }); 9];
    let (results, left) = sent(Outside::default(), &json!(requests));
    assert_eq!(left.len(), 8);
    assert_eq!(results[8], "ErrorKind::Limit: a call may send 8 requests");
    assert_eq!(results[7]["status"], 200);
}

#[test]
fn guest_learns_the_kind_of_a_failure() {
    for (error, expect) in [
        (OutboundError::Forbidden, "ErrorKind::NotAllowed: the address is not allowed"),
        (OutboundError::Connect, "ErrorKind::Connect: could not connect"),
        (OutboundError::Timeout, "ErrorKind::Timeout: timed out"),
        (OutboundError::TooLarge, "ErrorKind::TooLarge: the response is too large"),
        (OutboundError::Malformed, "ErrorKind::Malformed: the response is malformed"),
    ] {
        let outside = Outside { fails: Some(error), ..Outside::default() };
        assert_eq!(sent(outside, &json!([{ "url": API }])).0, json!([expect]));
    }
    let headers = vec![("a".to_owned(), "x".repeat(40_000))];
    let outside = Outside { headers, ..Outside::default() };
    assert_eq!(
        sent(outside, &json!([{ "url": API }])).0,
        json!(["ErrorKind::TooLarge: the response is too large"])
    );
}

#[test]
fn private_server_is_reached_by_the_tenant_for_which_the_node_names_it() {
    let outside = Arc::new(Outside::default());
    let named = |tenant: &str| [(API.parse().unwrap(), [tenant.parse().unwrap()].into())].into();
    for (tenant, expect) in [("default", Reach::NamedByOperator), ("rival", Reach::Public)] {
        let settings = Settings { private_origins: named(tenant), ..Settings::default() };
        let fixture = fixture(&outside, settings);
        run(fixture.host.install_plugin(&fixture.tenant, sender(&json!([{ "url": API }])))).unwrap();
        fixture.shape(None, "").unwrap();
        assert_eq!(outside.requests.lock().unwrap().pop().unwrap().reach, expect);
    }
}

/// Attack: servers that say nothing hold every place of the node.
#[test]
fn guests_that_wait_for_servers_leave_places_to_those_that_do_not() {
    let outside = Outside::hanging();
    let settings = Settings { concurrent_calls: 4, concurrent_calls_per_tenant: 4, ..Settings::default() };
    let mut fixture = fixture(&outside, settings);
    run(fixture.host.install_plugin(&fixture.tenant, sender(&json!([{ "url": API }])))).unwrap();
    let (context, asked) = (fixture.context(None), request(""));
    fixture.tenant = "rival".parse().unwrap();
    run(fixture.host.install_plugin(&fixture.tenant, spec("token_remembers"))).unwrap();
    let (rival, rivals_request) = (fixture.context(None), request(""));
    run(async {
        let mut calls: FuturesUnordered<_> =
            (0..4).map(|_| fixture.host.shape_tokens(&context, &asked)).collect();
        for _ in 0..2 {
            let refused = issued(calls.next().await.unwrap()).id_token["results"][0].clone();
            assert_eq!(refused, "ErrorKind::Limit: too many plugins of this node wait for answers");
        }
        assert_eq!(outside.requests.lock().unwrap().len(), 2, "the others wait");
        // What does not wait comes to its end meanwhile.
        issued(fixture.host.shape_tokens(&rival, &rivals_request).await);
        outside.answers.add_permits(2);
        while let Some(answered) = calls.next().await {
            assert_eq!(issued(answered).id_token["results"][0]["status"], 200);
        }
    });
}

#[test]
fn request_that_waits_beyond_the_wall_time_ends_with_its_call() {
    let outside = Outside::hanging();
    let fixture = fixture(&outside, Settings::default());
    let mut waiting = sender(&json!([{ "url": API, "timeout": 50_000 }]));
    waiting.limits.wall_ms = Some(100);
    run(fixture.host.install_plugin(&fixture.tenant, waiting)).unwrap();
    let failure = fixture.shape(None, "").unwrap_err();
    assert_eq!(failure.kind, HookFailureKind::WallLimit);
}
