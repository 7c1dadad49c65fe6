//! Signing in, signing up and linking with other providers, over HTTP, as browsers do it.

use std::sync::Arc;

use primitives::Timestamp;
use primitives::transform::NoTransformHook;
use serde_json::{Value, json};
use testkit::provider::{FakeProvider, Manners};

use crate::client::{Client, Response, messages};
use crate::site::Site;

pub(crate) const ISSUER: &str = "https://op.example";
const ADA: &str = "ada@example.com";
/// The organisation whose people alone sign in with the provider `home`.
const HOME: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

/// A provider that vouches for one person, and the site that lets it.
pub(crate) struct Place {
    pub(crate) site: Site,
    pub(crate) provider: Arc<FakeProvider>,
}

pub(crate) fn person(subject: &str) -> Value {
    json!({
        "sub": subject, "email": ADA, "email_verified": true, "given_name": "Ada", "family_name": "Lovelace",
        "acr": "gold", "amr": ["hwk"],
    })
}

impl Place {
    pub(crate) async fn open(says: Value) -> Self {
        Self::with(says, json!({}), |_| ()).await
    }

    pub(crate) async fn with(says: Value, identity: Value, change: impl FnOnce(&mut Manners)) -> Self {
        Self::hooked(says, identity, json!([]), change).await
    }

    /// The same, of a tenant with webhooks. The provider is all that is reached: what is asked of another server it does not answer.
    pub(crate) async fn hooked(
        says: Value,
        identity: Value,
        webhooks: Value,
        change: impl FnOnce(&mut Manners),
    ) -> Self {
        let mut manners = Manners {
            issuer: Some(ISSUER.to_owned()),
            metadata: json!({
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": true,
            }),
            token: format!("{ISSUER}/token"),
            client: "basic",
            secret: "s3cret with ~ and +".to_owned(),
            pkce: true,
            id_token: says,
            answer: vec![("iss".to_owned(), ISSUER.to_owned())],
            ..Manners::default()
        };
        change(&mut manners);
        let secret = manners.secret.clone();
        if manners.client == "basic" {
            // In a header the secret is a form value.
            "s3cret+with+%7E+and+%2B".clone_into(&mut manners.secret);
        }
        let provider = FakeProvider::new(manners, Timestamp::from_seconds(1_800_000_000)).unwrap();
        let provider = Arc::new(provider);
        let settings = |id: &str| {
            json!({
                "id": id, "provider": "generic", "label": "Acme", "client_id": "client", "issuer_url": ISSUER,
                "trusts_email": true,
            })
        };
        let mut home = settings("home");
        home["organization_id"] = json!(HOME);
        let federation = json!({ "provider": [settings("acme"), settings("other"), home] });
        let settings = json!({ "identity": identity, "federation": federation, "webhook": webhooks });
        let site = Site::configured(settings, provider.clone(), Arc::new(NoTransformHook)).await;
        for id in ["acme", "other", "home"] {
            let path = format!("/admin/portcullis/v1/providers/{id}/secret");
            let set = site.client().json("PUT", &path, &json!({ "value": secret })).await;
            assert_eq!(set.status, 204, "{}", set.body);
        }
        Self { site, provider }
    }

    /// Presses the button of a provider on a form; where the browser is sent.
    pub(crate) async fn press(&self, browser: &mut Client, flow: &Value, button: (&str, &str)) -> String {
        let sent = browser.submit(flow, &[button]).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        assert!(sent.location().starts_with(&format!("{ISSUER}/authorize?")), "{}", sent.location());
        sent.location().to_owned()
    }

    /// Goes to the provider, agrees, and comes back.
    pub(crate) async fn agree(&self, browser: &mut Client, url: &str, provider: &str) -> Response {
        let query = self.provider.agree(url).unwrap();
        browser.get(&format!("{CALLBACK}/{provider}?{query}")).await
    }

    /// All of it, from a new form of this kind.
    pub(crate) async fn enter(&self, browser: &mut Client, kind: &str, provider: &str) -> Response {
        let flow = browser.begin(kind).await;
        let button = if kind == "settings" { "link" } else { "provider" };
        let url = self.press(browser, &flow, (button, provider)).await;
        self.agree(browser, &url, provider).await
    }
}

