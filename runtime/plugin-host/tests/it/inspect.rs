//! What is told of a component without running it.

use portcullis_plugin_host::{Capability, ComponentHash, HookName, inspect};

use crate::fixture::component;

#[test]
fn sample_implements_token_and_needs_config() {
    let bytes = std::fs::read(component("enrich_token_rust")).unwrap();
    let inspection = inspect(&bytes).unwrap();
    assert_eq!(inspection.sha256, ComponentHash::of(&bytes).to_string());
    assert_eq!(inspection.bytes, bytes.len() as u64);
    assert!(inspection.hooks.contains(&HookName::Token));
    assert!(inspection.capabilities.contains(&Capability::Config));
    assert_eq!(inspection.not_offered, [""; 0]);
    assert!(inspection.exports.iter().any(|export| export == HookName::Token.interface()));
}

#[test]
fn what_no_node_offers_is_named() {
    let bytes = std::fs::read(component("token_sockets")).unwrap();
    let inspection = inspect(&bytes).unwrap();
    assert!(inspection.not_offered.iter().any(|import| import.starts_with("wasi:sockets/")));
    assert!(!inspection.not_offered.iter().any(|import| import.starts_with("wasi:io/")));
}

#[test]
fn bytes_that_are_no_component_are_refused() {
    for (bytes, words) in [
        (&b""[..], "not a usable component"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\0asm garbage", "not a usable component"),
        (b"\0asm\x0d\0\x01\0\xff\x00", "not a usable component"),
    ] {
        let refused = inspect(bytes).unwrap_err().to_string();
        assert!(refused.contains(words), "{bytes:?}: {refused}");
    }
}

#[test]
fn damaged_components_are_refused_or_told_of_and_never_more() {
    let sound = std::fs::read(component("token_trap")).unwrap();
    let length = u64::try_from(sound.len()).unwrap();
    for step in 0..200 {
        let at = sound.len() * step / 200;
        if let Ok(told) = inspect(&sound[..at]) {
            assert!(told.hooks.is_empty(), "cut at {at}: what is exported stands at the end");
        }
        let mut damaged = sound.clone();
        damaged[at] ^= 0x55;
        if let Ok(told) = inspect(&damaged) {
            assert_eq!(told.bytes, length, "damaged at {at}");
        }
    }
}
