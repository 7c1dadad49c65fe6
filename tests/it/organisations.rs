//! Organisations through the whole node: their life, what one sees of another, and how people come into them.

use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use crate::browser::{Browser, Response};
use crate::oauth2::code::{csrf_token, sign_up};
use crate::world::World;

pub(crate) const ALL: &str = "/admin/portcullis/v1/organisations";
const PASSWORD: &str = "a long enough phrase";

impl World {
    pub(crate) async fn acme(&self, method: &str, path: &str, body: Value) -> Response {
        self.operate(&self.key, (method, path), "acme", &body).await
    }

    /// The same, where it must succeed.
    pub(crate) async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.acme(method, path, body).await;
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// A list that is answered in lines.
    pub(crate) async fn done_as_lines(&self, path: &str) -> Vec<Value> {
        let page = self.acme("GET", path, Value::Null).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text());
        page.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Makes an organisation; gives the path of it.
    pub(crate) async fn organisation(&self, label: &str, policy: Value) -> String {
        let made = self.done("POST", ALL, json!({ "label": label, "policy": policy })).await;
        format!("{ALL}/{}", made["id"].as_str().unwrap())
    }

    /// The token in the last invitation to an address.
    async fn invitation(&self, address: &str) -> String {
        let path = format!("/admin/courier/messages?recipient={address}");
        for message in self.done("GET", &path, Value::Null).await.as_array().unwrap() {
            let path = format!("/admin/courier/messages/{}", message["id"].as_str().unwrap());
            let body = self.done("GET", &path, Value::Null).await["body"].as_str().unwrap().to_owned();
            if let Some((_, token)) = body.split_once("/ui/invitation?token=") {
                return token.split_whitespace().next().unwrap().to_owned();
            }
        }
        panic!("no invitation to {address}")
    }
}

async fn sign_in(world: &World, email: &str, query: &str) -> (Browser, Response) {
    let mut browser = Browser::default();
    let url = format!("{}/self-service/login/browser?{query}", world.tenant("acme"));
    let begun = browser.get_json(&url).await;
    if begun.status != 200 {
        return (browser, begun);
    }
    let flow = begun.json();
    let body = json!({
        "method": "password",
        "csrf_token": csrf_token(&flow),
        "identifier": email,
        "password": PASSWORD,
    });
    let done = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
    (browser, done)
}

