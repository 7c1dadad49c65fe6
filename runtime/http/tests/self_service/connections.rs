//! Connections of organisations: where an address leads, whom a connection lets in, and what its word is not worth.

use futures_util::future::BoxFuture;
use identity::Write;
use identity::organisation::domain::DomainClaim;
use identity::organisation::ports::{RecordsUnavailable, TextRecords};
use identity::organisation::{Domain, OrganisationWrite};
use primitives::rng::SeededRng;
use primitives::{Change, OrganisationId, TenantId, Timestamp};
use serde_json::{Value, json};
use testkit::provider::Fault;

use crate::client::{Client, Response, messages};
use crate::providers::{ISSUER, Place, flow_of};

const ALL: &str = "/admin/portcullis/v1/organisations";
const BOB: &str = "bob@acme.example";

fn says(email: &str) -> Value {
    json!({"sub": "1", "email": email, "email_verified": true, "given_name": "Bob", "family_name": "Builder"})
}

/// A name server that has what it is asked for.
#[derive(Debug)]
struct Published(String);

impl TextRecords for Published {
    fn find_text<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<String>, RecordsUnavailable>> {
        Box::pin(std::future::ready(Ok(vec![self.0.clone()])))
    }
}

impl Place {
    /// A place whose forms ask for the identifier first, and whose provider says this.
    async fn of(email: &str) -> Self {
        Self::with(says(email), json!({"login": {"style": "identifier_first"}}), |_| ()).await
    }

    async fn operate(&self, method: &str, path: &str, body: Value) -> Response {
        self.site.client().json(method, path, &body).await
    }

    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.operate(method, path, body).await;
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.body);
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    /// An organisation that has proven a domain.
    async fn organisation(&self, domain: &str) -> String {
        let made = self.done("POST", ALL, json!({"label": domain})).await;
        let id = made["id"].as_str().unwrap().to_owned();
        self.prove(&id, domain).await;
        id
    }

    /// Proves a domain, as if its record had been found.
    pub(crate) async fn prove(&self, organisation: &str, domain: &str) {
        let organisation: OrganisationId = organisation.parse().unwrap();
        let now = Timestamp::from_seconds(1_800_000_000);
        let claim = DomainClaim::new(Domain::parse(domain).unwrap(), &SeededRng::new(3), now);
        let proven = claim.prove(&Published(claim.record_value())).await.unwrap();
        let token = claim.token.clone();
        let change = Change::new(TenantId::default_tenant())
            .write(Write::Organisation(OrganisationWrite::ClaimDomain { organisation, claim }))
            .write(Write::Organisation(OrganisationWrite::VerifyDomain {
                organisation,
                domain: proven,
                token,
                at: now,
            }));
        self.site.storage.apply(change).await.unwrap();
    }

    /// Its connection; gives the name of that.
    async fn connect(&self, organisation: &str) -> String {
        let body = json!({
            "provider": "generic", "label": "Acme SSO", "client_id": "client", "issuer_url": ISSUER,
            "trusts_email": true, "client_secret": "s3cret with ~ and +", "groups_claim": "groups",
            "update_identity_on_login": "automatic",
        });
        let set = self.done("PUT", &format!("{ALL}/{organisation}/connection"), body).await;
        set["provider"]["id"].as_str().unwrap().to_owned()
    }

    async fn enforce(&self, organisation: &str) {
        let policy = json!({"policy": {"enforce_connection": true}});
        self.done("PATCH", &format!("{ALL}/{organisation}"), policy).await;
    }

    /// Acme with a connection that everybody of its domain comes by.
    async fn acme(&self) -> (String, String) {
        let acme = self.organisation("acme.example").await;
        let provider = self.connect(&acme).await;
        self.enforce(&acme).await;
        (acme, provider)
    }

    /// Signs in with a connection, from a form that it is not shown on.
    async fn come_by(&self, browser: &mut Client, (organisation, provider): (&str, &str)) -> Response {
        let flow = browser.begin("login").await;
        let url = self.press(browser, &flow, ("provider", provider)).await;
        let query = self.provider.agree(&url).unwrap();
        let at = format!("/self-service/methods/oidc/organization/{organisation}/callback/{provider}");
        browser.get(&format!("{at}?{query}")).await
    }

    async fn members(&self, organisation: &str) -> Vec<Value> {
        let listed = self.done("GET", &format!("{ALL}/{organisation}/members"), Value::Null).await;
        listed["members"].as_array().unwrap().clone()
    }

    async fn nobody_was_made(&self) {
        assert_eq!(self.done("GET", "/admin/identities", Value::Null).await, json!([]));
    }
}

