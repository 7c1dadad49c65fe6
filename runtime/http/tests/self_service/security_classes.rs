//! Classes of fixes that others in this field needed, of which no other file here is: see `runtime/security-classes.md`.

use std::collections::BTreeSet;

use primitives::base64url;
use serde_json::{Value, json};

use crate::client::messages;
use crate::providers::{CALLBACK, Place, person};
use crate::site::Site;

const ADA: &str = "ada@example.com";

/// Attack: an error is an object that requests share, and one is told what another sent.
#[tokio::test(flavor = "multi_thread")]
async fn failures_at_once_share_nothing() {
    let rate = json!({ "burst": 1000, "refill_seconds": 1 });
    let site = Site::with(json!({ "limits": { "identifier": rate, "address": rate, "flow": rate } })).await;
    let fail = |number: usize| {
        let (mut browser, mut admin) = (site.client(), site.client());
        tokio::spawn(async move {
            let name = format!("user-{number}-of-many@example.com");
            let flow = browser.begin("login").await;
            let guess = json!({ "method": "password", "identifier": name, "password": format!("guess-{number}-of-many") });
            let refused = browser.submit_json(&flow, guess).await;
            assert_eq!((refused.status, &refused.json()["id"]), (400, &flow["id"]), "{}", refused.body);
            let external = format!("crm-{number}-of-many");
            let missing = admin.get_json(&format!("/admin/identities/by/external/{external}")).await;
            assert_eq!(missing.status, 404);
            let unknown =
                json!({ "schema_id": "default", "traits": {}, format!("member-{number}-of-many"): 1 });
            let malformed = admin.json("POST", "/admin/identities", &unknown).await;
            assert_eq!(malformed.status, 400);
            (name, [refused.body, missing.body, malformed.body])
        })
    };
    let failing: Vec<_> = (0..40).map(fail).collect();
    let mut requests = BTreeSet::new();
    for (number, failed) in failing.into_iter().enumerate() {
        let (name, bodies) = failed.await.unwrap();
        assert!(bodies[0].contains(&name), "{}", bodies[0]);
        for body in &bodies {
            let others = body.matches("-of-many").count();
            let own = body.matches(&format!("-{number}-of-many")).count();
            assert_eq!(others, own, "{number}: {body}");
        }
        for body in &bodies[1..] {
            let told: Value = serde_json::from_str(body).unwrap();
            requests.insert(told["error"]["request"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned());
        }
    }
    assert_eq!(requests.len(), 80, "each failure is told of its own request");
}

/// Attack: a page token is made, or changed, to read on where its list does not lead.
#[tokio::test]
async fn no_bit_of_a_page_token_can_change() {
    let site = Site::open().await;
    for number in 0..3 {
        site.person(&format!("user{number}@example.com")).await;
    }
    let mut admin = site.client();
    let page = admin.get_json("/admin/identities?page_size=1").await;
    let next = page.header("link").split(';').find(|part| part.contains("page_token=")).unwrap();
    let token = next.split("page_token=").nth(1).unwrap().split(['&', '>']).next().unwrap();
    let list = |token: &str| format!("/admin/identities?page_size=1&page_token={token}");
    assert_eq!(admin.get_json(&list(token)).await.status, 200);
    let bytes = base64url::decode(token).unwrap();
    for at in 0..bytes.len() {
        for bit in [1, 128] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            let answer = admin.get_json(&list(&base64url::encode(&changed))).await;
            assert_eq!(answer.status, 400, "byte {at}, bit {bit}");
        }
    }
    for path in [
        format!("/admin/sessions?page_token={token}"),
        format!("/admin/courier/messages?page_token={token}"),
        format!("/admin/portcullis/v1/identities?text=user&page_token={token}"),
        format!("/admin/portcullis/v1/identities/export?page_token={token}"),
        format!("/admin/portcullis/v1/audit?page_token={token}"),
        format!("/t/other{}", list(token)),
    ] {
        assert_eq!(admin.get_json(&path).await.status, 400, "{path}");
    }
}

