//! Each kind of provider signs somebody in, in its own way. What the real ones do is written here by hand: it is what
//! the table must make work.

use serde_json::{Value, json};
use testkit::provider::Manners;

use crate::world::World;

/// A key of P-256 in PKCS #8, as Apple gives one.
const APPLE_KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2
OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r
1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G
-----END PRIVATE KEY-----";
const SECRET: &str = "a-secret-of-at-least-32-characters";

/// What a sign-in must come to.
struct Expect {
    subject: &'static str,
    email: Option<&'static str>,
    verified: bool,
    given_name: Option<&'static str>,
}

const fn ada(subject: &'static str, verified: bool) -> Expect {
    Expect { subject, email: Some("ada@example.com"), verified, given_name: Some("Ada") }
}

async fn check(kind: &str, settings: Value, manners: Manners, expect: Expect) {
    let secret = if kind == "apple" { APPLE_KEY } else { SECRET };
    let manners = Manners { secret: SECRET.to_owned(), ..manners };
    let world = World::new(kind, &settings, Some(secret), manners);
    let who = world.sign_in().await;
    let who = who.unwrap_or_else(|error| panic!("{kind}: {error}: {:?}", world.provider.asked()));
    let claim = |name: &str| who.claims.get(name).and_then(Value::as_str);
    assert_eq!(who.subject, expect.subject, "{kind}");
    assert_eq!(claim("sub"), Some(expect.subject), "{kind}");
    assert_eq!(claim("email"), expect.email, "{kind}");
    assert_eq!(who.claims.get("email_verified") == Some(&Value::Bool(true)), expect.verified, "{kind}");
    assert_eq!(claim("given_name"), expect.given_name, "{kind}");
    let tokens = who.tokens.unwrap();
    assert!(tokens.current.access_token.is_some_and(|token| token.starts_with("access-")), "{kind}");
}

/// A provider of `OpenID` Connect.
fn openid(issuer: &str, id_token: Value) -> Manners {
    Manners {
        issuer: Some(issuer.to_owned()),
        token: format!("{}/token", issuer.trim_end_matches('/')),
        client: "basic",
        id_token,
        metadata: json!({}),
        ..Manners::default()
    }
}

/// A provider of OAuth 2.0 alone.
fn oauth(token: &str, userinfo: (&str, &str, Value)) -> Manners {
    let (url, shown, document) = userinfo;
    Manners {
        token: token.to_owned(),
        documents: vec![(url.to_owned(), shown.to_owned(), document)],
        client: "post",
        ..Manners::default()
    }
}

fn claims(subject: &str) -> Value {
    json!({
        "sub": subject, "email": "ada@example.com", "email_verified": true,
        "given_name": "Ada", "family_name": "Lovelace",
    })
}

const BEARER: &str = "authorization: Bearer ";

#[tokio::test]
async fn openid_providers() {
    let pkce = |manners: Manners| Manners {
        pkce: true,
        metadata: json!({ "code_challenge_methods_supported": ["plain", "S256"] }),
        ..manners
    };
    check("google", json!({}), pkce(openid("https://accounts.google.com", claims("1"))), ada("1", true))
        .await;
    check("gitlab", json!({}), pkce(openid("https://gitlab.com", claims("2"))), ada("2", true)).await;
    check("netid", json!({}), openid("https://broker.netid.de/", claims("3")), ada("3", true)).await;
    check("salesforce", json!({}), openid("https://login.salesforce.com", claims("4")), ada("4", true)).await;
    let issuer = "https://acme.eu.auth0.com/";
    // Its `updated_at` is a text.
    let mut says = claims("auth0|5");
    says["updated_at"] = "2026-11-26T10:00:00.000Z".into();
    check("auth0", json!({ "issuer_url": issuer }), openid(issuer, says), ada("auth0|5", true)).await;
    let issuer = "https://op.example/realms/a";
    check("generic", json!({ "issuer_url": issuer }), openid(issuer, claims("6")), ada("6", true)).await;
}

