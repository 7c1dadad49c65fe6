//! A plugin reads who somebody of its own tenant is.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use identity::IdentityState;
use identity::ports::StoreUnavailable;
use identity::profile::{Profile, ProfileKey, Profiles};
use portcullis_plugin_host::{Capability, PluginSpec, Services, Settings};
use primitives::{IdentityId, OrganisationId, TenantId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixture::{Fixture, issued, run, spec};

/// One person in the tenant `default`, and a database that fails for the tenant `broken`.
#[derive(Debug)]
pub(crate) struct People;

const ADA: Uuid = Uuid::from_u128(7);

impl Profiles for People {
    fn find_profile<'a>(
        &'a self,
        tenant: &'a TenantId,
        key: ProfileKey<'a>,
    ) -> BoxFuture<'a, Result<Option<Profile>, StoreUnavailable>> {
        let is_ada = match key {
            ProfileKey::Id(id) => id.0 == ADA,
            ProfileKey::Identifier(identifier) => identifier.as_str() == "ada@acme.example",
        };
        let found = match tenant.as_str() {
            "broken" => Err(StoreUnavailable("secret of the operator".to_owned())),
            "default" if is_ada => Ok(Some(Profile {
                id: IdentityId(ADA),
                external_id: Some("crm-1".to_owned()),
                schema_id: "default".to_owned(),
                state: IdentityState::Inactive,
                organisation: Some(OrganisationId(Uuid::from_u128(5))),
                traits: json!({ "email": "ada@acme.example" }).as_object().unwrap().clone(),
                metadata_public: Some(json!({ "plan": "team" })),
            })),
            _ => Ok(None),
        };
        async { found }.boxed()
    }
}

fn reader() -> PluginSpec {
    let mut spec = spec("capability_identities");
    spec.grants.insert(Capability::Identities);
    spec.settings.insert("ids".to_owned(), json!([ADA.to_string(), Uuid::nil().to_string(), "no id", ""]));
    spec.settings
        .insert("identifiers".to_owned(), json!([" ADA@acme.example", "bob@acme.example", "a\u{0}"]));
    spec
}

/// What the plugin finds in this tenant.
fn found(tenant: &str) -> Value {
    let services = Services { profiles: Some(Arc::new(People)), ..Services::default() };
    let mut fixture = Fixture::new(Settings::default()).offering(services);
    fixture.tenant = tenant.parse().unwrap();
    run(fixture.host.install_plugin(&fixture.tenant, reader())).unwrap();
    issued(fixture.shape(None, "")).id_token["found"].clone()
}

#[test]
pub(crate) fn capability_identities() {
    let found = found("default");
    for at in [0, 4] {
        let ada = &found[at];
        assert_eq!((&ada["id"], &ada["active"]), (&json!(ADA.to_string()), &json!(false)), "{at}: {found}");
        assert_eq!(ada["traits"], json!({ "email": "ada@acme.example" }));
        assert_eq!(ada["metadata"], json!(r#"{"plan":"team"}"#));
    }
    for at in [1, 2, 3, 5, 6] {
        assert_eq!(found[at], Value::Null, "{at}: {found}");
    }
}

#[test]
fn identity_of_another_tenant_is_not_found() {
    assert_eq!(found("rival"), json!(vec![Value::Null; 7]));
}

#[test]
fn guest_is_not_told_what_the_database_said() {
    assert_eq!(found("broken")[0], "HookError(\"unavailable\")");
}