/// Says who one is on the first screen.
async fn identify(browser: &mut Client, who: &str) -> Response {
    let flow = browser.begin("login").await;
    browser.submit(&flow, &[("identifier", who), ("method", "identifier_first")]).await
}

async fn with_password(browser: &mut Client, who: &str) -> Response {
    let flow = browser.begin("login").await;
    let form = [("identifier", who), ("password", "correct horse"), ("method", "password")];
    browser.submit(&flow, &form).await
}

fn names(flow: &Value) -> Vec<String> {
    // Keys have scripts and fields of their own, whoever is asked for.
    let nodes = flow["ui"]["nodes"].as_array().unwrap().iter().filter(|node| node["group"] != "passkey");
    let nodes = nodes.filter(|node| node["attributes"]["node_type"] == "input");
    let shown = nodes.map(|node| {
        let of = &node["attributes"];
        format!("{}={}", of["name"].as_str().unwrap(), of["value"].as_str().unwrap_or_default())
    });
    shown.filter(|name| !name.starts_with("csrf_token") && !name.starts_with("identifier")).collect()
}

/// Attack: the first step tells who has an account.
#[tokio::test]
async fn address_leads_by_its_domain_alone() {
    let place = Place::of(BOB).await;
    place.site.person(BOB).await;
    let (acme, provider) = place.acme().await;
    for who in [BOB, "nobody@ACME.example", " nobody@acme.example"] {
        let mut browser = place.site.client();
        let sent = identify(&mut browser, who).await;
        assert_eq!(sent.status, 303, "{who}: {}", sent.body);
        let asked = place.provider.request(sent.location()).unwrap();
        let hint = asked.iter().find(|(name, _)| name == "login_hint").map(|(_, value)| value.as_str());
        assert_eq!(hint, Some(who.trim()));
    }
    let mut browser = place.site.client();
    for who in ["ada@free.example", "ada@sub.acme.example", "ada"] {
        let stays = identify(&mut browser, who).await;
        let flow = flow_of(&mut browser, &stays).await;
        assert_eq!(
            names(&flow),
            ["provider=acme", "provider=other", "password=", "method=password"],
            "{who}"
        );
    }
    // Whoever comes back without an answer can choose: an owner may come in otherwise.
    let flow = browser.begin("login").await;
    browser.submit(&flow, &[("identifier", BOB), ("method", "identifier_first")]).await;
    let id = flow["id"].as_str().unwrap();
    let flow = browser.get_json(&format!("/self-service/login/flows?id={id}")).await.json();
    assert_eq!(names(&flow)[0], format!("provider={provider}"), "{flow}");
    assert!(names(&flow).contains(&"password=".to_owned()));

    // Without a connection that everybody comes by, it says what there is.
    let policy = json!({"policy": {"allowed_methods": ["passkey", "password"]}});
    place.done("PATCH", &format!("{ALL}/{acme}"), policy).await;
    let shown = identify(&mut browser, BOB).await;
    let button = format!("provider={provider}");
    let expect = [button.as_str(), "password=", "method=password"];
    assert_eq!(names(&flow_of(&mut browser, &shown).await), expect);
    for query in [format!("organization={acme}"), format!("login_hint={BOB}")] {
        let begun = browser.get(&format!("/self-service/login/browser?{query}")).await;
        assert_eq!(names(&flow_of(&mut browser, &begun).await), expect, "{query}");
    }
    // An inactive one decides nothing.
    place.done("PATCH", &format!("{ALL}/{acme}"), json!({"state": "inactive"})).await;
    let shown = identify(&mut browser, BOB).await;
    assert_eq!(names(&flow_of(&mut browser, &shown).await)[..2], ["provider=acme", "provider=other"]);
}

#[tokio::test]
async fn connection_makes_members_of_the_people_of_its_domains() {
    let place = Place::of(BOB).await;
    let (acme, provider) = place.acme().await;
    let mut browser = place.site.client();
    let done = place.come_by(&mut browser, (&acme, &provider)).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
    let known = browser.get_json("/sessions/whoami").await.json();
    assert_eq!(
        (&known["portcullis_organization"], &known["identity"]["organization_id"]),
        (&json!(acme), &json!(acme))
    );
    assert_eq!(known["identity"]["verifiable_addresses"][0]["verified"], true);
    let members = place.members(&acme).await;
    assert_eq!(
        (members.len(), &members[0]["provenance"], &members[0]["role"]),
        (1, &json!("connection"), &json!("member"))
    );

    // Attack: whoever was taken out comes back by the same way.
    let id = known["identity"]["id"].as_str().unwrap();
    place.done("DELETE", &format!("{ALL}/{acme}/members/{id}"), Value::Null).await;
    let mut again = place.site.client();
    let refused = place.come_by(&mut again, (&acme, &provider)).await;
    assert_eq!(messages(&flow_of(&mut again, &refused).await), [4_000_001]);
    assert!(!again.cookies.contains_key("ory_kratos_session"));
    assert_eq!(place.members(&acme).await.len(), 0);
}

