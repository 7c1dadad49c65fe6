//! What an owner sees of their organisation beside its people: its domains, its connection and its keys.

use primitives::Timestamp;

use crate::locale::{Words, fill};

/// What the owners of an organisation decide on.
#[derive(Debug, Clone)]
pub struct OwnershipView {
    /// Where whoever signed in some time ago confirms that it is them, before they change any of it.
    pub confirm_url: Option<String>,
    /// The domains that the organisation says are its own.
    pub domains: Vec<DomainItem>,
    /// The provider with which its people sign in.
    pub connection: Option<ConnectionItem>,
    /// What the form of that has in its fields.
    pub fields: ConnectionFields,
    /// The keys with which programs manage it.
    pub keys: Vec<KeyItem>,
    /// The key that was made just now: in this view and nowhere else.
    pub new_key: Option<NewKey>,
    /// For how many days a key may be made.
    pub key_days: Vec<u64>,
}

/// A domain with the record that proves it.
#[derive(Debug, Clone)]
pub struct DomainItem {
    /// The domain.
    pub domain: String,
    /// Whether it is proven.
    pub is_proven: bool,
    /// The name of the record.
    pub record_name: String,
    /// What it says.
    pub record_value: String,
}

/// A connection, without its secret.
#[derive(Debug, Clone)]
pub struct ConnectionItem {
    /// What people know it by.
    pub label: String,
    /// The issuer, of one that has any.
    pub issuer: Option<String>,
    /// The client id that it gave.
    pub client_id: String,
    /// What is registered there as the address of its answers.
    pub redirect_uri: Option<String>,
    /// Whether anybody comes by it.
    pub is_on: bool,
    /// Whether people must, so that it stays on.
    pub is_enforced: bool,
    /// Whether it is of the kind that the form is for; others are the operator's.
    pub can_edit: bool,
}

/// What was typed, or what is set. The secret is neither.
#[derive(Debug, Clone, Default)]
pub struct ConnectionFields {
    /// What people know it by.
    pub label: String,
    /// The issuer.
    pub issuer: String,
    /// The client id that it gave.
    pub client_id: String,
    /// Whether addresses count as proven that it says it verified.
    pub trusts_email: bool,
}

/// A key of the organisation, without its secret.
#[derive(Debug, Clone)]
pub struct KeyItem {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it changes anything.
    pub can_write: bool,
    /// When it stops working.
    pub expires_at: Option<Timestamp>,
    /// When it last worked.
    pub last_used_at: Option<Timestamp>,
}

/// A key that was made just now.
#[derive(Clone)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// What its owner copies.
    pub text: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The same, in words.
pub(super) struct Ownership<'a> {
    pub(super) view: &'a OwnershipView,
    pub(super) keys: Vec<KeyLine<'a>>,
    pub(super) spans: Vec<SpanChoice>,
    pub(super) made: Option<MadeKey<'a>>,
}

pub(super) struct MadeKey<'a> {
    pub(super) said: String,
    pub(super) key: &'a NewKey,
}

pub(super) struct KeyLine<'a> {
    pub(super) key: &'a KeyItem,
    pub(super) detail: String,
}

/// For how long a key may be made.
pub(super) struct SpanChoice {
    pub(super) days: u64,
    pub(super) label: String,
}

impl<'a> Ownership<'a> {
    pub(super) fn new(view: &'a OwnershipView, words: &Words) -> Self {
        let w = &words.ownership;
        let line = |key: &'a KeyItem| {
            let on = |text: &str, at: Timestamp| fill(text, &[("date", &words.date(at))]);
            let mut detail = vec![if key.can_write { &w.key_write } else { &w.key_read }.clone()];
            detail.extend(key.expires_at.map(|at| on(&w.key_until, at)));
            detail.push(key.last_used_at.map_or_else(|| w.key_unused.clone(), |at| on(&w.key_used, at)));
            KeyLine { key, detail: detail.join(" · ") }
        };
        let span = |days: &u64| SpanChoice {
            days: *days,
            label: fill(words.counted(&w.key_days, *days), &[("days", &days.to_string())]),
        };
        Self {
            keys: view.keys.iter().map(line).collect(),
            spans: view.key_days.iter().map(span).collect(),
            made: view
                .new_key
                .as_ref()
                .map(|key| MadeKey { said: fill(&w.key_made, &[("name", &key.name)]), key }),
            view,
        }
    }
}
