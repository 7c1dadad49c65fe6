//! PKCE (RFC 7636) over HTTP and the database: where `plain` is, and what it is never taken for.

use serde_json::json;

use super::code::{App, VERIFIER, sign_up};
use crate::browser::Browser;
use crate::world::World;

/// Of that verifier (appendix B).
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ACME: (&str, &str) = ("PATCH", "/admin/portcullis/v1/tenants/acme");

/// Says who has `plain`.
async fn set(world: &World, tenant: bool, client: bool) {
    let settings = json!({ "settings": { "oauth2": { "pkce_plain": tenant } } });
    let changed = world.operate(&world.key, ACME, "default", &settings).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let patch = json!([{"op": "add", "path": "/pkce_plain", "value": client}]);
    let changed = world.operate(&world.key, ("PATCH", "/admin/clients/app"), "acme", &patch).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["pkce_plain"], client);
}

/// What comes of a request: its code, or the error.
async fn ask(app: &App<'_>, browser: &mut Browser, challenge: &str, method: &str) -> Result<String, String> {
    let more = [("code_challenge", challenge), ("code_challenge_method", method)];
    let answer = browser.get(&app.authorize(&more)).await;
    answer.sent("code").ok_or_else(|| answer.sent("error").unwrap_or_default())
}

/// What comes of a code.
async fn redeem(app: &App<'_>, code: &str, verifier: &str) -> String {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "https://app.example/cb"),
        ("code_verifier", verifier),
    ];
    let answer = app.endpoint("token", &form).await.json();
    answer["error"].as_str().unwrap_or("tokens").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_is_there_while_tenant_and_client_both_have_it_and_never_with_a_profile() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    set(&world, false, false).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let discovery = format!("{}/.well-known/openid-configuration", world.tenant("acme"));
    for (tenant, client) in [(false, false), (true, false), (false, true), (true, true)] {
        set(&world, tenant, client).await;
        for method in ["plain", ""] {
            let asked = ask(&app, &mut browser, VERIFIER, method).await;
            if !(tenant && client) {
                assert_eq!(asked, Err("invalid_request".to_owned()), "{tenant} {client} {method:?}");
                continue;
            }
            let code = asked.unwrap();
            assert_eq!(redeem(&app, &code, CHALLENGE).await, "invalid_grant");
            assert_eq!(redeem(&app, &code, VERIFIER).await, "tokens");
        }
        // Attack: the challenge stood in the request, and is brought as the verifier.
        let code = ask(&app, &mut browser, CHALLENGE, "S256").await.unwrap();
        assert_eq!(redeem(&app, &code, CHALLENGE).await, "invalid_grant", "{tenant} {client}");
        assert_eq!(redeem(&app, &code, VERIFIER).await, "tokens", "{tenant} {client}");
        let told = Browser::default().get(&discovery).await.json();
        let expect = if tenant { json!(["S256", "plain"]) } else { json!(["S256"]) };
        assert_eq!(told["code_challenge_methods_supported"], expect);
    }
    // It is taken away while a code waits.
    let code = ask(&app, &mut browser, VERIFIER, "plain").await.unwrap();
    set(&world, false, true).await;
    assert_eq!(redeem(&app, &code, VERIFIER).await, "invalid_grant");
    let both = json!({"settings": {"oauth2": {"pkce_plain": true, "security_profile": "fapi2-security"}}});
    assert_eq!(world.operate(&world.key, ACME, "default", &both).await.status, 400);
}