/// Attack: the provider of one organisation says that somebody has an address of another one, or of nobody's.
#[tokio::test]
async fn connection_speaks_for_the_domains_of_its_own_organisation_only() {
    for (email, message) in [
        ("victim@rival.example", 8_000_025),
        ("ada@free.example", 8_000_026),
        ("ada@sub.acme.example", 8_000_026),
    ] {
        let place = Place::of(email).await;
        let (acme, provider) = place.acme().await;
        let rival = place.organisation("rival.example").await;
        place.done("PATCH", &format!("{ALL}/{rival}"), json!({"policy": {"join_by_domain": true}})).await;
        let mut browser = place.site.client();
        let refused = place.come_by(&mut browser, (&acme, &provider)).await;
        assert_eq!(messages(&flow_of(&mut browser, &refused).await), [message], "{email}");
        assert!(!browser.cookies.contains_key("ory_kratos_session"));
        place.nobody_was_made().await;
        assert_eq!((place.members(&acme).await.len(), place.members(&rival).await.len()), (0, 0));
        // With an account, it is no different.
        place.site.person(email).await;
        let refused = place.come_by(&mut browser, (&acme, &provider)).await;
        let told = messages(&flow_of(&mut browser, &refused).await);
        let expect = if message == 8_000_025 { message } else { 1_010_016 };
        assert_eq!(told, [expect], "{email}");
    }
    // Nor does the provider of everybody for an organisation that insists on its own.
    let place = Place::of(BOB).await;
    place.acme().await;
    let mut browser = place.site.client();
    let refused = place.enter(&mut browser, "login", "acme").await;
    assert_eq!(messages(&flow_of(&mut browser, &refused).await), [8_000_024]);
    place.nobody_was_made().await;
}

/// Attack: somebody whom the provider does not let in any more signs in, signs up or gets back in by other ways.
#[tokio::test]
async fn people_of_a_domain_come_by_its_connection_and_owners_may_come_otherwise() {
    let place = Place::of(BOB).await;
    let bob = place.site.person(BOB).await["id"].as_str().unwrap().to_owned();
    let (acme, provider) = place.acme().await;
    let mut browser = place.site.client();
    let refused = with_password(&mut browser, BOB).await;
    let flow = flow_of(&mut browser, &refused).await;
    assert_eq!(messages(&flow), [8_000_024]);
    assert!(names(&flow).contains(&format!("provider={provider}")), "the form says how: {flow}");
    assert!(!browser.cookies.contains_key("ory_kratos_session"));

    // Signing up says the same of an address that is taken and of one that is not.
    for who in [BOB, "new@acme.example"] {
        let flow = browser.begin("registration").await;
        let form = [("traits.email", who), ("password", "battery staple"), ("method", "password")];
        let refused = browser.submit(&flow, &form).await;
        assert_eq!(messages(&flow_of(&mut browser, &refused).await), [8_000_024], "{who}");
    }

    // The account is proven once by its password, and is the connection's from then on.
    let asked = place.come_by(&mut browser, (&acme, &provider)).await;
    let flow = flow_of(&mut browser, &asked).await;
    assert_eq!(messages(&flow), [1_010_016]);
    let form = [("identifier", BOB), ("password", "correct horse"), ("method", "password")];
    let done = browser.submit(&flow, &form).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
    assert_eq!(place.members(&acme).await[0]["provenance"], "connection");
    let mut later = place.site.client();
    place.come_by(&mut later, (&acme, &provider)).await;
    let known = later.get_json("/sessions/whoami").await.json();
    assert_eq!(known["identity"]["id"], bob.as_str());
    let refused = with_password(&mut place.site.client(), BOB).await;
    assert!(refused.location().starts_with("/ui/login"), "{}", refused.location());

    place.done("PUT", &format!("{ALL}/{acme}/members/{bob}"), json!({"role": "owner"})).await;
    let mut owner = place.site.client();
    assert_eq!(with_password(&mut owner, BOB).await.location(), "/ui/settings");
    let log = place.operate("GET", "/admin/portcullis/v1/audit", Value::Null).await;
    assert!(log.body.contains("organisation.connection_bypassed"), "{}", log.body);
}

