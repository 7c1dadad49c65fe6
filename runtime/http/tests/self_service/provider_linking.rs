//! Who must prove what before an account and another provider's are one.

use primitives::Clock as _;
use serde_json::json;
use testkit::totp::code;

use crate::client::messages;
use crate::providers::{Place, flow_of, person};
use crate::second_factor::enrol;

const ADA: &str = "ada@example.com";

/// Attack: somebody who knows the password alone adds a way in that outlives it.
#[tokio::test]
async fn password_alone_links_nothing_to_who_has_a_second_factor() {
    let place = Place::open(person("1")).await;
    let mut owner = place.site.signed_in(ADA).await;
    let secret = enrol(&place.site, &mut owner).await;

    let mut browser = place.site.client();
    let asked = place.enter(&mut browser, "login", "acme").await;
    let flow = flow_of(&mut browser, &asked).await;
    let form = [("identifier", ADA), ("password", "correct horse"), ("method", "password")];
    let half = browser.submit(&flow, &form).await;
    assert_eq!(half.location(), "/self-service/login/browser?aal=aal2", "{}", half.body);
    let flow = browser.get_json(half.location()).await.json();
    let right = code(&secret, place.site.clock.now());
    let done = browser.submit(&flow, &[("method", "totp"), ("totp_code", right.as_str())]).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);

    let mut later = place.site.client();
    let asked = place.enter(&mut later, "login", "acme").await;
    assert_eq!(messages(&flow_of(&mut later, &asked).await), [1_010_016], "nothing was linked");

    // With both factors it can be, on the page of the account; and then the provider is the first factor.
    let linked = place.enter(&mut browser, "settings", "acme").await;
    assert_eq!(messages(&flow_of(&mut browser, &linked).await), [1_050_001]);
    let mut later = place.site.client();
    let half = place.enter(&mut later, "login", "acme").await;
    assert_eq!(half.location(), "/self-service/login/browser?aal=aal2", "{}", half.body);
}

/// Attack: whoever runs a provider asks it about everybody, to learn who has an account.
#[tokio::test]
async fn account_is_told_of_to_who_has_proven_its_address_where_that_is_not_told() {
    for (verified, expect) in [(true, 1_010_016), (false, 4_000_001)] {
        let mut says = person("1");
        says["email_verified"] = verified.into();
        let place = Place::with(says, json!({"account_enumeration": "mitigate"}), |_| ()).await;
        place.site.person(ADA).await;
        let mut browser = place.site.client();
        let asked = place.enter(&mut browser, "login", "acme").await;
        assert_eq!(messages(&flow_of(&mut browser, &asked).await), [expect], "{verified}");
    }
}

#[tokio::test]
async fn nobody_signs_up_where_that_is_closed_and_who_is_linked_signs_in() {
    let place = Place::with(person("1"), json!({"registration_enabled": false}), |_| ()).await;
    let mut browser = place.site.client();
    let refused = place.enter(&mut browser, "login", "acme").await;
    assert!(refused.location().starts_with("/ui/error?id="), "{}", refused.location());
    let body = json!({
        "schema_id": "default", "traits": {"email": ADA},
        "credentials": {"oidc": {"config": {"providers": [{"provider": "acme", "subject": "1"}]}}},
    });
    let made = place.site.client().json("POST", "/admin/identities", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let done = place.enter(&mut browser, "login", "acme").await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);

    // Who may not sign in does not by another way either.
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let patch = json!([{"op": "replace", "path": "/state", "value": "inactive"}]);
    let disabled = place.site.client().json("PATCH", &format!("/admin/identities/{id}"), &patch).await;
    assert_eq!(disabled.status, 200, "{}", disabled.body);
    let mut later = place.site.client();
    let refused = place.enter(&mut later, "login", "acme").await;
    assert!(refused.location().starts_with("/ui/error?id="), "{}", refused.location());
    assert!(!later.cookies.contains_key("ory_kratos_session"));
}

/// Attack: whoever sits at somebody's browser proves again who they are with an account of their own.
#[tokio::test]
async fn provider_of_somebody_else_renews_no_session() {
    let place = Place::open(person("1")).await;
    let known = place.enter(&mut place.site.client(), "login", "acme").await;
    assert_eq!(known.location(), "/ui/settings", "{}", known.body);
    let mut browser = place.site.signed_in("bob@example.com").await;
    let since = browser.get_json("/sessions/whoami").await.json()["authenticated_at"].clone();
    place.site.clock.advance(std::time::Duration::from_mins(1));
    let flow = browser.get_json("/self-service/login/browser?refresh=true").await.json();
    let url = place.press(&mut browser, &flow, ("provider", "acme")).await;
    let refused = place.agree(&mut browser, &url, "acme").await;
    assert_eq!(messages(&flow_of(&mut browser, &refused).await), [4_000_006]);
    assert_eq!(browser.get_json("/sessions/whoami").await.json()["authenticated_at"], since);
}
