//! Passwords that are known from breaches: at each place where one is set, and what a server that knows them is told.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse, Reach};
use primitives::transform::NoTransformHook;
use serde_json::{Value, json};

use crate::client::{action, messages};
use crate::site::Site;

/// Its SHA-1 is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8 (`printf password | sha1sum`).
const KNOWN: &str = "password";
const SHA1: &str = "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
const GOOD: &str = "moss-covered lantern";
const BREACHED: u64 = 4_000_034;
const UNCHECKED: u64 = 8_000_060;

/// What a server answers.
#[derive(Debug, Clone)]
enum Says {
    Range(String),
    Page(u16, &'static str),
    Fails(OutboundError),
}

/// A server that knows one password, and remembers what it was asked.
#[derive(Debug)]
struct Knows {
    says: Mutex<Says>,
    seen: Mutex<Vec<OutboundRequest>>,
    asked: AtomicUsize,
}

impl Outbound for Knows {
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let bound = request.max_response_bytes;
        self.seen.lock().unwrap().push(request);
        let answer = |status, body: String| {
            if body.len() > bound {
                Err(OutboundError::TooLarge)
            } else {
                Ok(OutboundResponse { status, headers: Vec::new(), body: body.into_bytes() })
            }
        };
        let said = match self.says.lock().unwrap().clone() {
            Says::Range(lines) => answer(200, lines),
            Says::Page(status, body) => answer(status, body.to_owned()),
            Says::Fails(error) => Err(error),
        };
        Box::pin(std::future::ready(said))
    }
}

struct Place {
    site: Site,
    server: Arc<Knows>,
}

impl Place {
    async fn with(breached: Value) -> Self {
        Self::of(json!({ "password": { "breached": breached } })).await
    }

    async fn of(identity: Value) -> Self {
        let says = Mutex::new(Says::Range(range(9)));
        let server = Arc::new(Knows { says, seen: Mutex::default(), asked: AtomicUsize::new(0) });
        let settings = json!({ "identity": identity });
        let site = Site::configured(settings, server.clone(), Arc::new(NoTransformHook)).await;
        Self { site, server }
    }

    fn says(&self, says: Says) {
        *self.server.says.lock().unwrap() = says;
    }

    /// What an application is told that signs somebody up.
    async fn sign_up(&self, email: &str, password: &str) -> (u16, Vec<u64>) {
        let mut app = self.site.client();
        let flow = app.get_json("/self-service/registration/api").await.json();
        let body = json!({"method": "password", "password": password, "traits": {"email": email}});
        let answer = app.json("POST", &action(&flow), &body).await;
        let said = if answer.status == 400 { messages(&answer.json()) } else { Vec::new() };
        (answer.status, said)
    }
}

fn range(times: u64) -> String {
    format!("0018A45C4D1DEF81644B54AB7F969B88D65:10\r\n{}:{times}\r\n", &SHA1[5..])
}

fn host() -> Value {
    json!({ "host": "https://api.pwnedpasswords.com" })
}

#[tokio::test]
async fn known_password_is_refused_wherever_one_is_set() {
    let place = Place::with(host()).await;
    let site = &place.site;
    site.person("ada@example.com").await;
    // Signing up, by an application and in a browser, whose page says it.
    assert_eq!(place.sign_up("eve@example.com", KNOWN).await, (400, vec![BREACHED]));
    let mut browser = site.client();
    let flow = browser.begin("registration").await;
    let form = [("traits.email", "eve@example.com"), ("password", KNOWN), ("method", "password")];
    let refused = browser.submit(&flow, &form).await;
    let page = browser.get(refused.location()).await;
    assert!(page.body.contains("This password appears in known data breaches"), "{}", page.body);
    // In settings, which is where a new password is set after recovery, too.
    let mut browser = site.client();
    site.sign_in(&mut browser, "ada@example.com").await;
    let flow = browser.begin("settings").await;
    let body = json!({"method": "password", "password": KNOWN});
    let refused = browser.submit_json(&flow, body).await;
    assert_eq!((refused.status, messages(&refused.json())), (400, vec![BREACHED]), "{}", refused.body);
    let body = json!({"method": "password", "password": GOOD});
    let saved = browser.submit_json(&flow, body).await;
    assert_eq!(saved.status, 200, "{}", saved.body);
    // By an operator: one, a change of one, and many.
    let of = |email: &str, password: &str| {
        json!({
            "schema_id": "default", "traits": {"email": email},
            "credentials": {"password": {"config": {"password": password}}},
        })
    };
    let mut operator = site.client();
    let refused = operator.json("POST", "/admin/identities", &of("bob@example.com", KNOWN)).await;
    assert_eq!((refused.status, refused.error_id().as_str()), (400, "password_breached"), "{}", refused.body);
    assert!(refused.body.contains("4000034"), "{}", refused.body);
    let made = operator.json("POST", "/admin/identities", &of("bob@example.com", GOOD)).await.json();
    let mut changed = of("bob@example.com", KNOWN);
    changed["state"] = "active".into();
    let at = format!("/admin/identities/{}", made["id"].as_str().unwrap());
    let refused = operator.json("PUT", &at, &changed).await;
    assert_eq!((refused.status, refused.error_id().as_str()), (400, "password_breached"), "{}", refused.body);
    let create = |email: &str, password: &str| json!({ "create": of(email, password) });
    let many = json!({ "identities": [create("c@example.com", KNOWN), create("d@example.com", GOOD)] });
    let told = operator.json("PATCH", "/admin/identities", &many).await.json();
    let action = |at: usize| told["identities"][at]["action"].as_str().unwrap().to_owned();
    assert_eq!((action(0), action(1)), ("error".to_owned(), "create".to_owned()), "{told}");
    assert_eq!(told["identities"][0]["error"]["id"], "password_breached");
}

