//! What a provider says becomes traits; an address counts as proven where the provider is known to prove it.

use std::sync::Arc;

use identity::hooks::{Answer, ClaimMapper, Mapping, MappingDecision, Upstream};
use identity::identity::AddressKind;
use identity::providers::{ProvenElsewhere, Providers as _, Upstreamed};
use identity::schema::Schemas;
use primitives::hooks::HookContext;
use primitives::{Actor, RequestId, TenantId};
use serde_json::{Value, json};
use testkit::provider::Manners;

use crate::world::World;

async fn ask(world: &World, claims: &Value) -> MappingDecision {
    let who = ProvenElsewhere {
        provider: "p".to_owned(),
        label: "P".to_owned(),
        subject: "1".to_owned(),
        organisation: None,
        claims: claims.as_object().unwrap().clone(),
        upstream: Upstreamed::default(),
        tokens: None,
        updates: false,
    };
    let context = HookContext {
        tenant: TenantId::default_tenant(),
        organisation: None,
        client: None,
        actor: Actor::Anonymous,
        request: RequestId(primitives::Rng::uuid(&primitives::rng::SeededRng::new(1))),
    };
    let schemas = Schemas::compile(&identity::Settings::default()).unwrap();
    world.providers.map(&context, &who, schemas.default_schema(), (None, None)).await.unwrap()
}

async fn check(kind: &str, settings: Value, claims: Value, expect: (Value, &[&str])) {
    let world = World::new(kind, &settings, None, Manners::default());
    let mapped = ask(&world, &claims).await;
    let MappingDecision::Mapped(mapping) = mapped else { panic!("{mapped:?}") };
    assert_eq!(Value::Object(mapping.traits), expect.0, "{kind} {claims}");
    let verified: Vec<&str> =
        mapping.verified_addresses.iter().map(|(_, address)| address.as_str()).collect();
    assert_eq!(verified, expect.1, "{kind} {claims}");
}

#[tokio::test]
async fn traits_take_the_claims_that_are_called_like_them() {
    let issuer = json!({ "issuer_url": "https://op.example" });
    let says = json!({ "email": "a@example.com", "given_name": "A", "family_name": "B", "x": 1 });
    let whole = json!({ "email": "a@example.com", "name": { "first": "A", "last": "B" } });
    check("generic", issuer.clone(), says, (whole, &[])).await;
    check("generic", issuer.clone(), json!({ "email": 7, "name": "A B" }), (json!({}), &[])).await;
    let own = json!({ "issuer_url": "https://op.example", "claims": { "email": "contact.mail", "name.first": "nick" } });
    let says = json!({ "contact": { "mail": "b@example.com" }, "nick": "N", "family_name": "B" });
    check("generic", own, says, (json!({ "email": "b@example.com", "name": { "first": "N" } }), &[])).await;
}

#[tokio::test]
async fn address_is_proven_where_the_provider_says_so_and_is_known_to_prove_it() {
    let says = |verified: Value| json!({ "email": "A@Example.com", "email_verified": verified });
    let traits = json!({ "email": "A@Example.com" });
    let issuer = json!({ "issuer_url": "https://op.example" });
    let trusted = json!({ "issuer_url": "https://op.example", "trusts_email": true });
    let directory = json!({ "microsoft_tenant": "common" });
    let proven: &[&str] = &["a@example.com"];
    for (kind, settings, verified, expect) in [
        ("google", json!({}), json!(true), proven),
        ("google", json!({}), json!(false), &[]),
        ("google", json!({}), Value::Null, &[]),
        ("google", json!({ "trusts_email": false }), json!(true), &[]),
        ("generic", issuer, json!(true), &[]),
        ("generic", trusted, json!(true), proven),
        // Attack: an administrator of some directory writes a victim's address into it.
        ("microsoft", directory, json!(true), &[]),
    ] {
        check(kind, settings, says(verified), (traits.clone(), expect)).await;
    }
}

/// A plugin that says who somebody is, and that any address is proven.
#[derive(Debug)]
struct Says(Option<&'static str>);

impl ClaimMapper for Says {
    fn map_claims<'a>(
        &'a self,
        _: &'a HookContext,
        upstream: &'a Upstream<'a>,
    ) -> Answer<'a, MappingDecision> {
        assert_eq!((upstream.provider.as_str(), upstream.subject.as_str()), ("p", "1"));
        let decision = match self.0 {
            None => MappingDecision::Deny { message: "Not you.".to_owned() },
            Some(address) => MappingDecision::Mapped(Box::new(Mapping {
                traits: json!({ "email": address }).as_object().unwrap().clone(),
                metadata_public: None,
                metadata_admin: None,
                groups: None,
                verified_addresses: vec![(AddressKind::Email, address.to_owned())],
            })),
        };
        Box::pin(std::future::ready(Ok(decision)))
    }
}

#[tokio::test]
async fn plugin_says_who_somebody_is_and_proves_no_address() {
    let claims = json!({ "email": "a@example.com", "email_verified": true });
    let ask_plugin = async |kind: &str, says| {
        let settings = json!({ "issuer_url": "https://op.example" });
        let world = World::mapped(kind, &settings, (None, Manners::default()), Arc::new(Says(says)));
        ask(&world, &claims).await
    };
    for (kind, says, proven) in [
        ("google", "a@example.com", 1),
        // Another address than the one that the provider has proven.
        ("google", "b@example.com", 0),
        ("generic", "a@example.com", 0),
    ] {
        let decision = ask_plugin(kind, Some(says)).await;
        let MappingDecision::Mapped(mapping) = decision else { panic!("{decision:?}") };
        assert_eq!(mapping.traits["email"], says);
        assert_eq!(mapping.verified_addresses.len(), proven, "{kind} {says}");
    }
    let denied = ask_plugin("google", None).await;
    assert_eq!(denied, MappingDecision::Deny { message: "Not you.".to_owned() });
}
