//! Pages of ours where Hydra has its own, and the page that asks whether to sign out: nothing of an address stands on them.

use serde_json::json;

use super::code::{App, sign_up};
use crate::browser::{Browser, encode};
use crate::world::World;

const PATHS: [(&str, u16); 7] = [
    ("login", 400),
    ("consent", 400),
    ("logout", 400),
    ("logout/callback", 200),
    ("error", 400),
    ("device", 400),
    ("device/done", 200),
];

/// Attack: a link to a site that people trust makes it say what somebody wrote.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_words_of_an_address_are_on_no_fallback_page() {
    const HOSTILE: &str = "Call-0900-HOSTILE <script>alert(1)</script>";
    let world = World::start().await;
    let names = [
        "error",
        "error_description",
        "error_hint",
        "error_debug",
        "error_uri",
        "name",
        "description",
        "client",
        "state",
        "login_challenge",
        "consent_challenge",
        "logout_challenge",
        "device_challenge",
        "user_code",
        "subject",
    ];
    for (path, status) in PATHS {
        for code in [HOSTILE, "HOSTILE", "login_required", "identity_disabled"] {
            let mut query: Vec<_> = names.iter().map(|name| (*name, HOSTILE)).collect();
            query[0] = ("error", code);
            for locale in ["en", "de", "fr", "es"] {
                query.push(("ui_locales", locale));
                let url = format!("{}/oauth2/fallbacks/{path}?{}", world.tenant("acme"), encode(&query));
                let page = Browser::default().get(&url).await;
                assert_eq!(page.status, status, "{path}: {}", page.text());
                // Links to other languages carry the address, whose parts are no text: what is read is between the tags.
                let read: String = page
                    .text()
                    .split('<')
                    .filter_map(|tag| tag.split_once('>'))
                    .map(|(_, text)| text)
                    .collect();
                assert!(!read.contains("HOSTILE") && !read.contains("alert"), "{path}: {read}");
                assert!(!page.text().contains("<script"), "{path}");
                assert!(!read.contains("identity_disabled"), "{path}: {read}");
                assert_eq!(
                    read.contains("login_required"),
                    path == "error" && code == "login_required",
                    "{path} {code}: {read}"
                );
                let policy = page.header("content-security-policy");
                assert!(
                    policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
                    "{policy}"
                );
                assert_eq!(page.header("cache-control"), "no-store");
                assert_eq!(page.header("x-content-type-options"), "nosniff");
                assert_eq!(page.header("referrer-policy"), "same-origin");
                query.pop();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fallback_says_which_setting_is_missing_in_the_language_that_is_asked_for() {
    let world = World::start().await;
    let at = |path: &str, query: &str| format!("{}/oauth2/fallbacks/{path}{query}", world.tenant("acme"));
    for (path, setting) in [
        ("login", "urls.login"),
        ("consent", "urls.consent"),
        ("logout", "urls.logout"),
        ("device", "urls.device.verification"),
    ] {
        let page = Browser::default().get(&at(path, "")).await.text();
        assert!(page.contains(&format!("<code>{setting}</code>")), "{page}");
    }
    let titles = [
        ("en", "Signing in is not set up here"),
        ("de", "Die Anmeldung ist hier nicht eingerichtet"),
        ("fr", "La connexion n’est pas configurée ici"),
        ("es", "El inicio de sesión no está configurado aquí"),
    ];
    for (locale, title) in titles {
        let page = Browser::default().get(&at("login", &format!("?ui_locales={locale}"))).await.text();
        assert!(page.contains(&format!("<h1>{title}</h1>")), "{page}");
    }
    let settings =
        json!({ "settings": { "oauth2": { "urls": { "login": "https://login.acme.example/login" } } } });
    let path = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    assert_eq!(world.operate(&world.key, path, "default", &settings).await.status, 200);
    let page = Browser::default().get(&at("login", "")).await.text();
    assert!(!page.contains("urls.login") && page.contains("There is nothing to do here"), "{page}");
    let told = Browser::default().get_json(&at("error", "?error=login_required")).await;
    assert_eq!((told.status, &told.json()["error"]["id"]), (400, &json!("login_required")));
}

/// Attack: a link says of somebody that they are signed out, and they leave the machine to others.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_that_they_are_signed_out_while_they_are_not() {
    let world = World::start().await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let callback = format!("{}/oauth2/fallbacks/logout/callback", world.tenant("acme"));
    assert_eq!(ada.get(&callback).await.location().path(), "/t/acme/ui/logout");
    assert_eq!(Browser::default().get(&callback).await.status, 200);
}

/// Attacks: a stranger's link signs somebody out; or it has the page say that an app of the stranger's choice asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn sign_out_is_asked_for_by_what_is_sealed_and_never_by_an_address() {
    let world = World::start().await;
    App::register(&world, false).await;
    let (mut ada, mut eve) = (Browser::default(), Browser::default());
    sign_up(&world, &mut ada, "ada@acme.example").await;
    sign_up(&world, &mut eve, "eve@acme.example").await;
    let begin = format!("{}/oauth2/sessions/logout?client_id=app", world.tenant("acme"));
    let (own, evil) = (ada.get(&begin).await, eve.get(&begin).await);
    assert_eq!(own.sent("client"), None, "no name in the address");
    let page = |challenge: &str, more: &str| {
        let challenge = encode(&[("logout_challenge", challenge)]);
        format!("{}/ui/logout?{challenge}{more}", world.tenant("acme"))
    };
    let challenge = own.sent("logout_challenge").unwrap();
    let shown = ada.get(&page(&challenge, "&client=HOSTILE&subject=HOSTILE&client_name=HOSTILE")).await;
    let read: String =
        shown.text().split('<').filter_map(|tag| tag.split_once('>')).map(|(_, text)| text).collect();
    assert!(shown.status == 200 && !read.contains("HOSTILE"), "{read}");
    assert!(read.contains("ada@acme.example") && read.contains("The App"), "{read}");
    let whoami = format!("{}/sessions/whoami", world.tenant("acme"));
    for (challenge, status) in [(evil.sent("logout_challenge").unwrap(), 403), ("made-up".to_owned(), 400)] {
        let shown = ada.get(&page(&challenge, "")).await;
        assert_eq!(shown.status, status, "{}", shown.text());
        assert!(
            !shown.text().contains("ada@acme.example") && !shown.text().contains("name=\"logout_challenge\""),
            "{}",
            shown.text()
        );
    }
    assert_eq!(ada.get_json(&whoami).await.status, 200, "whatever was opened, she is signed in");
    // A page of another origin sends the form.
    let form = encode(&[("logout_challenge", &challenge)]);
    let headers = [
        ("origin", "https://evil.example".to_owned()),
        ("sec-fetch-site", "cross-site".to_owned()),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
    ];
    let url = format!("{}/ui/logout", world.tenant("acme"));
    assert_eq!(ada.send("POST", &url, &headers, form).await.status, 403);
    assert_eq!(ada.get_json(&whoami).await.status, 200);
    assert_eq!(ada.post(&url, &[("logout_challenge", &challenge)]).await.status, 303);
    assert_eq!(ada.get_json(&whoami).await.status, 401);
}
