//! Settings of attestation: which authenticators may make passkeys and security keys.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::webauthn::{KeyKind, check_anchor};

/// Which authenticators may make passkeys and security keys, by what they attest of themselves (WebAuthn L3 section 6.5). It
/// holds for keys that are added; those that people have stay. Certificates count for as long as they are valid; whether one
/// was revoked is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AttestationSettings {
    /// What browsers are asked for. With any word but `none` a key that `binds` names is refused unless its certificates lead
    /// to one of `trust_anchors`.
    pub conveyance: Conveyance,
    /// Which keys it binds. Most passkeys of phones and password managers attest nothing: a policy that binds `passkey` refuses
    /// them.
    pub binds: BTreeSet<BoundKeys>,
    /// The certificates that attestations must lead to, in PEM, each under a name for people: those of makers, or of single
    /// models. They stand here whole, since the API shows and takes these settings and must read no file of the node.
    pub trust_anchors: BTreeMap<String, String>,
    /// Whether a key that is attested by itself alone will do. It shows that the authenticator has the key, and nothing of
    /// what it is.
    pub self_attestation: bool,
    /// The models that may make keys, by their AAGUID; without any, all whose certificates lead to an anchor. Keys of FIDO
    /// U2F have none and are refused once there is a list.
    #[schemars(with = "BTreeSet<String>")]
    pub allowed_aaguids: BTreeSet<Uuid>,
    /// The models that may not.
    #[schemars(with = "BTreeSet<String>")]
    pub denied_aaguids: BTreeSet<Uuid>,
}

impl Default for AttestationSettings {
    fn default() -> Self {
        Self {
            conveyance: Conveyance::None,
            binds: BTreeSet::from([BoundKeys::Passkey, BoundKeys::Webauthn]),
            trust_anchors: BTreeMap::new(),
            self_attestation: false,
            allowed_aaguids: BTreeSet::new(),
            denied_aaguids: BTreeSet::new(),
        }
    }
}

/// What browsers are asked for (WebAuthn L3 section 5.4.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conveyance {
    /// Nothing.
    #[default]
    None,
    /// An attestation, which the browser may have anonymised.
    Indirect,
    /// The authenticator's.
    Direct,
    /// One that may name the very device; browsers give it to whom their administrators allow it.
    Enterprise,
}

impl Conveyance {
    /// As browsers take it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Indirect => "indirect",
            Self::Direct => "direct",
            Self::Enterprise => "enterprise",
        }
    }
}

/// Keys that a policy binds, by their group in forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoundKeys {
    /// Passkeys.
    Passkey,
    /// Security keys.
    Webauthn,
}

impl From<KeyKind> for BoundKeys {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Passkey => Self::Passkey,
            KeyKind::SecondFactor | KeyKind::Passwordless => Self::Webauthn,
        }
    }
}

/// The most anchors of a tenant: each is tried when somebody adds a key.
const MOST_ANCHORS: usize = 200;

impl AttestationSettings {
    /// Reports what contradicts itself, by key.
    pub fn check(&self, report: &mut dyn FnMut(&str, String)) {
        for (name, pem) in &self.trust_anchors {
            if let Err(error) = check_anchor(pem) {
                report(&format!("trust_anchors.{name}"), error.to_string());
            }
        }
        if self.trust_anchors.len() > MOST_ANCHORS {
            report("trust_anchors", format!("are more than {MOST_ANCHORS}"));
        }
        for both in self.allowed_aaguids.intersection(&self.denied_aaguids) {
            report("denied_aaguids", format!("{both} is allowed too"));
        }
        if self.conveyance == Conveyance::None {
            let rules = [
                ("trust_anchors", self.trust_anchors.is_empty()),
                ("allowed_aaguids", self.allowed_aaguids.is_empty()),
                ("denied_aaguids", self.denied_aaguids.is_empty()),
            ];
            for (key, _) in rules.into_iter().filter(|(_, is_empty)| !is_empty) {
                report(key, "has no effect while `conveyance` is `none`: nobody attests anything".to_owned());
            }
            return;
        }
        if self.binds.is_empty() {
            report("binds", "is empty: attestations would be asked of no key".to_owned());
        }
        if self.trust_anchors.is_empty() && !self.self_attestation {
            report(
                "trust_anchors",
                "is empty: no attestation could lead to any, and no key could be added".to_owned(),
            );
        }
        if self.self_attestation && !self.allowed_aaguids.is_empty() {
            report(
                "allowed_aaguids",
                "needs certificates: a key that attests itself may say any model (`self_attestation`)"
                    .to_owned(),
            );
        }
    }
}
