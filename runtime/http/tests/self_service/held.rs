//! Forms that browsers keep in a cookie until something is done with them.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::client::{Client, action, messages};
use crate::providers::{CALLBACK, Place, person};
use crate::site::Site;

pub(crate) const KINDS: [&str; 4] = ["login", "registration", "verification", "recovery"];

pub(crate) fn id(flow: &Value) -> &str {
    flow["id"].as_str().unwrap()
}

pub(crate) fn cookie_of(flow: &Value) -> String {
    format!("portcullis_flow_{}", id(flow).replace('-', ""))
}

pub(crate) fn kept(browser: &Client) -> Vec<&String> {
    browser.cookies.keys().filter(|name| name.starts_with("portcullis_flow_")).collect()
}

pub(crate) async fn shown(browser: &mut Client, flow: &Value) -> (u16, Value) {
    let kind = flow["ui"]["action"].as_str().unwrap().split("/self-service/").nth(1).unwrap();
    let kind = kind.split('?').next().unwrap();
    let answer = browser.get_json(&format!("/self-service/{kind}/flows?id={}", id(flow))).await;
    (answer.status, answer.json())
}

pub(crate) fn right() -> Value {
    json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"})
}

#[tokio::test]
async fn a_flood_of_beginnings_writes_nothing() {
    let site = Site::with(json!({"limits": {"flow": {"burst": 1000, "refill_seconds": 1}}})).await;
    let mut signed_in = site.signed_in("ada@example.com").await;
    site.flush_audit().await;
    let before = site.written();
    let mut begun = Vec::new();
    for _ in 0..25 {
        for kind in KINDS {
            begun.push(site.client().begin(kind).await);
            let page = site.client().get(&format!("/self-service/{kind}/browser")).await;
            assert_eq!(page.status, 303);
        }
        begun.push(signed_in.begin("settings").await);
    }
    site.flush_audit().await;
    assert!(site.written() == before, "the database's files are as they were");
    for flow in &begun {
        assert!(!site.has_row(id(flow)).await);
    }
    // A native application's form is a row: nothing else keeps it.
    let native = site.client().get_json("/self-service/login/api").await.json();
    assert!(site.has_row(id(&native)).await && site.written() != before);
}

#[tokio::test]
async fn the_cookie_is_for_its_form_alone_and_as_long_as_that_can_be_asked_for() {
    let site = Site::open().await;
    let mut browser = site.client();
    let begun = browser.get_json("/self-service/login/browser").await;
    let cookie = begun.set_cookie(&cookie_of(&begun.json()));
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=7200"] {
        assert!(cookie.contains(attribute), "{attribute}: {cookie}");
    }
    assert!(cookie.len() < 1_500, "{}", cookie.len());
}

#[tokio::test]
async fn what_only_shows_the_form_again_writes_nothing() {
    let style = json!({"login": {"style": "identifier_first"}, "registration": {"style": "profile_first"}});
    let site = Site::with(style).await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let named = json!({"method": "identifier_first", "identifier": "ada@example.com"});
    assert_eq!(browser.submit_json(&flow, named).await.status, 400);
    let wrong = json!({"method": "password", "identifier": "ada@example.com", "password": "wrong"});
    assert_eq!(browser.submit_json(&flow, wrong).await.status, 400);
    assert!(!site.has_row(id(&flow)).await);
    let (_, again) = shown(&mut browser, &flow).await;
    assert_eq!(messages(&again), [4_000_006], "it is the form as it was left");
    let signed_in = browser.submit_json(&flow, right()).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.body);
    assert!(kept(&browser).is_empty(), "a form that has served is taken from its browser");

    let mut browser = site.client();
    let flow = browser.begin("registration").await;
    let profile = json!({"method": "profile", "traits": {"email": "bob@example.com"}});
    assert_eq!(browser.submit_json(&flow, profile).await.status, 400);
    let back = json!({"method": "profile", "screen": "previous", "traits": {"email": "bob@example.com"}});
    assert_eq!(browser.submit_json(&flow, back).await.status, 400);
    assert!(!site.has_row(id(&flow)).await);
}

#[tokio::test]
async fn of_fifty_submits_of_one_cookie_one_signs_in() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let submits = (0..50).map(|_| {
        let mut same = browser.clone();
        let flow = &flow;
        async move { same.submit_json(flow, right()).await }
    });
    let answers = join_all(submits).await;
    let signed_in = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(signed_in, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    let sessions = site.client().get_json(&format!("/admin/identities/{}/sessions", id(&ada))).await;
    assert_eq!(sessions.json().as_array().unwrap().len(), 1);
}

