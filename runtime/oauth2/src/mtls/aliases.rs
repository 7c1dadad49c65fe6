//! Where clients come with their certificates, if that is another address than the issuer's (RFC 8705 section 5).
//!
//! A browser that is asked for a certificate may ask the person, so that a listener of browsers does not ask. Another one does, with
//! the same paths.

use serde_json::{Value, json};

use crate::server::AuthorizationServer;

impl AuthorizationServer {
    /// `mtls_endpoint_aliases` of discovery: every endpoint that a client calls by itself.
    pub(crate) fn certificate_aliases(&self) -> Option<Value> {
        let endpoints = &self.endpoints;
        self.settings.client_certificates.base_url.as_ref()?;
        Some(json!({
            "token_endpoint": self.certificate_alias(&endpoints.token),
            "revocation_endpoint": self.certificate_alias(&endpoints.revocation),
            "introspection_endpoint": self.certificate_alias(&endpoints.introspection),
            "device_authorization_endpoint": self.certificate_alias(&endpoints.device_authorization),
            "pushed_authorization_request_endpoint":
                self.certificate_alias(&endpoints.pushed_authorization_request),
            "userinfo_endpoint": self.certificate_alias(&endpoints.userinfo),
        }))
    }

    /// The other address of an endpoint.
    pub(crate) fn certificate_alias(&self, endpoint: &str) -> Option<String> {
        let settings = &self.settings.client_certificates;
        let base = settings.base_url.as_deref().filter(|_| settings.enabled)?.trim_end_matches('/');
        Some(format!("{base}{}", endpoint.strip_prefix(self.issuer.as_str())?))
    }
}
