//! What owners decide on the page of their organisation: its domains, its connection, its keys.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use primitives::Timestamp;
use serde_json::{Value, json};
use testkit::provider::{FakeProvider, Manners};

use crate::browser::{Browser, Response};
use crate::oauth2::code::sign_up;
use crate::organisations::{ALL, hidden, whoami};
use crate::world::World;

const ISSUER: &str = "https://login.acme.example";
const SECRET: &str = "hunter2-hunter2";

/// A form as it is typed.
type Typed<'a> = &'a [(&'a str, &'a str)];

const CONNECTION: Typed<'static> = &[
    ("do", "set_connection"),
    ("label", "Acme SSO"),
    ("issuer", ISSUER),
    ("client_id", "portcullis"),
    ("client_secret", SECRET),
];

/// Somebody who manages an organisation, in a browser.
struct Person {
    browser: Browser,
    /// The path of the organisation in the API.
    organisation: String,
}

impl Person {
    /// Somebody with a role in it.
    async fn with_role(world: &World, name: &str, organisation: &str, role: &str) -> Self {
        let mut browser = Browser::default();
        sign_up(world, &mut browser, &format!("{name}@acme.example")).await;
        let who = whoami(world, &mut browser).await.json()["identity"]["id"].as_str().unwrap().to_owned();
        world.done("PUT", &format!("{organisation}/members/{who}"), json!({ "role": role })).await;
        Self { browser, organisation: organisation.to_owned() }
    }

    async fn page(&mut self, world: &World) -> Response {
        let organisation = self.organisation.rsplit_once('/').unwrap().1;
        let path = format!("/ui/organisation?organisation={organisation}");
        self.browser.get(&format!("{}{path}", world.tenant("acme"))).await
    }

    /// Sends a form of the page.
    async fn post(&mut self, world: &World, typed: Typed<'_>) -> Response {
        let page = self.page(world).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let fields = hidden(&page.text());
        self.post_with(world, &fields, typed).await
    }

    async fn post_with(&mut self, world: &World, fields: &[(String, String)], typed: Typed<'_>) -> Response {
        let of = |name: &str| {
            let (_, value) = fields.iter().find(|(found, _)| found == name).unwrap();
            (name.to_owned(), value.clone())
        };
        let kept = [of("csrf_token"), of("organisation")];
        let mut form: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (&**name, &**value)).collect();
        form.extend(typed);
        self.browser.post(&format!("{}/ui/organisation", world.tenant("acme")), &form).await
    }

    /// The same, where it is done.
    async fn done(&mut self, world: &World, typed: Typed<'_>) {
        let answer = self.post(world, typed).await;
        assert_eq!(answer.status, 303, "{typed:?}: {}", answer.text());
        assert!(answer.sent("done").is_some(), "{typed:?}: {}", answer.location());
    }
}

/// What there is of an organisation, but for its people.
async fn whole(world: &World, organisation: &str) -> Value {
    let id = organisation.rsplit_once('/').unwrap().1;
    let domains = world.done("GET", &format!("{organisation}/domains"), Value::Null).await;
    let connection = world.acme("GET", &format!("{organisation}/connection"), Value::Null).await;
    let keys = format!("/admin/portcullis/v1/keys?tenant=acme&organisation={id}");
    let keys = world.operate(&world.key, ("GET", &keys), "default", &Value::Null).await;
    json!({ "domains": domains["domains"], "connection": connection.json(), "keys": keys.json()["keys"] })
}

async fn log(world: &World, organisation: &str) -> Vec<String> {
    let id = organisation.rsplit_once('/').unwrap().1;
    let path = format!("/admin/portcullis/v1/audit?organisation={id}&page_size=1000");
    let lines = world.done_as_lines(&path).await;
    lines.iter().map(|line| line["action"].as_str().unwrap().to_owned()).collect()
}

