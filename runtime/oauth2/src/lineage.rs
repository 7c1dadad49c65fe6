//! Of which tokens a token was exchanged (RFC 8693): it ends with each of them (RFC 7009 section 2.1).
//!
//! A token is named by its mark, and its lineage are the marks of all that it comes of. Who revokes a token writes its mark down;
//! a token is live while neither its own mark nor one of its lineage was. It never outlives what it comes of, so a mark is
//! forgotten when its token would have expired.
//!
//! A token that stands for somebody who has an account here, and hangs on no grant of theirs because an issuer named them
//! (RFC 7523), has the mark of that account: it ends with the account, with whatever ends everything of it, and hands that on.
//!
//! Whoever acts by a token that hangs on a grant of theirs leaves the mark of that grant: what they got ends with it, and so with
//! their session, their account and whatever they take back, of which nobody writes a token's mark down.
//!
//! Attacks: somebody exchanges a token that they stole before it is revoked, at the same moment, or several times on, and goes on
//! with what they got (the marks are looked for whenever a token is used, not when it is made); somebody goes on in another's name
//! when everything of their own was ended (so are the grants); a chain grows until a token is larger than what servers take
//! ([`MOST_ANCESTORS`]); a server that sees a token finds another by its lineage (a mark opens nothing, and that of an opaque token
//! is no hash under which it is stored).

use std::collections::BTreeSet;

use primitives::{GrantId, IdentityId, KeyedHash, base64url};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// The most of which a token comes: the tokens that were exchanged, and the tokens and grants of who acted.
pub const MOST_ANCESTORS: usize = 16;

/// What the mark of an account begins with: no `jti` has a full stop, nor has the hash of a token.
const ACCOUNT: &str = "account.";
/// What the mark of a grant begins with.
const GRANT: &str = "grant.";

/// By what a token is named in the lineage of others; or the account for which it stands, or the grant by which somebody acts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark(String);

impl Mark {
    /// Of a signed token: its `jti`.
    pub fn of_signed(jti: &str) -> Self {
        Self(jti.to_owned())
    }

    /// Of an opaque token: 128 bits of a hash of its keyed hash, in base64url.
    pub fn of_opaque(hash: &KeyedHash) -> Self {
        let mut digest = Context::new(&SHA256);
        digest.update(b"exchanged_token");
        digest.update(&hash.0);
        let digest = digest.finish();
        Self(base64url::encode(digest.as_ref().first_chunk::<16>().copied().unwrap_or_default()))
    }

    /// Of an account.
    fn of_account(id: IdentityId) -> Self {
        Self(format!("{ACCOUNT}{id}"))
    }

    fn account(&self) -> Option<IdentityId> {
        self.0.strip_prefix(ACCOUNT)?.parse().ok()
    }

    /// Of a grant by which somebody acts.
    pub(crate) fn of_grant(id: GrantId) -> Self {
        Self(format!("{GRANT}{id}"))
    }

    fn grant(&self) -> Option<GrantId> {
        self.0.strip_prefix(GRANT)?.parse().ok()
    }

    /// As it is written down.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The marks of all that a token comes of: none of one that was not exchanged, unless an issuer named somebody who has an account.
/// At most [`MOST_ANCESTORS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeSet<Mark>")]
pub struct Lineage(BTreeSet<Mark>);

/// There are more than [`MOST_ANCESTORS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token comes of {MOST_ANCESTORS} others at most")]
pub struct TooMany;

impl TryFrom<BTreeSet<Mark>> for Lineage {
    type Error = TooMany;

    fn try_from(marks: BTreeSet<Mark>) -> Result<Self, TooMany> {
        if marks.len() <= MOST_ANCESTORS { Ok(Self(marks)) } else { Err(TooMany) }
    }
}

impl Lineage {
    /// Of a token that was not exchanged, and stands for an account without a grant of it.
    pub(crate) fn of_account(id: IdentityId) -> Self {
        Self(BTreeSet::from([Mark::of_account(id)]))
    }

    /// The accounts with which it ends.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = IdentityId> {
        self.0.iter().filter_map(Mark::account)
    }

    /// The grants of who acts, with which it ends.
    pub(crate) fn grants(&self) -> impl Iterator<Item = GrantId> {
        self.0.iter().filter_map(Mark::grant)
    }

    /// Whether there are no marks.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The marks, in no order that means anything.
    pub fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lineage_is_read_as_it_is_written_and_never_without_bound() {
        let of = |count: usize| (0..count).map(|n| format!("jti-{n}")).collect::<Vec<_>>();
        for count in [0, 1, MOST_ANCESTORS] {
            let text = serde_json::to_value(of(count)).unwrap();
            let read: Lineage = serde_json::from_value(text).unwrap();
            assert_eq!((read.marks().count(), read.is_empty()), (count, count == 0));
            let again = serde_json::from_value(serde_json::to_value(&read).unwrap());
            assert_eq!(again.ok(), Some(read));
        }
        for wrong in
            [serde_json::json!(of(MOST_ANCESTORS + 1)), serde_json::json!("jti"), serde_json::json!([1])]
        {
            assert!(serde_json::from_value::<Lineage>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn account_is_found_in_a_lineage_and_is_no_token() {
        let id = IdentityId(uuid::Uuid::from_u128(1));
        let text = serde_json::to_value(Lineage::of_account(id)).unwrap();
        assert_eq!(text, serde_json::json!(["account.00000000-0000-0000-0000-000000000001"]));
        let read: Lineage = serde_json::from_value(text).unwrap();
        assert_eq!(read.accounts().collect::<Vec<_>>(), [id]);
        let tokens = [Mark::of_signed(&id.to_string()), Mark::of_opaque(&KeyedHash(vec![1; 32]))];
        assert_eq!(Lineage(BTreeSet::from(tokens)).accounts().count(), 0);
    }

    #[test]
    fn grant_of_who_acts_is_found_in_a_lineage_and_is_neither_token_nor_account() {
        let id = GrantId(uuid::Uuid::from_u128(1));
        let account = Mark::of_account(IdentityId(uuid::Uuid::from_u128(2)));
        let token = Mark::of_signed(&id.to_string());
        let lineage = Lineage(BTreeSet::from([Mark::of_grant(id), account, token]));
        let text = serde_json::to_value(&lineage).unwrap();
        assert!(text.as_array().unwrap().contains(&"grant.00000000-0000-0000-0000-000000000001".into()));
        let read: Lineage = serde_json::from_value(text).unwrap();
        assert_eq!(read.grants().collect::<Vec<_>>(), [id]);
        assert_eq!(read.accounts().count(), 1);
    }

    #[test]
    fn mark_of_an_opaque_token_does_not_tell_its_hash() {
        let (one, other) = (KeyedHash(vec![1; 32]), KeyedHash(vec![2; 32]));
        let mark = Mark::of_opaque(&one);
        assert_eq!(mark, Mark::of_opaque(&one));
        assert_ne!(mark, Mark::of_opaque(&other));
        assert_ne!(mark.as_str(), base64url::encode(&one.0));
        assert_eq!(base64url::decode(mark.as_str()).map(|bytes| bytes.len()), Some(16));
    }
}
