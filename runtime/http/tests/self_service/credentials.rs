//! Credentials by the admin API: all kinds brought from elsewhere, taken elsewhere, verified, and taken away.

use primitives::{Clock as _, Timestamp, base64url};
use serde_json::{Value, json};
use testkit::totp::code;

use crate::client::Client;
use crate::site::Site;

const EXPORT: &str = "/admin/portcullis/v1/identities/export";
const ID: &str = "01980000-0000-7000-8000-000000000001";
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const BCRYPT: &str = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2";

/// A key of Ed25519 as COSE has it: {1: 1, 3: -8, -1: 6, -2: …}.
fn key(id: &str, number: u8, is_passwordless: bool) -> Value {
    let head = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
    json!({
        "id": base64url::encode(id),
        "public_key": base64url::encode([&head[..], &[number; 32]].concat()),
        "display_name": format!("Key {number}"),
        "is_passwordless": is_passwordless,
        "attestation_type": "self",
        "transport": ["usb", "nfc"],
        "authenticator": { "aaguid": "f8a011f3-8c0a-4d15-8006-17111f9edc7d", "sign_count": 41 },
        "flags": { "user_verified": true, "backup_eligible": true, "backup_state": true },
        "user_handle": base64url::encode([number; 9]),
    })
}

/// Somebody with a credential of every kind.
fn everything() -> Value {
    json!({
        "schema_id": "default",
        "traits": { "email": "ada@example.com" },
        "credentials": {
            "password": { "config": { "hashed_password": BCRYPT } },
            "totp": { "config": {
                "totp_url": format!("otpauth://totp/id.example:ada%40example.com?secret={SECRET}"),
                "last_step": 41,
            } },
            "lookup_secret": { "config": { "codes": [
                { "code": "abcdefgh" },
                { "code": "ijklmnop", "used_at": "2026-01-02T03:04:05Z" },
            ] } },
            "passkey": { "config": { "credentials": [key("one", 1, true)] } },
            "webauthn": { "config": { "credentials": [key("two", 2, true), key("three", 3, false)] } },
            "oidc": { "config": { "providers": [
                { "provider": "acme", "subject": "ada-7", "current_access_token": "at-1", "initial_refresh_token": "rt-1", "current_expires_at": "2026-01-02T03:04:05Z" },
                { "provider": "rival", "subject": "8" },
            ] } },
        },
    })
}

async fn import(admin: &mut Client, tenant: &str, id: &Value, create: &Value) -> Value {
    let patches = json!({ "identities": [{ "id": id, "create": create }] });
    let path = format!("{tenant}/admin/portcullis/v1/identities/import");
    let made = admin.json("POST", &path, &patches).await;
    assert_eq!(made.status, 200, "{}", made.body);
    made.json()["identities"][0].take()
}

