//! A plugin asks who may do what, where there is somebody to ask.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use portcullis_plugin_host::{Capability, HostError, PluginSpec, Services, Settings};
use primitives::TenantId;
use primitives::permissions::{PermissionCheck, PermissionError, PermissionSubject, Permissions};

use crate::fixture::{Fixture, issued, run, spec};

/// `nexboard` of the tenant `default` may view the handbook.
#[derive(Debug)]
pub(crate) struct Handbook;

impl Permissions for Handbook {
    fn check_permission<'a>(
        &'a self,
        tenant: &'a TenantId,
        check: PermissionCheck,
    ) -> BoxFuture<'a, Result<bool, PermissionError>> {
        let subject = PermissionSubject::Id("nexboard".to_owned());
        let known = (check.namespace.as_str(), check.relation.as_str()) == ("documents", "view");
        let may = tenant.as_str() == "default" && check.object == "handbook" && check.subject == subject;
        async move { if known { Ok(may) } else { Err(PermissionError::Unknown) } }.boxed()
    }
}

fn asker() -> PluginSpec {
    let mut spec = spec("capability_permissions");
    spec.grants.insert(Capability::Permissions);
    spec
}

#[test]
pub(crate) fn capability_permissions() {
    let services = Services { permissions: Some(Arc::new(Handbook)), ..Services::default() };
    let mut fixture = Fixture::new(Settings::default()).offering(services);
    for (tenant, may) in [("default", "true"), ("rival", "false")] {
        fixture.tenant = tenant.parse().unwrap();
        run(fixture.host.install_plugin(&fixture.tenant, asker())).unwrap();
        let told = issued(fixture.shape(None, "")).id_token;
        assert_eq!((&told["handbook"], &told["ledger"]), (&may.into(), &"false".into()), "{tenant}");
        assert!(told["nothing"].as_str().unwrap().contains("1 to 1024 bytes"), "{told:?}");
    }
}

#[test]
fn node_that_keeps_no_permissions_refuses_the_grant_with_that_reason() {
    let fixture = Fixture::new(Settings::default());
    let refused = run(fixture.host.install_plugin(&fixture.tenant, asker())).unwrap_err();
    assert!(matches!(refused, HostError::NotOffered { capability: "permissions" }), "{refused}");
    assert!(refused.to_string().contains("\"permissions\", which this node does not offer"), "{refused}");
}
