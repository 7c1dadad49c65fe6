//! What a tenant asks of attestations (WebAuthn L3 section 7.1 steps 23 and 24).
//!
//! | a key of a kind that the policy binds | |
//! |---|---|
//! | 1 nobody attests it | refused |
//! | 2 it attests itself | refused, but where that is enough |
//! | 3 its certificates lead to no anchor at this time | refused |
//! | 4 its model is denied | refused |
//! | 5 models are allowed by name, and it is none of them, or nobody trusted says what it is | refused |
//!
//! Where nothing is asked, a statement that is right counts for nothing: it is kept as `unverified`.

use primitives::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use uuid::Uuid;
use webpki::anchor_from_trusted_cert;

use super::{Attestation, Judged};
use crate::settings::{AttestationSettings, Conveyance};
use crate::webauthn::{CeremonyError, KeyKind};

/// The policy for a new key.
#[derive(Debug, Clone, Copy)]
pub struct AttestationPolicy<'a> {
    settings: &'a AttestationSettings,
    kind: KeyKind,
    now: Timestamp,
}

impl<'a> AttestationPolicy<'a> {
    /// What these settings ask of a key of a kind that is registered now.
    pub const fn of(settings: &'a AttestationSettings, kind: KeyKind, now: Timestamp) -> Self {
        Self { settings, kind, now }
    }

    /// What browsers are asked for.
    pub fn conveyance(&self) -> Conveyance {
        if self.settings.binds.contains(&self.kind.into()) {
            self.settings.conveyance
        } else {
            Conveyance::None
        }
    }

    pub(super) fn judge(&self, attestation: &Attestation<'_>, aaguid: Uuid) -> Result<Judged, CeremonyError> {
        let asks = self.conveyance() != Conveyance::None;
        let judged = |kind, aaguid| Ok(Judged { kind, aaguid });
        match attestation {
            Attestation::Nobody if !asks => judged("none", aaguid),
            Attestation::OfItself if !asks => judged("self", aaguid),
            Attestation::Certified { model, .. } if !asks => judged("unverified", model.unwrap_or_default()),
            Attestation::OfItself if self.settings.self_attestation => {
                // What it says of its model is its own word: enough to refuse it, not to allow it.
                self.check_model(Some(aaguid), false)?;
                judged("self", aaguid)
            }
            Attestation::Nobody | Attestation::OfItself => Err(CeremonyError::Unattested),
            Attestation::Certified { kind, chain, model } => {
                if !chain.leads_to(&anchors(self.settings), self.now) {
                    return Err(CeremonyError::Untrusted);
                }
                self.check_model(*model, true)?;
                judged(kind.as_str(), model.unwrap_or_default())
            }
        }
    }

    fn check_model(&self, model: Option<Uuid>, is_attested: bool) -> Result<(), CeremonyError> {
        let AttestationSettings { allowed_aaguids: allowed, denied_aaguids: denied, .. } = self.settings;
        let is_allowed =
            allowed.is_empty() || is_attested && model.is_some_and(|model| allowed.contains(&model));
        let is_denied = model.is_some_and(|model| denied.contains(&model));
        if is_allowed && !is_denied { Ok(()) } else { Err(CeremonyError::Model) }
    }
}

/// The anchors that can be read. That all can is checked where they are configured.
fn anchors(settings: &AttestationSettings) -> Vec<CertificateDer<'static>> {
    settings.trust_anchors.values().filter_map(|pem| check_anchor(pem).ok()).collect()
}

/// A trust anchor that nobody can lead to. The operator's to mend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableAnchor {
    /// No certificate, or more than one.
    #[error("must be one certificate in PEM")]
    Pem,
    /// No certificate that anything can be verified with.
    #[error("is not an X.509 certificate")]
    Certificate,
}

/// Reads a trust anchor.
pub fn check_anchor(pem: &str) -> Result<CertificateDer<'static>, UnusableAnchor> {
    let mut sections = CertificateDer::pem_slice_iter(pem.as_bytes());
    let (Some(Ok(anchor)), None) = (sections.next(), sections.next()) else {
        return Err(UnusableAnchor::Pem);
    };
    match anchor_from_trusted_cert(&anchor) {
        Ok(_) => Ok(anchor),
        Err(_) => Err(UnusableAnchor::Certificate),
    }
}