#[tokio::test]
async fn generic_provider_may_be_asked_for_claims_and_take_secrets_in_the_body_only() {
    let issuer = "https://op.example";
    let userinfo = format!("{issuer}/userinfo");
    let manners = Manners {
        documents: vec![(userinfo.clone(), BEARER.to_owned(), claims("7"))],
        client: "post",
        metadata: json!({
            "userinfo_endpoint": userinfo,
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }),
        ..openid(issuer, json!({ "sub": "7" }))
    };
    let settings = json!({ "issuer_url": issuer, "claims_source": "userinfo" });
    check("generic", settings.clone(), manners.clone(), ada("7", true)).await;
    // Attack (token substitution): the endpoint speaks of somebody else.
    let mut other = manners;
    other.documents[0].2["sub"] = "8".into();
    let manners = Manners { secret: SECRET.to_owned(), ..other };
    let world = World::new("generic", &settings, Some(SECRET), manners);
    let refused = world.sign_in().await.unwrap_err();
    assert_eq!(refused.class(), "untrusted", "{refused}");
}

#[tokio::test]
async fn microsoft_has_an_issuer_for_each_directory() {
    let tid = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
    let host = "https://login.microsoftonline.com";
    let mut says = claims("pairwise");
    says["tid"] = tid.into();
    says["oid"] = "object".into();
    says["iss"] = format!("{host}/{tid}/v2.0").into();
    let manners = |says: Value| Manners {
        metadata: json!({ "issuer": format!("{host}/{{tenantid}}/v2.0") }),
        documents: vec![(
            "https://graph.microsoft.com/v1.0/me".to_owned(),
            BEARER.to_owned(),
            json!({ "id": "graph" }),
        )],
        ..openid(&format!("{host}/common/v2.0"), says)
    };
    for (source, subject) in [("userinfo", "pairwise"), ("oid", "object"), ("me", "graph")] {
        let settings = json!({ "microsoft_tenant": "common", "subject_source": source });
        let world = World::new(
            "microsoft",
            &settings,
            Some(SECRET),
            Manners { secret: SECRET.to_owned(), ..manners(says.clone()) },
        );
        let who = world.sign_in().await.unwrap();
        assert_eq!(who.subject, subject);
    }
    // Attack: a directory signs for another one.
    for wrong in [json!("00000000-0000-0000-0000-000000000000"), json!("common/../evil"), Value::Null] {
        let mut says = says.clone();
        says["tid"] = wrong.clone();
        let settings = json!({ "microsoft_tenant": "common" });
        let manners = Manners { secret: SECRET.to_owned(), ..manners(says) };
        let world = World::new("microsoft", &settings, Some(SECRET), manners);
        let refused = world.sign_in().await.unwrap_err();
        assert_eq!(refused.class(), "untrusted", "{wrong}: {refused}");
    }
}

#[tokio::test]
async fn apple_takes_a_secret_that_we_sign_and_answers_by_a_form() {
    let issuer = "https://appleid.apple.com";
    // It writes truth as text, and names nobody in the token.
    let says = json!({ "sub": "000.abc", "email": "ada@example.com", "email_verified": "true" });
    let manners = Manners { client: "signed", ..openid(issuer, says) };
    let settings = json!({ "apple_team_id": "TEAM", "apple_private_key_id": "KEY" });
    let world = World::new("apple", &settings, Some(APPLE_KEY), manners);
    let url = world.begin().await;
    let asked = world.provider.request(&url).unwrap();
    let has = |name: &str, value: &str| asked.contains(&(name.to_owned(), value.to_owned()));
    assert!(has("response_mode", "form_post") && has("scope", "openid email name"), "{asked:?}");
    let query = world.provider.agree(&url).unwrap();
    let user = json!({ "name": { "firstName": "Ada", "lastName": "Lovelace" }, "email": "evil@example.com" });
    let user =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("user", &user.to_string()).finish();
    let who = world.come_back(&format!("{query}&{user}")).await.unwrap();
    assert_eq!(who.subject, "000.abc");
    assert_eq!(who.claims["given_name"], "Ada");
    assert_eq!(who.claims["email"], "ada@example.com", "what the browser says of addresses is not believed");
    assert_eq!(who.claims["email_verified"], true);
}