pub(crate) const CALLBACK: &str = "/self-service/methods/oidc/callback";

/// The flow of the page that a browser was sent to.
pub(crate) async fn flow_of(browser: &mut Client, answer: &Response) -> Value {
    let (page, id) =
        answer.location().split_once("?flow=").unwrap_or_else(|| panic!("{}", answer.location()));
    let kind = page.strip_prefix("/ui/").unwrap();
    let flow = browser.get_json(&format!("/self-service/{kind}/flows?id={id}")).await;
    assert_eq!(flow.status, 200, "{}", flow.body);
    flow.json()
}

fn buttons(flow: &Value, name: &str) -> Vec<String> {
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    let of = nodes.iter().filter(|node| node["attributes"]["name"] == name && node["group"] == "oidc");
    of.map(|node| node["attributes"]["value"].as_str().unwrap().to_owned()).collect()
}

async fn whoami(browser: &mut Client) -> Value {
    let known = browser.get_json("/sessions/whoami").await;
    assert_eq!(known.status, 200, "{}", known.body);
    known.json()
}

#[tokio::test]
async fn somebody_new_gets_an_account_and_comes_back_to_it() {
    let place = Place::open(person("248289761001")).await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    assert_eq!(buttons(&flow, "provider"), ["acme", "other"]);
    let label = flow["ui"]["nodes"].as_array().unwrap().iter().find(|node| node["group"] == "oidc").unwrap();
    assert_eq!(label["meta"]["label"]["id"], 1_010_002);
    assert_eq!(label["meta"]["label"]["context"], json!({"provider": "Acme", "provider_id": "acme"}));

    let done = place.enter(&mut browser, "login", "acme").await;
    assert_eq!((done.status, done.location()), (303, "/ui/settings"), "{}", done.body);
    let known = whoami(&mut browser).await;
    assert_eq!(
        known["identity"]["traits"],
        json!({"email": ADA, "name": {"first": "Ada", "last": "Lovelace"}})
    );
    assert_eq!(known["identity"]["verifiable_addresses"][0]["verified"], true);
    let method = &known["authentication_methods"][0];
    assert_eq!(method["method"], "oidc");
    assert_eq!((&method["provider"], &method["upstream_acr"]), (&json!("acme"), &json!("gold")));
    assert_eq!(method["upstream_amr"], json!(["hwk"]));

    let mut elsewhere = place.site.client();
    let again = place.enter(&mut elsewhere, "login", "acme").await;
    assert_eq!(again.location(), "/ui/settings", "{}", again.body);
    assert_eq!(whoami(&mut elsewhere).await["identity"]["id"], known["identity"]["id"]);
    // By the sign-up form it is the same account too.
    let mut third = place.site.client();
    place.enter(&mut third, "registration", "acme").await;
    assert_eq!(whoami(&mut third).await["identity"]["id"], known["identity"]["id"]);
}

/// Attack: the first session of a provider's people knows nothing of what their organisation asks.
#[tokio::test]
async fn organisation_of_a_provider_has_its_say_in_the_first_session() {
    for (policy, expect) in [
        (json!({"session_lifespan_seconds": 600}), 200),
        (json!({"required_aal": "aal2"}), 403),
        (json!({"allowed_methods": ["password"]}), 401),
    ] {
        let place = Place::open(person("1")).await;
        let home = json!({"id": HOME, "label": "Home", "policy": policy});
        let made = place.site.client().json("POST", "/admin/portcullis/v1/organisations", &home).await;
        assert_eq!(made.status, 201, "{}", made.body);
        place.prove(HOME, "example.com").await;
        let mut browser = place.site.client();
        let entered = place.enter(&mut browser, "registration", "home").await;
        let known = browser.get_json("/sessions/whoami").await;
        assert_eq!(known.status, expect, "{policy}: {} {}", entered.body, known.body);
        if expect == 200 {
            let time = |name: &str| known.json()[name].as_str().unwrap().to_owned();
            assert_eq!(
                (&time("issued_at")[14..16], &time("expires_at")[14..16]),
                ("00", "10"),
                "ten minutes"
            );
        }
    }
}