pub(crate) async fn whoami(world: &World, browser: &mut Browser) -> Response {
    browser.get_json(&format!("{}/sessions/whoami", world.tenant("acme"))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn domain_is_proven_by_its_record_and_by_one_organisation() {
    let world = World::start().await;
    let (ours, theirs) =
        (world.organisation("Acme", json!({})).await, world.organisation("Rival", json!({})).await);
    let claim = async |one: &str| {
        let claim = world.done("POST", &format!("{one}/domains"), json!({"domain": "Acme.Example"})).await;
        assert_eq!((claim["domain"].as_str(), &claim["verified_at"]), (Some("acme.example"), &Value::Null));
        claim["record"].clone()
    };
    let (record, rivals) = (claim(&ours).await, claim(&theirs).await);
    let verify = async |one: &str| {
        world.acme("POST", &format!("{one}/domains/acme.example/verify"), Value::Null).await
    };
    assert_eq!(verify(&ours).await.status, 422, "no record");
    let publish = |record: &Value| {
        world.names.publish(record["name"].as_str().unwrap(), record["value"].as_str().unwrap());
    };
    publish(&record);
    assert_eq!(verify(&theirs).await.status, 422, "the record of another claim");
    assert_eq!(verify(&ours).await.status, 200);
    publish(&rivals);
    let taken = verify(&theirs).await;
    assert_eq!(
        (taken.status, taken.json()["type"].as_str()),
        (409, Some("urn:portcullis:problem:domain_taken"))
    );
    world.done("DELETE", &format!("{ours}/domains/acme.example"), Value::Null).await;
    assert_eq!(verify(&theirs).await.status, 200, "it is free again");
    for domain in ["localhost", "127.0.0.1", "a b.example", ""] {
        let refused = world.acme("POST", &format!("{ours}/domains"), json!({"domain": domain})).await;
        assert_eq!(refused.status, 400, "{domain:?}");
    }
}

/// Every path below one organisation, with what is another's in its places: nothing is there.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_one_organisations_is_not_there_below_another_or_in_another_tenant() {
    let world = World::start().await;
    let (ours, theirs) =
        (world.organisation("Acme", json!({})).await, world.organisation("Rival", json!({})).await);
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let ada = whoami(&world, &mut ada).await.json()["identity"]["id"].as_str().unwrap().to_owned();
    world.done("POST", &format!("{ours}/domains"), json!({"domain": "acme.example"})).await;
    world.done("PUT", &format!("{ours}/members/{ada}"), json!({"role": "owner"})).await;
    let group = world.done("POST", &format!("{ours}/groups"), json!({"label": "Buyers"})).await;
    let group = group["id"].as_str().unwrap();
    world.done("PUT", &format!("{ours}/groups/{group}/members/{ada}"), Value::Null).await;
    let invited =
        world.done("POST", &format!("{ours}/invitations"), json!({"address": "bob@acme.example"})).await;
    let invited = invited["id"].as_str().unwrap();

    let below = [
        ("POST", "/domains/acme.example/verify".to_owned(), Value::Null),
        ("DELETE", "/domains/acme.example".to_owned(), Value::Null),
        ("DELETE", format!("/members/{ada}"), Value::Null),
        ("PATCH", format!("/groups/{group}"), json!({"label": "Stolen"})),
        ("GET", format!("/groups/{group}/members"), Value::Null),
        ("PUT", format!("/groups/{group}/members/{ada}"), Value::Null),
        ("DELETE", format!("/groups/{group}/members/{ada}"), Value::Null),
        ("DELETE", format!("/groups/{group}"), Value::Null),
        ("DELETE", format!("/invitations/{invited}"), Value::Null),
    ];
    for (method, path, body) in &below {
        let answer = world.acme(method, &format!("{theirs}{path}"), body.clone()).await;
        assert_eq!(answer.status, 404, "{method} {path} below another: {}", answer.text());
    }
    for list in ["domains", "members", "groups", "invitations"] {
        let listed = world.done("GET", &format!("{theirs}/{list}"), Value::Null).await;
        assert_eq!(listed[list], json!([]), "{list}");
        // A token of one list opens no other.
        let first = world.done("GET", &format!("{ours}/{list}?page_size=1"), Value::Null).await;
        let token = first["next_page_token"].as_str().unwrap();
        let stolen = world.acme("GET", &format!("{theirs}/{list}?page_token={token}"), Value::Null).await;
        assert_eq!(stolen.status, 400, "{list}");
    }
    let rival = world.admin_key(KeyOwner::Tenant("rival".parse().unwrap()), vec![Scope::All]).await;
    let whole = ["", "/domains", "/members", "/groups", "/invitations"];
    let whole = whole.map(|path| ("GET", path.to_owned(), Value::Null));
    for (method, path, body) in below.iter().chain(&whole) {
        for (key, tenant) in [(&world.key, "rival"), (&rival, "rival"), (&rival, "acme")] {
            let answer = world.operate(key, (method, &format!("{ours}{path}")), tenant, body).await;
            assert_eq!(answer.status, 404, "{method} {path} in {tenant}: {}", answer.text());
        }
    }
    let reader = vec![Scope::OrganisationsRead, Scope::IdentitiesWrite];
    let reader = world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), reader).await;
    for (method, path, body) in &below {
        let expect = if *method == "GET" { 200 } else { 403 };
        let answer = world.operate(&reader, (method, &format!("{ours}{path}")), "acme", body).await;
        assert_eq!(answer.status, expect, "{method} {path} with a key that reads");
    }
}