#[tokio::test]
async fn line_signs_with_the_secret_and_linkedin_forgets_the_nonce() {
    let manners = Manners {
        pkce: true,
        shared: true,
        id_token: json!({ "sub": "U1", "iss": "https://access.line.me", "email": "ada@example.com", "name": "Ada" }),
        token: "https://api.line.me/oauth2/v2.1/token".to_owned(),
        client: "post",
        ..Manners::default()
    };
    let expect = Expect { subject: "U1", email: Some("ada@example.com"), verified: false, given_name: None };
    check("line", json!({}), manners, expect).await;
    let mut says = claims("L1");
    says["nonce"] = Value::Null;
    let issuer = "https://www.linkedin.com/oauth";
    let manners = Manners {
        client: "post",
        metadata: json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] }),
        ..openid(issuer, says)
    };
    check("linkedin_v2", json!({}), manners, ada("L1", true)).await;
}

#[tokio::test]
async fn github_says_addresses_elsewhere() {
    let user = json!({ "id": 583_231, "login": "ada", "name": "Ada", "email": "shown@example.com" });
    let emails = |list: Value| {
        let mut manners = oauth(
            "https://github.com/login/oauth/access_token",
            ("https://api.github.com/user", BEARER, user.clone()),
        );
        manners.pkce = true;
        manners.documents.push(("https://api.github.com/user/emails".to_owned(), BEARER.to_owned(), list));
        manners
    };
    let expect = |email, verified| Expect { subject: "583231", email, verified, given_name: None };
    let list = json!([
        { "email": "old@example.com", "primary": false, "verified": true },
        { "email": "ada@example.com", "primary": true, "verified": true },
    ]);
    check("github", json!({}), emails(list.clone()), expect(Some("ada@example.com"), true)).await;
    check("github-app", json!({}), emails(list), expect(Some("ada@example.com"), true)).await;
    // What nobody verified is nobody's, whatever the profile shows.
    let list = json!([{ "email": "ada@example.com", "primary": true, "verified": false }]);
    check("github", json!({}), emails(list), expect(None, false)).await;
}

