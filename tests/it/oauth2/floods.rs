//! What requests write of whoever proves nothing: a flood of them fills no table.
//!
//! | request | what it writes |
//! |---|---|
//! | an authorization request, pushed or not, with or without a proof of possession; signing out; documents | nothing: what is to be kept travels sealed |
//! | tokens, introspection, revocation, userinfo, without what they are for, with or without a proof of possession | nothing |
//! | pages, and forms that somebody who is not signed in sends to them | nothing |
//! | a token that is revoked again | nothing |
//! | a device's request | one row, of so many for each source and client, for the minutes of its code |
//! | a device's code that is wrong | no row of its own; the counts of its source and of the tenant |
//! | a registration, where everybody may | one client, of so many for each source and tenant; one that gets no token leaves; refused, the count of its source |
//! | a change of a registration | one client and one record, of so many for each client, and their count; where it changes nothing, the count alone; nothing where its token is none |
//! | a client's secret that is wrong, where somebody chose it | no row of its own; the counts of its source and of the client, so many times |

use std::collections::BTreeMap;

use primitives::Clock as _;
use serde_json::json;
use testkit::prover::Prover;

use crate::browser::{Browser, Response, encode};
use crate::database::{Commits, count_rows};
use crate::world::World;

/// A path, headers, and a form.
type Request<'a> = (&'a str, &'a [(&'a str, String)], &'a [(&'a str, &'a str)]);

/// More than any limit of one source.
const FLOOD: usize = 45;
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A node with a public client and one that has a secret, where everybody may register.
async fn world() -> World {
    let world = World::start().await;
    let settings = json!({"settings": {"oauth2": {"registration": {"mode": "open"}}}});
    let set =
        world.operate(&world.key, ("PATCH", "/admin/portcullis/v1/tenants/acme"), "default", &settings).await;
    assert_eq!(set.status, 200, "{}", set.text());
    for (id, method) in [("spa", "none"), ("app", "client_secret_basic")] {
        let client = json!({"client_id": id, "token_endpoint_auth_method": method, "redirect_uris": ["https://app.example/cb"],
            "grant_types": ["authorization_code", "refresh_token", DEVICE], "scope": "openid"});
        world.client("acme", client).await;
    }
    world
}

/// What a flood of a request leaves: the tables that have more rows, and how many more.
async fn left(world: &World, ask: impl AsyncFn(usize) -> Response) -> BTreeMap<String, i64> {
    // What the first of them makes for all (a tenant's keys) is no flood.
    ask(FLOOD).await;
    world.storage.flush_audit().await.unwrap();
    let before = count_rows(world.location()).await;
    for n in 0..FLOOD {
        let answer = ask(n).await;
        assert!(answer.status < 500 || answer.status == 503, "{}: {}", answer.status, answer.text());
    }
    // What is written a second later counts too.
    world.storage.flush_audit().await.unwrap();
    let after = count_rows(world.location()).await;
    after
        .into_iter()
        .map(|(name, rows)| (name.clone(), rows - before[&name]))
        .filter(|(_, more)| *more > 0)
        .collect()
}

/// Whether a flood of a request makes the database commit anything at all, be it the same row over again.
async fn commits(world: &World, ask: impl AsyncFn(usize) -> Response) -> bool {
    ask(FLOOD).await;
    world.storage.flush_audit().await.unwrap();
    let mut commits = Commits::watch(world.location()).await;
    let before = commits.version().await;
    for n in 0..FLOOD {
        ask(n).await;
    }
    world.storage.flush_audit().await.unwrap();
    commits.version().await != before
}

async fn post(world: &World, path: &str, headers: &[(&str, String)], form: &[(&str, &str)]) -> Response {
    let kind = ("content-type", "application/x-www-form-urlencoded".to_owned());
    let url = format!("{}{path}", world.tenant("acme"));
    Browser::default().send("POST", &url, &[&[kind][..], headers].concat(), encode(form)).await
}

async fn get(world: &World, path: &str) -> Response {
    Browser::default().get(&format!("{}{path}", world.tenant("acme"))).await
}

