//! A statement with its values and the number of rows that it must hit.

use primitives::{SealContext, Sealer, Timestamp};

/// A value bound to a statement. `None` is NULL of that type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An integer: a count, a flag (0 or 1), or a time in microseconds.
    Int(Option<i64>),
    /// Text, also for identifiers and JSON.
    Text(Option<String>),
    /// Bytes, for what is sealed or hashed.
    Blob(Option<Vec<u8>>),
    /// What has no form in a column, and why: its statement fails instead of writing something else.
    Unbindable(String),
}

/// How many rows a statement must hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Exactly so many; otherwise the whole change is undone and its caller is told.
    Rows(u64),
    /// Whatever there is.
    Any,
}

/// One SQL statement. Its text is the same for both databases: placeholders `$1…`, integers, text and
/// bytes, no dialect.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) args: Vec<Value>,
    pub(crate) expect: Expect,
    pub(crate) change: Option<(&'static str, String)>,
    pub(crate) may_be_lost: bool,
    pub(crate) apart: bool,
    pub(crate) raises: Option<usize>,
}

impl Statement {
    /// A statement that must hit exactly one row.
    pub fn one(sql: &'static str, args: Vec<Value>) -> Self {
        Self { expect: Expect::Rows(1), ..Self::any(sql, args) }
    }

    /// A statement that may hit any number of rows.
    pub fn any(sql: &'static str, args: Vec<Value>) -> Self {
        Self { sql, args, expect: Expect::Any, change: None, may_be_lost: false, apart: false, raises: None }
    }

    /// Says in the change log that the thing `key` of `kind` is no longer what it was, so that caches
    /// on every node drop it.
    #[must_use]
    pub fn changes(mut self, kind: &'static str, key: impl Into<String>) -> Self {
        self.change = Some((kind, key.into()));
        self
    }

    /// Says that no other statement of its change reads or writes what it writes, and that it reads nothing that another
    /// writes: it adds a row, say. In which order the two run makes no difference then, nor whether one sees the other.
    #[must_use]
    pub const fn apart(mut self) -> Self {
        self.apart = true;
        self
    }

    /// Says that it raises a row's values, those from the argument `first` on, to at least these: of several in a change which
    /// differ in nothing else, one is enough.
    #[must_use]
    pub const fn raises(mut self, first: usize) -> Self {
        self.raises = Some(first);
        self
    }

    /// Takes over what another raises, if it is of the same row.
    pub(crate) fn takes_over(&mut self, other: &Self) -> bool {
        let Some(first) = self.raises.filter(|_| self.raises == other.raises && self.sql == other.sql) else {
            return false;
        };
        let same_row = self.args.iter().take(first).eq(other.args.iter().take(first));
        if same_row && self.raised() < other.raised() {
            self.args.clone_from(&other.args);
        }
        same_row
    }

    fn raised(&self) -> Option<i64> {
        match self.args.get(self.raises?)? {
            Value::Int(value) => *value,
            _ => None,
        }
    }

    /// Says that a power cut may take back what it writes, and the end of the process may not: a change that has no other
    /// statements waits for no disk. For what is worth nothing after a minute, such as a form that nobody sent yet.
    #[must_use]
    pub const fn may_be_lost(mut self) -> Self {
        self.may_be_lost = true;
        self
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(Some(i64::from(flag)))
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Int(Some(at.micros()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(Some(bytes))
    }
}

impl From<&primitives::KeyedHash> for Value {
    fn from(hash: &primitives::KeyedHash) -> Self {
        Self::Blob(Some(hash.0.clone()))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(at: Option<Timestamp>) -> Self {
        Self::Int(at.map(Timestamp::micros))
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        Self::Blob(bytes)
    }
}

macro_rules! value_from_display {
    ($($name:ty),+) => {$(
        impl From<&$name> for Value {
            fn from(id: &$name) -> Self {
                Self::Text(Some(id.to_string()))
            }
        }

        impl From<Option<&$name>> for Value {
            fn from(id: Option<&$name>) -> Self {
                Self::Text(id.map(ToString::to_string))
            }
        }
    )+};
}

value_from_display!(
    primitives::TenantId,
    primitives::ClientId,
    primitives::IdentityId,
    primitives::SessionId,
    primitives::OrganisationId,
    primitives::GroupId,
    primitives::InvitationId,
    primitives::GrantId,
    primitives::FamilyId,
    primitives::FlowId,
    primitives::AdminKeyId,
    primitives::UploadedPluginId
);

/// Builds the values of a statement: `values![tenant, id, now]`, each anything that is `Into<Value>`.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::Value::from($value)),*] };
}

/// A column that holds JSON. What does not serialise (a key that is no text) fails its statement.
pub(crate) fn json(value: &impl serde::Serialize) -> Value {
    match serde_json::to_string(value) {
        Ok(text) => Value::Text(Some(text)),
        Err(error) => Value::Unbindable(error.to_string()),
    }
}

/// A column that holds JSON, or NULL.
pub(crate) fn opt_json(value: Option<&impl serde::Serialize>) -> Value {
    value.map_or(Value::Text(None), json)
}

/// A column that holds JSON, sealed. As [`json`] it fails its statement rather than seal nothing.
pub(crate) fn sealed_json(sealer: &Sealer, context: SealContext<'_>, value: &impl serde::Serialize) -> Value {
    match serde_json::to_vec(value) {
        Ok(bytes) => Value::Blob(Some(sealer.seal(context, &bytes))),
        Err(error) => Value::Unbindable(error.to_string()),
    }
}

/// A column that holds what plugins say of a session; NULL where they say nothing.
pub(crate) fn session_claims(claims: &primitives::SessionClaims) -> Value {
    Value::Text((!claims.is_empty()).then(|| claims.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_serialise_is_never_an_empty_text() {
        let keys_that_are_no_text = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(matches!(json(&keys_that_are_no_text), Value::Unbindable(_)));
        assert_eq!(json(&["a"]), Value::Text(Some("[\"a\"]".to_owned())));
    }
}
