//! The one name by which a client of `tls_client_auth` is known (RFC 8705 section 2.1.2).

use std::net::IpAddr;

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::name::DistinguishedName;
use super::{CertificateChain, CertificateFault};
use crate::client::ClientDocument;

/// The longest alternative name.
const MOST_BYTES: usize = 1_024;

/// A name that a client has registered. One: a certificate with several names would else be good for whoever has any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RegisteredSubject {
    /// `tls_client_auth_subject_dn`.
    Name(Box<SubjectName>),
    /// `tls_client_auth_san_dns`, in lower case.
    Dns(String),
    /// `tls_client_auth_san_uri`.
    Uri(String),
    /// `tls_client_auth_san_ip`.
    Ip(IpAddr),
    /// `tls_client_auth_san_email`: the mailbox exactly, its host in lower case.
    Email(String, String),
}

/// A whole subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubjectName(DistinguishedName);

/// Why a client document names no subject. The words are for who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSubject {
    /// None or several.
    #[error(
        "tls_client_auth needs exactly one of tls_client_auth_subject_dn, tls_client_auth_san_dns, \
         tls_client_auth_san_uri, tls_client_auth_san_ip and tls_client_auth_san_email"
    )]
    NotOne,
    /// It is not of its form.
    #[error("{property} is not {form}")]
    Form {
        /// The property.
        property: &'static str,
        /// What it must be.
        form: &'static str,
    },
}

impl InvalidSubject {
    /// The property of the document that is wrong.
    pub const fn property(self) -> &'static str {
        match self {
            Self::NotOne => "token_endpoint_auth_method",
            Self::Form { property, .. } => property,
        }
    }
}

impl RegisteredSubject {
    /// Reads the one name of a document; `None` where it has none at all.
    pub(crate) fn find(document: &ClientDocument) -> Result<Option<Self>, InvalidSubject> {
        let mut named = [
            ("tls_client_auth_subject_dn", &document.tls_client_auth_subject_dn),
            ("tls_client_auth_san_dns", &document.tls_client_auth_san_dns),
            ("tls_client_auth_san_uri", &document.tls_client_auth_san_uri),
            ("tls_client_auth_san_ip", &document.tls_client_auth_san_ip),
            ("tls_client_auth_san_email", &document.tls_client_auth_san_email),
        ]
        .into_iter()
        .filter_map(|(property, value)| Some((property, value.as_deref().filter(|text| !text.is_empty())?)));
        match (named.next(), named.next()) {
            (None, _) => Ok(None),
            (Some((property, value)), None) => Self::parse(property, value).map(Some),
            (Some(_), Some(_)) => Err(InvalidSubject::NotOne),
        }
    }

    fn parse(property: &'static str, value: &str) -> Result<Self, InvalidSubject> {
        let is_short = value.len() <= MOST_BYTES && value.bytes().all(|byte| byte.is_ascii_graphic());
        let (parsed, form) = match property {
            "tls_client_auth_subject_dn" => {
                let name =
                    DistinguishedName::parse(value).map(|name| Self::Name(Box::new(SubjectName(name))));
                (name, "a distinguished name of RFC 4514, such as CN=app,O=Example")
            }
            "tls_client_auth_san_dns" => (dns(value).filter(|_| is_short).map(Self::Dns), "a host name"),
            "tls_client_auth_san_uri" => {
                let uri = Some(value).filter(|uri| is_short && url::Url::parse(uri).is_ok());
                (uri.map(|uri| Self::Uri(uri.to_owned())), "an absolute URI")
            }
            "tls_client_auth_san_ip" => (value.parse().ok().map(Self::Ip), "an IP address"),
            _ => (
                mailbox(value).filter(|_| is_short).map(|(name, host)| Self::Email(name, host)),
                "an address of mail",
            ),
        };
        parsed.ok_or(InvalidSubject::Form { property, form })
    }

    /// Checks that a certificate names the client. Who vouches for it is another question.
    pub(crate) fn check(&self, chain: &CertificateChain) -> Result<(), CertificateFault> {
        let (rest, certificate) =
            X509Certificate::from_der(&chain.own).map_err(|_| CertificateFault::Malformed)?;
        if !rest.is_empty() {
            return Err(CertificateFault::Malformed);
        }
        let fits = match self {
            Self::Name(name) => name.0.is(certificate.subject()),
            Self::Dns(_) | Self::Uri(_) | Self::Ip(_) | Self::Email(..) => {
                let names =
                    certificate.subject_alternative_name().map_err(|_| CertificateFault::Malformed)?;
                names.is_some_and(|names| names.value.general_names.iter().any(|name| self.is(name)))
            }
        };
        if fits { Ok(()) } else { Err(CertificateFault::Subject) }
    }

    /// No wildcards: what is registered is one name, and so is what the certificate has.
    fn is(&self, found: &GeneralName<'_>) -> bool {
        match (self, found) {
            (Self::Dns(name), GeneralName::DNSName(found)) => name.eq_ignore_ascii_case(found),
            (Self::Uri(uri), GeneralName::URI(found)) => uri == found,
            (Self::Ip(IpAddr::V4(address)), GeneralName::IPAddress(found)) => address.octets() == **found,
            (Self::Ip(IpAddr::V6(address)), GeneralName::IPAddress(found)) => address.octets() == **found,
            (Self::Email(name, host), GeneralName::RFC822Name(found)) => {
                mailbox(found).is_some_and(|(found, at)| found == *name && at == *host)
            }
            _ => false,
        }
    }
}

fn dns(text: &str) -> Option<String> {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    (text.len() <= 253 && text.split('.').all(is_label)).then(|| text.to_ascii_lowercase())
}

fn mailbox(text: &str) -> Option<(String, String)> {
    let (name, host) = text.rsplit_once('@')?;
    let host = dns(host)?;
    (!name.is_empty()).then(|| (name.to_owned(), host))
}