/// With the proof of the address asked for first, the password is set when it is typed: nothing is sent for a known one.
#[tokio::test]
async fn known_password_is_refused_before_an_account_waits_for_its_proof() {
    let breached = json!({ "breached": host() });
    let place = Place::of(json!({ "password": breached, "account_enumeration": "mitigate" })).await;
    assert_eq!(place.sign_up("eve@example.com", KNOWN).await, (400, vec![BREACHED]));
    let listed = place.site.client().get_json("/admin/courier/messages").await.json();
    assert_eq!(listed, json!([]));
}

/// Attack: whoever runs the server, or reads along, learns the password, its hash, or whose it is.
#[tokio::test]
async fn five_digits_of_a_hash_are_all_that_leaves() {
    let place = Place::with(host()).await;
    assert_eq!(place.sign_up("eve@example.com", KNOWN).await.0, 400);
    let seen = std::mem::take(&mut *place.server.seen.lock().unwrap());
    let [request] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(request.url.as_str(), "https://api.pwnedpasswords.com/range/5BAA6");
    assert_eq!((request.method, request.body.len(), request.reach), ("GET", 0, Reach::Public));
    let header =
        |name: &str| request.headers.iter().find(|(found, _)| found == name).map(|(_, v)| v.as_str());
    assert_eq!(header("add-padding"), Some("true"));
    assert!(request.timeout <= Duration::from_secs(5) && request.max_response_bytes <= 1 << 20);
    let whole =
        format!("{} {:?} {:?} {:?}", request.url.path(), request.url.query(), request.headers, request.body);
    for secret in [KNOWN, "eve", &SHA1[..6], &SHA1[5..]] {
        assert!(!whole.contains(secret), "{secret}: {whole}");
    }
    // Too short for the policy: nobody is asked.
    assert_eq!(place.sign_up("eve@example.com", "short").await.0, 400);
    assert!(place.server.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_padding_or_below_the_bound_is_taken() {
    let mut bound = host();
    bound["max_breaches"] = 5.into();
    let place = Place::with(bound).await;
    place.says(Says::Range(range(6)));
    assert_eq!(place.sign_up("a@example.com", KNOWN).await, (400, vec![BREACHED]));
    // A range that is known is not asked for again.
    assert_eq!(place.sign_up("a@example.com", KNOWN).await, (400, vec![BREACHED]));
    assert_eq!(place.server.asked.load(Ordering::SeqCst), 1);
    for times in [0, 5] {
        let mut bound = host();
        bound["max_breaches"] = 5.into();
        let place = Place::with(bound).await;
        place.says(Says::Range(range(times)));
        assert_eq!(place.sign_up("a@example.com", KNOWN).await.0, 200, "{times}");
    }
}

/// Attack: the server is down, slow, huge, or somebody else answers in its place.
#[tokio::test]
async fn server_that_cannot_tell_decides_nothing_but_as_the_tenant_wants() {
    let failures = [
        Says::Fails(OutboundError::Connect),
        Says::Fails(OutboundError::Timeout),
        Says::Fails(OutboundError::Forbidden),
        Says::Range(range(9).repeat(10_000)),
        Says::Page(200, "<html>Please sign in to the network</html>"),
        Says::Page(200, "{\"5BAA6\": []}"),
        Says::Page(200, ""),
        Says::Page(302, ""),
        Says::Page(503, "later"),
    ];
    let mut strict = host();
    strict["ignore_network_errors"] = false.into();
    let (open, strict) = (Place::with(host()).await, Place::with(strict).await);
    for (at, failure) in failures.into_iter().enumerate() {
        for place in [&open, &strict] {
            place.says(failure.clone());
            place.site.clock.advance(Duration::from_mins(1));
        }
        let email = format!("a{at}@example.com");
        assert_eq!(open.sign_up(&email, KNOWN).await, (200, vec![]), "{failure:?}");
        assert_eq!(strict.sign_up(&email, KNOWN).await, (400, vec![UNCHECKED]), "{failure:?}");
    }
    let body = json!({
        "schema_id": "default", "traits": {"email": "op@example.com"},
        "credentials": {"password": {"config": {"password": KNOWN}}},
    });
    let refused = strict.site.client().json("POST", "/admin/identities", &body).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    // When it is back, it is asked again.
    strict.says(Says::Range(range(9)));
    strict.site.clock.advance(Duration::from_mins(1));
    assert_eq!(strict.sign_up("b@example.com", KNOWN).await, (400, vec![BREACHED]));
}

/// Attack: a server that is down holds up each of two hundred people of a batch.
#[tokio::test]
async fn server_that_failed_is_left_alone_for_a_while() {
    let place = Place::with(host()).await;
    place.says(Says::Fails(OutboundError::Timeout));
    for at in 0..5 {
        assert_eq!(place.sign_up(&format!("a{at}@example.com"), GOOD).await.0, 200);
    }
    assert_eq!(place.server.asked.load(Ordering::SeqCst), 1);
    place.site.clock.advance(Duration::from_mins(1));
    assert_eq!(place.sign_up("b@example.com", GOOD).await.0, 200);
    assert_eq!(place.server.asked.load(Ordering::SeqCst), 2);
}

/// Attack on ourselves: somebody whose password came out after they chose it can never sign in and change it.
#[tokio::test]
async fn signing_in_asks_nobody() {
    let place = Place::with(host()).await;
    place.site.person("ada@example.com").await;
    place.server.seen.lock().unwrap().clear();
    let hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let body = json!({
        "schema_id": "default", "traits": {"email": "old@example.com"},
        "credentials": {"password": {"config": {"hashed_password": hash}}},
    });
    assert_eq!(place.site.client().json("POST", "/admin/identities", &body).await.status, 201);
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let body = json!({"method": "password", "identifier": "old@example.com", "password": KNOWN});
    let answer = browser.submit_json(&flow, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(place.server.seen.lock().unwrap().is_empty(), "nor when its hash is made anew");
}

#[tokio::test]
async fn list_is_asked_first_and_without_a_network() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let (first, last) =
        ("000000005AD76BD555C1D6D771DE417A4B87E4B4:10", "FFFFFFFEE791CBAC0F6305CAF0CEE06BBE131160:2");
    let lines = [first.to_owned(), format!("{SHA1}:3"), last.to_owned()];
    file.write_all(lines.join("\r\n").as_bytes()).unwrap();
    let mut both = host();
    both["list"] = file.path().to_str().unwrap().into();
    let place = Place::with(both.clone()).await;
    assert_eq!(place.sign_up("a@example.com", KNOWN).await, (400, vec![BREACHED]));
    assert_eq!(place.server.asked.load(Ordering::SeqCst), 0, "what the list knows is told nobody");
    assert_eq!(place.sign_up("a@example.com", GOOD).await.0, 200);
    assert_eq!(place.server.asked.load(Ordering::SeqCst), 1);
    // Alone, and where a password may have been found as often.
    both["host"] = Value::Null;
    for (max, status) in [(2, 400), (3, 200)] {
        both["max_breaches"] = max.into();
        let place = Place::with(both.clone()).await;
        assert_eq!(place.sign_up("a@example.com", KNOWN).await.0, status, "{max}");
        assert_eq!(place.server.asked.load(Ordering::SeqCst), 0);
    }
}

/// Attack on ourselves: a list that was deleted, or is the one in another order, refuses nothing, and nobody notices.
#[tokio::test]
async fn list_that_cannot_be_searched_is_no_reason_to_take_a_password() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"password\nletmein\n").unwrap();
    for list in [file.path().to_str().unwrap(), "/nowhere/breached.txt"] {
        let place = Place::with(json!({ "list": list })).await;
        assert_eq!(place.sign_up("a@example.com", GOOD).await, (400, vec![UNCHECKED]), "{list}");
    }
}
