//! The `policy` hook through a real guest.

use portcullis_plugin_host::{Binding, HookName, PluginSource, PluginSpec, Settings};
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::policy::{Obligation, Permission, PolicyDecision, PolicyHook as _, PolicyRequest};
use serde_json::json;
use tenancy::TenantPlugins;

use crate::fixture::{Fixture, component, run};

impl Fixture {
    fn add_policy(&self, name: &str, rule: &str) {
        let source = PluginSource::File(component("policy_rules"));
        let mut spec = PluginSpec::new(name, source, HookName::Policy);
        spec.settings = json!({ "rule": rule }).as_object().cloned().unwrap();
        spec.limits.wall_ms = Some(10_000);
        run(self.host.install_plugin(&self.tenant, spec)).unwrap();
    }

    fn decide(&self, action: &str) -> Result<PolicyDecision, HookFailure> {
        let request = PolicyRequest {
            subject: Some("ada".to_owned()),
            action: action.to_owned(),
            resource: "client:web".to_owned(),
            context: json!({ "scopes": ["openid"] }).as_object().cloned().unwrap(),
        };
        run(self.host.decide(&self.context(None), &request))
    }
}

#[test]
pub(crate) fn policy_rules() {
    let fixture = Fixture::new(Settings::default());
    assert!(!fixture.host.applies_policy(&fixture));
    assert_eq!(fixture.decide("token"), Ok(PolicyDecision::Permit(Permission::default())));
    fixture.add_policy("one", "terms");
    assert!(fixture.host.applies_policy(&fixture));
    let parameters = json!({ "who": "owner" }).as_object().cloned().unwrap();
    let terms = Permission {
        obligations: vec![Obligation { name: "notify".to_owned(), parameters }],
        headers: vec![("x-role".to_owned(), "admin".to_owned())],
    };
    assert_eq!(fixture.decide("token"), Ok(PolicyDecision::Permit(terms)));
    fixture.add_policy("two", "token");
    let reason = "no token of client:web by true for ? ['openid']".to_owned();
    assert_eq!(fixture.decide("token"), Ok(PolicyDecision::Deny { reason }), "one that denies is enough");
    assert!(matches!(fixture.decide("authorize"), Ok(PolicyDecision::Permit(_))));
    fixture.add_policy("two", "error");
    assert_eq!(fixture.decide("authorize").unwrap_err().kind, HookFailureKind::GuestError);
    TenantPlugins::forget(&fixture.host, &fixture.tenant);
    assert_eq!(fixture.decide("token").unwrap_err().kind, HookFailureKind::Unavailable);
}

#[test]
fn policy_of_another_client_is_not_asked() {
    let fixture = Fixture::new(Settings::default());
    let mut spec = PluginSpec::new("one", PluginSource::File(component("policy_rules")), HookName::Policy);
    let client = Some("another".parse().unwrap());
    spec.bindings = vec![Binding { client, ..Binding::every(HookName::Policy) }];
    spec.settings = json!({ "rule": "token" }).as_object().cloned().unwrap();
    run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();
    assert!(!fixture.host.applies_policy(&fixture));
    assert!(matches!(fixture.decide("token"), Ok(PolicyDecision::Permit(_))));
}

/// The trait has the name of the method that another trait of the host has.
trait Applies {
    fn applies_policy(&self, fixture: &Fixture) -> bool;
}

impl Applies for portcullis_plugin_host::PluginHost {
    fn applies_policy(&self, fixture: &Fixture) -> bool {
        primitives::policy::PolicyHook::applies(self, &fixture.context(None))
    }
}
