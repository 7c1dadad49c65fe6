//! Whose signatures of components count: what the node's operator says, and what a tenant adds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use super::signature::{SignatureError, SignedBy, UnverifiedSignature};
use super::signing_key::PublicKey;

/// Whose signatures of components a tenant accepts, beside the node's `[plugins]`.
///
/// Where any key is trusted, a signature that is there must be a trusted key's and of the component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrustSettings {
    /// Whether components without a signature are refused. What the node requires no tenant gives up.
    pub require_signature: bool,
    /// The keys, each under a name for people: the public key that `portcullis plugin keygen` shows. They
    /// count for this tenant only.
    #[schemars(with = "BTreeMap<String, String>")]
    pub trusted_keys: BTreeMap<String, PublicKey>,
}

/// What holds for a tenant's components, the node's word included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    is_required: bool,
    keys: Vec<(String, PublicKey)>,
}

impl Trust {
    /// What the node and the tenant say together: a tenant adds keys, and can be stricter.
    pub fn of(node: &Settings, tenant: &TrustSettings) -> Self {
        let keys = tenant.trusted_keys.iter().chain(&node.trusted_keys);
        Self {
            is_required: node.require_signature || tenant.require_signature,
            keys: keys.map(|(name, key)| (name.clone(), *key)).collect(),
        }
    }

    /// Whether signatures are looked at: one is required, or there is somebody to trust.
    pub const fn asks(&self) -> bool {
        self.is_required || !self.keys.is_empty()
    }

    /// Checks the component with this SHA-256 by the text of its signature: who signed it, and nobody where
    /// none is required and none is there.
    ///
    /// The hash is of the bytes that are loaded afterwards; whoever loads others has checked nothing.
    pub fn check(&self, sha256: &[u8; 32], text: Option<&str>) -> Result<Option<SignedBy>, SignatureError> {
        let Some(text) = text.filter(|_| self.asks()) else {
            return if self.is_required { Err(SignatureError::Missing) } else { Ok(None) };
        };
        let signature: UnverifiedSignature = text.parse()?;
        let mut named = self.keys.iter().filter(|(_, key)| key.id() == signature.key()).peekable();
        if named.peek().is_none() {
            return Err(SignatureError::UntrustedKey(signature.key()));
        }
        let by = named.find(|(_, key)| signature.is_by(key, sha256));
        let (name, key) = by.ok_or_else(|| SignatureError::OtherBytes(signature.key()))?;
        Ok(Some(SignedBy { name: name.clone(), key: key.id() }))
    }

    /// Whether what was once accepted by this signature still is: a key that is no longer trusted signed
    /// nothing.
    pub fn still_accepts(&self, signed_by: Option<&SignedBy>) -> bool {
        let is_trusted = |by: &SignedBy| self.keys.iter().any(|(_, key)| key.id() == by.key);
        !self.is_required || signed_by.is_some_and(is_trusted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::SigningKey;

    const HASH: [u8; 32] = [1; 32];

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed([seed; 32]).unwrap()
    }

    fn trusting(required: bool, names: &[(&str, u8)]) -> TrustSettings {
        let keys = names.iter().map(|(name, seed)| ((*name).to_owned(), key(*seed).public()));
        TrustSettings { require_signature: required, trusted_keys: keys.collect() }
    }

    fn node(required: bool, names: &[(&str, u8)]) -> Settings {
        let TrustSettings { require_signature, trusted_keys } = trusting(required, names);
        Settings { require_signature, trusted_keys, ..Settings::default() }
    }

    /// What comes of a text: the name of who signed, `-` for nobody, or the error.
    fn found(trust: &Trust, text: Option<&str>) -> String {
        match trust.check(&HASH, text) {
            Ok(by) => by.map_or("-".to_owned(), |by| by.name),
            Err(error) => format!("{error:?}").split('(').next().unwrap().to_owned(),
        }
    }

    #[test]
    fn what_does_not_verify_is_not_accepted() {
        let trust = Trust::of(&node(false, &[("platform", 1)]), &trusting(true, &[("ci", 2)]));
        let by = |seed: u8, hash: [u8; 32]| key(seed).sign(&hash).to_string();
        let forged =
            by(3, HASH).replace(&key(3).public().id().to_string(), &key(2).public().id().to_string());
        for (text, expect) in [
            (Some(by(1, HASH)), "platform"),
            (Some(by(2, HASH)), "ci"),
            (None, "Missing"),
            (Some(by(2, [2; 32])), "OtherBytes"),
            (Some(by(3, HASH)), "UntrustedKey"),
            (Some(forged), "OtherBytes"),
            (Some(by(2, HASH) + "\n"), "Malformed"),
            (Some(String::new()), "Malformed"),
        ] {
            assert_eq!(found(&trust, text.as_deref()), expect, "{text:?}");
        }
    }

    #[test]
    fn key_counts_for_the_tenant_that_trusts_it_only() {
        let node = node(false, &[("platform", 1)]);
        let text = key(2).sign(&HASH).to_string();
        let check = |tenant: &TrustSettings, expect| {
            assert_eq!(found(&Trust::of(&node, tenant), Some(&text)), expect);
        };
        check(&trusting(true, &[("ci", 2)]), "ci");
        check(&trusting(true, &[("ci", 3)]), "UntrustedKey");
        check(&trusting(false, &[]), "UntrustedKey");
    }

    #[test]
    fn tenant_is_stricter_than_the_node_and_never_laxer() {
        for (of_node, of_tenant, expect) in
            [(false, false, "-"), (false, true, "Missing"), (true, false, "Missing"), (true, true, "Missing")]
        {
            let trust = Trust::of(&node(of_node, &[]), &trusting(of_tenant, &[]));
            assert_eq!(found(&trust, None), expect, "{of_node} {of_tenant}");
        }
    }

    #[test]
    fn where_nobody_is_trusted_and_nothing_required_a_signature_is_not_looked_at() {
        let trust = Trust::of(&node(false, &[]), &trusting(false, &[]));
        assert!(!trust.asks());
        assert_eq!(found(&trust, Some("somebody else's file of that name")), "-");
        let one = Trust::of(&node(false, &[]), &trusting(false, &[("ci", 2)]));
        assert_eq!((found(&one, None).as_str(), found(&one, Some("x")).as_str()), ("-", "Malformed"));
    }

    #[test]
    fn same_name_of_node_and_tenant_hides_neither_key() {
        let trust = Trust::of(&node(true, &[("ci", 1)]), &trusting(false, &[("ci", 2)]));
        for seed in [1, 2] {
            assert_eq!(found(&trust, Some(&key(seed).sign(&HASH).to_string())), "ci");
        }
    }

    #[test]
    fn key_that_is_no_longer_trusted_signed_nothing() {
        let settings = Settings::default();
        let trust = |required, names: &[(&str, u8)]| Trust::of(&settings, &trusting(required, names));
        let by = trust(true, &[("ci", 2)]).check(&HASH, Some(&key(2).sign(&HASH).to_string())).unwrap();
        for (after, signed, unsigned) in [
            (trust(true, &[("renamed", 2)]), true, false),
            (trust(true, &[("ci", 3)]), false, false),
            (trust(true, &[]), false, false),
            (trust(false, &[]), true, true),
        ] {
            assert_eq!(
                (after.still_accepts(by.as_ref()), after.still_accepts(None)),
                (signed, unsigned),
                "{after:?}"
            );
        }
    }
}