/// GHSA-wc43-73w7-x2f5: a session counts though its owner could prove a second factor by a code, and the tenant asks for it.
#[tokio::test]
async fn code_is_asked_for_where_the_highest_level_is() {
    let site = Site::with(json!({ "code": { "mfa_enabled": true } })).await;
    let mut browser = site.signed_in(ADA).await;
    for path in ["/sessions/whoami", "/self-service/settings/browser"] {
        let refused = browser.get_json(path).await;
        assert_eq!((refused.status, refused.error_id().as_str()), (403, "session_aal2_required"), "{path}");
    }
    let flow = browser.get_json("/self-service/login/browser?aal=aal2").await.json();
    let asked = browser.submit_json(&flow, json!({ "method": "code", "address": ADA })).await;
    let flow = asked.json();
    let wrong = browser.submit_json(&flow, json!({ "method": "code", "code": "x" })).await;
    assert_eq!((wrong.status, messages(&wrong.json())), (400, vec![4_010_008]), "{}", wrong.body);
    assert_eq!(browser.get_json("/sessions/whoami").await.status, 403);
    let mut admin = site.client();
    let letters =
        admin.get_json(&format!("/admin/courier/messages?recipient={ADA}&page_size=1")).await.json();
    let letter = admin
        .get_json(&format!("/admin/courier/messages/{}", letters[0]["id"].as_str().unwrap()))
        .await
        .json();
    let digits = |word: &&str| word.len() == 6 && word.bytes().all(|b| b.is_ascii_digit());
    let code = letter["body"].as_str().unwrap().split_whitespace().find(digits).unwrap();
    let done = browser.submit_json(&flow, json!({ "method": "code", "code": code })).await;
    assert_eq!(done.status, 200, "{}", done.body);
    let known = browser.get_json("/sessions/whoami").await;
    assert_eq!((known.status, &known.json()["authenticator_assurance_level"]), (200, &json!("aal2")));
}

/// Attack: what one tenant's provider answered is brought to another that has a provider of the same name.
#[tokio::test]
async fn provider_of_another_tenant_signs_nobody_in() {
    let place = Place::open(person("7")).await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
    let query = place.provider.agree(&url).unwrap();
    for path in [format!("/t/other{CALLBACK}/acme?{query}"), format!("{CALLBACK}/other?{query}")] {
        let mut elsewhere = browser.clone();
        let answer = elsewhere.get(&path).await;
        assert!(answer.set_cookie("ory_kratos_session").is_empty(), "{path}: {}", answer.body);
        assert_eq!(elsewhere.get_json("/sessions/whoami").await.status, 401, "{path}");
        assert_eq!(elsewhere.get_json("/t/other/sessions/whoami").await.status, 401, "{path}");
    }
    let mut admin = place.site.client();
    for tenant in ["", "/t/other"] {
        assert_eq!(admin.get_json(&format!("{tenant}/admin/identities")).await.json(), json!([]), "{tenant}");
    }
}

/// Attack: what somebody types, or has in an address, becomes a part of the page.
#[tokio::test]
async fn text_of_somebodys_is_no_mark_up() {
    const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>@example.com";
    let site = Site::open().await;
    let mut browser = site.client();
    for (kind, field) in [("login", "identifier"), ("registration", "traits.email"), ("recovery", "email")] {
        let flow = browser.begin(kind).await;
        let method = if kind == "recovery" { "code" } else { "password" };
        let form = [(field, HOSTILE), ("password", HOSTILE), ("method", method)];
        let answer = browser.submit(&flow, &form).await;
        assert_eq!(answer.status, 303, "{kind}: {}", answer.body);
        let page = browser.get(answer.location()).await;
        assert_eq!(page.status, 200, "{kind}: {}", page.body);
        for part in ["<script>alert", "<img src=x", "onerror=alert(2)>"] {
            assert!(!page.body.contains(part), "{kind}: {part}: {}", page.body);
        }
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src") && !policy.contains("unsafe-inline"), "{kind}: {policy}");
    }
    for path in
        ["/ui/error?id=%3Cscript%3Ealert(1)%3C/script%3E", "/nothing/%3Cscript%3Ealert(1)%3C/script%3E"]
    {
        assert!(!browser.get(path).await.body.contains("<script>alert"), "{path}");
    }
}