#[tokio::test]
async fn oauth_services() {
    let named = |subject, verified, given_name| Expect {
        subject,
        email: Some("ada@example.com"),
        verified,
        given_name,
    };
    let discord =
        json!({ "id": "80351110224678912", "username": "ada", "email": "ada@example.com", "verified": true });
    let at = ("https://discord.com/api/users/@me", BEARER, discord);
    let manners = oauth("https://discord.com/api/oauth2/token", at);
    check("discord", json!({}), manners, named("80351110224678912", true, None)).await;

    // It answers `ok`, and has people in a member of their own.
    let slack =
        json!({ "ok": true, "user": { "id": "U0G9QF9C6", "email": "ada@example.com", "name": "Ada" } });
    let mut manners =
        oauth("https://slack.com/api/oauth.access", ("https://slack.com/api/users.identity", BEARER, slack));
    manners.beside = json!({ "ok": true });
    check("slack", json!({}), manners, named("U0G9QF9C6", false, None)).await;

    let facebook =
        json!({ "id": "10", "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace" });
    let at = ("https://graph.facebook.com/me", "?access_token&appsecret_proof&fields", facebook);
    let manners = oauth("https://graph.facebook.com/oauth/access_token", at);
    check("facebook", json!({}), manners, named("10", false, Some("Ada"))).await;

    // The address is in the token answer, the person in a list.
    let vk = json!({ "response": [{ "id": 210_700_286, "first_name": "Ada", "last_name": "Lovelace" }] });
    let mut manners = oauth(
        "https://oauth.vk.com/access_token",
        ("https://api.vk.com/method/users.get", "?access_token&v", vk),
    );
    manners.beside = json!({ "email": "ada@example.com", "user_id": 210_700_286 });
    check("vk", json!({}), manners, named("210700286", false, Some("Ada"))).await;

    let yandex = json!({ "id": "1000034426", "default_email": "ada@example.com", "first_name": "Ada" });
    let at = ("https://login.yandex.ru/info", "authorization: OAuth ", yandex);
    let manners = oauth("https://oauth.yandex.com/token", at);
    check("yandex", json!({}), manners, named("1000034426", false, Some("Ada"))).await;

    let spotify = json!({ "id": "ada", "email": "ada@example.com", "display_name": "Ada" });
    let mut manners =
        oauth("https://accounts.spotify.com/api/token", ("https://api.spotify.com/v1/me", BEARER, spotify));
    (manners.client, manners.pkce) = ("basic", true);
    check("spotify", json!({}), manners, named("ada", false, None)).await;

    let patreon = json!({ "data": { "id": "12", "type": "user", "attributes": {
        "email": "ada@example.com", "is_email_verified": true, "first_name": "Ada" } } });
    let at = ("https://www.patreon.com/api/oauth2/v2/identity", BEARER, patreon);
    check(
        "patreon",
        json!({}),
        oauth("https://www.patreon.com/api/oauth2/token", at),
        named("12", true, Some("Ada")),
    )
    .await;

    // It takes JSON in camel case, and a header of its own.
    let dingtalk = json!({ "openId": "123", "unionId": "u", "nick": "Ada", "email": "ada@example.com" });
    let at = ("https://api.dingtalk.com/v1.0/contact/users/me", "x-acs-dingtalk-access-token: ", dingtalk);
    let mut manners = oauth("https://api.dingtalk.com/v1.0/oauth2/userAccessToken", at);
    manners.camel = true;
    check("dingtalk", json!({}), manners, named("123", false, None)).await;

    let linkedin =
        json!({ "id": "yrZCpj2Z12", "localizedFirstName": "Ada", "localizedLastName": "Lovelace" });
    let at = ("https://api.linkedin.com/v2/me", BEARER, linkedin);
    let expect = Expect { subject: "yrZCpj2Z12", email: None, verified: false, given_name: Some("Ada") };
    check("linkedin", json!({}), oauth("https://www.linkedin.com/oauth/v2/accessToken", at), expect).await;

    let lark = json!({ "sub": "ou_1", "name": "Ada", "email": "ada@example.com", "open_id": "ou_1" });
    let at = ("https://passport.feishu.cn/suite/passport/oauth/userinfo", BEARER, lark);
    let manners = oauth("https://passport.feishu.cn/suite/passport/oauth/token", at);
    check("lark", json!({}), manners, named("ou_1", false, None)).await;

    let x = json!({ "data": { "id": "2244994945", "name": "Ada", "username": "ada" } });
    let mut manners = oauth("https://api.x.com/2/oauth2/token", ("https://api.x.com/2/users/me", BEARER, x));
    (manners.client, manners.pkce) = ("basic", true);
    let expect = Expect { subject: "2244994945", email: None, verified: false, given_name: None };
    check("x", json!({}), manners, expect).await;

    let amazon = json!({ "user_id": "amzn1.account.K2", "email": "ada@example.com", "name": "Ada" });
    let mut manners = oauth(
        "https://api.amazon.com/auth/o2/token",
        ("https://api.amazon.com/user/profile", BEARER, amazon),
    );
    manners.pkce = true;
    check("amazon", json!({}), manners, named("amzn1.account.K2", false, None)).await;

    let uaepass =
        json!({ "sub": "UAEPASS/1", "uuid": "1", "firstnameEN": "Ada", "email": "ada@example.com" });
    let mut manners = oauth(
        "https://id.uaepass.ae/idshub/token",
        ("https://id.uaepass.ae/idshub/userinfo", BEARER, uaepass),
    );
    manners.client = "basic";
    check("uaepass", json!({}), manners, named("1", false, Some("Ada"))).await;
}

#[test]
fn every_kind_is_tried() {
    let text = include_str!("kinds.rs");
    for kind in portcullis_federation::kind::KINDS {
        let tried = format!("\"{}\"", kind.name);
        assert!(text.contains(&tried), "{} signs nobody in here", kind.name);
    }
}
