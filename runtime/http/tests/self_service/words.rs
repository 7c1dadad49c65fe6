//! Messages in a tenant's own words.

use std::sync::Arc;

use primitives::transform::NoTransformHook;
use serde_json::{Value, json};

use crate::site::Site;
use crate::webhooks::{ADA, Receiver};

async fn site(courier: &Value) -> Site {
    let settings = json!({ "courier": courier, "identity": {} });
    Site::configured(settings, Arc::new(Receiver::default()), Arc::new(NoTransformHook)).await
}

/// Asks for a code to get back in, in a language.
async fn ask(site: &Site, language: &str) {
    let mut browser = site.client();
    let flow = browser.begin("recovery").await;
    let headers = [("accept-language", language)];
    let body = json!({ "method": "code", "email": ADA, "csrf_token": crate::client::csrf_token(&flow) });
    let sent = browser.submit_json_native(&flow, &body, &headers).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
}

#[tokio::test]
async fn tenant_says_it_in_its_own_words_where_it_has_any() {
    let words = |greeting: &str| {
        json!({
            "subject": format!("{greeting}: {{{{ recovery_code }}}}"),
            "text": format!("{greeting} {{{{ to }}}}\n{{{{ recovery_code }}}}"),
        })
    };
    let courier = json!({
        "templates": { "recovery_code_valid": { "de": words("Hallo"), "default": words("Ciao") } },
    });
    let site = site(&courier).await;
    site.person(ADA).await;
    for (language, subject) in [("de", "Hallo: "), ("fr", "Ciao: "), ("en", "Ciao: ")] {
        ask(&site, language).await;
        let code = site.code(ADA).await;
        let mail = site.mail(ADA).await;
        assert_eq!(mail["subject"], format!("{subject}{code}"), "{language}");
        assert!(mail["body"].as_str().unwrap().contains(ADA), "{mail}");
        site.clock.advance(std::time::Duration::from_mins(5));
    }
}

/// Attack: whoever may write a tenant's settings has its messages say what nobody can use, or what they should not know.
#[tokio::test]
async fn words_that_could_not_be_used_are_refused_when_they_are_set() {
    let site = site(&json!({})).await;
    for (text, part) in [
        ("Hello", "neither the code nor the link"),
        ("{{ recovery_code }} {{ password }}", "`password`"),
        ("{{ recovery_code", "without `}}`"),
    ] {
        let words = json!({ "subject": "Code", "text": text });
        let courier = json!({ "templates": { "recovery_code_valid": { "en": words } } });
        let body = json!({ "settings": { "courier": courier } });
        let set = site.client().json("PATCH", "/admin/portcullis/v1/tenants/default", &body).await;
        assert_eq!(set.status, 400, "{}", set.body);
        assert!(set.body.contains(part), "{part}: {}", set.body);
    }
}
