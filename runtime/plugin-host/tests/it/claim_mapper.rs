//! The `claim-mapper` hook through real guests, by the trait that federation and SCIM ask.

use std::collections::BTreeSet;

use identity::Identity;
use identity::hooks::{ClaimMapper as _, Mapping, MappingDecision, Upstream, UpstreamSource};
use identity::identity::AddressKind;
use portcullis_plugin_host::{Capability, HookName, PluginSource, PluginSpec, Settings};
use primitives::hook_document::HookDocument;
use primitives::hooks::{HookFailure, HookFailureKind};
use serde_json::{Map, Value, json};
use tenancy::TenantPlugins;

use crate::fixture::{Fixture, component, run};
use crate::people::{origin, person};

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

impl Fixture {
    fn add_mapper(&self, guest: &str, grants: &[Capability]) {
        let mut spec = PluginSpec::new("mapper", PluginSource::File(component(guest)), HookName::ClaimMapper);
        spec.grants.extend(grants);
        spec.limits.wall_ms = Some(10_000);
        run(self.host.install_plugin(&self.tenant, spec)).unwrap();
    }

    fn map(
        &self,
        source: UpstreamSource,
        kind: &str,
        claims: &Value,
        identity: Option<&Identity>,
    ) -> Result<MappingDecision, HookFailure> {
        let upstream = Upstream {
            source,
            provider: "corporate".to_owned(),
            provider_kind: kind.to_owned(),
            subject: "u-1".to_owned(),
            claims: HookDocument::check(&object(claims)).unwrap(),
            identity,
            origin: identity.map(|_| origin()),
        };
        run(self.host.map_claims(&self.context(None), &upstream))
    }

    fn map_rule(&self, rule: &str) -> Result<MappingDecision, HookFailure> {
        let claims = json!({ "rule": rule, "email": "ada@acme.example" });
        self.map(UpstreamSource::OpenId, "generic", &claims, None)
    }
}

#[test]
pub(crate) fn mapper_rules() {
    let fixture = Fixture::new(Settings::default());
    assert_eq!(fixture.map_rule("none"), Ok(MappingDecision::Unmapped), "nobody is bound");
    fixture.add_mapper("mapper_rules", &[]);
    let ada = person("ada@acme.example");
    for (source, name) in
        [(UpstreamSource::OpenId, "openid"), (UpstreamSource::Saml, "saml"), (UpstreamSource::Scim, "scim")]
    {
        for identity in [None, Some(&ada)] {
            let claims = json!({ "email": "lovelace@acme.example", "mail": ["a", "b"] });
            let told =
                json!({ "source": name, "provider": "corporate", "kind": "generic", "subject": "u-1" });
            let address = origin().address.0.to_string();
            let before = identity
                .map_or(json!({}), |ada| json!({ "id": ada.id, "traits": ada.traits, "address": address }));
            let expect = Mapping {
                traits: object(&json!({ "email": "lovelace@acme.example" })),
                metadata_public: Some(object(&told)),
                metadata_admin: Some(object(&before)),
                groups: None,
                verified_addresses: vec![(AddressKind::Email, "lovelace@acme.example".to_owned())],
            };
            let mapped = fixture.map(source, "generic", &claims, identity);
            assert_eq!(mapped, Ok(MappingDecision::Mapped(Box::new(expect))), "{name}");
        }
    }
    assert_eq!(fixture.map_rule("pass"), Ok(MappingDecision::Unmapped));
    let message = "ada@acme.example is nobody here.".to_owned();
    assert_eq!(fixture.map_rule("deny"), Ok(MappingDecision::Deny { message }));
    for (rule, kind, part) in [
        ("error", HookFailureKind::GuestError, "no idea"),
        ("trap", HookFailureKind::Trap, ""),
        ("groups", HookFailureKind::BadAnswer, "without the grant"),
        ("no address", HookFailureKind::BadAnswer, "1 to 320 bytes"),
        ("long address", HookFailureKind::BadAnswer, "1 to 320 bytes"),
        ("many addresses", HookFailureKind::BadAnswer, "more than 32"),
    ] {
        let failure = fixture.map_rule(rule).unwrap_err();
        assert_eq!(failure.kind, kind, "{rule}: {failure}");
        assert!(failure.detail.contains(part), "{rule}: {failure}");
    }
    TenantPlugins::forget(&fixture.host, &fixture.tenant);
    assert_eq!(fixture.map_rule("none").unwrap_err().kind, HookFailureKind::Unavailable);
}

#[test]
fn groups_are_for_mappers_that_were_granted_them() {
    let fixture = Fixture::new(Settings::default());
    fixture.add_mapper("mapper_rules", &[Capability::Groups]);
    match fixture.map_rule("groups") {
        Ok(MappingDecision::Mapped(mapping)) => {
            assert_eq!(mapping.groups, Some(BTreeSet::from(["admins".to_owned()])));
        }
        other => panic!("{other:?}"),
    }
    for (rule, part) in [("many groups", "more than 1000"), ("no group", "1 to 256 bytes")] {
        let failure = fixture.map_rule(rule).unwrap_err();
        assert_eq!(failure.kind, HookFailureKind::BadAnswer, "{rule}");
        assert!(failure.detail.contains(part), "{rule}: {failure}");
    }
}

#[test]
pub(crate) fn mapper_bad_json() {
    let fixture = Fixture::new(Settings::default());
    fixture.add_mapper("mapper_bad_json", &[]);
    let map = |kind: &str| fixture.map(UpstreamSource::Saml, kind, &json!({}), None);
    assert!(matches!(map("good"), Ok(MappingDecision::Mapped(_))));
    for (kind, part) in [
        ("traits", "traits: not a JSON object"),
        ("no traits", "traits: not a JSON object"),
        ("deep", "traits: nested deeper"),
        ("public", "metadata-public: not a JSON object"),
        ("admin", "metadata-admin: not a JSON object"),
        ("extensions", "extensions are empty"),
    ] {
        let failure = map(kind).unwrap_err();
        assert_eq!(failure.kind, HookFailureKind::BadAnswer, "{kind}");
        assert!(failure.detail.contains(part), "{kind}: {failure}");
    }
}
