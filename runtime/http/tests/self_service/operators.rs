//! Operators: many identities at a time, and finding them.

use serde_json::{Value, json};

use crate::client::Client;
use crate::site::Site;

/// An id that is nobody's.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

const BCRYPT: &str = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2";

fn person(email: &str) -> Value {
    json!({
        "schema_id": "default",
        "traits": { "email": email },
        "credentials": { "password": { "config": { "hashed_password": BCRYPT } } },
    })
}

fn patch(number: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{number:02}")
}

async fn batch(admin: &mut Client, patches: &Value) -> (u16, Value) {
    let answer = admin.json("PATCH", "/admin/identities", &json!({ "identities": patches })).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn batch_makes_those_that_can_be_made_and_says_why_others_were_not() {
    let site = Site::open().await;
    site.person("taken@example.com").await;
    let mut admin = site.client();
    let mut external = person("external@example.com");
    external["external_id"] = json!("crm-1");
    let mut same_external = person("other@example.com");
    same_external["external_id"] = json!("crm-1");
    let mut unknown_hash = person("hash@example.com");
    unknown_hash["credentials"]["password"]["config"]["hashed_password"] = json!("$2b$31$x");
    let patches = json!([
        { "patch_id": patch(1), "create": person("ada@example.com") },
        { "patch_id": patch(2), "create": person("TAKEN@example.com") },
        { "patch_id": patch(3), "create": person("Ada@example.com") },
        { "patch_id": patch(4), "create": external },
        { "patch_id": patch(5), "create": same_external },
        { "patch_id": patch(6), "create": person("no address") },
        { "patch_id": patch(7), "create": unknown_hash },
        { "patch_id": patch(8), "create": { "schema_id": "default" } },
        { "patch_id": patch(9) },
        { "create": person("last@example.com") },
    ]);
    let (status, body) = batch(&mut admin, &patches).await;
    assert_eq!(status, 200, "{body}");
    let outcomes = body["identities"].as_array().unwrap();
    let codes = [0, 409, 409, 0, 409, 400, 400, 400, 400, 0];
    for (number, (outcome, code)) in (1..).zip(outcomes.iter().zip(codes)) {
        let is_named = number == 10 || outcome["patch_id"] == patch(number);
        assert!(is_named, "{outcome}");
        let told = outcome["error"]["code"].as_u64().unwrap_or_default();
        assert_eq!(told, code, "{number}: {outcome}");
        assert_eq!(outcome["action"], if code == 0 { "create" } else { "error" }, "{number}");
        assert_eq!(outcome["identity"].is_string(), code == 0, "{number}");
    }
    let listed = admin.get_json("/admin/identities").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 4);
    let mut browser = site.client();
    site.sign_in(&mut browser, "ada@example.com").await;
}