#[tokio::test]
async fn application_of_one_page_is_told_where_to_send_the_browser() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let body = json!({
        "method": "oidc", "provider": "acme",
        "upstream_parameters": {
            "prompt": "consent", "hd": "example.com", "redirect_uri": "https://evil.example", "login_hint": "eve@example.com",
        },
    });
    let told = browser.submit_json(&flow, body).await;
    assert_eq!((told.status, told.error_id().as_str()), (422, "browser_location_change_required"));
    let url = told.json()["redirect_browser_to"].as_str().unwrap().to_owned();
    let asked = place.provider.request(&url).unwrap();
    let find = |name: &str| {
        let found: Vec<_> =
            asked.iter().filter(|(known, _)| known == name).map(|(_, v)| v.as_str()).collect();
        found.join(" and ")
    };
    assert_eq!(find("prompt"), "consent");
    assert_eq!(find("hd"), "example.com");
    assert_eq!(find("login_hint"), "", "whose account it is to be is not the form's to say");
    assert_eq!(find("redirect_uri"), "https://id.example/self-service/methods/oidc/callback/acme");
    assert_eq!(
        (find("scope").as_str(), find("code_challenge_method").as_str()),
        ("openid email profile", "S256")
    );
}

#[tokio::test]
async fn same_address_is_no_proof_of_an_account() {
    let place = Place::open(person("1")).await;
    let mut owner = place.site.signed_in(ADA).await;
    let account = whoami(&mut owner).await["identity"]["id"].clone();

    let mut browser = place.site.client();
    let asked = place.enter(&mut browser, "login", "acme").await;
    assert!(asked.location().starts_with("/ui/login?flow="), "{}", asked.location());
    assert!(!browser.cookies.contains_key("ory_kratos_session"));
    let flow = flow_of(&mut browser, &asked).await;
    assert_eq!(messages(&flow), [1_010_016]);
    assert_eq!(buttons(&flow, "provider"), ["other"], "the provider that waits is no proof");

    // Another account proves nothing of this one.
    place.site.person("eve@example.com").await;
    let form = [("identifier", "eve@example.com"), ("password", "correct horse"), ("method", "password")];
    let refused = browser.submit(&flow, &form).await;
    let flow = flow_of(&mut browser, &refused).await;
    assert_eq!(messages(&flow), [4_010_009]);
    assert!(!browser.cookies.contains_key("ory_kratos_session"));

    let form = [("identifier", ADA), ("password", "correct horse"), ("method", "password")];
    let done = browser.submit(&flow, &form).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
    assert_eq!(whoami(&mut browser).await["identity"]["id"], account);
    let mut later = place.site.client();
    place.enter(&mut later, "login", "acme").await;
    assert_eq!(whoami(&mut later).await["identity"]["id"], account, "linked once the account was proven");
}

#[tokio::test]
async fn what_the_provider_does_not_tell_is_asked_and_what_it_tells_stays() {
    let mut says = person("1");
    says["email"] = Value::Null;
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"traits": {
            "type": "object",
            "properties": {
                "email": {"type": "string", "format": "email", "title": "E-mail", "ory.sh/kratos": {
                    "credentials": {"password": {"identifier": true}}, "verification": {"via": "email"}}},
                "nickname": {"type": "string", "title": "Nickname"},
            },
            "required": ["email"],
        }},
    });
    says["nickname"] = "Countess".into();
    let identity = json!({"schemas": {"default": {"schema": schema}}});
    let place = Place::with(says, identity, |_| ()).await;
    let mut browser = place.site.client();
    let asked = place.enter(&mut browser, "login", "acme").await;
    assert!(asked.location().starts_with("/ui/registration?flow="), "{}", asked.location());
    let flow = flow_of(&mut browser, &asked).await;
    assert_eq!(messages(&flow), [4_000_002], "{flow}");
    let page = browser.get(asked.location()).await;
    assert!(page.body.contains("Countess") && !page.body.contains("type=\"password\""), "{}", page.body);
    // What the provider says is not typed over.
    let form = [("method", "oidc"), ("traits.email", "new@example.com"), ("traits.nickname", "Eve")];
    let done = browser.submit(&flow, &form).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
    let known = whoami(&mut browser).await;
    assert_eq!(known["identity"]["traits"], json!({"email": "new@example.com", "nickname": "Countess"}));
    assert_eq!(
        known["identity"]["verifiable_addresses"][0]["verified"], false,
        "nobody proved what was typed"
    );
}

