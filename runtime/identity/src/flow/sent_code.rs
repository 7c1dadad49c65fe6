//! Codes and links that are sent to people: what is kept of them, and what they prove.
//!
//! Attack: whoever reads the database has the codes that are under way. So only keyed hashes are kept, each bound to its
//! flow: a code or a link is worth nothing in another one.
//!
//! A link opens its form in any browser, since people read their mail where they like; what it proves it proves once,
//! by the version of the form.

use primitives::{FlowId, IdentityId, KeyedHash, Rng, Sealer, Secret, TenantId, Timestamp, base64url};
use serde::{Deserialize, Serialize};

use super::Room;
use crate::identity::AddressKind;

const CODE_PURPOSE: &str = "one_time_code";
const LINK_PURPOSE: &str = "sent_link";

/// What was sent to somebody, and what it would prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCode {
    /// The address; none where an operator gave it.
    pub address: String,
    /// How the address is reached.
    #[serde(default = "SentCode::by_mail")]
    pub via: AddressKind,
    /// Whose it is; nobody's, and nothing is right.
    identity: Option<IdentityId>,
    /// The keyed hash of the code, in base64url; none where only a link was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Until when it is worth something.
    expires_at: Timestamp,
    /// How often a code was tried.
    tries: u32,
}

/// A link that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLink {
    /// The keyed hash of its token, in base64url.
    token: String,
    /// The token, once the link was opened: the form then shows the button that uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opened: Option<String>,
}

/// What somebody says to prove that a message reached them.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Said<'a> {
    /// The code of it.
    Code(&'a str),
    /// The token of its link.
    Link(&'a str),
}

/// Six digits.
pub(crate) struct OneTimeCode(Secret<String>);

impl OneTimeCode {
    /// Draws a code. Each of the million is as likely as the others.
    pub(crate) fn generate(rng: &dyn Rng) -> Self {
        const FAIR: u32 = u32::MAX - u32::MAX % 1_000_000;
        loop {
            let mut bytes = [0; 4];
            rng.fill(&mut bytes);
            let number = u32::from_be_bytes(bytes);
            if number < FAIR {
                return Self(Secret::new(format!("{:06}", number % 1_000_000)));
            }
        }
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    fn hash(&self, sealer: &Sealer, tenant: &TenantId, flow: FlowId) -> String {
        base64url::encode(sealer.hash(tenant, CODE_PURPOSE, &bound(flow, self.expose())).0)
    }
}

/// The secret of a link: 256 random bits.
pub(crate) struct LinkToken(Secret<String>);

impl LinkToken {
    pub(crate) fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(rng.token()))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl SentLink {
    /// What is kept of a link.
    pub(crate) fn new(room: Room<'_>, flow: FlowId, token: &LinkToken) -> Self {
        let hash = room.sealer.hash(room.tenant, LINK_PURPOSE, &bound(flow, token.expose()));
        Self { token: base64url::encode(hash.0), opened: None }
    }

    /// Whether a token is this link's, in constant time.
    pub(crate) fn is(&self, sealer: &Sealer, tenant: &TenantId, flow: FlowId, token: &str) -> bool {
        base64url::decode(&self.token).is_some_and(|hash| {
            sealer.verify_hash(tenant, LINK_PURPOSE, &bound(flow, token), &KeyedHash(hash))
        })
    }

    /// The link, opened with its token.
    pub(crate) fn open(&mut self, token: &str) {
        self.opened = Some(token.to_owned());
    }

    /// The token with which it was opened.
    pub fn opened(&self) -> Option<&str> {
        self.opened.as_deref()
    }
}

/// Codes and tokens are one flow's.
fn bound(flow: FlowId, text: &str) -> Vec<u8> {
    [flow.0.as_bytes().as_slice(), text.as_bytes()].concat()
}

impl SentCode {
    const fn by_mail() -> AddressKind {
        AddressKind::Email
    }

    /// For whoever has an address: a code, or none where only a link is sent.
    pub(crate) fn new(
        room: Room<'_>,
        flow: FlowId,
        (via, address, identity): (AddressKind, &str, Option<IdentityId>),
        code: Option<&OneTimeCode>,
        expires_at: Timestamp,
    ) -> Self {
        let code = code.map(|code| code.hash(room.sealer, room.tenant, flow));
        Self { address: address.to_owned(), via, identity, code, expires_at, tries: 0 }
    }

    /// Counts a try. It must be stored before its answer is told.
    pub(crate) const fn count(&mut self) {
        self.tries = self.tries.saturating_add(1);
    }

    /// Whether what is said is right. Whose it is says [`SentCode::identity`].
    pub(crate) fn is_right(&self, room: Room<'_>, flow: (FlowId, Option<&SentLink>), said: Said<'_>) -> bool {
        let alive = room.now < self.expires_at && self.tries <= room.settings.code.max_submissions;
        let (flow, link) = flow;
        let right = match said {
            Said::Link(token) => link.is_some_and(|link| link.is(room.sealer, room.tenant, flow, token)),
            Said::Code(typed) => {
                let digits: String =
                    typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(32).collect();
                let hash = self.code.as_deref().and_then(base64url::decode).map(KeyedHash);
                hash.is_some_and(|hash| {
                    room.sealer.verify_hash(room.tenant, CODE_PURPOSE, &bound(flow, &digits), &hash)
                })
            }
        };
        right && alive
    }

    /// Whose address it was sent to; nobody's if there is no such account.
    pub(crate) const fn identity(&self) -> Option<IdentityId> {
        self.identity
    }
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;

    use super::*;

    #[test]
    fn codes_are_six_digits_and_differ() {
        let rng = SeededRng::new(1);
        let codes: std::collections::BTreeSet<String> =
            (0..100).map(|_| OneTimeCode::generate(&rng).expose().to_owned()).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())));
        assert!(codes.len() > 95);
    }

    #[test]
    fn what_was_kept_before_links_were_sent_is_still_read() {
        let kept = r#"{"address":"ada@example.com","identity":null,"code":"AAAA","expires_at":"2027-01-15T08:00:00Z","tries":2}"#;
        let sent: SentCode = serde_json::from_str(kept).unwrap();
        assert_eq!((sent.via, sent.code.as_deref(), sent.tries), (AddressKind::Email, Some("AAAA"), 2));
    }
}
