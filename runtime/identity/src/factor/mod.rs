//! Second factors: what an identity can prove beyond its password, and how a proof is used up.
//!
//! A factor is one sealed document with a version. Whoever uses it up writes the document as it is afterwards,
//! guarded by the version that was read.
//!
//! Attack: one code is submitted fifty times at once. All read the same version, one write hits it; the others decide
//! again on what is left, where the code is used.

pub mod lookup_secret;
mod png;
pub mod qr;
pub mod totp;

use serde::{Deserialize, Serialize};

use crate::session::Method;
use lookup_secret::{LookupSecrets, Unusable};
use primitives::Timestamp;
use totp::Totp;

/// A second factor of an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// An authenticator app.
    Totp(Totp),
    /// Backup codes.
    LookupSecret(LookupSecrets),
}

/// The kinds of second factors. An identity has at most one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// An authenticator app.
    Totp,
    /// Backup codes.
    LookupSecret,
}

/// A second factor as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFactor {
    /// The factor.
    pub factor: SecondFactor,
    /// Counts its changes.
    pub version: i64,
    /// When it was set up.
    pub created_at: Timestamp,
    /// When it last changed, which it does whenever it is used.
    pub updated_at: Timestamp,
}

impl FactorKind {
    /// Its name in the flow API.
    pub const fn as_str(self) -> &'static str {
        self.method().as_str()
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Totp, Self::LookupSecret].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The method that proves it.
    pub const fn method(self) -> Method {
        match self {
            Self::Totp => Method::Totp,
            Self::LookupSecret => Method::LookupSecret,
        }
    }
}

impl SecondFactor {
    /// Its kind.
    pub const fn kind(&self) -> FactorKind {
        match self {
            Self::Totp(_) => FactorKind::Totp,
            Self::LookupSecret(_) => FactorKind::LookupSecret,
        }
    }

    /// The factor after a code of it was used; why not if it cannot be. An app does not tell a used code from a wrong one.
    pub fn consume(&self, typed: &str, now: Timestamp) -> Result<Self, Unusable> {
        match self {
            Self::Totp(totp) => totp.consume(typed, now).map(Self::Totp).ok_or(Unusable::Wrong),
            Self::LookupSecret(codes) => codes.consume(typed, now).map(Self::LookupSecret),
        }
    }
}

/// The factor of a kind among those of an identity.
pub fn find(factors: &[StoredFactor], kind: FactorKind) -> Option<&StoredFactor> {
    factors.iter().find(|stored| stored.factor.kind() == kind)
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;

    use super::*;

    #[test]
    fn factors_come_back_as_they_were_kept() {
        let codes = SecondFactor::LookupSecret(LookupSecrets::generate(&SeededRng::new(1)));
        let text = serde_json::to_string(&codes).unwrap();
        assert_eq!(serde_json::from_str::<SecondFactor>(&text).unwrap(), codes);
        let text = r#"{"totp":{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","last_step":7}}"#;
        let totp: SecondFactor = serde_json::from_str(text).unwrap();
        assert_eq!((totp.kind(), serde_json::to_string(&totp).unwrap().as_str()), (FactorKind::Totp, text));
    }
}