#[tokio::test]
async fn account_is_linked_and_unlinked_on_its_page_and_keeps_a_way_in() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.signed_in("grace@example.com").await;
    let flow = browser.begin("settings").await;
    assert_eq!(
        (buttons(&flow, "link"), buttons(&flow, "unlink")),
        (vec!["acme".into(), "other".into()], vec![])
    );
    let done = place.enter(&mut browser, "settings", "acme").await;
    let flow = flow_of(&mut browser, &done).await;
    assert_eq!((messages(&flow), &flow["state"]), (vec![1_050_001], &json!("success")), "{flow}");
    assert_eq!(
        (buttons(&flow, "link"), buttons(&flow, "unlink")),
        (vec!["other".into()], vec!["acme".into()])
    );

    // The same person there cannot be two here.
    let mut other = place.site.signed_in("eve@example.com").await;
    let refused = place.enter(&mut other, "settings", "acme").await;
    assert_eq!(messages(&flow_of(&mut other, &refused).await), [8_000_022]);

    let gone = browser.submit(&flow, &[("unlink", "acme")]).await;
    let flow = flow_of(&mut browser, &gone).await;
    assert_eq!((buttons(&flow, "link").len(), buttons(&flow, "unlink").len()), (2, 0), "{flow}");

    // Who signed up with it has nothing else.
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    place.enter(&mut browser, "login", "acme").await;
    let flow = browser.begin("settings").await;
    assert_eq!(buttons(&flow, "unlink"), [""; 0]);
    let kept = browser.submit(&flow, &[("unlink", "acme")]).await;
    assert_eq!(messages(&flow_of(&mut browser, &kept).await), [8_000_023]);
}

#[tokio::test]
async fn link_needs_a_young_session_when_the_provider_has_answered() {
    let identity = json!({"session": {"privileged_max_age_seconds": 60}});
    let place = Place::with(person("1"), identity, |_| ()).await;
    let mut browser = place.site.signed_in("grace@example.com").await;
    let flow = browser.begin("settings").await;
    let url = place.press(&mut browser, &flow, ("link", "acme")).await;
    place.site.clock.advance(std::time::Duration::from_mins(2));
    let refused = place.agree(&mut browser, &url, "acme").await;
    assert!(
        refused.location().starts_with("/self-service/login/browser?refresh=true"),
        "{}",
        refused.location()
    );
    let mut later = place.site.client();
    place.enter(&mut later, "login", "acme").await;
    assert_eq!(whoami(&mut later).await["identity"]["traits"]["email"], ADA, "nothing was linked");
    let old = browser.submit(&flow, &[("link", "acme")]).await;
    assert!(old.location().starts_with("/self-service/login/browser?refresh=true"), "{}", old.location());
}

#[tokio::test]
async fn application_presents_an_id_token_that_it_was_given() {
    let place = Place::open(person("1")).await;
    let mut native = place.site.client();
    let token = place.provider.id_token(Some("n-1")).unwrap();
    let begin = async |native: &mut Client| native.get_json("/self-service/login/api").await.json();
    let check = async |native: &mut Client, body: Value| {
        let flow = begin(native).await;
        native.submit_json_native(&flow, &body, &[]).await
    };
    for nonce in [json!("n-2"), Value::Null] {
        let body = json!({"method": "oidc", "provider": "acme", "id_token": token, "id_token_nonce": nonce});
        let refused = check(&mut native, body).await;
        assert_eq!((refused.status, messages(&refused.json())), (400, vec![8_000_020]), "{nonce}");
    }
    let body = json!({"method": "oidc", "provider": "acme", "id_token": token, "id_token_nonce": "n-1"});
    let done = check(&mut native, body).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(done.json()["session_token"].as_str().is_some_and(|token| token.starts_with("ory_st_")));
    // Nobody else's browser is sent on behalf of an application.
    let refused = check(&mut native, json!({"method": "oidc", "provider": "acme"})).await;
    assert_eq!((refused.status, messages(&refused.json())), (400, vec![4_010_002]));
}

