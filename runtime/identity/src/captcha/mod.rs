//! The check that a person is there and no script, by a service of the form of `siteverify` (Turnstile, hCaptcha,
//! reCAPTCHA 2).
//!
//! Which forms ask, and when, is decided in [`crate::flow`]; what differs between the services is the one table in `provider`;
//! what their answer is held against is in `answer`. Whoever implements [`CaptchaVerifier`] carries the question and nothing
//! else.

mod answer;
mod provider;

use futures_util::future::BoxFuture;
use primitives::{ClientAddress, TenantId};

pub use answer::read_answer;
pub use provider::{Facts, Sources, is_response_field};
pub(crate) use provider::{field_names, payload_names};

use crate::settings::CaptchaSettings;

/// The longest proof that is shown to a service, in bytes. Theirs have 2 to 4 KiB.
pub const PROOF_BYTES: usize = 8 << 10;

/// What a person's widget handed over, to be shown to the service.
#[derive(Clone, Copy)]
pub struct CaptchaProof<'a> {
    /// Whose form it is.
    pub tenant: &'a TenantId,
    /// The tenant's settings.
    pub settings: &'a CaptchaSettings,
    /// What was handed over; at most [`PROOF_BYTES`].
    pub response: &'a str,
    /// From where.
    pub address: ClientAddress,
    /// The form: `login`, `registration`, `recovery` or `verification`.
    pub flow: &'static str,
}

/// Without what was handed over.
impl std::fmt::Debug for CaptchaProof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaptchaProof")
            .field("tenant", &self.tenant)
            .field("flow", &self.flow)
            .finish_non_exhaustive()
    }
}

/// What a service makes of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptchaVerdict {
    /// A person is there.
    Passed,
    /// It proves nothing: spent, made for another page, or made up.
    Refused,
    /// Nobody can tell: the service did not answer, or does not know the tenant. The cause is in the log.
    Unavailable,
}

/// Shows proofs to services. A proof counts once: of one request the same answer is given however often it is asked.
pub trait CaptchaVerifier: Send + Sync {
    /// What the service makes of a proof.
    fn verify<'a>(&'a self, proof: CaptchaProof<'a>) -> BoxFuture<'a, CaptchaVerdict>;
}

/// For who asks no service: nobody can tell, so that nobody gets on where a form asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCaptchaVerifier;

impl CaptchaVerifier for NoCaptchaVerifier {
    fn verify<'a>(&'a self, _: CaptchaProof<'a>) -> BoxFuture<'a, CaptchaVerdict> {
        Box::pin(std::future::ready(CaptchaVerdict::Unavailable))
    }
}
