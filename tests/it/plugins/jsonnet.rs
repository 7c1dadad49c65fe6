//! A mapper in Jsonnet, as people who come from Kratos have it, through whole sign-ins with a provider.

use std::sync::Arc;

use primitives::Timestamp;
use serde_json::{Value, json};
use testkit::provider::{FakeProvider, Fault, Manners};

use super::people::{messages, set};
use crate::browser::{Browser, Response};
use crate::oauth2::code::csrf_token;
use crate::world::{World, guest};

const ISSUER: &str = "https://op.example";
const SECRET: &str = "s3cret";

/// As Kratos' documentation writes mappers: what may be missing is asked for, and an address that is not verified is not
/// taken.
const MAPPER: &str = r"
local claims = { email_verified: false } + std.extVar('claims');
if 'hd' in claims && claims.hd != 'acme.example' then
  error 'Sign in with an address of acme.example.'
else {
  identity: {
    traits: {
      [if 'email' in claims && claims.email_verified then 'email' else null]: claims.email,
      name: {
        first: claims.given_name,
        [if 'family_name' in claims then 'last' else null]: claims.family_name,
      },
    },
    metadata_public: { [if 'hd' in claims then 'org' else null]: claims.hd },
    metadata_admin: { provider_subject: claims.sub },
    verified_addresses: std.prune([
      if 'email' in claims && claims.email_verified then { via: 'email', value: claims.email },
    ]),
  },
}
";

/// One that says more than the provider does.
const BOASTS: &str = r"
local claims = std.extVar('claims');
{
  identity: {
    traits: { email: claims.email, name: { first: claims.given_name } },
    verified_addresses: [{ via: 'email', value: claims.email }, { via: 'email', value: 'boss@acme.example' }],
  },
}
";

struct Place {
    world: World,
    provider: Arc<FakeProvider>,
}

impl Place {
    /// A node whose tenant signs people in by a provider that says this, mapped by this program.
    async fn with(says: Value, mapper: &str, more: &Value) -> Self {
        let manners = Manners {
            issuer: Some(ISSUER.to_owned()),
            metadata: json!({ "code_challenge_methods_supported": ["S256"] }),
            token: format!("{ISSUER}/token"),
            client: "basic",
            secret: SECRET.to_owned(),
            pkce: true,
            id_token: says,
            ..Manners::default()
        };
        let provider = Arc::new(FakeProvider::new(manners, Timestamp::from_seconds(1_800_000_000)).unwrap());
        let world = World::start_reaching(provider.clone()).await;
        let mut acme = json!({
            "id": "acme", "provider": "generic", "label": "Acme", "client_id": "client", "issuer_url": ISSUER,
        });
        acme.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let plugin = json!({
            "name": "jsonnet",
            "component": guest("jsonnet"),
            "bind": [{ "hook": "claim-mapper" }],
            "settings": { "mappers": { "acme": mapper } },
        });
        let _alone = super::COMPILES.write().await;
        set(&world, &json!({ "federation": { "provider": [acme] }, "plugin": [plugin] })).await;
        let path = "/admin/portcullis/v1/providers/acme/secret";
        let kept = world.operate(&world.key, ("PUT", path), "acme", &json!({ "value": SECRET })).await;
        assert_eq!(kept.status, 204, "{}", kept.text());
        Self { world, provider }
    }

    /// A sign-in from its first form to the answer of the provider.
    async fn sign_in(&self) -> (Browser, Response) {
        let mut browser = Browser::default();
        let begin = format!("{}/self-service/login/browser", self.world.tenant("acme"));
        let flow = browser.get_json(&begin).await.json();
        let body = json!({ "csrf_token": csrf_token(&flow), "provider": "acme", "method": "oidc" });
        let sent = browser.post_json(flow["ui"]["action"].as_str().unwrap(), &body).await;
        assert_eq!(sent.status, 422, "{}", sent.text());
        let query = self.provider.agree(sent.json()["redirect_browser_to"].as_str().unwrap()).unwrap();
        let back = format!("{}/self-service/methods/oidc/callback/acme?{query}", self.world.tenant("acme"));
        let answer = browser.get(&back).await;
        (browser, answer)
    }

    /// Signs in; the account as operators see it.
    async fn account(&self) -> Value {
        let (mut browser, done) = self.sign_in().await;
        assert_eq!(done.status, 303, "{}", done.text());
        let who = browser.get_json(&format!("{}/sessions/whoami", self.world.tenant("acme"))).await;
        assert_eq!(who.status, 200, "{} {}", who.text(), self.told(&mut browser, &done).await);
        let id = who.json()["identity"]["id"].as_str().unwrap().to_owned();
        let path = format!("/admin/identities/{id}");
        self.world.operate(&self.world.key, ("GET", &path), "acme", &Value::Null).await.json()
    }

