//! What a provider does wrong, and what is done with its answers: people are told what to do, and nothing is written.

use serde_json::{Value, json};
use testkit::provider::Fault;

use crate::client::{Client, Response, messages};
use crate::providers::{CALLBACK, ISSUER, Place, flow_of, person};

/// Nobody is signed in, and there is no account but those that were there.
async fn assert_nothing_written(place: &Place, browser: &Client) {
    assert!(!browser.cookies.contains_key("ory_kratos_session"));
    let identities = place.site.client().get_json("/admin/identities").await.json();
    assert_eq!(identities, json!([]));
}

#[tokio::test]
async fn provider_that_is_wrong_is_told_on_the_form() {
    let claim = |name, value: &str| Fault::Claim(name, value.to_owned());
    for (fault, at_once) in [
        (Fault::Slow, true),
        (Fault::Page, true),
        (Fault::Huge, true),
        (Fault::ForeignKey, false),
        (claim("iss", "\"https://evil.example\""), false),
        (claim("iss", "null"), false),
        (claim("aud", "\"another\""), false),
        (claim("aud", "[\"client\", \"another\"]"), false),
        (claim("azp", "\"another\""), false),
        (claim("nonce", "\"another\""), false),
        (claim("nonce", "null"), false),
        (claim("at_hash", "\"AAAAAAAAAAAAAAAAAAAAAA\""), false),
        (claim("exp", "1"), false),
        (claim("exp", "null"), false),
        (claim("iat", "4000000000"), false),
        (claim("sub", "null"), false),
        (claim("sub", "\"\""), false),
    ] {
        let place = Place::open(person("1")).await;
        let mut browser = place.site.client();
        let flow = browser.begin("login").await;
        let answer = if at_once {
            place.provider.fault(Some(fault.clone()));
            browser.submit(&flow, &[("provider", "acme")]).await
        } else {
            let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
            place.provider.fault(Some(fault.clone()));
            place.agree(&mut browser, &url, "acme").await
        };
        let told = flow_of(&mut browser, &answer).await;
        assert_eq!(messages(&told), [8_000_020], "{fault:?}");
        assert!(told["ui"]["messages"][0]["text"].as_str().unwrap().contains("request "), "{told}");
        assert_nothing_written(&place, &browser).await;
        // The same form goes on once it is well again.
        place.provider.fault(None);
        let url = place.press(&mut browser, &told, ("provider", "acme")).await;
        assert_eq!(place.agree(&mut browser, &url, "acme").await.location(), "/ui/settings", "{fault:?}");
    }
}

#[tokio::test]
async fn provider_that_fails_after_the_browser_was_there_is_told_too() {
    for fault in [Fault::Slow, Fault::Page, Fault::Huge] {
        let place = Place::open(person("1")).await;
        let mut browser = place.site.client();
        let flow = browser.begin("login").await;
        let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
        let query = place.provider.agree(&url).unwrap();
        place.provider.fault(Some(fault));
        let answer = browser.get(&format!("{CALLBACK}/acme?{query}")).await;
        assert_eq!(messages(&flow_of(&mut browser, &answer).await), [8_000_020]);
        assert_nothing_written(&place, &browser).await;
    }
}

#[tokio::test]
async fn whoever_declines_is_asked_what_else_they_want() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    for (error, message) in [("access_denied", 8_000_021), ("server_error", 8_000_020)] {
        let flow = browser.begin("login").await;
        let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
        let query = place.provider.decline(&url, error).unwrap();
        let iss = url::form_urlencoded::Serializer::new(String::new()).append_pair("iss", ISSUER).finish();
        let answer = browser.get(&format!("{CALLBACK}/acme?{query}&{iss}")).await;
        assert_eq!(messages(&flow_of(&mut browser, &answer).await), [message]);
    }
    assert_nothing_written(&place, &browser).await;
}