/// Attack: an administrator, a member, the owner of another organisation or a stranger decides what only its owners do, by a
/// form of their own, with the ids of this one.
#[tokio::test(flavor = "multi_thread")]
async fn owners_decide_on_their_own_organisation_and_nobody_else_does() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({})).await;
    let rival = world.organisation("Rival", json!({})).await;
    let mut owner = Person::with_role(&world, "owner", &acme, "owner").await;
    let mut admin = Person::with_role(&world, "admin", &acme, "admin").await;
    let mut member = Person::with_role(&world, "member", &acme, "member").await;
    let mut eve = Person::with_role(&world, "eve", &rival, "owner").await;

    owner.done(&world, &[("do", "add_domain"), ("domain", "Acme.Example")]).await;
    owner.done(&world, CONNECTION).await;
    let made = owner.post(&world, &[("do", "create_key"), ("name", "hr"), ("access", "write")]).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let before = whole(&world, &acme).await;
    assert_eq!(before["domains"][0]["domain"], "acme.example");
    assert_eq!(before["connection"]["has_secret"], true);
    let key = before["keys"][0]["id"].as_str().unwrap().to_owned();
    let written = log(&world, &acme).await;
    for action in ["organisation.domain_claimed", "organisation.connection_set", "admin_key.created"] {
        assert_eq!(written.iter().filter(|found| *found == action).count(), 1, "{action}: {written:?}");
    }

    let other =
        [("do", "set_connection"), ("issuer", "https://login.rival.example"), ("client_id", "portcullis")];
    let deeds: [Typed<'_>; 9] = [
        &[("do", "check_domain"), ("domain", "acme.example")],
        &[("do", "remove_domain"), ("domain", "acme.example")],
        &[("do", "test_connection")],
        &[("do", "disable_connection")],
        &[("do", "delete_connection")],
        &[("do", "revoke_key"), ("key", key.as_str())],
        &[("do", "add_domain"), ("domain", "rival.example")],
        &other,
        &[("do", "create_key"), ("name", "mine"), ("access", "write")],
    ];
    let owners_form = hidden(&owner.page(&world).await.text());
    for typed in deeds {
        let refused = admin.post(&world, typed).await;
        assert_eq!(refused.status, 400, "an administrator: {typed:?}");
        assert!(!refused.text().contains("id=\"keys\""), "nor are they shown it");
        for (who, somebody) in [("a member", &mut member), ("another's owner", &mut eve)] {
            let refused = somebody.post_with(&world, &owners_form, typed).await;
            assert_eq!(refused.status, 404, "{who}: {typed:?}");
        }
        let mut stranger = Person { browser: Browser::default(), organisation: acme.clone() };
        let refused = stranger.post_with(&world, &owners_form, typed).await;
        assert!(refused.status == 303 && refused.sent("done").is_none(), "a stranger: {typed:?}");
    }
    // What is named by the ids of this one is not there for another's owner.
    for typed in &deeds[..6] {
        assert_eq!(eve.post(&world, typed).await.status, 400, "in her own organisation: {typed:?}");
    }
    let page = eve.page(&world).await.text();
    assert!(
        !page.contains("_portcullis-challenge.") && !page.contains(&key) && !page.contains(ISSUER),
        "{page}"
    );
    assert_eq!(whole(&world, &acme).await, before);
    assert_eq!(log(&world, &acme).await, written, "nothing was done");

    // Attack: a page elsewhere posts in the owner's name, with the token of her form.
    let eves_form = hidden(&eve.page(&world).await.text());
    let mut crossed = owners_form.clone();
    let token =
        |form: &[(String, String)]| form.iter().find(|(name, _)| name == "csrf_token").unwrap().1.clone();
    crossed.iter_mut().filter(|(name, _)| name == "csrf_token").for_each(|field| field.1 = token(&eves_form));
    let refused = owner.post_with(&world, &crossed, &[("do", "delete_connection")]).await;
    assert!(refused.location().path().ends_with("/ui/error"), "{}", refused.location());
    assert_eq!(whole(&world, &acme).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn domain_is_added_shown_with_its_record_checked_and_removed() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({})).await;
    let mut owner = Person::with_role(&world, "owner", &acme, "owner").await;
    for wrong in ["localhost", "a b", "", "127.0.0.1"] {
        let refused = owner.post(&world, &[("do", "add_domain"), ("domain", wrong)]).await;
        assert_eq!(refused.status, 400, "{wrong:?}");
        assert!(refused.text().contains("Please enter a domain"), "{}", refused.text());
    }
    owner.done(&world, &[("do", "add_domain"), ("domain", " Acme.Example ")]).await;
    let claim = whole(&world, &acme).await["domains"][0].clone();
    let record = |name: &str| claim["record"][name].as_str().unwrap();
    let page = owner.page(&world).await.text();
    assert!(page.contains(record("name")) && page.contains(record("value")), "{page}");
    assert!(page.contains("Not proven yet"));

    let check = [("do", "check_domain"), ("domain", "acme.example")];
    let early = owner.post(&world, &check).await;
    assert_eq!(early.status, 400);
    assert!(early.text().contains("The record of acme.example is not published yet"), "{}", early.text());
    world.names.publish(record("name"), record("value"));
    owner.done(&world, &check).await;
    let page = owner.page(&world).await.text();
    assert!(page.contains(">Proven<") && !page.contains(record("value")), "{page}");
    owner.done(&world, &[("do", "remove_domain"), ("domain", "acme.example")]).await;
    assert_eq!(whole(&world, &acme).await["domains"], json!([]));
    let written = log(&world, &acme).await;
    for action in ["domain_claimed", "domain_verified", "domain_released"] {
        assert!(written.contains(&format!("organisation.{action}")), "{action}: {written:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_is_set_tested_switched_and_removed_and_its_secret_is_never_shown() {
    let manners = Manners {
        issuer: Some(ISSUER.to_owned()),
        token: format!("{ISSUER}/token"),
        metadata: json!({}),
        ..Manners::default()
    };
    let provider = FakeProvider::new(manners, Timestamp::from_seconds(1_800_000_000)).unwrap();
    let world = World::start_reaching(Arc::new(provider)).await;
    let acme = world.organisation("Acme", json!({})).await;
    let connection = format!("{acme}/connection");
    let mut owner = Person::with_role(&world, "owner", &acme, "owner").await;
    for (name, wrong) in [("issuer", "http://login.acme.example"), ("issuer", "acme"), ("client_id", " ")] {
        let mut typed = CONNECTION.to_vec();
        typed.iter_mut().filter(|(found, _)| *found == name).for_each(|field| field.1 = wrong);
        let refused = owner.post(&world, &typed).await;
        assert_eq!(refused.status, 400, "{name} {wrong:?}");
        assert!(refused.text().contains("value=\"Acme SSO\""), "what was typed is still there");
        assert!(!refused.text().contains(SECRET), "but for the secret");
    }
    assert_eq!(world.acme("GET", &connection, Value::Null).await.status, 404);

    owner.done(&world, CONNECTION).await;
    let set = world.done("GET", &connection, Value::Null).await;
    let page = owner.page(&world).await.text();
    assert!(page.contains(set["redirect_uri"].as_str().unwrap()), "what is registered there: {page}");
    assert!(page.contains("Acme SSO") && page.contains(ISSUER) && !page.contains(SECRET), "{page}");
    let tested = owner.post(&world, &[("do", "test_connection")]).await;
    assert_eq!(tested.status, 200, "{}", tested.text());
    assert!(tested.text().contains("The provider answers"), "{}", tested.text());

    // What an operator has set beside it stays, and the secret does as long as the provider is the same.
    let mut body = set["provider"].clone();
    for name in ["id", "organization_id"] {
        body.as_object_mut().unwrap().remove(name);
    }
    body["groups_claim"] = json!("groups");
    world.done("PUT", &connection, body).await;
    let edit = [
        ("do", "set_connection"),
        ("label", "Acme"),
        ("issuer", ISSUER),
        ("client_id", "portcullis"),
        ("client_secret", ""),
        ("trusts_email", "true"),
    ];
    owner.done(&world, &edit).await;
    let edited = world.done("GET", &connection, Value::Null).await;
    assert_eq!(
        (&edited["provider"]["id"], &edited["provider"]["label"], &edited["provider"]["groups_claim"]),
        (&set["provider"]["id"], &json!("Acme"), &json!("groups"))
    );
    assert_eq!((&edited["provider"]["trusts_email"], &edited["has_secret"]), (&json!(true), &json!(true)));
    let elsewhere =
        edit.map(|(name, value)| (name, if name == "issuer" { "https://other.example" } else { value }));
    owner.done(&world, &elsewhere).await;
    let other = world.done("GET", &connection, Value::Null).await;
    assert_ne!(other["provider"]["id"], set["provider"]["id"], "it names other people");
    assert_eq!(other["has_secret"], false, "whoever is there does not get the secret of the one before");
    let silent = owner.post(&world, &[("do", "test_connection")]).await;
    assert_eq!(silent.status, 400);
    assert!(silent.text().contains("The provider does not answer"), "{}", silent.text());

    for (deed, enabled) in [("disable_connection", false), ("enable_connection", true)] {
        owner.done(&world, &[("do", deed)]).await;
        assert_eq!(world.done("GET", &connection, Value::Null).await["enabled"], enabled);
    }
    world.done("PATCH", &acme, json!({"policy": {"enforce_connection": true}})).await;
    let page = owner.page(&world).await.text();
    assert!(!page.contains("value=\"disable_connection\"") && !page.contains("value=\"delete_connection\""));
    for deed in ["disable_connection", "delete_connection"] {
        let refused = owner.post(&world, &[("do", deed)]).await;
        assert_eq!(refused.status, 400, "people must come by it: {deed}");
    }
    world.done("PATCH", &acme, json!({"policy": {}})).await;
    owner.done(&world, &[("do", "delete_connection")]).await;
    assert_eq!(world.acme("GET", &connection, Value::Null).await.status, 404);
    let written = log(&world, &acme).await;
    for action in ["set", "disabled", "enabled", "deleted"] {
        assert!(written.contains(&format!("organisation.connection_{action}")), "{action}: {written:?}");
    }
}

/// Attack: an owner has the node ask a server of the operator's network, and learns what is there.
#[tokio::test(flavor = "multi_thread")]
async fn connection_reaches_nothing_that_is_not_public() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({})).await;
    let mut owner = Person::with_role(&world, "owner", &acme, "owner").await;
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    inside.set_nonblocking(true).unwrap();
    let port = inside.local_addr().unwrap().port();
    for issuer in [format!("http://127.0.0.1:{port}"), format!("http://localhost:{port}")] {
        let mut typed = CONNECTION.to_vec();
        typed.iter_mut().filter(|(name, _)| *name == "issuer").for_each(|field| field.1 = &issuer);
        owner.done(&world, &typed).await;
        let tested = owner.post(&world, &[("do", "test_connection")]).await;
        assert_eq!(tested.status, 400, "{issuer}: {}", tested.text());
        let reached = inside.accept().map_err(|error| error.kind());
        assert!(matches!(reached, Err(ErrorKind::WouldBlock)), "{issuer}: {reached:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_shown_once_is_good_for_its_organisation_alone_and_ends() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({})).await;
    let rival = world.organisation("Rival", json!({})).await;
    let mut owner = Person::with_role(&world, "owner", &acme, "owner").await;
    for name in ["", "  "] {
        let refused = owner.post(&world, &[("do", "create_key"), ("name", name)]).await;
        assert_eq!(refused.status, 400, "{name:?}");
    }
    let mut keys = Vec::new();
    // What is posted beside what the form offers widens nothing.
    for (name, access) in [("reader", "read"), ("writer", "write"), ("boaster", "all")] {
        let typed = [("do", "create_key"), ("name", name), ("access", access), ("days", "99999")];
        let made = owner.post(&world, &typed).await;
        assert_eq!(made.status, 200, "{}", made.text());
        assert!(made.header("cache-control").contains("no-store"));
        let text = made.text();
        let (_, key) = text.split_once("<code class=\"secret\">").unwrap();
        keys.push(key.split_once('<').unwrap().0.to_owned());
    }
    let page = owner.page(&world).await.text();
    assert!(keys.iter().all(|key| !page.contains(key.as_str())), "it is not shown again: {page}");
    assert!(page.contains("reader") && page.contains("Revoke the key writer"), "{page}");

    let domain = json!({ "domain": "acme.example" });
    let (members, domains) = (format!("{acme}/members"), format!("{acme}/domains"));
    for (key, reads, writes) in [(0, 200, 403), (1, 200, 201), (2, 200, 403)] {
        let key = &keys[key];
        assert_eq!(world.operate(key, ("GET", &members), "acme", &Value::Null).await.status, reads);
        assert_eq!(world.operate(key, ("POST", &domains), "acme", &domain).await.status, writes);
        for elsewhere in [format!("{rival}/members"), ALL.to_owned(), "/admin/identities".to_owned()] {
            let refused = world.operate(key, ("GET", &elsewhere), "acme", &Value::Null).await;
            assert_eq!(refused.status, 404, "{elsewhere}: {}", refused.text());
        }
    }
    let listed = whole(&world, &acme).await["keys"].clone();
    let writer = listed.as_array().unwrap().iter().find(|key| key["name"] == "writer").unwrap();
    owner.done(&world, &[("do", "revoke_key"), ("key", writer["id"].as_str().unwrap())]).await;
    assert_eq!(world.operate(&keys[1], ("GET", &members), "acme", &Value::Null).await.status, 401);
    assert_eq!(world.operate(&keys[0], ("GET", &members), "acme", &Value::Null).await.status, 200);
    world.clock.advance(Duration::from_hours(90 * 24));
    assert_eq!(world.operate(&keys[0], ("GET", &members), "acme", &Value::Null).await.status, 401);
}

/// Attack: whoever finds a browser signed in lets themselves in.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_signed_in_some_time_ago_confirms_that_it_is_them_before_anybody_is_let_in() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({})).await;
    let mut owner = Person::with_role(&world, "owner", &acme, "owner").await;
    let other = Person::with_role(&world, "other", &acme, "member").await;
    owner.post(&world, &[("do", "create_key"), ("name", "hr"), ("access", "write")]).await;
    owner.done(&world, &[("do", "add_domain"), ("domain", "acme.example")]).await;
    owner.done(&world, CONNECTION).await;
    world.clock.advance(Duration::from_hours(2));
    let before = whole(&world, &acme).await;
    let page = owner.page(&world).await.text();
    assert!(page.contains("/self-service/login/browser?refresh=true"), "{page}");
    assert!(!page.contains("value=\"set_connection\"") && !page.contains("value=\"create_key\""), "{page}");
    let members = world.done("GET", &format!("{acme}/members"), Value::Null).await;
    let mut others = other.browser.clone();
    let other = whoami(&world, &mut others).await.json()["identity"]["id"].as_str().unwrap().to_owned();
    let deeds: [Typed<'_>; 10] = [
        CONNECTION,
        &[("do", "add_domain"), ("domain", "more.example")],
        &[("do", "check_domain"), ("domain", "acme.example")],
        &[("do", "remove_domain"), ("domain", "acme.example")],
        &[("do", "enable_connection")],
        &[("do", "disable_connection")],
        &[("do", "delete_connection")],
        &[("do", "create_key"), ("name", "mine")],
        &[("do", "invite"), ("address", "eve@acme.example"), ("role", "owner")],
        &[("do", "role"), ("member", other.as_str()), ("role", "owner")],
    ];
    for typed in deeds {
        let sent = owner.post(&world, typed).await;
        assert_eq!((sent.status, sent.sent("refresh").as_deref()), (303, Some("true")), "{typed:?}");
    }
    assert_eq!(whole(&world, &acme).await, before);
    assert_eq!(world.done("GET", &format!("{acme}/members"), Value::Null).await, members);
    let invited = world.done("GET", &format!("{acme}/invitations"), Value::Null).await;
    assert_eq!(invited["invitations"], json!([]));
    // To take access away needs no more.
    let key = before["keys"][0]["id"].as_str().unwrap();
    owner.done(&world, &[("do", "revoke_key"), ("key", key)]).await;
    owner.done(&world, &[("do", "invite"), ("address", "bob@acme.example"), ("role", "member")]).await;
}