/// Attack: somebody keeps the cookie of a form, uses the form up, and brings the cookie back.
#[tokio::test]
async fn a_cookie_brings_back_no_form_that_has_served() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    let before = browser.clone();
    assert_eq!(browser.submit_json(&flow, right()).await.status, 200);
    let mut old = before.clone();
    assert_eq!(shown(&mut old, &flow).await.0, 404);
    let again = old.submit_json(&flow, right()).await;
    assert_eq!(again.status, 404, "{}", again.body);
    assert_eq!(old.submit(&flow, &[("method", "password")]).await.location(), "/self-service/login/browser");
    assert!(!old.cookies.contains_key("ory_kratos_session"));

    // The same of a form that was a row in between.
    let mut browser = site.client();
    let flow = browser.begin("recovery").await;
    let before = browser.clone();
    let sent = browser.submit_json(&flow, json!({"method": "code", "email": "ada@example.com"})).await;
    assert_eq!((sent.status, kept(&browser).len()), (200, 0), "what is a row is in no cookie");
    let mut old = before.clone();
    let (status, document) = shown(&mut old, &flow).await;
    assert_eq!((status, &document["state"]), (200, &json!("sent_email")), "the row is what counts");
    for _ in 0..9 {
        old.cookies.clone_from(&before.cookies);
        old.submit_json(&flow, json!({"method": "code", "code": "000000"})).await;
    }
    let (_, document) = shown(&mut old, &flow).await;
    let tries = json!(document["ui"]["messages"]);
    assert_ne!(tries, json!([]), "the tries of a code are counted whatever is brought back: {tries}");
}

#[tokio::test]
async fn no_other_cookie_opens_a_form() {
    let site = Site::open().await;
    let (mut own, mut other) = (site.client(), site.client());
    let (flow, second) = (own.begin("login").await, own.begin("login").await);
    let foreign = other.begin("login").await;
    let name = cookie_of(&flow);
    let whole = own.cookies[&name].clone();
    let cases = [
        ("another form's", own.cookies[&cookie_of(&second)].clone()),
        ("another browser's", other.cookies[&cookie_of(&foreign)].clone()),
        ("cut", whole[..whole.len() - 2].to_owned()),
        ("extended", format!("{whole}AA")),
        ("changed", whole.replacen(&whole[40..42], if &whole[40..42] == "AA" { "BB" } else { "AA" }, 1)),
        ("empty", String::new()),
    ];
    for (what, value) in cases {
        let mut browser = own.clone();
        browser.cookies.insert(name.clone(), value);
        // It began it, and gets a new one, which nobody has submitted.
        let (status, gone) = shown(&mut browser, &flow).await;
        assert_eq!(status, 410, "{what}");
        assert!(![id(&flow), id(&second), id(&foreign)].contains(&gone["use_flow_id"].as_str().unwrap()));
        let submitted = browser.submit_json(&flow, right()).await;
        assert_eq!(submitted.status, 410, "{what}");
        assert!(!browser.cookies.contains_key("ory_kratos_session"), "{what}");
    }
    // Another browser that has got hold of it.
    let mut thief = other.clone();
    thief.cookies.insert(name.clone(), whole.clone());
    assert_eq!(shown(&mut thief, &flow).await.0, 403);
    assert_eq!(shown(&mut other, &flow).await.0, 403, "nor one that never had it");
    // The same cookies where another tenant answers.
    let elsewhere = own.get_json(&format!("/t/other/self-service/login/flows?id={}", id(&flow))).await;
    assert_eq!(elsewhere.status, 404);
    assert_eq!(shown(&mut own, &flow).await.0, 200);
}

#[tokio::test]
async fn a_browser_with_five_forms_open_keeps_the_four_youngest() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let mut flows = Vec::new();
    for kind in ["login", "registration", "login", "recovery", "login"] {
        flows.push(browser.begin(kind).await);
        site.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(kept(&browser).len(), 4);
    for flow in &flows[1..] {
        assert_eq!(shown(&mut browser, flow).await.0, 200);
    }
    // One that is shown again takes nobody's place; another tenant's are its own.
    browser.submit_json(&flows[1], json!({"method": "password"})).await;
    assert_eq!(kept(&browser).len(), 4);
    let elsewhere = browser.get_json("/t/other/self-service/login/browser").await;
    assert_eq!(elsewhere.status, 200);
    let gone =
        elsewhere.headers.iter().filter(|(name, value)| name == "set-cookie" && value.contains("Max-Age=0"));
    assert_eq!(gone.count(), 0);
    assert_eq!(shown(&mut browser, &flows[1]).await.0, 200);
}