/// Where the error page says what happened.
async fn error_of(browser: &mut Client, answer: &Response) -> String {
    assert!(answer.location().starts_with("/ui/error?id="), "{} {}", answer.status, answer.location());
    let page = browser.get(answer.location()).await;
    assert_eq!(page.status / 100, 4, "{}", page.body);
    let id = answer.location().split_once("id=").unwrap().1.to_owned();
    let said: Value = browser.get_json(&format!("/self-service/errors?id={id}")).await.json();
    said["error"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn answer_counts_in_its_own_browser_once_at_its_own_address() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
    let query = place.provider.agree(&url).unwrap();

    // Attack (login CSRF): a victim's browser is sent there.
    let mut victim = place.site.client();
    let refused = victim.get(&format!("{CALLBACK}/acme?{query}")).await;
    assert_eq!(error_of(&mut victim, &refused).await, "security_csrf_violation");
    victim.begin("login").await;
    let refused = victim.get(&format!("{CALLBACK}/acme?{query}")).await;
    assert_eq!(error_of(&mut victim, &refused).await, "security_csrf_violation");

    // Attack: it is made up, cut, doubled, or for another tenant.
    let cut = &query[..query.len() - 40];
    for (path, wrong) in [
        (CALLBACK.to_owned(), "code=x&state=y".to_owned()),
        (CALLBACK.to_owned(), "code=x".to_owned()),
        (
            format!("{CALLBACK}/acme"),
            cut.split_once("&iss").map_or(cut, |(cut, _)| &cut[..cut.len() - 1]).to_owned(),
        ),
        (format!("{CALLBACK}/acme"), format!("{query}&code=another")),
        (format!("/t/other{CALLBACK}/acme"), query.clone()),
    ] {
        let refused = browser.get(&format!("{path}?{wrong}")).await;
        let page = refused.location().trim_start_matches("/t/other");
        assert!(page.starts_with("/ui/error?id="), "{path}?{wrong}: {}", refused.location());
    }
    assert_nothing_written(&place, &browser).await;

    let done = browser.get(&format!("{CALLBACK}/acme?{query}")).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
    let again = browser.get(&format!("{CALLBACK}/acme?{query}")).await;
    assert_eq!(again.status, 303);
    assert!(!again.location().starts_with("/ui/settings"), "the form is gone: {}", again.location());
}

#[tokio::test]
async fn answer_is_used_once_while_its_form_stays() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.signed_in("grace@example.com").await;
    let flow = browser.begin("settings").await;
    let url = place.press(&mut browser, &flow, ("link", "acme")).await;
    let query = place.provider.agree(&url).unwrap();
    place.provider.asked();
    let paths: Vec<String> = (0..20).map(|_| format!("{CALLBACK}/acme?{query}")).collect();
    let mut tasks = Vec::new();
    for path in paths {
        let mut tab = browser.clone();
        tasks.push(tokio::spawn(async move { tab.get(&path).await.location().to_owned() }));
    }
    let mut linked = 0;
    for task in tasks {
        linked += usize::from(task.await.unwrap().starts_with("/ui/settings?flow="));
    }
    assert_eq!(linked, 1, "of many at a time one counts");
    let exchanged = place.provider.asked().iter().filter(|asked| asked.ends_with("/token")).count();
    assert_eq!(exchanged, 1, "and one asks the provider");
    let replay = browser.get(&format!("{CALLBACK}/acme?{query}")).await;
    assert_eq!(error_of(&mut browser, &replay).await, "provider_answer_used");
}

#[tokio::test]
async fn one_provider_does_not_answer_for_another() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    for (at, change) in
        [("other", None), ("acme", Some(("iss", "https://evil.example"))), ("acme", Some(("iss", "")))]
    {
        let flow = browser.begin("login").await;
        let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
        let query = place.provider.agree(&url).unwrap();
        let mut pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if let Some((name, value)) = change {
            pairs.retain(|(known, _)| known != name);
            if !value.is_empty() {
                pairs.push((name.to_owned(), value.to_owned()));
            }
        }
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        place.provider.asked();
        let answer = browser.get(&format!("{CALLBACK}/{at}?{query}")).await;
        assert_eq!(messages(&flow_of(&mut browser, &answer).await), [8_000_020], "{at} {change:?}");
        assert_eq!(place.provider.asked(), [""; 0], "the code goes nowhere");
        assert_nothing_written(&place, &browser).await;
    }
}

#[tokio::test]
async fn document_of_another_issuer_is_not_believed() {
    let place = Place::with(person("1"), json!({}), |manners| {
        manners.metadata["issuer"] = "https://evil.example".into();
    })
    .await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let answer = browser.submit(&flow, &[("provider", "acme")]).await;
    assert_eq!(messages(&flow_of(&mut browser, &answer).await), [8_000_020]);
}

#[tokio::test]
async fn request_is_pushed_where_that_is_offered() {
    let place = Place::with(person("1"), json!({}), |manners| {
        manners.metadata["pushed_authorization_request_endpoint"] = format!("{ISSUER}/par").into();
    })
    .await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
    assert!(url.contains("request_uri=") && !url.contains("state="), "{url}");
    let done = place.agree(&mut browser, &url, "acme").await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
}

#[tokio::test]
async fn answer_by_a_form_comes_once_more_with_its_cookies() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
    let query = place.provider.agree(&url).unwrap();
    // A post across sites has no cookies.
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://op.example")];
    let sent = place.site.client().send("POST", &format!("{CALLBACK}/acme"), &headers, &query).await;
    assert_eq!(sent.status, 303, "{}", sent.body);
    let done = browser.get(sent.location()).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
}