/// Attack: a page token of one tenant, or one that was made up, reads the log of another.
#[tokio::test(flavor = "multi_thread")]
async fn audit_log_is_read_as_lines_by_its_own_tenant() {
    let world = World::start().await;
    for n in 0..4 {
        world.organisation(&format!("Number {n}"), json!({})).await;
        world.clock.advance(std::time::Duration::from_secs(20));
    }
    let (path, mut seen) = ("/admin/portcullis/v1/audit?page_size=2", Vec::new());
    let mut next = path.to_owned();
    loop {
        let page = world.acme("GET", &next, Value::Null).await;
        assert_eq!((page.status, page.header("content-type")), (200, "application/x-ndjson"));
        let lines: Vec<Value> = page.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        seen.extend(lines.iter().map(|line| line["action"].as_str().unwrap().to_owned()));
        let link = page.header("link").to_owned();
        next = link.split_once("page_token=").unwrap().1.split_once('>').unwrap().0.to_owned();
        next = format!("{path}&page_token={next}");
        if lines.len() < 2 {
            break;
        }
    }
    let made = seen.iter().filter(|action| *action == "organisation.created").count();
    assert_eq!(made, 4, "{seen:?}");
    assert_eq!(world.operate(&world.key, ("GET", &next), "rival", &Value::Null).await.status, 400);
    // Since a moment: what was written then, and later.
    let whole = world.done_as_lines("/admin/portcullis/v1/audit").await;
    let third = whole.iter().filter(|line| line["action"] == "organisation.created").nth(2).unwrap();
    let since = format!("/admin/portcullis/v1/audit?since={}", third["at"].as_str().unwrap());
    let place = whole.iter().position(|line| line["at"] == third["at"]).unwrap();
    assert_eq!(world.done_as_lines(&since).await, whole[place..]);
    for when in ["yesterday", "12", "2026-13-01T00:00:00Z"] {
        let path = format!("/admin/portcullis/v1/audit?since={when}");
        assert_eq!(world.acme("GET", &path, Value::Null).await.status, 400, "{when}");
    }
    assert_eq!(world.acme("GET", &format!("{path}&page_token=x"), Value::Null).await.status, 400);
    let key = world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::IdentitiesWrite]).await;
    assert_eq!(world.operate(&key, ("GET", path), "acme", &Value::Null).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_to_their_end_by_their_tokens() {
    let world = World::start().await;
    for n in 0..5 {
        world.organisation(&format!("Number {n}"), json!({})).await;
    }
    let (mut path, mut seen) = (format!("{ALL}?page_size=2"), Vec::new());
    loop {
        let page = world.done("GET", &path, Value::Null).await;
        let ids = page["organisations"].as_array().unwrap().iter().map(|one| one["id"].clone());
        seen.extend(ids.map(|id| id.as_str().unwrap().to_owned()));
        let Some(token) = page["next_page_token"].as_str() else { break };
        path = format!("{ALL}?page_size=2&page_token={token}");
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &sorted), (5, &seen));
}

