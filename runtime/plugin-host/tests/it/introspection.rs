//! The `introspection` interface of the `token` hook through real guests.

use oauth2::hooks::{IntrospectedToken, IntrospectionDecision, TokenHook as _};
use primitives::hooks::{HookFailure, HookFailureKind};
use serde_json::json;
use tenancy::TenantPlugins;

use crate::fixture::{Fixture, issued, request, run, spec};

impl Fixture {
    fn introspect(&self, scope: &str) -> Result<IntrospectionDecision, HookFailure> {
        let token = IntrospectedToken {
            subject: request("ada@acme.example").subject,
            scopes: vec![scope.to_owned()],
            audience: vec!["https://api.example".to_owned()],
            claims: json!({ "plan": "gold" }).as_object().cloned().unwrap(),
            resource_server: Some("api".parse().unwrap()),
        };
        run(self.host.shape_introspection(&self.context(None), &token))
    }

    fn introspects(&self) -> bool {
        self.host.introspects(&self.context(None))
    }
}

#[test]
pub(crate) fn token_introspects() {
    let fixture = Fixture::with("token_introspects");
    assert!(fixture.introspects());
    assert!(issued(fixture.shape(None, "ada@acme.example")).id_token.is_empty(), "it has the hook too");
    let said = json!({
        "client": "nexboard",
        "asker": "api",
        "had": { "plan": "gold" },
        "traits": { "email": "ada@acme.example", "name": { "first": "Ada", "last": "Lovelace" } },
        "audience": ["https://api.example"],
    });
    let said = said.as_object().cloned().unwrap();
    assert_eq!(fixture.introspect("openid"), Ok(IntrospectionDecision::Answer(said)));
    assert_eq!(fixture.introspect("inactive"), Ok(IntrospectionDecision::Inactive));
    for (scope, kind, part) in [
        ("protected", HookFailureKind::BadAnswer, "protected claim sub"),
        ("groups", HookFailureKind::BadAnswer, "protected claim groups"),
        ("error", HookFailureKind::GuestError, "no idea"),
        ("trap", HookFailureKind::Trap, ""),
    ] {
        let failure = fixture.introspect(scope).unwrap_err();
        assert_eq!(failure.kind, kind, "{scope}: {failure}");
        assert!(failure.detail.contains(part), "{scope}: {failure}");
    }
    TenantPlugins::forget(&fixture.host, &fixture.tenant);
    assert!(fixture.introspects(), "nobody knows");
    assert_eq!(fixture.introspect("openid").unwrap_err().kind, HookFailureKind::Unavailable);
}

#[test]
fn plugin_that_says_nothing_of_introspection_is_not_asked() {
    let fixture = Fixture::with("token_trap");
    assert!(!fixture.introspects());
    run(fixture.host.install_plugin(&fixture.tenant, spec("token_introspects"))).unwrap();
    assert!(fixture.introspects());
    assert_eq!(fixture.introspect("inactive"), Ok(IntrospectionDecision::Inactive), "the other would trap");
}
