//! Domains of organisations: claimed by a word, proven by a DNS record.
//!
//! Attack: a customer says that a rival's domain, or a mail provider's, is theirs, and gets whoever signs up with such an
//! address. A claim decides nothing; it is proven by a TXT record that holds a token which was drawn for this very claim.
//! A proven domain is one organisation's in its tenant, and a claim takes nothing from whoever proves it first.

use primitives::{OrganisationId, Rng, TenantId, Timestamp};
use serde::Serialize;
use url::Host;

use super::ports::{Organisations, TextRecords};
use super::{OrganisationError, OrganisationState};
use crate::identifier::Identifier;
use crate::ports::StoreUnavailable;

/// The longest name of DNS, as text (RFC 1035 section 2.3.4).
const MAX_DOMAIN: usize = 253;

/// A domain in the form of DNS: lower-case ASCII, two labels at least, no dot at its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Domain(String);

impl Domain {
    /// Reads a domain, with its international labels in their ASCII form (RFC 5891).
    pub fn parse(text: &str) -> Option<Self> {
        let Ok(Host::Domain(domain)) = Host::parse(text) else { return None };
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let of_form = domain.len() <= MAX_DOMAIN && domain.contains('.') && domain.split('.').all(is_label);
        of_form.then_some(Self(domain))
    }

    /// The domain of an e-mail address; of anything else there is none.
    pub fn of(identifier: &Identifier) -> Option<Self> {
        let (local, domain) = identifier.as_str().rsplit_once('@')?;
        if local.is_empty() { None } else { Self::parse(domain) }
    }

    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A domain that an organisation says is its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainClaim {
    /// The domain.
    pub domain: Domain,
    /// What the record must hold. Everybody may read it: it is worth something in this claim only.
    pub token: String,
    /// When the domain was proven to be this organisation's.
    pub verified_at: Option<Timestamp>,
    /// When it was said.
    pub created_at: Timestamp,
}

impl DomainClaim {
    /// A new claim.
    pub fn new(domain: Domain, rng: &dyn Rng, now: Timestamp) -> Self {
        Self { domain, token: rng.token(), verified_at: None, created_at: now }
    }

    /// The name of the record that proves it.
    pub fn record_name(&self) -> String {
        format!("_portcullis-challenge.{}", self.domain)
    }

    /// What the record says.
    pub fn record_value(&self) -> String {
        format!("portcullis-verification={}", self.token)
    }

    /// Looks for the record.
    pub async fn prove(&self, records: &dyn TextRecords) -> Result<ProvenDomain, OrganisationError> {
        let (name, value) = (self.record_name(), self.record_value());
        let found = records.find_text(&name).await;
        let found = found.map_err(|error| OrganisationError::Unanswered(error.to_string()))?;
        if found.contains(&value) {
            Ok(ProvenDomain(self.domain.clone()))
        } else {
            Err(OrganisationError::NotProven { name, value })
        }
    }
}

/// A domain whose record was found. Only [`DomainClaim::prove`] makes one, so that nothing else is written as proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenDomain(Domain);

impl ProvenDomain {
    /// The domain.
    pub const fn domain(&self) -> &Domain {
        &self.0
    }
}

/// The organisation to which an identifier's domain belongs, if one has proven it and is active.
///
/// It says nothing of whether anybody has the identifier, so that it can be asked before a proof.
pub async fn organisation_of(
    organisations: &dyn Organisations,
    tenant: &TenantId,
    identifier: &Identifier,
) -> Result<Option<OrganisationId>, StoreUnavailable> {
    let Some(domain) = Domain::of(identifier) else { return Ok(None) };
    let found = organisations.find_by_domain(tenant, &domain).await?;
    Ok(found.filter(|found| found.state == OrganisationState::Active).map(|found| found.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_one_form() {
        for (text, expect) in [
            ("acme.example", Some("acme.example")),
            ("ACME.Example", Some("acme.example")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("a.b.acme.example", Some("a.b.acme.example")),
            ("example", None),
            ("acme.example.", None),
            (".acme.example", None),
            ("acme..example", None),
            ("-acme.example", None),
            ("a_b.example", None),
            ("acme.example/x", None),
            ("acme.example:80", None),
            ("127.0.0.1", None),
            ("[::1]", None),
            ("", None),
        ] {
            assert_eq!(Domain::parse(text).as_ref().map(Domain::as_str), expect, "{text:?}");
        }
    }

    #[test]
    fn domain_of_an_identifier_is_what_follows_the_last_at_sign() {
        for (text, expect) in [
            ("ada@acme.example", Some("acme.example")),
            ("ada@ACME.example", Some("acme.example")),
            ("ada@rival.example@acme.example", Some("acme.example")),
            ("ada@bücher.example", Some("xn--bcher-kva.example")),
            ("@acme.example", None),
            ("ada", None),
            ("+4915112345678", None),
            ("ada@localhost", None),
        ] {
            let identifier = Identifier::parse(text).unwrap();
            assert_eq!(Domain::of(&identifier).as_ref().map(Domain::as_str), expect, "{text:?}");
        }
    }
}