    /// What the form says to which the answer of the provider led.
    async fn told(&self, browser: &mut Browser, answer: &Response) -> Value {
        let page = answer.location();
        let kind = page.path().rsplit('/').next().unwrap().to_owned();
        let Some(id) = answer.sent("flow") else { return json!(page.as_str()) };
        let path = format!("{}/self-service/{kind}/flows?id={id}", self.world.tenant("acme"));
        json!(messages(&browser.get_json(&path).await.json()))
    }
}

fn ada() -> Value {
    json!({
        "sub": "1", "email": "ada@acme.example", "email_verified": true, "given_name": "Ada",
        "family_name": "Lovelace", "hd": "acme.example",
    })
}

fn addresses(account: &Value) -> Vec<(&str, bool)> {
    let all = account["verifiable_addresses"].as_array().unwrap();
    all.iter().map(|one| (one["value"].as_str().unwrap(), one["verified"].as_bool().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mapper_makes_an_account_at_the_first_sign_in_and_leaves_it_at_the_next() {
    let place = Place::with(ada(), MAPPER, &json!({ "trusts_email": true })).await;
    let made = place.account().await;
    assert_eq!(
        made["traits"],
        json!({ "email": "ada@acme.example", "name": { "first": "Ada", "last": "Lovelace" } })
    );
    assert_eq!(
        (&made["metadata_public"], &made["metadata_admin"]),
        (&json!({ "org": "acme.example" }), &json!({ "provider_subject": "1" }))
    );
    assert_eq!(addresses(&made), [("ada@acme.example", true)]);

    place.provider.fault(Some(Fault::Claim("given_name", json!("Augusta").to_string())));
    let again = place.account().await;
    assert_eq!(
        (&again["id"], &again["traits"], &again["metadata_public"]),
        (&made["id"], &made["traits"], &made["metadata_public"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn account_follows_the_mapper_at_every_sign_in_where_it_is_to() {
    let more = json!({ "trusts_email": true, "update_identity_on_login": "automatic" });
    let place = Place::with(ada(), MAPPER, &more).await;
    let made = place.account().await;
    assert_eq!(made["traits"]["name"], json!({ "first": "Ada", "last": "Lovelace" }));

    place.provider.fault(Some(Fault::Claim("given_name", json!("Augusta").to_string())));
    let again = place.account().await;
    assert_eq!(again["id"], made["id"]);
    assert_eq!(again["traits"]["name"], json!({ "first": "Augusta", "last": "Lovelace" }));
    assert_eq!(addresses(&again), [("ada@acme.example", true)]);

    // Another address that the provider verified is verified here, and the one before is gone.
    place.provider.fault(Some(Fault::Claim("email", json!("augusta@acme.example").to_string())));
    let moved = place.account().await;
    assert_eq!((&moved["id"], addresses(&moved)), (&made["id"], vec![("augusta@acme.example", true)]));
}

/// Attack: a mapper, or who writes claims into a directory, says that an address is verified that the provider did not verify,
/// or that is not the person's.
#[tokio::test(flavor = "multi_thread")]
async fn mapper_verifies_no_address_that_the_provider_did_not() {
    for (says, trusts, expect) in [
        (ada(), true, true),
        (ada(), false, false),
        (
            json!({ "sub": "1", "email": "ada@acme.example", "email_verified": false, "given_name": "Ada" }),
            true,
            false,
        ),
    ] {
        let place = Place::with(says.clone(), BOASTS, &json!({ "trusts_email": trusts })).await;
        let made = place.account().await;
        assert_eq!(addresses(&made), [("ada@acme.example", expect)], "{says} {trusts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mapper_says_who_does_not_come_in_and_what_is_still_asked_for() {
    let mut rival = ada();
    rival["hd"] = json!("rival.example");
    let place = Place::with(rival, MAPPER, &json!({ "trusts_email": true })).await;
    let (mut browser, refused) = place.sign_in().await;
    let told = place.told(&mut browser, &refused).await;
    assert_eq!(told, json!(["Sign in with an address of acme.example."]));
    let who = browser.get_json(&format!("{}/sessions/whoami", place.world.tenant("acme"))).await;
    assert_eq!(who.status, 401);

    // Without a verified address the mapper names none, and the form asks for it.
    let mut unverified = ada();
    unverified["email_verified"] = json!(false);
    let place = Place::with(unverified, MAPPER, &json!({ "trusts_email": true })).await;
    let (_, asked) = place.sign_in().await;
    assert!(asked.location().path().ends_with("/ui/registration"), "{}", asked.location());
    let found = "/admin/identities?credentials_identifier=ada@acme.example";
    let listed = place.world.operate(&place.world.key, ("GET", found), "acme", &Value::Null).await;
    assert_eq!(listed.json(), json!([]));
}