/// What is exported, but for what is of the very copy: when its keys were added.
async fn exported(admin: &mut Client, tenant: &str) -> Value {
    let answer = admin.get_json(&format!("{tenant}{EXPORT}?credentials=true")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut line = answer.json()["identities"][0].take();
    for kind in ["passkey", "webauthn"] {
        for key in line["credentials"][kind]["config"]["credentials"].as_array_mut().unwrap() {
            assert!(key.as_object_mut().unwrap().remove("added_at").is_some_and(|at| at.is_string()));
        }
    }
    line
}

/// What the audit log has of an action, in no order.
async fn logged(site: &Site, action: &str) -> Vec<Value> {
    site.flush_audit().await;
    let log = site.client().get_json("/admin/portcullis/v1/audit").await.body;
    let records = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.filter(|record| record["action"] == action).collect()
}

#[tokio::test]
async fn round_trip_loses_no_credential() {
    let site = Site::open().await;
    let mut admin = site.client();
    let made = import(&mut admin, "", &json!(ID), &everything()).await;
    assert_eq!(made["action"], "create", "{made}");
    let line = exported(&mut admin, "").await;
    let kept = &line["credentials"];
    let brought = everything()["credentials"].clone();
    assert_eq!(kept["password"], brought["password"]);
    for kind in ["passkey", "webauthn"] {
        let [kept, brought] = [kept, &brought]
            .map(|credentials| credentials[kind]["config"]["credentials"].as_array().unwrap());
        assert_eq!(kept.len(), brought.len());
        assert!(brought.iter().all(|key| kept.contains(key)), "{kept:?}");
    }
    let totp = &kept["totp"]["config"];
    assert!(totp["totp_url"].as_str().unwrap().contains(SECRET), "{totp}");
    assert_eq!(totp["last_step"], 41);
    let codes = &kept["lookup_secret"]["config"]["codes"];
    assert_eq!(codes[0], json!({ "code": "abcdefgh", "used_at": null }));
    assert!(codes[1]["used_at"].as_str().unwrap().starts_with("2026-01-02T03:04:05"), "{codes}");
    let links = kept["oidc"]["config"]["providers"].as_array().unwrap();
    let acme = links.iter().find(|link| link["provider"] == "acme").unwrap();
    assert_eq!(
        (&acme["current_access_token"], &acme["initial_refresh_token"]),
        (&json!("at-1"), &json!("rt-1"))
    );

    // The same once more elsewhere: nothing of it differs.
    let mut create = line.clone();
    let id = create.as_object_mut().unwrap().remove("id").unwrap();
    let made = import(&mut admin, "/t/other", &id, &create).await;
    assert_eq!(made["identity"], ID, "{made}");
    assert_eq!(exported(&mut admin, "/t/other").await, line);
    let shown = admin.get_json(&format!("/t/other/admin/identities/{ID}")).await.json();
    for kind in ["password", "totp", "lookup_secret", "passkey", "webauthn", "oidc"] {
        assert_eq!(shown["credentials"][kind]["type"], kind, "{shown}");
    }
    assert!(!shown.to_string().contains(SECRET) && !shown.to_string().contains("abcdefgh"), "{shown}");
}

/// Attack: whoever may read identities takes what signs in as them home.
#[tokio::test]
async fn credentials_are_exported_to_whoever_may_and_it_is_logged() {
    let site = Site::open().await;
    let mut admin = site.client();
    import(&mut admin, "", &json!(ID), &everything()).await;
    let mut keyed = site.keyed_client();
    let reader = site.key("default", "identities:read").await;
    let bearer = format!("Bearer {reader}");
    let headers = [("authorization", bearer.as_str()), ("accept", "application/json")];
    for (query, status) in
        [("", 200), ("?credentials=false", 200), ("?credentials=true", 403), ("?password_hashes=true", 403)]
    {
        let answer = keyed.send("GET", &format!("{EXPORT}{query}"), &headers, "").await;
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
        assert!(!answer.body.contains(SECRET) && !answer.body.contains("abcdefgh"), "{}", answer.body);
    }
    assert_eq!(admin.get_json(&format!("{EXPORT}?credentials=1")).await.status, 400);
    let hashes = admin.get_json(&format!("{EXPORT}?password_hashes=true")).await;
    assert!(hashes.body.contains("$2b$") && !hashes.body.contains(SECRET), "{}", hashes.body);
    admin.get_json(&format!("{EXPORT}?credentials=true")).await;
    let mut seen: Vec<String> = logged(&site, "identities.exported")
        .await
        .iter()
        .map(|record| record["details"].to_string())
        .collect();
    seen.sort();
    let expected = [(1, "password_hashes"), (8, "credentials")].map(|(count, with)| {
        json!({ "identities": "1", "credentials": count.to_string(), "with": with }).to_string()
    });
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn factors_that_cannot_be_taken_over_are_refused() {
    let site = Site::open().await;
    let mut admin = site.client();
    for (kind, config) in [
        ("totp", json!({ "totp_url": "otpauth://totp/x?secret=AAAA" })),
        ("totp", json!({ "totp_url": format!("otpauth://totp/x?secret={SECRET}&digits=8") })),
        ("lookup_secret", json!({ "codes": [{ "code": "abc" }] })),
        ("lookup_secret", json!({ "codes": [{ "code": "abcdef" }, { "code": "ABC-DEF" }] })),
        ("code", json!({ "addresses": [] })),
        ("saml", json!({ "providers": [] })),
    ] {
        let mut person = everything();
        person["credentials"] = json!({ kind: { "config": config } });
        let refused = admin.json("POST", "/admin/identities", &person).await;
        assert_eq!(refused.status, 400, "{kind} {config}: {}", refused.body);
    }
    assert_eq!(admin.get_json("/admin/identities").await.json(), json!([]), "nothing of it was made");
}

/// Attack: a line is imported over the account that it is of, and codes that were used since are good again.
#[tokio::test]
async fn second_factor_that_is_replaced_ends_sessions_and_is_never_set_back() {
    let site = Site::open().await;
    let mut admin = site.client();
    let made = admin.json("POST", "/admin/identities", &everything()).await.json();
    let path = format!("/admin/identities/{}", made["id"].as_str().unwrap());
    let verify = format!("/admin/portcullis/v1{}/credentials/verify", path.strip_prefix("/admin").unwrap());
    let typed = code(SECRET, site.clock.now());
    let by_app = json!({ "type": "totp", "totp_code": typed });
    let by_code = json!({ "type": "lookup_secret", "lookup_secret": "ABCD-efgh" });
    for proof in [&by_app, &by_code] {
        assert_eq!(admin.json("POST", &verify, proof).await.json()["verified"], true, "{proof}");
    }
    let mut body = everything();
    body["credentials"] = json!({
        "totp": body["credentials"]["totp"], "lookup_secret": body["credentials"]["lookup_secret"],
    });
    body["state"] = json!("active");
    assert_eq!(admin.json("PUT", &path, &body).await.status, 200);
    for proof in [&by_app, &by_code] {
        assert_eq!(admin.json("POST", &verify, proof).await.json()["verified"], false, "{proof}");
    }
    // An app of another secret is another app: who signed in with the one before signs in anew.
    let token = session(&site, &made).await;
    assert_eq!(whoami(&site, &token).await, 200);
    assert_eq!(admin.json("PUT", &path, &body).await.status, 200);
    assert_eq!(whoami(&site, &token).await, 200, "nothing differed");
    body["credentials"]["totp"]["config"]["totp_url"] =
        json!("otpauth://totp/x?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    assert_eq!(admin.json("PUT", &path, &body).await.status, 200);
    assert_eq!(whoami(&site, &token).await, 401);
}

/// A session of somebody, as an operator begins one.
async fn session(site: &Site, person: &Value) -> String {
    let path = format!("/admin/portcullis/v1/identities/{}/impersonate", person["id"].as_str().unwrap());
    let begun = site.client().json("POST", &path, &json!({ "reason": "a test" })).await;
    begun.json()["session_token"].as_str().unwrap_or_else(|| panic!("{}", begun.body)).to_owned()
}

async fn whoami(site: &Site, token: &str) -> u16 {
    let headers = [("x-session-token", token), ("accept", "application/json")];
    site.client().send("GET", "/sessions/whoami", &headers, "").await.status
}

#[tokio::test]
async fn each_second_factor_is_verified_once_for_each_code() {
    let site = Site::open().await;
    let mut admin = site.client();
    let made = admin.json("POST", "/admin/identities", &everything()).await.json();
    let path = format!("/admin/portcullis/v1/identities/{}/credentials/verify", made["id"].as_str().unwrap());
    let now = site.clock.now();
    let app = |at: Timestamp| json!({ "type": "totp", "totp_code": code(SECRET, at) });
    let backup = |code: &str| json!({ "type": "lookup_secret", "lookup_secret": code });
    for (proof, verified) in [
        (app(now), true),
        (app(now), false),
        (app(Timestamp::from_seconds(now.seconds() - 30)), false),
        (backup("abcdefgh"), true),
        (backup("abcdefgh"), false),
        (backup("ijklmnop"), false),
    ] {
        let answer = admin.json("POST", &path, &proof).await;
        assert_eq!(answer.json(), json!({ "verified": verified, "state": "active" }), "{proof}");
    }
    let nobody = site.person("eve@example.com").await;
    let other = path.replace(made["id"].as_str().unwrap(), nobody["id"].as_str().unwrap());
    assert_eq!(admin.json("POST", &other, &app(now)).await.json()["verified"], false, "there is none");
    for malformed in [
        json!({ "type": "totp" }),
        json!({ "type": "totp", "totp_code": 7 }),
        json!({ "type": "lookup_secret", "totp_code": "123456" }),
        json!({ "type": "code" }),
    ] {
        assert_eq!(admin.json("POST", &path, &malformed).await.status, 400, "{malformed}");
    }
    let verified = logged(&site, "credential.verified").await;
    let mut methods: Vec<&str> =
        verified.iter().map(|record| record["details"]["method"].as_str().unwrap()).collect();
    methods.sort_unstable();
    assert_eq!(methods, ["lookup_secret", "totp"]);
    assert_eq!(logged(&site, "credential.refused").await.len(), 5);
}

/// Attack: fifty requests verify one code at once, and each is told that it is right.
#[tokio::test(flavor = "multi_thread")]
async fn one_code_is_verified_once_however_many_ask_at_once() {
    let site =
        Site::with(json!({ "limits": { "second_factor": { "burst": 1000, "refill_seconds": 1 } } })).await;
    let mut admin = site.client();
    let made = admin.json("POST", "/admin/identities", &everything()).await.json();
    let path = format!("/admin/portcullis/v1/identities/{}/credentials/verify", made["id"].as_str().unwrap());
    let now = site.clock.now();
    for proof in [
        json!({ "type": "totp", "totp_code": code(SECRET, now) }),
        json!({ "type": "lookup_secret", "lookup_secret": "abcdefgh" }),
    ] {
        let ask = || {
            let (mut admin, path, proof) = (site.client(), path.clone(), proof.clone());
            tokio::spawn(async move { admin.json("POST", &path, &proof).await })
        };
        let asked: Vec<_> = (0..50).map(|_| ask()).collect();
        let mut right = 0;
        for answer in asked {
            let answer = answer.await.unwrap();
            // Whoever missed more often than it is decided again is told so, and nothing else.
            assert!([200, 503].contains(&answer.status), "{}", answer.body);
            right += usize::from(answer.status == 200 && answer.json()["verified"] == true);
        }
        assert_eq!(right, 1, "{proof}");
    }
}

/// Attack: an operator's key guesses codes without the limit of a sign-in.
#[tokio::test]
async fn guesses_at_second_factors_are_bounded() {
    let site =
        Site::with(json!({ "limits": { "second_factor": { "burst": 3, "refill_seconds": 600 } } })).await;
    let mut admin = site.client();
    let made = admin.json("POST", "/admin/identities", &everything()).await.json();
    let path = format!("/admin/portcullis/v1/identities/{}/credentials/verify", made["id"].as_str().unwrap());
    for (kind, field) in [("totp", "totp_code"), ("lookup_secret", "lookup_secret"), ("totp", "totp_code")] {
        let wrong = json!({ "type": kind, field: "000000" });
        assert_eq!(admin.json("POST", &path, &wrong).await.status, 200);
    }
    let right = json!({ "type": "totp", "totp_code": code(SECRET, site.clock.now()) });
    assert_eq!(admin.json("POST", &path, &right).await.status, 429);
}

#[tokio::test]
async fn each_kind_is_taken_away_until_one_is_left_to_sign_in_with() {
    let site = Site::open().await;
    let mut admin = site.client();
    let made = admin.json("POST", "/admin/identities", &everything()).await.json();
    let path = format!("/admin/identities/{}", made["id"].as_str().unwrap());
    let one = base64url::encode("two");
    for (kind, status) in [
        ("totp", 204),
        ("totp", 404),
        ("lookup_secret", 204),
        (&format!("webauthn?identifier={one}"), 204),
        (&format!("webauthn?identifier={one}"), 404),
        ("webauthn", 204),
        ("oidc", 400),
        ("oidc?identifier=acme:8", 404),
        ("oidc?identifier=acme:ada-7", 204),
        ("oidc?identifier=rival:8", 204),
        ("passkey", 204),
        ("password", 400),
        ("code", 400),
        ("saml", 400),
        ("profile", 400),
    ] {
        let gone = admin.send("DELETE", &format!("{path}/credentials/{kind}"), &[], "").await;
        assert_eq!(gone.status, status, "{kind}: {}", gone.body);
    }
    let left = admin.get_json(&path).await.json();
    let kinds: Vec<&String> = left["credentials"].as_object().unwrap().keys().collect();
    assert_eq!(kinds, ["password"]);
}
