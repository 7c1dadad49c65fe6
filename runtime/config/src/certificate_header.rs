//! In which header a proxy tells the certificate of a client.

/// A header, and so the form in which it holds certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateHeader {
    /// `Client-Cert` and `Client-Cert-Chain` (RFC 9440).
    ClientCert,
    /// `X-Forwarded-Client-Cert`, as Envoy writes it.
    Envoy,
    /// Any other, in lower case, with percent-encoded PEM, as nginx writes it.
    Pem(String),
}

/// Those that mean something else: a proxy that wrote a certificate there would take their place.
const TAKEN: [&str; 13] = [
    "accept",
    "accept-language",
    "authorization",
    "client-cert-chain",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "dpop",
    "host",
    "origin",
    "x-forwarded-for",
    "x-forwarded-host",
];

impl CertificateHeader {
    /// The certificates that stand beside that of RFC 9440.
    pub const CHAIN: &'static str = "client-cert-chain";

    /// Reads its name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) || TAKEN.contains(&name.as_str()) {
            return None;
        }
        Some(match name.as_str() {
            "client-cert" => Self::ClientCert,
            "x-forwarded-client-cert" => Self::Envoy,
            _ => Self::Pem(name),
        })
    }

    /// Its name, in lower case.
    pub fn name(&self) -> &str {
        match self {
            Self::ClientCert => "client-cert",
            Self::Envoy => "x-forwarded-client-cert",
            Self::Pem(name) => name,
        }
    }

    /// It, and what stands beside it: all that a stranger's request must not bring along.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name()).chain(matches!(self, Self::ClientCert).then_some(Self::CHAIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_says_the_form() {
        assert_eq!(CertificateHeader::parse("Client-Cert"), Some(CertificateHeader::ClientCert));
        assert_eq!(CertificateHeader::parse("X-Forwarded-Client-Cert"), Some(CertificateHeader::Envoy));
        let other = CertificateHeader::Pem("x-ssl-cert".to_owned());
        assert_eq!(CertificateHeader::parse("X-SSL-Cert"), Some(other));
        for taken in ["", "Cookie", "authorization", "a b", "x:y", "Client-Cert-Chain"] {
            assert_eq!(CertificateHeader::parse(taken), None, "{taken}");
        }
    }
}
