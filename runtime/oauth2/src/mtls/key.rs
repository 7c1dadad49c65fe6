//! The key of a certificate, as clients publish keys (RFC 8705 section 2.2).
//!
//! A certificate that nobody has signed says nothing but which key it holds: neither its names nor its dates count, and whoever
//! holds the key could write others. So the key is what is registered, and what is compared.

use jose::PublicJwk;
use primitives::base64url;
use serde_json::{Map, Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::{CertificateChain, CertificateFault};

/// `secp256r1`, `secp384r1` (RFC 5480 section 2.1.1.1), `id-Ed25519` (RFC 8410 section 3).
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const ED25519: &str = "1.3.101.112";

/// The thumbprint of a certificate's key (RFC 7638), of whatever types clients may publish.
pub(crate) fn thumbprint_of_key(chain: &CertificateChain) -> Result<String, CertificateFault> {
    let (_, certificate) = X509Certificate::from_der(&chain.own).map_err(|_| CertificateFault::Malformed)?;
    let members = members(certificate.public_key()).ok_or(CertificateFault::Key)?;
    PublicJwk::from_map(&members).map(|key| key.thumbprint()).map_err(|_| CertificateFault::Key)
}

fn members(info: &SubjectPublicKeyInfo<'_>) -> Option<Map<String, Value>> {
    let encode = |bytes: &[u8]| base64url::encode(bytes);
    let key = match info.parsed().ok()? {
        PublicKey::RSA(key) => {
            json!({"kty": "RSA", "n": encode(number(key.modulus)), "e": encode(number(key.exponent))})
        }
        PublicKey::EC(point) => {
            let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
            let (name, width) = match curve.as_str() {
                P256 => ("P-256", 32),
                P384 => ("P-384", 48),
                _ => return None,
            };
            // An uncompressed point: others are of no certificate that TLS takes.
            let (4, both) = point.data().split_first().map(|(form, both)| (*form, both))? else {
                return None;
            };
            let (x, y) = both.split_at_checked(width)?;
            json!({"kty": "EC", "crv": name, "x": encode(x), "y": encode(y)})
        }
        PublicKey::Unknown(bytes) if info.algorithm.algorithm.to_id_string() == ED25519 => {
            json!({"kty": "OKP", "crv": "Ed25519", "x": encode(bytes)})
        }
        _ => return None,
    };
    match key {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// A number without the zero that says that it is positive.
fn number(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0, rest @ ..] => rest,
        all => all,
    }
}
