//! Certificates of clients (RFC 8705): who a client is, and what its tokens are bound to, by the certificate that its end of the
//! connection holds the key of.
//!
//! That the key is held is the business of whoever ended TLS: our own listener, or a proxy that the operator trusts, which tells
//! the certificate by a header. What the certificate is worth is decided here, for each request, by the tenant that it is for.
//! The attacks, and which check stops them:
//!
//! | attack | check |
//! |---|---|
//! | a certificate of another authority, with the same subject | `Authorities::verify`: a chain to an authority of this tenant |
//! | one that has expired, or whose time has not come | the same, by our clock |
//! | one that its authority made for servers, for mail | the same: where it says what it is for, it says so of clients |
//! | one that its authority was not allowed to make | the same: name constraints and path lengths of RFC 5280 |
//! | one of these authorities, but somebody else's | `RegisteredSubject`: the one name that the client has registered |
//! | one with many names, of which one is somebody else's | the same: a client registers one kind of name |
//! | a text that reads like the registered name | `name`: names are compared part by part, never as text |
//! | a tenant's certificate that is an authority for others | [`Authorities::parse`]: who is none is not taken for one |
//! | one that nobody has signed, of a client that needs no authority | `key`: its key is among those that the client has published |
//! | a client of one method that comes with another's proof | `client_authentication`: one method each |
//! | many certificates, or huge ones, for their cost | [`CertificateChain::new`] |
//! | a header that the caller has written | `http`: it is taken from trusted proxies, and off every other request |
//! | an app's certificate at the operators' door | `http`: another type, which opens nothing there |
//! | a token that was caught, with another certificate or with none | `cnf`, where the token is used |
//!
//! Not looked at: whether an authority has revoked a certificate. Its client is switched off here, which is at once.

mod aliases;
mod authorities;
mod key;
mod name;
mod registered;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;

use primitives::base64url;
use ring::digest::{SHA256, digest};
use rustls_pki_types::CertificateDer;

pub use authorities::{Authorities, InvalidAuthority};
pub(crate) use key::thumbprint_of_key;
pub use registered::InvalidSubject;
pub(crate) use registered::RegisteredSubject;
pub use settings::CertificateSettings;

use crate::confirmation::Thumbprint;

/// The most certificates of a chain, the client's own among them.
pub const MOST_CERTIFICATES: usize = 5;
/// The longest certificate, in bytes. One with an RSA key of 8192 bits takes a third of it.
pub const MOST_BYTES: usize = 8_192;

/// A client's certificate, and those that it sends along. Nothing of it was checked but how much it is.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateChain {
    own: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
}

/// The chain is empty, too long, or one of its certificates is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chain has 1 to {MOST_CERTIFICATES} certificates of at most {MOST_BYTES} bytes")]
pub struct UnusableChain;

impl CertificateChain {
    /// Takes certificates in DER, the client's own first.
    pub fn new(certificates: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, UnusableChain> {
        // One more than may be is enough to know.
        let mut all = certificates.into_iter().take(MOST_CERTIFICATES + 1).map(CertificateDer::from);
        let own = all.next().ok_or(UnusableChain)?;
        let intermediates: Vec<_> = all.collect();
        let fits = |one: &CertificateDer<'_>| one.len() <= MOST_BYTES;
        if intermediates.len() >= MOST_CERTIFICATES || !fits(&own) || !intermediates.iter().all(fits) {
            return Err(UnusableChain);
        }
        Ok(Self { own, intermediates })
    }

    /// `x5t#S256`: the hash of the certificate itself (RFC 8705 section 3.1).
    pub(crate) fn thumbprint(&self) -> Option<Thumbprint> {
        base64url::encode(digest(&SHA256, &self.own)).try_into().ok()
    }
}

impl fmt::Debug for CertificateChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The names of people may be in it.
        f.debug_struct("CertificateChain")
            .field("intermediates", &self.intermediates.len())
            .finish_non_exhaustive()
    }
}

/// The certificate that came with a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PresentedCertificate<'a> {
    /// There is none.
    #[default]
    Absent,
    /// There is one.
    One(&'a CertificateChain),
    /// What there is is no certificate, or it is not clear which one counts.
    Malformed,
}

impl<'a> PresentedCertificate<'a> {
    /// The one that there is.
    pub(crate) const fn chain(self) -> Option<&'a CertificateChain> {
        match self {
            Self::One(chain) => Some(chain),
            Self::Absent | Self::Malformed => None,
        }
    }

    /// What a token is bound to that is given to whoever came with it.
    pub(crate) fn thumbprint(self) -> Option<Thumbprint> {
        self.chain().and_then(CertificateChain::thumbprint)
    }
}

/// What is wrong with a client's certificate; for the log and for tests, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum CertificateFault {
    #[error("the client did not present a certificate")]
    Missing,
    #[error("the certificate cannot be read")]
    Malformed,
    #[error("no authority of the tenant has signed the certificate")]
    Authority,
    #[error("the certificate, or one that it hangs on, has expired or is not valid yet")]
    Time,
    #[error("the certificate is not for clients")]
    Usage,
    #[error("an authority on the way was not allowed to sign the certificate")]
    Constraint,
    #[error("the certificate does not name the client as it is registered")]
    Subject,
    #[error("the key of the certificate is not among the client's")]
    Key,
}
