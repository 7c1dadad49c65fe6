//! The `credential-import` hook through a real guest, which says the password wherever it can.

use identity::Identity;
use identity::hooks::{IdentityHooks as _, ImportAttempt, ImportVerdict};
use identity::password::PlainPassword;
use portcullis_plugin_host::{Binding, HookName, PluginSource, PluginSpec, Settings};
use primitives::Secret;
use primitives::hooks::{HookFailure, HookFailureKind};
use tenancy::TenantPlugins as _;

use crate::fixture::{Fixture, component, run};
use crate::log::Log;
use crate::people::{origin, person};

const PASSWORD: &str = "moss-covered lantern 71";

fn with(bind: bool) -> Fixture {
    let fixture = Fixture::new(Settings::default());
    let source = PluginSource::File(component("import_rules"));
    let mut spec = PluginSpec::new("import", source, HookName::CredentialImport);
    if !bind {
        spec.bindings = vec![Binding::every(HookName::CredentialImport)];
        spec.bindings[0].client = Some("another".parse().unwrap());
    }
    spec.limits.wall_ms = Some(10_000);
    run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();
    fixture
}

impl Fixture {
    fn import(
        &self,
        identifier: &str,
        password: &str,
        credential: Option<&str>,
        identity: Option<&Identity>,
    ) -> Result<ImportVerdict, HookFailure> {
        let attempt = ImportAttempt {
            identifier: format!("{identifier}@acme.example"),
            password: PlainPassword::new(password),
            credential: credential.map(|credential| Secret::new(credential.to_owned())),
            identity,
            origin: origin(),
        };
        run(self.host.verify_import(&self.context(None), &attempt))
    }
}

#[test]
pub(crate) fn import_rules() {
    let log = Log::of_the_process();
    let fixture = with(true);
    let ada = person("ada@acme.example");
    let backwards: String = PASSWORD.chars().rev().collect();
    let import = |identifier, credential, who| fixture.import(identifier, PASSWORD, credential, who);
    assert_eq!(import("ada", Some(&*backwards), Some(&ada)), Ok(ImportVerdict::Correct));
    assert_eq!(import("ada", Some(PASSWORD), Some(&ada)), Ok(ImportVerdict::Wrong));
    assert_eq!(import("ada", None, Some(&ada)), Ok(ImportVerdict::Wrong));
    assert_eq!(import("nobody", None, None), Ok(ImportVerdict::Wrong));
    for (identifier, kind) in [("trap", HookFailureKind::Trap), ("error", HookFailureKind::GuestError)] {
        let failure = import(identifier, Some("x"), Some(&ada)).unwrap_err();
        assert_eq!(failure.kind, kind, "{identifier}");
        assert!(!format!("{failure:?}").contains(PASSWORD), "{failure:?}");
    }
    let text = log.text();
    assert!(text.contains("plugin failed") && text.contains("a call with a secret says no more"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
    let kept = format!("{:?}", fixture.host.lines(&fixture.tenant, "import", 0).unwrap());
    assert!(kept.contains("a call with a secret says no more") && !kept.contains(PASSWORD), "{kept}");
}

#[test]
fn without_a_plugin_no_password_is_right() {
    let ada = person("ada@acme.example");
    assert_eq!(with(false).import("yes", "x", Some("x"), Some(&ada)), Ok(ImportVerdict::Wrong));
}
