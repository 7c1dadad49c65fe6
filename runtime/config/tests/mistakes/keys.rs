//! `[tenant.identity.attestation]` and `[tenant.identity.ceremony]`.

use std::path::Path;

use portcullis_config::{Config, Source};

use super::tenant;

/// What is reported of a tenant's identity settings, without the places: those are other tests' (`main.rs`).
fn check(text: &str, expect: &[&str]) {
    let source = Source { text, file: "p.toml", directory: Path::new("/etc/p"), exists: &|_| true };
    let reported = match Config::parse(&source) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            problems.0.iter().map(|problem| format!("{}: {}", problem.key, problem.message)).collect()
        }
    };
    let expect: Vec<String> = expect.iter().map(|line| format!("tenant[0].identity.{line}")).collect();
    assert_eq!(reported, expect, "{text}");
}

#[test]
fn attestation() {
    let attestation = |settings: &str| tenant(&format!("[tenant.identity.attestation]\n{settings}"));
    let root = concat!(
        "-----BEGIN CERTIFICATE-----\n",
        include_str!("attestation_root.b64"),
        "-----END CERTIFICATE-----\n"
    );
    let anchored = |settings: &str| {
        attestation(&format!(
            "conveyance = \"direct\"\n{settings}\n[tenant.identity.attestation.trust_anchors]\nours = \"\"\"\n{root}\"\"\"\n"
        ))
    };
    let model = "876ca4f5-2071-c3e9-b255-09ef2cdf7ed6";
    check(&anchored(""), &[]);
    check(&anchored(&format!("allowed_aaguids = [\"{model}\"]")), &[]);
    check(&attestation("conveyance = \"enterprise\"\nself_attestation = true\nbinds = [\"webauthn\"]"), &[]);
    check(
        &attestation("conveyance = \"direct\""),
        &["attestation.trust_anchors: is empty: no attestation could lead to any, and no key \
           could be added"],
    );
    check(
        &attestation("denied_aaguids = [\"876ca4f5-2071-c3e9-b255-09ef2cdf7ed6\"]"),
        &["attestation.denied_aaguids: has no effect while `conveyance` is `none`: nobody \
           attests anything"],
    );
    check(&anchored("binds = []"), &["attestation.binds: is empty: attestations would be asked of no key"]);
    check(
        &anchored(&format!("self_attestation = true\nallowed_aaguids = [\"{model}\"]")),
        &["attestation.allowed_aaguids: needs certificates: a key that attests itself may say \
           any model (`self_attestation`)"],
    );
    check(
        &anchored(&format!("denied_aaguids = [\"{model}\"]\nallowed_aaguids = [\"{model}\"]")),
        &[&format!("attestation.denied_aaguids: {model} is allowed too")],
    );
    let pem = |text: &str| {
        attestation(&format!(
            "conveyance = \"direct\"\n[tenant.identity.attestation.trust_anchors]\nours = \"\"\"\n{text}\"\"\"\n"
        ))
    };
    for none in [
        "",
        "nonsense",
        &format!("{root}{root}"),
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ] {
        check(&pem(none), &["attestation.trust_anchors.ours: must be one certificate in PEM"]);
    }
    check(
        &pem("-----BEGIN CERTIFICATE-----\nMAAw\n-----END CERTIFICATE-----\n"),
        &["attestation.trust_anchors.ours: is not an X.509 certificate"],
    );
}

#[test]
fn ceremonies_of_keys() {
    let ceremony = |settings: &str| tenant(&format!("[tenant.identity.ceremony]\n{settings}"));
    check(&ceremony("timeout_seconds = 30\npasskey_hints = [\"client-device\", \"hybrid\"]"), &[]);
    for refused in [29, 3601] {
        check(
            &ceremony(&format!("timeout_seconds = {refused}")),
            &["ceremony.timeout_seconds: must be 30 to 3600"],
        );
    }
}