const REQUEST: [(&str, &str); 7] = [
    ("client_id", "spa"),
    ("response_type", "code"),
    ("redirect_uri", "https://app.example/cb"),
    ("scope", "openid"),
    ("state", "the-state"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_travel_sealed_write_nothing() {
    let world = world().await;
    let query = encode(&REQUEST);
    for path in [
        format!("/oauth2/auth?{query}"),
        format!("/oauth2/auth?{query}&prompt=none"),
        format!("/oauth2/auth?{query}&login_verifier=x"),
        "/oauth2/auth?client_id=nobody".to_owned(),
        "/oauth2/auth?client_id=spa&request_uri=urn:ietf:params:oauth:request_uri:x".to_owned(),
        "/oauth2/sessions/logout?client_id=spa&state=x".to_owned(),
        "/oauth2/device/verify?user_code=BBBB-BBBB".to_owned(),
        "/userinfo".to_owned(),
        "/.well-known/openid-configuration".to_owned(),
        "/.well-known/jwks.json".to_owned(),
    ] {
        assert_eq!(left(&world, async |_| get(&world, &path).await).await, BTreeMap::new(), "{path}");
        assert!(!commits(&world, async |_| get(&world, &path).await).await, "{path}");
    }
    assert!(!commits(&world, async |_| post(&world, "/oauth2/auth", &[], &REQUEST).await).await);
    assert!(!commits(&world, async |_| post(&world, "/oauth2/par", &[], &REQUEST).await).await);
    let pushed = left(&world, async |_| post(&world, "/oauth2/par", &[], &REQUEST).await).await;
    assert_eq!(pushed, BTreeMap::new());
}

/// Attack: each proof is of a key that was made up for it, and the use of each would be written down.
#[tokio::test(flavor = "multi_thread")]
async fn proofs_of_keys_that_somebody_makes_up_write_nothing() {
    let world = world().await;
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "ory_rt_AAAA"), ("client_id", "spa")];
    for (path, form, status) in [("/oauth2/par", &REQUEST[..], 201), ("/oauth2/token", &refresh[..], 400)] {
        let endpoint = format!("{}{path}", world.tenant("acme"));
        let ask = async |n: usize| {
            let claims = json!({"jti": format!("flood-{n}"), "htm": "POST", "htu": endpoint,
                "iat": world.clock.now().seconds()});
            let proof = [("dpop", Prover::generate().prove(&claims))];
            let answer = post(&world, path, &proof, form).await;
            assert_eq!(answer.status, status, "{}", answer.text());
            answer
        };
        assert_eq!(left(&world, &ask).await, BTreeMap::new(), "{path}");
        assert!(!commits(&world, &ask).await, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_without_what_they_are_for_write_nothing() {
    let world = world().await;
    let wrong = [("authorization", "Basic YXBwOndyb25n".to_owned())];
    let bearer = [("authorization", "Bearer ory_at_AAAA".to_owned())];
    let code = [
        ("grant_type", "authorization_code"),
        ("code", "ory_ac_AAAA"),
        ("client_id", "spa"),
        ("redirect_uri", "https://app.example/cb"),
        ("code_verifier", CHALLENGE),
    ];
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", "ory_rt_AAAA"), ("client_id", "spa")];
    let device = [("grant_type", DEVICE), ("device_code", "ory_dc_AAAA"), ("client_id", "spa")];
    let requests: [Request<'_>; 10] = [
        ("/oauth2/token", &[], &code),
        ("/oauth2/token", &[], &refresh),
        ("/oauth2/token", &[], &device),
        ("/oauth2/token", &[], &[]),
        ("/oauth2/token", &wrong, &[("grant_type", "client_credentials")]),
        ("/oauth2/introspect", &wrong, &[("token", "ory_at_AAAA")]),
        ("/oauth2/revoke", &[], &[("token", "ory_rt_AAAA"), ("client_id", "spa")]),
        ("/userinfo", &bearer, &[]),
        ("/oauth2/global-token-revocation", &bearer, &[]),
        ("/oauth2/device/auth", &wrong, &[("client_id", "app")]),
    ];
    for (path, headers, form) in requests {
        let more = left(&world, async |_| post(&world, path, headers, form).await).await;
        assert_eq!(more, BTreeMap::new(), "{path} {form:?}");
        assert!(!commits(&world, async |_| post(&world, path, headers, form).await).await, "{path} {form:?}");
    }
}

/// Pages, and the forms on them, of somebody who is not signed in.
#[tokio::test(flavor = "multi_thread")]
async fn pages_and_what_is_refused_on_them_write_nothing() {
    let world = world().await;
    let origin = [("origin", world.base.clone())];
    for path in [
        "/",
        "/ui/login",
        "/ui/consent?consent_challenge=x",
        "/ui/device?device_challenge=x",
        "/ui/logout?logout_challenge=x",
        "/ui/signed-out",
        "/ui/settings",
        "/ui/error?id=x",
        "/self-service/login/browser",
        "/self-service/registration/browser",
        "/self-service/settings/browser",
        "/sessions/whoami",
        "/oauth2/register/nobody",
        "/openapi.json",
        "/openapi",
    ] {
        assert!(!commits(&world, async |_| get(&world, path).await).await, "{path}");
    }
    // Attack: a record for each name that somebody makes up.
    for path in ["", "/organization/a"] {
        let unasked = async |n| get(&world, &format!("/self-service/methods/oidc{path}/callback/p{n}")).await;
        assert!(!commits(&world, unasked).await, "{path}");
    }
    let consent: [(&str, &str); 2] = [("consent_challenge", "x"), ("decision", "allow")];
    for (path, form) in [
        ("/ui/consent", &consent[..]),
        ("/ui/device", &[("device_challenge", "x"), ("decision", "allow")]),
        ("/ui/logout", &[("logout_challenge", "x")]),
        ("/oauth2/sessions/logout", &[("id_token_hint", "x")]),
        ("/ui/sessions", &[("session", "x")]),
        ("/ui/account/deletion", &[]),
    ] {
        assert!(!commits(&world, async |_| post(&world, path, &origin, form).await).await, "{path}");
    }
}

/// Attack: whoever has one token, dead or alive, has the database write for ever.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_again_writes_nothing() {
    let world = world().await;
    let basic = [("authorization", "Basic c2VydmljZTpzZXJ2aWNlLXNlY3JldC1vZi1pdHM=".to_owned())];
    for strategy in ["opaque", "jwt"] {
        let client = json!({"client_id": "service", "client_secret": "service-secret-of-its",
            "grant_types": ["client_credentials"], "access_token_strategy": strategy});
        world.client("acme", client).await;
        let token = post(&world, "/oauth2/token", &basic, &[("grant_type", "client_credentials")]).await;
        let token = token.json()["access_token"].as_str().unwrap().to_owned();
        let revoke = async |_| post(&world, "/oauth2/revoke", &basic, &[("token", &token)]).await;
        let mut watched = Commits::watch(world.location()).await;
        let before = watched.version().await;
        assert_eq!(revoke(0).await.status, 200);
        let is_sqlite = matches!(world.location(), storage::Location::Sqlite(_));
        assert!(watched.version().await != before || !is_sqlite, "the first time it is written down");
        assert!(!commits(&world, revoke).await, "{strategy}");
        let gone =
            world.operate(&world.key, ("DELETE", "/admin/clients/service"), "acme", &json!(null)).await;
        assert_eq!(gone.status, 204, "{}", gone.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_of_one_source_are_so_many_and_guesses_are_counts() {
    let world = world().await;
    let begun =
        left(&world, async |_| post(&world, "/oauth2/device/auth", &[], &[("client_id", "spa")]).await).await;
    let of = |left: &BTreeMap<String, i64>, name: &str| left.get(name).copied().unwrap_or(0);
    let codes = of(&begun, "oauth2_device_codes");
    assert!(codes > 0 && codes < 30, "{begun:?}");
    let others = |left: &BTreeMap<String, i64>, known: &[&str]| {
        left.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect::<Vec<_>>()
    };
    assert!(of(&begun, "attempt_buckets") <= 1, "{begun:?}");
    assert_eq!(others(&begun, &["oauth2_device_codes", "attempt_buckets"]), Vec::<String>::new());
    let guessed = left(&world, async |_| {
        let origin = [("origin", world.base.clone())];
        post(&world, "/oauth2/device/verify", &origin, &[("user_code", "BBBB-BBBB")]).await
    });
    let guessed = guessed.await;
    assert!(of(&guessed, "attempt_buckets") <= 2, "{guessed:?}");
    assert_eq!(others(&guessed, &["attempt_buckets"]), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_of_one_source_are_so_many_and_what_is_never_used_leaves() {
    let world = world().await;
    let url = format!("{}/oauth2/register", world.tenant("acme"));
    let registered = left(&world, async |_| {
        let headers = [("content-type", "application/json".to_owned())];
        let body = json!({"redirect_uris": ["https://new.example/cb"]});
        Browser::default().send("POST", &url, &headers, body.to_string()).await
    });
    let registered = registered.await;
    let clients = registered["oauth2_clients"];
    assert!(clients > 0 && clients <= 10, "{registered:?}");
    let known =
        ["oauth2_clients", "oauth2_registration_turns", "attempt_buckets", "audit_records", "changes"];
    assert!(registered.keys().all(|name| known.contains(&name.as_str())), "{registered:?}");
    for one in ["oauth2_registration_turns", "attempt_buckets"] {
        assert!(registered.get(one).is_none_or(|rows| *rows <= 1), "{registered:?}");
    }
    let later = world.clock.now().after(std::time::Duration::from_hours(24));
    let gone = world.storage.delete_expired(later, 100).await.unwrap();
    assert_eq!(
        i64::try_from(gone.clients).unwrap(),
        clients + 1,
        "with the first, which was before the flood"
    );
}

/// Attack: whoever has registered once changes that over and over.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_registrations_are_so_many_and_what_changes_nothing_is_not_written() {
    let world = world().await;
    let url = format!("{}/oauth2/register", world.tenant("acme"));
    let send = async |(method, url): (&str, &str), token: &str, name: &str| {
        let headers =
            [("content-type", "application/json".to_owned()), ("authorization", format!("Bearer {token}"))];
        let body = json!({"client_name": name, "redirect_uris": ["https://new.example/cb"]});
        Browser::default().send(method, url, &headers, body.to_string()).await
    };
    let made = send(("POST", url.as_str()), "", "New").await.json();
    let at = ("PUT", made["registration_client_uri"].as_str().unwrap());
    let token = made["registration_access_token"].as_str().unwrap();
    assert!(!commits(&world, async |_| send(at, "ory_rat_AAAA", "New").await).await);
    assert_eq!(send(at, token, "New").await.status, 200);
    let same = left(&world, async |_| send(at, token, "New").await).await;
    assert_eq!(same, BTreeMap::new());
    let refused = send(at, token, "New").await;
    assert_eq!((refused.status, refused.header("retry-after").is_empty()), (429, false));
    assert!(!commits(&world, async |_| send(at, token, "New").await).await);
    // Whoever looks after many changes the others meanwhile.
    let other = send(("POST", url.as_str()), "", "Other").await.json();
    let at_other = ("PUT", other["registration_client_uri"].as_str().unwrap());
    let token_of_other = other["registration_access_token"].as_str().unwrap();
    assert_eq!(send(at_other, token_of_other, "Renamed").await.status, 200);

    world.clock.advance(std::time::Duration::from_mins(15));
    let changed = left(&world, async |n| send(at, token, &format!("New {n}")).await).await;
    let records = changed["audit_records"];
    assert!(records > 0 && records <= 10, "{changed:?}");
    let known = ["attempt_buckets", "audit_records", "changes"];
    assert!(changed.keys().all(|name| known.contains(&name.as_str())), "{changed:?}");
}

/// Attack: words are tried as the secret of a client, whose name everybody knows. Its own programs go on.
#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_a_clients_secret_are_so_many_and_the_client_gets_its_tokens_meanwhile() {
    let world = world().await;
    let client = json!({"client_id": "words", "client_secret": "a word of ours", "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_post"});
    world.client("acme", client.clone()).await;
    let ask = async |secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", "words"), ("client_secret", secret)];
        post(&world, "/oauth2/token", &[], &form).await
    };
    assert_eq!(ask("a word of ours").await.status, 200);
    let mut told = Vec::new();
    for n in 0..12 {
        told.push(ask(&format!("word {n}")).await.status);
    }
    assert_eq!(told, [[401_u16; 10].as_slice(), &[503; 2]].concat());
    let refused = ask("one more").await;
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    assert_eq!(refused.header("retry-after"), "30");
    let more = left(&world, async |n| ask(&format!("other {n}")).await).await;
    assert_eq!(more, BTreeMap::new(), "what is refused is not even counted");
    assert!(!commits(&world, async |n| ask(&format!("another {n}")).await).await);
    // What was wrong before is no further guess.
    assert_eq!(ask("word 0").await.status, 401);
    assert_eq!(ask("a word of ours").await.status, 200);
    // Nor is anything forgotten when the tenant is loaded anew, or an operator writes the client down as it was.
    let settings = json!({"settings": {"oauth2": {"registration": {"mode": "key"}}}});
    let tenant = ("PATCH", "/admin/portcullis/v1/tenants/acme");
    let set = world.operate(&world.key, tenant, "default", &settings).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(ask("a word of ours").await.status, 200);
    let put = world.operate(&world.key, ("PUT", "/admin/clients/words"), "acme", &client).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(ask("a word of ours").await.status, 200);
}