#[tokio::test]
async fn a_form_that_is_too_large_for_a_cookie_is_a_row() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let long = "x".repeat(3_000);
    let begun = browser.get_json(&format!("/self-service/login/browser?campaign={long}")).await;
    let flow = begun.json();
    assert!(site.has_row(id(&flow)).await && kept(&browser).is_empty());
    assert_eq!(browser.submit_json(&flow, right()).await.status, 200);

    // One that grows becomes one, and goes on.
    let mut browser = site.client();
    let flow = browser.begin("registration").await;
    let typed = json!({"method": "password", "password": "x", "traits": {"email": "x".repeat(2_900)}});
    let refused = browser.submit_json(&flow, typed).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
    assert!(site.has_row(id(&flow)).await && kept(&browser).is_empty());
    let typed =
        json!({"method": "password", "password": "battery staple", "traits": {"email": "bob@example.com"}});
    let made = browser.submit_json(&flow, typed).await;
    assert_eq!(made.status, 200, "{}", made.body);
}

/// What another user interface's server is told by a flow's id it reads with the browser's cookies.
#[tokio::test]
async fn the_successor_of_an_expired_form_needs_no_cookie_of_its_own() {
    let site = Site::open().await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    site.clock.advance(std::time::Duration::from_secs(3_601));
    let mut server = browser.clone();
    let (status, gone) = shown(&mut server, &flow).await;
    assert_eq!(status, 410);
    let next = gone["use_flow_id"].as_str().unwrap();
    assert!(site.has_row(next).await);
    assert_eq!(browser.get_json(&format!("/self-service/login/flows?id={next}")).await.status, 200);
    // Such a server may pass on what its browser said of a page.
    let of_page = [("accept", "application/json"), ("sec-fetch-dest", "document")];
    let read = format!("/self-service/login/flows?id={}", id(&flow));
    let gone = server.send("GET", &read, &of_page, "").await.json();
    assert!(site.has_row(gone["use_flow_id"].as_str().unwrap()).await);
    site.clock.advance(std::time::Duration::from_hours(1));
    assert_eq!(shown(&mut browser, &flow).await.0, 404, "then it is forgotten");
    let page = browser.get(&format!("/ui/login?flow={}", id(&flow))).await;
    assert_eq!(page.location(), "/self-service/login/browser", "and an old page leads to a new form");
    assert!(action(&flow).contains(id(&flow)));
}

/// What a provider answers is for a form that nobody brings back as it was.
#[tokio::test]
async fn a_form_that_goes_on_at_a_provider_is_a_row() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let before = browser.clone();
    let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
    assert!(place.site.has_row(id(&flow)).await && kept(&browser).is_empty());
    let query = place.provider.agree(&url).unwrap();
    let callback = format!("{CALLBACK}/acme?{query}");
    let done = browser.get(&callback).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
    let mut old = before;
    let again = old.get(&callback).await;
    assert_eq!(
        again.location(),
        "/self-service/login/browser",
        "its answer counts once, whatever is brought back"
    );
    assert!(!old.cookies.contains_key("ory_kratos_session"));
}

/// A browser that keeps no cookies is not led round for ever, and reads why it gets no further.
#[tokio::test]
async fn a_browser_without_cookies_reads_that_it_has_none() {
    let site = Site::open().await;
    for kind in KINDS {
        let begun = site.client().get(&format!("/self-service/{kind}/browser")).await;
        let page = site.client().get(begun.location()).await;
        assert!(page.location().starts_with("/ui/error?id="), "{kind}: {}", page.location());
        for (language, words) in [
            ("en", "Your browser sent no cookie"),
            ("de", "Ihr Browser hat kein Cookie geschickt"),
            ("fr", "Votre navigateur n’a envoyé aucun cookie"),
            ("es", "Su navegador no envió ninguna cookie"),
        ] {
            let headers = [("accept", "text/html"), ("accept-language", language)];
            let read = site.client().send("GET", page.location(), &headers, "").await;
            assert_eq!(read.status, 403);
            assert!(read.body.contains(words), "{kind}, {language}: {}", read.body);
            assert!(read.body.contains("/self-service/login/browser"), "there is a way on");
        }
        // Whoever has cookies, and somebody else's form, reads something else.
        let mut other = site.client();
        other.begin(kind).await;
        let error = other.get(begun.location()).await;
        assert!(!other.get(error.location()).await.body.contains("Your browser sent no cookie"), "{kind}");
    }
}
