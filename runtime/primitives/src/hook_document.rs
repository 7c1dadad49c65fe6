//! What a hook is told of a document that somebody else wrote.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

/// How many bytes it has at most, as text.
pub const HOOK_DOCUMENT_BYTES: usize = 64 << 10;

/// A JSON object as text of bounded size.
///
/// Attack: a provider says megabytes of somebody, so that the plugin that is told runs out of memory, again and again,
/// until its circuit opens for everybody. So only [`check`](Self::check) makes one, and what is too large is the fault of
/// whoever says it, before a plugin hears of it.
#[derive(Clone, PartialEq, Eq)]
pub struct HookDocument(Arc<str>);

/// The document is larger than [`HOOK_DOCUMENT_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document has more than {HOOK_DOCUMENT_BYTES} bytes")]
pub struct HookDocumentTooLarge;

impl HookDocument {
    /// Takes an object that is not too large.
    pub fn check(object: &Map<String, Value>) -> Result<Self, HookDocumentTooLarge> {
        let text = serde_json::to_string(object).map_err(|_| HookDocumentTooLarge)?;
        if text.len() > HOOK_DOCUMENT_BYTES { Err(HookDocumentTooLarge) } else { Ok(Self(text.into())) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How large it is: what is in it is nobody's who reads logs.
impl fmt::Debug for HookDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookDocument({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_is_bounded_and_not_shown() {
        let of_length = |bytes: usize| {
            let value = "x".repeat(bytes - r#"{"a":""}"#.len());
            HookDocument::check(&Map::from_iter([("a".to_owned(), Value::from(value))]))
        };
        let largest = of_length(HOOK_DOCUMENT_BYTES).map(|document| format!("{document:?}"));
        assert_eq!(largest.as_deref(), Ok("HookDocument(65536 bytes)"));
        assert_eq!(of_length(HOOK_DOCUMENT_BYTES + 1), Err(HookDocumentTooLarge));
    }
}