#[tokio::test]
async fn operator_sees_links_takes_them_away_and_brings_them() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    place.enter(&mut browser, "login", "acme").await;
    let id = whoami(&mut browser).await["identity"]["id"].as_str().unwrap().to_owned();
    let path = format!("/admin/identities/{id}");
    let mut admin = place.site.client();
    let seen = admin.get_json(&path).await.json();
    let oidc = &seen["credentials"]["oidc"];
    assert_eq!(oidc["identifiers"], json!(["acme:1"]));
    assert_eq!(
        oidc["config"]["providers"],
        json!([{"provider": "acme", "subject": "1"}]),
        "no tokens unasked"
    );

    let refused = admin.send("DELETE", &format!("{path}/credentials/oidc?identifier=acme:1"), &[], "").await;
    assert_eq!(refused.status, 400, "the last way in stays: {}", refused.body);
    let body = json!({
        "schema_id": "default", "traits": {"email": ADA},
        "credentials": {"oidc": {"config": {"providers": [{"provider": "other", "subject": "2"}]}}},
    });
    let put = admin.json("PUT", &path, &body).await;
    assert_eq!(
        put.json()["credentials"]["oidc"]["identifiers"],
        json!(["acme:1", "other:2"]),
        "{}",
        put.body
    );
    for (identifier, status) in
        [("acme:2", 404), ("", 400), ("acme:1", 204), ("acme:1", 404), ("other:2", 400)]
    {
        let path = format!("{path}/credentials/oidc?identifier={identifier}");
        let answer = admin.send("DELETE", &path, &[], "").await;
        assert_eq!(answer.status, status, "{identifier}: {}", answer.body);
    }
    let body = json!({
        "schema_id": "default", "traits": {"email": "grace@example.com"},
        "credentials": {"oidc": {"config": {"providers": [{"provider": "acme", "subject": "1"}]}}},
    });
    let made = admin.json("POST", "/admin/identities", &body).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let taken = admin.json("POST", "/admin/identities", &body).await;
    assert_eq!(taken.status, 409, "{}", taken.body);
    let mut later = place.site.client();
    place.enter(&mut later, "login", "acme").await;
    assert_eq!(whoami(&mut later).await["identity"]["id"], made.json()["id"]);
}

#[tokio::test]
async fn tokens_are_renewed_once_when_they_are_asked_for() {
    let place = Place::open(person("1")).await;
    let mut browser = place.site.client();
    place.enter(&mut browser, "login", "acme").await;
    let id = whoami(&mut browser).await["identity"]["id"].as_str().unwrap().to_owned();
    let path = format!("/admin/identities/{id}?include_credential=oidc");
    let of = |seen: &Value| seen["credentials"]["oidc"]["config"]["providers"][0].clone();
    let seen = of(&place.site.client().get_json(&path).await.json());
    let (initial, current) = (&seen["initial_access_token"], &seen["current_access_token"]);
    assert!(
        initial == current && initial.as_str().is_some_and(|token| token.starts_with("access-")),
        "{seen}"
    );

    place.site.clock.advance(std::time::Duration::from_hours(2));
    place.provider.asked();
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let (mut admin, path) = (place.site.client(), path.clone());
        tasks.push(tokio::spawn(async move { admin.get_json(&path).await.json() }));
    }
    let mut tokens = std::collections::BTreeSet::new();
    for task in tasks {
        let renewed = of(&task.await.unwrap());
        assert_eq!(renewed["initial_access_token"], *initial);
        tokens.insert(renewed["current_access_token"].as_str().unwrap().to_owned());
    }
    assert_eq!(tokens.len(), 1, "{tokens:?}");
    assert!(!tokens.contains(current.as_str().unwrap()));
    let renewals = place.provider.asked().iter().filter(|asked| asked.ends_with("/token")).count();
    assert_eq!(renewals, 1, "of many who ask at a time one renews");
}
