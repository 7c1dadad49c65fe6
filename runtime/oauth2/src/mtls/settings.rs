//! What a tenant says about its clients' certificates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Authorities, InvalidAuthority};

/// Certificates by which clients prove who they are, and to which their tokens are bound (RFC 8705). They come by a listener with
/// `app_certificates`, or by a proxy (`server.client_certificate_header`): `config/client-certificates.md`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CertificateSettings {
    /// Whether clients may use certificates at all. Without it none counts, and no token is bound to one.
    pub enabled: bool,
    /// The authorities that say who a client of `tls_client_auth` is, each the certificate itself, in PEM; intermediate ones too
    /// where clients do not send them along. They vouch for this tenant's clients alone, and let nobody into the admin API.
    pub authorities: Vec<String>,
    /// Where clients come with their certificates, if that is another address than the issuer, e.g. `https://mtls.id.example.com`:
    /// the same paths, at a listener that asks for one. Discovery names it (`mtls_endpoint_aliases`).
    pub base_url: Option<String>,
}

impl CertificateSettings {
    /// The authorities, read.
    pub fn authorities(&self) -> Result<Authorities, InvalidAuthority> {
        Authorities::parse(self.authorities.iter().map(String::as_str))
    }
}
