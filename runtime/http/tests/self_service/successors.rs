//! What takes the place of a form that is not open any more, or that its browser keeps no more.

use serde_json::json;

use crate::client::messages;
use crate::held::{KINDS, cookie_of, id, kept, right, shown};
use crate::site::{BASE, Site};

/// A form that was pushed out by younger ones has another in its place, whoever asks for it: pages and those who submit one are
/// led there, programs are told. Another browser is told nothing.
#[tokio::test]
async fn the_form_that_a_fifth_pushed_out_has_another_in_its_place() {
    let site = Site::open().await;
    for kind in KINDS {
        let mut browser = site.client();
        let flow = browser.begin(kind).await;
        for _ in 0..4 {
            site.clock.advance(std::time::Duration::from_secs(1));
            browser.begin(kind).await;
        }
        let lost = id(&flow).to_owned();
        assert_eq!(kept(&browser).len(), 4);
        let page = browser.get(&format!("/ui/{kind}?flow={lost}")).await;
        let start = format!("/ui/{kind}?flow=");
        let next = page.location().strip_prefix(&start).unwrap_or_else(|| panic!("{}", page.location()));
        assert!(next != lost && site.has_row(next).await, "{kind}: a row, which needs no cookie");
        assert_eq!(browser.get(&format!("{start}{next}")).await.status, 200);
        assert_eq!(kept(&browser).len(), 4, "it pushes out none of the others");
        let sent = browser.submit(&flow, &[("method", "password")]).await;
        assert!(sent.status == 303 && sent.location().starts_with(&start), "{kind}: {}", sent.location());
        let (status, gone) = shown(&mut browser, &flow).await;
        assert_eq!((status, &gone["error"]["id"]), (410, &json!("self_service_flow_expired")), "{kind}");
        let submitted = browser.submit_json(&flow, json!({"method": "password"})).await;
        assert_eq!(submitted.status, 410, "{kind}: {}", submitted.body);
        let told = submitted.json();
        let next = format!("/self-service/{kind}/flows?id={}", told["use_flow_id"].as_str().unwrap());
        let read = browser.get_json(&next).await;
        assert_eq!(read.status, 200, "{kind}: {}", read.body);
        let document = read.json();
        let begun = format!("{BASE}/self-service/{kind}/browser");
        assert_eq!(document["request_url"], json!(begun), "{kind}");
        assert_eq!(messages(&document).len(), 1, "{kind}: it says that the other is gone");
        assert_eq!(site.client().get_json(&next).await.status, 403, "{kind}: it is this browser's");
        let mut other = site.client();
        other.begin(kind).await;
        assert_eq!(shown(&mut other, &flow).await.0, 403, "{kind}: another browser never had it");
    }
}

/// One goes on with what takes the place of a lost form.
#[tokio::test]
async fn whoever_lost_a_form_signs_in_with_the_other() {
    let site = Site::open().await;
    site.person("ada@example.com").await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    browser.cookies.remove(&cookie_of(&flow));
    let (_, gone) = shown(&mut browser, &flow).await;
    let next = format!("/self-service/login/flows?id={}", gone["use_flow_id"].as_str().unwrap());
    let next = browser.get_json(&next).await.json();
    assert_eq!(browser.submit_json(&next, right()).await.status, 200);
    // Whoever has signed in has other cookies, and the forms before that are another browser's, as ever.
    assert_eq!(shown(&mut browser, &flow).await.0, 403);
}

/// Whoever signed out, or in, meanwhile is led to where such a form begins.
#[tokio::test]
async fn a_lost_form_that_cannot_begin_anew_is_not_there() {
    let site = Site::open().await;
    let mut browser = site.signed_in("ada@example.com").await;
    let flow = browser.begin("settings").await;
    browser.cookies.remove(&cookie_of(&flow));
    let mut out = browser.clone();
    out.cookies.remove("ory_kratos_session");
    assert_eq!(shown(&mut out, &flow).await.0, 404);
    let page = out.get(&format!("/ui/settings?flow={}", id(&flow))).await;
    assert_eq!(page.location(), "/self-service/settings/browser");
    let (status, gone) = shown(&mut browser, &flow).await;
    assert_eq!(status, 410, "{gone}");
    let next = gone["use_flow_id"].as_str().unwrap();
    assert_eq!(browser.get_json(&format!("/self-service/settings/flows?id={next}")).await.status, 200);
    // The id of a form of one kind, where another is shown: somebody signed in signs in no more.
    let login = browser.get_json(&format!("/self-service/login/flows?id={}", id(&flow))).await;
    assert_eq!(login.status, 404);
}

/// Attack: a browser asks for what it lost again and again, each time for a row. They count as the forms that they are.
#[tokio::test]
async fn what_takes_the_place_of_lost_forms_is_counted() {
    let site = Site::with(json!({"limits": {"flow": {"burst": 4, "refill_seconds": 60}}})).await;
    let mut browser = site.client();
    let flow = browser.begin("login").await;
    browser.cookies.remove(&cookie_of(&flow));
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(shown(&mut browser, &flow).await.0);
    }
    assert_eq!(answers, [410, 410, 410, 429, 429]);
}

/// The successor of one that expired is kept by its browser, as it was, wherever the answer reaches it.
#[tokio::test]
async fn the_successor_of_an_expired_form_is_kept_by_its_browser() {
    let site = Site::open().await;
    for way in ["page", "submitted page", "submitted", "script"] {
        let mut browser = site.client();
        let flow = browser.begin("login").await;
        site.clock.advance(std::time::Duration::from_secs(3_601));
        let of_script = [("accept", "application/json"), ("sec-fetch-dest", "empty")];
        let read = format!("/self-service/login/flows?id={}", id(&flow));
        let answer = match way {
            "page" => browser.get(&format!("/ui/login?flow={}", id(&flow))).await,
            "submitted page" => browser.submit(&flow, &[("method", "password")]).await,
            "submitted" => browser.submit_json(&flow, right()).await,
            _ => browser.send("GET", &read, &of_script, "").await,
        };
        let next = match answer.status {
            303 => answer.location().strip_prefix("/ui/login?flow=").unwrap().to_owned(),
            status => {
                assert_eq!(status, 410, "{way}: {}", answer.body);
                answer.json()["use_flow_id"].as_str().unwrap().to_owned()
            }
        };
        assert!(!site.has_row(&next).await, "{way}: nothing was written for it");
        let document = browser.get_json(&format!("/self-service/login/flows?id={next}")).await;
        assert_eq!((document.status, messages(&document.json())), (200, vec![4_010_001]), "{way}");
    }
}