#[tokio::test(flavor = "multi_thread")]
async fn invited_person_joins_once_signs_in_for_the_organisation_and_is_signed_out_when_they_leave() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({})).await;
    let id = acme.rsplit_once('/').unwrap().1.to_owned();
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let wanted = json!({"address": "ada@acme.example", "role": "admin"});
    world.done("POST", &format!("{acme}/invitations"), wanted).await;
    let token = world.invitation("ada@acme.example").await;
    let base = world.tenant("acme");
    let shown = ada.get_json(&format!("{base}/portcullis/v1/invitations?token={token}")).await.json();
    assert_eq!(
        (shown["organization"]["label"].as_str(), shown["role"].as_str()),
        (Some("Acme"), Some("admin"))
    );

    let accept = format!("{base}/portcullis/v1/invitations/accept");
    let form = ada.post(&accept, &[("token", &token)]).await;
    assert_eq!(form.status, 400, "no form of another origin accepts: {}", form.text());
    let nobody = Browser::default().post_json(&accept, &json!({ "token": token })).await;
    assert_eq!(nobody.status, 401);
    let body = json!({ "token": token });
    let all = futures_util::future::join_all((0..50).map(|_| {
        let (mut ada, accept, body) = (ada.clone(), accept.clone(), body.clone());
        async move { ada.post_json(&accept, &body).await.status }
    }));
    let accepted = all.await.into_iter().filter(|status| *status == 200).count();
    assert_eq!(accepted, 1, "once of fifty at a time");

    let (mut browser, done) = sign_in(&world, "ada@acme.example", &format!("organization={id}")).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let who = whoami(&world, &mut browser).await.json();
    assert_eq!(who["identity"]["organization_id"], id.as_str());
    assert_eq!(who["portcullis_organization"], id.as_str(), "in whose name it is");
    let person = who["identity"]["id"].as_str().unwrap();
    let (_, refused) = sign_in(&world, "ada@acme.example", "organization=rubbish").await;
    assert_eq!(refused.status, 400);

    world.done("DELETE", &format!("{acme}/members/{person}"), Value::Null).await;
    assert_eq!(whoami(&world, &mut browser).await.status, 401, "who leaves is signed out");
    let (_, refused) = sign_in(&world, "ada@acme.example", &format!("organization={id}")).await;
    assert_eq!(refused.status, 400, "not in its name any more");
    let (mut browser, _) = sign_in(&world, "ada@acme.example", "").await;
    assert_eq!(whoami(&world, &mut browser).await.json()["identity"]["organization_id"], Value::Null);
}

/// The values of a page's hidden fields.
pub(crate) fn hidden(page: &str) -> Vec<(String, String)> {
    let fields = page.split("<input type=\"hidden\" name=\"").skip(1);
    let pair = |field: &str| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
    };
    fields.map(pair).collect()
}

/// Attack: another page posts the form, another browser's token is sent along, or somebody else follows the link.
#[tokio::test(flavor = "multi_thread")]
async fn page_of_an_invitation_accepts_for_whoever_opened_it() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({})).await;
    let (mut ada, mut eve) = (Browser::default(), Browser::default());
    sign_up(&world, &mut ada, "ada@acme.example").await;
    sign_up(&world, &mut eve, "eve@acme.example").await;
    world.done("POST", &format!("{acme}/invitations"), json!({"address": "ada@acme.example"})).await;
    let token = world.invitation("ada@acme.example").await;
    let action = format!("{}/ui/invitation", world.tenant("acme"));
    let page = format!("{action}?token={token}");
    let stranger = Browser::default().get(&page).await;
    assert!(
        stranger.text().contains("/self-service/registration/browser?invitation=pci_"),
        "{}",
        stranger.text()
    );
    assert_eq!(Browser::default().get(&format!("{action}?token=pci_x")).await.status, 404);

    let post = async |browser: &mut Browser, fields: &[(String, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        browser.post(&action, &fields).await
    };
    let eves = hidden(&eve.get(&page).await.text());
    let refused = post(&mut eve, &eves).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("role=\"alert\""), "{}", refused.text());
    let crossed = post(&mut ada, &eves).await;
    assert!(crossed.location().path().ends_with("/ui/error"), "another browser's form");
    let bare = post(&mut ada, &[("token".to_owned(), token.clone())]).await;
    assert!(bare.location().path().ends_with("/ui/error"), "no form of ours");

    let adas = hidden(&ada.get(&page).await.text());
    let accepted = post(&mut ada, &adas).await;
    assert_eq!(accepted.status, 303, "{}", accepted.text());
    assert!(accepted.location().path().ends_with("/self-service/settings/browser"));
    assert_eq!(post(&mut ada, &adas).await.status, 404, "once");
    let members = world.done("GET", &format!("{acme}/members"), Value::Null).await;
    assert_eq!(members["members"].as_array().unwrap().len(), 1);
}

