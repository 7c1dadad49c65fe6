//! Signatures of components: what does not verify is not loaded, and what ran goes on.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use portcullis_plugin_host::{ComponentHash, Settings};
use serde_json::json;
use tenancy::plugin::{PublicKey, SigningKey, TrustSettings};
use tenancy::{DeclaredPlugin, PluginReport, PluginState, Reread, TenantPlugins as _};

use crate::fixture::{Fixture, component, run};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32]).unwrap()
}

fn named(names: &[(&str, u8)]) -> BTreeMap<String, PublicKey> {
    names.iter().map(|(name, seed)| ((*name).to_owned(), key(*seed).public())).collect()
}

/// The text of a guest's signature by this key.
fn signature(guest: &str, seed: u8) -> String {
    key(seed).sign(ComponentHash::of(&std::fs::read(component(guest)).unwrap()).as_bytes()).to_string()
}

/// A plugin that is a file with a signature beside it.
struct Signed {
    fixture: Fixture,
    declared: DeclaredPlugin,
    trust: TrustSettings,
}

impl Signed {
    /// In a tenant that requires signatures and trusts the key `ci` of seed 1.
    fn required() -> Self {
        Self::new(
            Settings::default(),
            TrustSettings { require_signature: true, trusted_keys: named(&[("ci", 1)]) },
        )
    }

    fn new(settings: Settings, trust: TrustSettings) -> Self {
        let fixture = Fixture::new(settings);
        let file = fixture.cache.path().join("plan.wasm");
        let mut declared: DeclaredPlugin =
            serde_json::from_value(json!({ "name": "plan", "component": file })).unwrap();
        // A busy machine is no failure of the guest's.
        declared.limits.wall_ms = Some(10_000);
        Self { fixture, declared, trust }
    }

    fn beside(&self) -> PathBuf {
        self.declared.component.with_extension("wasm.sig")
    }

    fn deploy(&self, guest: &str) -> &Self {
        put(&self.declared.component, &std::fs::read(component(guest)).unwrap());
        self
    }

    fn sign(&self, text: impl AsRef<[u8]>) -> &Self {
        put(&self.beside(), text.as_ref());
        self
    }

    fn install(&self) -> PluginReport {
        let declared = vec![self.declared.clone()];
        run(self.fixture.host.install(&self.fixture.tenant, declared, &self.trust)).remove(0)
    }

    fn reread(&self, which: Reread) -> PluginReport {
        run(self.fixture.host.reread(which));
        self.fixture.host.list(&self.fixture.tenant).remove(0)
    }

    fn answers(&self) -> bool {
        self.fixture.shape(None, "").is_ok()
    }

    /// A first declaration that must be refused with these words.
    #[track_caller]
    fn check_refused(&self, words: &str) {
        let report = self.install();
        assert!(reason(&report).contains(words), "{words}: {report:?}");
        assert_eq!((&report.sha256, &report.signed_by), (&None, &None), "{words}");
        assert!(!self.answers(), "{words}");
    }
}

/// Replaces a file, as a deployment does: beside it, then moved.
fn put(file: &Path, content: &[u8]) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, content).unwrap();
    std::fs::rename(&beside, file).unwrap();
}

fn reason(report: &PluginReport) -> &str {
    match &report.state {
        PluginState::Loaded => "",
        PluginState::Failed { reason } => reason,
    }
}

fn signer(report: &PluginReport) -> Option<&str> {
    report.signed_by.as_ref().map(|by| by.name.as_str())
}

#[test]
fn component_that_a_trusted_key_signed_runs_and_the_report_says_whose() {
    let signed = Signed::required();
    let report = signed.deploy("token_echo").sign(signature("token_echo", 1)).install();
    assert_eq!((reason(&report), signer(&report)), ("", Some("ci")));
    let shown = serde_json::to_value(&report).unwrap();
    assert_eq!(shown["signed_by"], json!({ "name": "ci", "key": key(1).public().id().to_string() }));
    assert!(signed.answers());
}

#[test]
fn what_does_not_verify_does_not_load() {
    let good = signature("token_echo", 1);
    for (text, words) in [
        (signature("token_remembers", 1).into_bytes(), "is of other bytes"),
        (signature("token_echo", 2).into_bytes(), "which this tenant does not trust"),
        (good[..good.len() - 9].into(), "is malformed"),
        (format!("{good}{good}").into_bytes(), "is malformed"),
        (good.repeat(1 << 16).into_bytes(), "is malformed"),
        (vec![0xff; 64], "is malformed"),
        (Vec::new(), "is malformed"),
    ] {
        Signed::required().deploy("token_echo").sign(text).check_refused(words);
    }
    Signed::required().deploy("token_echo").check_refused("has no signature, and one is required");
}