#[tokio::test]
async fn batch_of_which_nothing_is_made_fails_as_a_whole() {
    let site = Site::open().await;
    site.person("taken@example.com").await;
    let mut admin = site.client();
    for (patches, status) in [
        (json!([{ "create": person("taken@example.com") }]), 409),
        (json!([{ "create": person("no address") }]), 400),
        (json!([]), 400),
        (json!([{ "delete": {} }]), 400),
        (Value::Array((0..1001).map(|_| json!({ "create": {} })).collect()), 400),
        (
            Value::Array(
                (0..201)
                    .map(|number| {
                        let mut one = person(&format!("p{number}@example.com"));
                        one["credentials"]["password"]["config"] = json!({ "password": "correct horse" });
                        json!({ "create": one })
                    })
                    .collect(),
            ),
            400,
        ),
    ] {
        let (found, body) = batch(&mut admin, &patches).await;
        assert_eq!((found, body["error"]["code"].as_u64()), (status, Some(u64::from(status))), "{body}");
    }
    assert_eq!(admin.get_json("/admin/identities").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_thousand_are_made_and_those_there_already_cost_nobody_else() {
    let site = Site::open().await;
    let mut admin = site.client();
    let patches = |numbers: std::ops::Range<u32>| {
        Value::Array(numbers.map(|n| json!({ "create": person(&format!("p{n}@example.com")) })).collect())
    };
    let made = |body: &Value| {
        body["identities"].as_array().unwrap().iter().filter(|one| one["action"] == "create").count()
    };
    let (status, body) = batch(&mut admin, &patches(0..1000)).await;
    assert_eq!((status, made(&body)), (200, 1000));
    let (status, body) = batch(&mut admin, &patches(900..1100)).await;
    assert_eq!((status, made(&body)), (200, 100));
    let (status, _) = batch(&mut admin, &patches(0..1000)).await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn what_is_exported_is_imported_elsewhere_with_id_and_password() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    let mut admin = site.client();
    let export = "/admin/portcullis/v1/identities/export";
    let plain = admin.get_json(export).await.json();
    assert_eq!(plain["identities"][0]["id"], ada["id"]);
    assert!(!plain.to_string().contains("argon2"), "hashes only for whoever asks for them");
    assert_eq!(admin.get_json(&format!("{export}?password_hashes=please")).await.status, 400);
    assert_eq!(admin.get_json(&format!("{export}?page_token=x")).await.status, 400);
    let mut line =
        admin.get_json(&format!("{export}?password_hashes=true")).await.json()["identities"][0].take();
    let id = line.as_object_mut().unwrap().remove("id");
    let patches = json!({ "identities": [{ "id": id, "create": line }] });
    let import = "/t/other/admin/portcullis/v1/identities/import";
    let made = admin.json("POST", import, &patches).await;
    assert_eq!(made.json()["identities"][0]["identity"], ada["id"], "{}", made.body);
    let verify =
        format!("/t/other/admin/portcullis/v1/identities/{}/credentials/verify", ada["id"].as_str().unwrap());
    let proof = json!({ "type": "password", "password": "correct horse" });
    assert_eq!(admin.json("POST", &verify, &proof).await.json()["verified"], true);
    let again = admin.json("POST", import, &patches).await;
    assert_eq!((again.status, again.json()["identities"][0]["error"]["code"].as_u64()), (200, Some(409)));
    // The same id under another name is taken, too; and the compatible API has no ids.
    let mut renamed = patches.clone();
    renamed["identities"][0]["create"]["traits"]["email"] = json!("eve@example.com");
    for list in ["verifiable_addresses", "recovery_addresses"] {
        renamed["identities"][0]["create"][list] = json!([]);
    }
    let taken = admin.json("POST", import, &renamed).await.json();
    assert_eq!(taken["identities"][0]["error"]["reason"], "Another identity has the same id.", "{taken}");
    assert_eq!(admin.json("PATCH", "/t/other/admin/identities", &renamed).await.status, 400);
}

#[tokio::test]
async fn who_no_longer_follows_their_schema_is_listed() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    let mut admin = site.client();
    let path = "/admin/portcullis/v1/identities/violations";
    assert_eq!(admin.get_json(path).await.json(), json!({ "identities": [], "next_page_token": null }));
    let schema = json!({ "type": "object", "properties": { "traits": {
        "type": "object",
        "properties": { "email": { "type": "string", "ory.sh/kratos": { "credentials": { "password": { "identifier": true } } } } },
        "required": ["email", "badge"],
    }}});
    let settings = json!({ "settings": { "identity": { "schemas": { "default": { "schema": schema } } } } });
    let changed = admin.json("PATCH", "/admin/portcullis/v1/tenants/default", &settings).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let found = admin.get_json(path).await.json();
    assert_eq!(found["identities"][0]["id"], ada["id"], "{found}");
    assert_eq!(found["identities"][0]["violations"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(admin.get_json(&format!("{path}?page_token=x")).await.status, 400);
}

#[tokio::test]
async fn filters_of_the_list_narrow_each_other() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    site.person("adam@example.com").await;
    let id = ada["id"].as_str().unwrap();
    let mut admin = site.client();
    for (query, count) in [
        ("preview_credentials_identifier_similar=ADA", 2),
        ("preview_credentials_identifier_similar=adam", 1),
        ("preview_credentials_identifier_similar=eve", 0),
        ("consistency=eventual", 2),
        (&format!("ids={id},{id}"), 1),
        (&format!("ids={id}&credentials_identifier=ada%40example.com"), 1),
        (&format!("ids={id}&credentials_identifier=adam%40example.com"), 0),
        (&format!("ids={id}&preview_credentials_identifier_similar=ada"), 1),
        (&format!("ids={id}&preview_credentials_identifier_similar=adam"), 0),
        (&format!("ids={id}&organization_id={NOBODY}"), 0),
        ("credentials_identifier=adam%40example.com&preview_credentials_identifier_similar=ada", 1),
        ("credentials_identifier=ada%40example.com&preview_credentials_identifier_similar=adam", 0),
        (&format!("credentials_identifier=ada%40example.com&organization_id={NOBODY}"), 0),
        (&format!("preview_credentials_identifier_similar=ada&organization_id={NOBODY}"), 0),
    ] {
        let listed = admin.get_json(&format!("/admin/identities?{query}")).await;
        assert_eq!(listed.json().as_array().map(Vec::len), Some(count), "{query}: {}", listed.body);
    }
    for query in ["ids=ada", "organization_id=acme", "consistency=never", "include_credential=all", "page=2"]
    {
        assert_eq!(admin.get_json(&format!("/admin/identities?{query}")).await.status, 400, "{query}");
    }
    let plain = admin.get_json("/admin/identities").await.json();
    assert!(plain[0].get("credentials").is_none());
    let with =
        admin.get_json(&format!("/admin/identities?ids={id}&include_credential=password")).await.json();
    assert_eq!(with[0]["credentials"]["password"]["identifiers"], json!(["ada@example.com"]));
    assert!(!with.to_string().contains("argon2"));
}

#[tokio::test]
async fn search_pages_by_tokens_of_its_own() {
    let site = Site::open().await;
    for number in 0..5 {
        site.person(&format!("user{number}@example.com")).await;
    }
    let mut admin = site.client();
    let path = "/admin/portcullis/v1/identities?text=user&page_size=2";
    let (mut seen, mut next, mut token) = (Vec::new(), path.to_owned(), String::new());
    loop {
        let page = admin.get_json(&next).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let page = page.json();
        let emails = page["identities"].as_array().unwrap();
        assert!(emails.len() <= 2);
        seen.extend(emails.iter().map(|one| one["traits"]["email"].as_str().unwrap().to_owned()));
        let Some(more) = page["next_page_token"].as_str() else { break };
        more.clone_into(&mut token);
        next = format!("{path}&page_token={more}");
    }
    assert_eq!(seen, (0..5).map(|number| format!("user{number}@example.com")).collect::<Vec<_>>());
    for query in [
        format!("text=other&page_token={token}"),
        "text=user&page_token=x".to_owned(),
        "text=...".to_owned(),
        "name=ada".to_owned(),
        "trait.=x".to_owned(),
        "state=asleep".to_owned(),
        "organisation=x".to_owned(),
        "text=a+b+c+d+e+f+g".to_owned(),
        "page_size=x".to_owned(),
    ] {
        let refused = admin.get_json(&format!("/admin/portcullis/v1/identities?{query}")).await;
        assert_eq!(refused.status, 400, "{query}: {}", refused.body);
    }
    let other = admin.get_json("/t/other/admin/portcullis/v1/identities?text=user").await.json();
    assert_eq!(other["identities"], json!([]));
}

#[tokio::test]
async fn credential_is_verified_as_at_a_sign_in_and_guesses_share_its_limit() {
    let site = Site::with(json!({
        "limits": { "identifier": { "burst": 3, "refill_seconds": 600 }, "address": { "burst": 100, "refill_seconds": 1 }, "flow": { "burst": 100, "refill_seconds": 1 } },
    }))
    .await;
    let ada = site.person("ada@example.com").await;
    let mut admin = site.client();
    let path = format!("/admin/portcullis/v1/identities/{}/credentials/verify", ada["id"].as_str().unwrap());
    let ask = |password: &str| json!({ "type": "password", "password": password });
    for (password, verified) in
        [("correct horse", true), ("wrong", false), ("correct horse", true), ("wrong", false)]
    {
        let answer = admin.json("POST", &path, &ask(password)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.json(), json!({ "verified": verified, "state": "active" }), "{password}");
    }
    // Two guesses here, one at the sign-in.
    let flow = site.client().get_json("/self-service/login/api").await.json();
    let action = flow["ui"]["action"].as_str().unwrap().strip_prefix(crate::site::BASE).unwrap().to_owned();
    let guess = json!({ "method": "password", "identifier": "ada@example.com", "password": "wrong" });
    assert_eq!(site.client().json("POST", &action, &guess).await.status, 400);
    let limited = admin.json("POST", &path, &ask("correct horse")).await;
    assert_eq!(limited.status, 429, "{}", limited.body);
    for (path, body, status) in [
        (path.clone(), json!({ "type": "totp" }), 400),
        (path.clone(), json!({ "type": "password" }), 400),
        (path.replace("/identities/", "/identities/x"), ask("x"), 404),
        (format!("/t/other{path}"), ask("correct horse"), 404),
    ] {
        assert_eq!(admin.json("POST", &path, &body).await.status, status, "{path} {body}");
    }
}

#[tokio::test]
async fn many_sessions_are_ended_or_deleted_at_once() {
    let site = Site::open().await;
    let mut browsers = Vec::new();
    for name in ["ada", "bob", "eve", "kim"] {
        browsers.push(site.signed_in(&format!("{name}@example.com")).await);
    }
    let mut who = Vec::new();
    for browser in &mut browsers {
        who.push(browser.get_json("/sessions/whoami").await.json());
    }
    let mut admin = site.client();
    let mut manage = async |body: Value| {
        let answer = admin.json("POST", "/admin/sessions", &body).await;
        (answer.status, answer.json())
    };
    let done = |count: u32| (200, json!({ "processed": count, "more": false }));
    let (ada, bob) = (&who[0], &who[1]);
    let by_id = json!({ "action": "disable", "sessions": [ada["id"]] });
    assert_eq!(manage(by_id.clone()).await, done(1));
    assert_eq!(manage(by_id).await, done(0), "it was ended before");
    assert_eq!(manage(json!({ "action": "delete", "sessions": [ada["id"]] })).await, done(1));
    assert_eq!(manage(json!({ "action": "disable", "identities": [bob["identity"]["id"]] })).await, done(1));
    assert_eq!(manage(json!({ "action": "delete", "identities": [bob["identity"]["id"]] })).await, done(1));
    assert_eq!(manage(json!({ "action": "disable", "identities": ["*"] })).await, done(2));
    assert_eq!(manage(json!({ "action": "delete", "identities": ["*"] })).await, done(2));
    for refused in [
        json!({ "action": "disable" }),
        json!({ "action": "disable", "identities": [] }),
        json!({ "action": "disable", "sessions": ["*"] }),
        json!({ "action": "disable", "identities": ["*", bob["identity"]["id"]] }),
        json!({ "action": "disable", "identities": [bob["identity"]["id"]], "sessions": [ada["id"]] }),
        json!({ "action": "revive", "identities": ["*"] }),
        json!({ "action": "disable", "sessions": vec![ada["id"].clone(); 501] }),
    ] {
        assert_eq!(manage(refused.clone()).await.0, 400, "{refused}");
    }
    for browser in &mut browsers {
        assert_eq!(browser.get_json("/sessions/whoami").await.status, 401);
    }
}

#[tokio::test]
async fn operator_who_signs_in_as_somebody_is_seen_and_bounded() {
    let site = Site::open().await;
    let ada = site.person("ada@example.com").await;
    let mut admin = site.client();
    let path = format!("/admin/portcullis/v1/identities/{}/impersonate", ada["id"].as_str().unwrap());
    let begun = admin.json("POST", &path, &json!({ "reason": "ticket 77", "lifespan_seconds": 60 })).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let begun = begun.json();
    let token = begun["session_token"].as_str().unwrap();
    let session = begun["session"]["id"].as_str().unwrap();
    let mut app = site.client();
    let headers = [("x-session-token", token), ("accept", "application/json")];
    let who = app.send("GET", "/sessions/whoami", &headers, "").await;
    assert_eq!(who.status, 200, "{}", who.body);
    let who = who.json();
    assert_eq!(who["identity"]["id"], ada["id"]);
    let actor = who["portcullis_act"]["sub"].as_str().unwrap();
    assert_eq!(actor, "listener:test");
    assert_eq!(who["authentication_methods"], json!([]), "nobody has proven anything");

    // The person sees it.
    let mut browser = site.client();
    site.sign_in(&mut browser, "ada@example.com").await;
    let theirs = browser.get_json("/sessions").await.json();
    let seen = &theirs.as_array().unwrap()[0];
    assert_eq!((seen["id"].as_str(), seen["portcullis_act"]["sub"].as_str()), (Some(session), Some(actor)));
    assert_eq!(seen["devices"][0]["user_agent"], format!("Operator ({actor})"));

    // Nothing that one signs in with can be changed in it.
    let flow = app.send("GET", "/self-service/settings/api", &headers, "").await.json();
    let action = flow["ui"]["action"].as_str().unwrap().strip_prefix(crate::site::BASE).unwrap().to_owned();
    for body in [
        json!({ "method": "password", "password": "a longer battery staple" }),
        json!({ "method": "profile", "traits": { "email": "eve@example.com" } }),
    ] {
        let json_headers = [headers[0], headers[1], ("content-type", "application/json")];
        let refused = app.send("POST", &action, &json_headers, &body.to_string()).await;
        assert_eq!(refused.status, 403, "{body}: {}", refused.body);
    }
    // It stays as short as it is.
    let extended = admin.send("PATCH", &format!("/admin/sessions/{session}/extend"), &[], "").await;
    assert_eq!(extended.json()["expires_at"], begun["session"]["expires_at"], "{}", extended.body);
    site.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(app.send("GET", "/sessions/whoami", &headers, "").await.status, 401);

    for (body, status) in [
        (json!({}), 400),
        (json!({ "reason": " " }), 400),
        (json!({ "reason": "x".repeat(257) }), 400),
        (json!({ "reason": "x", "lifespan_seconds": 0 }), 400),
        (json!({ "reason": "x", "lifespan_seconds": 3601 }), 400),
    ] {
        assert_eq!(admin.json("POST", &path, &body).await.status, status, "{body}");
    }
    let off = json!([{ "op": "replace", "path": "/state", "value": "inactive" }]);
    let identity = format!("/admin/identities/{}", ada["id"].as_str().unwrap());
    assert_eq!(admin.json("PATCH", &identity, &off).await.status, 200);
    assert_eq!(admin.json("POST", &path, &json!({ "reason": "x" })).await.status, 400);
    let other = format!("/t/other{path}");
    assert_eq!(admin.json("POST", &other, &json!({ "reason": "x" })).await.status, 404);
}