/// Attack: a member, a rival's owner or a stranger opens the page on which an organisation's people are managed, or posts to
/// it; an administrator does what only an owner may; another page posts in an owner's name.
#[tokio::test(flavor = "multi_thread")]
async fn people_of_an_organisation_are_managed_by_its_own_owners_and_administrators_only() {
    let world = World::start().await;
    let (acme, rival) =
        (world.organisation("Acme", json!({})).await, world.organisation("Rival", json!({})).await);
    let id = acme.rsplit_once('/').unwrap().1.to_owned();
    let mut people = Vec::new();
    for (name, of, role) in [
        ("owner", &acme, "owner"),
        ("admin", &acme, "admin"),
        ("member", &acme, "member"),
        ("eve", &rival, "owner"),
    ] {
        let mut browser = Browser::default();
        sign_up(&world, &mut browser, &format!("{name}@acme.example")).await;
        let who = whoami(&world, &mut browser).await.json()["identity"]["id"].as_str().unwrap().to_owned();
        world.done("PUT", &format!("{of}/members/{who}"), json!({ "role": role })).await;
        people.push((browser, who));
    }
    let action = format!("{}/ui/organisation", world.tenant("acme"));
    let page = format!("{action}?organisation={id}");
    for (who, status) in [(0, 200), (1, 200), (2, 404), (3, 404)] {
        let shown = people[who].0.get(&page).await;
        assert_eq!(shown.status, status, "{who}: {}", shown.text());
        assert_eq!(shown.text().contains("member@acme.example"), status == 200, "{who}");
    }
    assert_eq!(Browser::default().get(&page).await.status, 303, "a stranger signs in first");

    let form = |text: &str| {
        let fields: Vec<(String, String)> = hidden(text);
        let of = |name: &str| fields.iter().find(|(found, _)| found == name).cloned().unwrap();
        vec![of("csrf_token"), of("organisation")]
    };
    let (owner, admin, member) = (people[0].1.clone(), people[1].1.clone(), people[2].1.clone());
    let forms = [form(&people[0].0.get(&page).await.text()), form(&people[1].0.get(&page).await.text())];
    for (who, of, fields, status) in [
        (1, 1, [("do", "invite"), ("address", "new@acme.example"), ("role", "member"), ("member", "")], 303),
        (1, 1, [("do", "invite"), ("address", "new@acme.example"), ("role", "owner"), ("member", "")], 400),
        (1, 1, [("do", "role"), ("member", member.as_str()), ("role", "owner"), ("address", "")], 400),
        (1, 1, [("do", "role"), ("member", admin.as_str()), ("role", "owner"), ("address", "")], 400),
        (1, 1, [("do", "remove"), ("member", owner.as_str()), ("role", ""), ("address", "")], 400),
        (0, 0, [("do", "invite"), ("address", "no address"), ("role", "member"), ("member", "")], 400),
        (0, 0, [("do", "remove"), ("member", owner.as_str()), ("role", ""), ("address", "")], 400),
        (0, 0, [("do", "nothing"), ("member", member.as_str()), ("role", ""), ("address", "")], 400),
        (2, 0, [("do", "role"), ("member", member.as_str()), ("role", "owner"), ("address", "")], 404),
        (3, 0, [("do", "role"), ("member", member.as_str()), ("role", "admin"), ("address", "")], 404),
        (0, 0, [("do", "role"), ("member", member.as_str()), ("role", "admin"), ("address", "")], 303),
        (0, 0, [("do", "remove"), ("member", member.as_str()), ("role", ""), ("address", "")], 303),
    ] {
        let hidden = forms[of].iter().map(|(name, value)| (&**name, &**value));
        let sent: Vec<(&str, &str)> = hidden.chain(fields).collect();
        let answer = people[who].0.post(&action, &sent).await;
        assert_eq!(answer.status, status, "{who} {fields:?}: {}", answer.text());
        if status == 303 {
            assert!(answer.location().path().ends_with("/ui/organisation"), "{}", answer.location());
        }
    }
    // The form of another browser is none of this one's.
    let crossed: Vec<(&str, &str)> = forms[1].iter().map(|(name, value)| (&**name, &**value)).collect();
    let crossed = people[0].0.post(&action, &crossed).await;
    assert!(crossed.location().path().ends_with("/ui/error"), "{}", crossed.location());
    let settings = people[0].0.get(&format!("{}/self-service/settings/browser", world.tenant("acme"))).await;
    let settings = people[0].0.get(settings.location().as_str()).await;
    assert!(settings.text().contains(&format!("/ui/organisation?organisation={id}")), "{}", settings.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_organisation_ends_its_sessions_and_begins_none() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({})).await;
    for name in ["ada", "bob"] {
        let email = format!("{name}@acme.example");
        let mut browser = Browser::default();
        sign_up(&world, &mut browser, &email).await;
        let who = whoami(&world, &mut browser).await.json();
        let path = format!("{acme}/members/{}", who["identity"]["id"].as_str().unwrap());
        world.done("PUT", &path, json!({"role": "member"})).await;
    }
    let (mut ada, _) = sign_in(&world, "ada@acme.example", "").await;
    let (mut bob, _) = sign_in(&world, "bob@acme.example", "").await;
    for browser in [&mut ada, &mut bob] {
        assert_eq!(whoami(&world, browser).await.status, 200);
    }
    world.done("PATCH", &acme, json!({"state": "inactive"})).await;
    for browser in [&mut ada, &mut bob] {
        assert_eq!(whoami(&world, browser).await.status, 401);
    }
    assert_eq!(sign_in(&world, "ada@acme.example", "").await.1.status, 400);
    world.done("PATCH", &acme, json!({"state": "active"})).await;
    assert_eq!(sign_in(&world, "ada@acme.example", "").await.1.status, 200);
    world.done("DELETE", &acme, Value::Null).await;
    let (mut ada, done) = sign_in(&world, "ada@acme.example", "").await;
    assert_eq!(done.status, 200, "people stay");
    assert_eq!(whoami(&world, &mut ada).await.json()["identity"]["organization_id"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn second_factor_that_an_organisation_asks_for_is_set_up_before_anything_else() {
    let world = World::start().await;
    let acme = world.organisation("Acme", json!({"required_aal": "aal2"})).await;
    let mut browser = Browser::default();
    sign_up(&world, &mut browser, "ada@acme.example").await;
    let who = whoami(&world, &mut browser).await.json();
    let path = format!("{acme}/members/{}", who["identity"]["id"].as_str().unwrap());
    world.done("PUT", &path, json!({"role": "member"})).await;
    assert_eq!(whoami(&world, &mut browser).await.status, 200, "what was begun before is as it was");

    let (mut browser, done) = sign_in(&world, "ada@acme.example", "").await;
    assert_eq!(done.status, 422, "{}", done.text());
    let next = done.json()["redirect_browser_to"].as_str().unwrap().to_owned();
    assert!(next.contains("/self-service/settings/browser"), "{next}");
    let refused = whoami(&world, &mut browser).await;
    assert_eq!(
        (refused.status, refused.json()["error"]["id"].as_str()),
        (403, Some("session_aal2_required"))
    );
    let settings = browser.get_json(&next).await;
    assert_eq!(settings.status, 200, "there it is set up: {}", settings.text());
    let settings = settings.json();
    let mut nodes = settings["ui"]["nodes"].as_array().unwrap().iter();
    assert!(nodes.any(|node| node["group"] == "totp"), "{settings}");
}