#[test]
fn node_that_requires_signatures_requires_them_of_every_tenant() {
    let settings =
        Settings { require_signature: true, trusted_keys: named(&[("platform", 3)]), ..Settings::default() };
    let lax = Signed::new(settings, TrustSettings::default());
    lax.deploy("token_echo").check_refused("has no signature");
    let report = lax.sign(signature("token_echo", 3)).install();
    assert_eq!((reason(&report), signer(&report)), ("", Some("platform")));
}

#[test]
fn key_of_another_tenant_signs_nothing_here() {
    let mut signed = Signed::required();
    signed.deploy("token_echo").sign(signature("token_echo", 1));
    assert_eq!(signer(&signed.install()), Some("ci"));
    signed.fixture.tenant = "other".parse().unwrap();
    signed.trust.trusted_keys = named(&[("ci", 2)]);
    signed.check_refused("does not trust");
}

#[test]
fn signature_in_a_file_of_its_own_must_be_there() {
    let mut signed = Signed::required();
    let elsewhere = signed.fixture.cache.path().join("elsewhere");
    signed.declared.signature = Some(elsewhere.clone());
    signed.deploy("token_echo").sign(signature("token_echo", 1)).check_refused("elsewhere: No such file");
    put(&elsewhere, signature("token_echo", 1).as_bytes());
    assert_eq!(signer(&signed.install()), Some("ci"));
}

#[test]
fn file_that_never_ends_is_no_signature_and_is_not_waited_for() {
    let signed = Signed::required();
    signed.deploy("token_echo");
    assert!(Command::new("mkfifo").arg(signed.beside()).status().unwrap().success());
    signed.check_refused("not a regular file");
    std::fs::remove_file(signed.beside()).unwrap();
    symlink("/dev/zero", signed.beside()).unwrap();
    signed.check_refused("not a regular file");
}

#[test]
fn earlier_version_goes_on_until_the_new_one_is_signed() {
    for which in [Reread::Changed, Reread::All] {
        let signed = Signed::required();
        let before = signed.deploy("token_echo").sign(signature("token_echo", 1)).install();
        signed.deploy("token_remembers");
        let between = signed.reread(which);
        assert!(reason(&between).contains("is of other bytes"), "{which:?}: {between:?}");
        assert_eq!((&between.sha256, &between.signed_by), (&before.sha256, &before.signed_by));
        assert!(signed.answers());
        // Only the signature's file changes.
        signed.sign(signature("token_remembers", 1));
        let after = signed.reread(which);
        assert_eq!((reason(&after), signer(&after)), ("", Some("ci")), "{which:?}");
        assert_ne!(after.sha256, before.sha256);
    }
}

#[test]
fn signature_that_is_taken_away_is_missed() {
    let signed = Signed::required();
    signed.deploy("token_echo").sign(signature("token_echo", 1)).install();
    std::fs::remove_file(signed.beside()).unwrap();
    assert!(reason(&signed.reread(Reread::Changed)).contains("has no signature"));
    assert!(signed.answers(), "what runs was signed");
}

#[test]
fn what_a_key_signed_ends_with_the_trust_in_it() {
    let mut signed = Signed::required();
    signed.deploy("token_echo").sign(signature("token_echo", 1)).install();
    signed.trust.trusted_keys = named(&[("ci", 2)]);
    signed.check_refused("does not trust");
}

#[test]
fn what_ran_unsigned_ends_when_signatures_are_required() {
    let mut signed = Signed::required();
    signed.trust.require_signature = false;
    let report = signed.deploy("token_echo").install();
    assert_eq!((reason(&report), signer(&report), signed.answers()), ("", None, true));
    signed.trust.require_signature = true;
    signed.check_refused("has no signature");
}

#[test]
fn where_nobody_is_trusted_the_file_beside_is_not_read() {
    let mut signed = Signed::required();
    signed.trust = TrustSettings::default();
    let report = signed.deploy("token_echo").sign("of another tool").install();
    assert_eq!((reason(&report), signer(&report)), ("", None));
}