/// Whoever is in each group, by its label and provenance.
async fn groups(place: &Place, organisation: &str) -> Vec<(String, String, usize)> {
    let path = format!("{ALL}/{organisation}/groups");
    let listed = place.done("GET", &path, Value::Null).await;
    let mut found = Vec::new();
    for group in listed["groups"].as_array().unwrap() {
        let members = format!("{path}/{}/members", group["id"].as_str().unwrap());
        let members = place.done("GET", &members, Value::Null).await["members"].as_array().unwrap().len();
        let text = |name: &str| group[name].as_str().unwrap().to_owned();
        found.push((text("label"), text("provenance"), members));
    }
    found.sort();
    found
}

/// Attack: a connection names a group like one of an administrator's, or takes people out of one.
#[tokio::test]
async fn groups_of_a_connection_are_replaced_at_every_sign_in_beside_those_made_by_hand() {
    let mut person = says(BOB);
    person["groups"] = json!(["buyers", "admins", "", "two\nlines"]);
    let place = Place::with(person, json!({}), |_| ()).await;
    let (acme, provider) = place.acme().await;
    let by_hand = place.done("POST", &format!("{ALL}/{acme}/groups"), json!({"label": "buyers"})).await;
    let mut browser = place.site.client();
    place.come_by(&mut browser, (&acme, &provider)).await;
    let of = |label: &str, provenance: &str, members| (label.to_owned(), provenance.to_owned(), members);
    let both = [of("admins", "connection", 1), of("buyers", "connection", 1), of("buyers", "manual", 0)];
    assert_eq!(groups(&place, &acme).await, both);
    let known = browser.get_json("/sessions/whoami").await.json();
    let (group, person) = (by_hand["id"].as_str().unwrap(), known["identity"]["id"].as_str().unwrap());
    place.done("PUT", &format!("{ALL}/{acme}/groups/{group}/members/{person}"), Value::Null).await;
    for (says, admins, buyers, sellers) in [
        (r#"["admins", "sellers"]"#, 1, 0, 1),
        (r#"["admins", "sellers"]"#, 1, 0, 1),
        (r#""buyers""#, 0, 1, 0),
        ("[]", 0, 0, 0),
    ] {
        place.provider.fault(Some(Fault::Claim("groups", says.to_owned())));
        let mut again = place.site.client();
        let done = place.come_by(&mut again, (&acme, &provider)).await;
        assert_eq!(done.location(), "/ui/settings", "{}", done.body);
        let expect = [
            of("admins", "connection", admins),
            of("buyers", "connection", buyers),
            of("buyers", "manual", 1),
            of("sellers", "connection", sellers),
        ];
        assert_eq!(groups(&place, &acme).await, expect, "{says}");
    }
}

/// Attack: what a provider says of somebody by now is another account's address, or another organisation's.
#[tokio::test]
async fn account_follows_what_its_connection_says_unless_that_is_somebody_elses() {
    let place = Place::of(BOB).await;
    let (acme, provider) = place.acme().await;
    place.organisation("rival.example").await;
    place.site.person("taken@acme.example").await;
    let mut browser = place.site.client();
    place.come_by(&mut browser, (&acme, &provider)).await;
    for (claim, says, email, first) in [
        ("given_name", "\"Robert\"", BOB, "Robert"),
        ("email", "\"robert@acme.example\"", "robert@acme.example", "Bob"),
        ("email", "\"victim@rival.example\"", "robert@acme.example", "Bob"),
        ("email", "\"taken@acme.example\"", "robert@acme.example", "Bob"),
        ("email", "\"no address\"", "robert@acme.example", "Bob"),
        ("family_name", "null", BOB, "Bob"),
    ] {
        place.provider.fault(Some(Fault::Claim(claim, says.to_owned())));
        let mut again = place.site.client();
        let done = place.come_by(&mut again, (&acme, &provider)).await;
        assert_eq!(done.location(), "/ui/settings", "{claim} {says}: {}", done.body);
        let traits = again.get_json("/sessions/whoami").await.json()["identity"]["traits"].clone();
        assert_eq!(
            (&traits["email"], &traits["name"]["first"], &traits["name"]["last"]),
            (&json!(email), &json!(first), &json!("Builder")),
            "{claim} {says}"
        );
    }
    let log = place.operate("GET", "/admin/portcullis/v1/audit", Value::Null).await.body;
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("identity.not_updated")).collect();
    for cause in ["domain", "taken", "schema"] {
        assert!(refused.iter().any(|line| line.contains(cause)), "{cause}: {refused:?}");
    }
}

#[tokio::test]
async fn connection_is_set_shown_without_its_secret_and_kept_while_people_need_it() {
    let place = Place::of(BOB).await;
    let acme = place.organisation("acme.example").await;
    let path = format!("{ALL}/{acme}/connection");
    assert_eq!(place.operate("GET", &path, Value::Null).await.status, 404);
    let policy = json!({"policy": {"enforce_connection": true}});
    let early = place.operate("PATCH", &format!("{ALL}/{acme}"), policy).await;
    assert_eq!(early.status, 400, "nobody could come in: {}", early.body);
    let provider = place.connect(&acme).await;
    let shown = place.operate("GET", &path, Value::Null).await;
    let document = shown.json();
    assert_eq!(document["has_secret"], true);
    let redirect =
        format!("https://id.example/self-service/methods/oidc/organization/{acme}/callback/{provider}");
    assert_eq!(document["redirect_uri"], redirect);
    assert!(!shown.body.contains("s3cret"), "{}", shown.body);
    place.enforce(&acme).await;
    assert_eq!(place.operate("DELETE", &path, Value::Null).await.status, 409);

    // Another server names other people: it is another provider, without the secret of this one.
    let other = json!({"provider": "generic", "client_id": "client", "issuer_url": "https://other.example"});
    let set = place.done("PUT", &path, other).await;
    assert_ne!(set["provider"]["id"], provider.as_str());
    assert_eq!(set["has_secret"], false);
    for body in [
        json!({"provider": "nobody", "client_id": "c"}),
        json!({"provider": "generic", "client_id": "c", "issuer_url": "http://login.example"}),
        json!({"provider": "generic", "client_id": "c", "issuer_url": ISSUER, "id": "acme"}),
        json!([]),
    ] {
        assert_eq!(place.operate("PUT", &path, body.clone()).await.status, 400, "{body}");
    }
    place.done("PATCH", &format!("{ALL}/{acme}"), json!({"policy": {}})).await;
    place.done("DELETE", &path, Value::Null).await;
    assert_eq!(place.operate("DELETE", &path, Value::Null).await.status, 404);
}

/// Attack: whoever has begun with a connection, or knows its name, comes in after it was disabled.
#[tokio::test]
async fn disabled_connection_lets_nobody_in_until_it_is_enabled_again() {
    let place = Place::of(BOB).await;
    let acme = place.organisation("acme.example").await;
    let provider = place.connect(&acme).await;
    let path = format!("{ALL}/{acme}/connection");
    let switch = async |enabled: bool| place.operate("PATCH", &path, json!({ "enabled": enabled })).await;
    let mut under_way = place.site.client();
    let flow = under_way.begin("login").await;
    let url = place.press(&mut under_way, &flow, ("provider", &provider)).await;
    assert_eq!(switch(false).await.json()["enabled"], false);

    let query = place.provider.agree(&url).unwrap();
    let at = format!("/self-service/methods/oidc/organization/{acme}/callback/{provider}");
    under_way.get(&format!("{at}?{query}")).await;
    assert!(!under_way.cookies.contains_key("ory_kratos_session"), "it was under way");
    let mut browser = place.site.client();
    let flow = browser.begin("login").await;
    let pressed = browser.submit(&flow, &[("provider", &provider)]).await;
    assert!(!pressed.location().starts_with(ISSUER), "{}", pressed.location());
    let shown = identify(&mut browser, BOB).await;
    assert!(!names(&flow_of(&mut browser, &shown).await).contains(&format!("provider={provider}")));
    place.nobody_was_made().await;

    // Set anew it stays disabled, and nobody can be made to come by it.
    place.connect(&acme).await;
    assert_eq!(place.done("GET", &path, Value::Null).await["enabled"], false);
    let policy = json!({"policy": {"enforce_connection": true}});
    assert_eq!(place.operate("PATCH", &format!("{ALL}/{acme}"), policy.clone()).await.status, 400);

    assert_eq!(switch(true).await.json()["enabled"], true);
    assert_eq!(switch(true).await.status, 200, "as it is");
    let mut browser = place.site.client();
    let done = place.come_by(&mut browser, (&acme, &provider)).await;
    assert_eq!(done.location(), "/ui/settings", "{}", done.body);
    place.done("PATCH", &format!("{ALL}/{acme}"), policy).await;
    assert_eq!(switch(false).await.status, 409, "people must come by it");
    let log = place.operate("GET", "/admin/portcullis/v1/audit", Value::Null).await.body;
    for action in ["organisation.connection_disabled", "organisation.connection_enabled"] {
        assert_eq!(log.matches(action).count(), 1, "{action}: {log}");
    }
}
