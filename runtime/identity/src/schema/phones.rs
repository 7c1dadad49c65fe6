//! For what a schema has text messages sent.

use serde_json::Value;

/// Which forms take a phone number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PhoneUses {
    /// The one that proves an address (`verification.via`).
    pub verification: bool,
    /// The one that lets people back in (`recovery.via`).
    pub recovery: bool,
}

impl PhoneUses {
    /// What either has.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            verification: self.verification || other.verification,
            recovery: self.recovery || other.recovery,
        }
    }

    /// Reads a document, whose depth is capped. Wherever the keywords stand: a definition that nothing refers to makes a form
    /// take numbers that nobody has.
    pub(super) fn of(document: &Value) -> Self {
        match document {
            Value::Object(fields) => {
                let of_it = fields.get("ory.sh/kratos").map(Self::of_keywords).unwrap_or_default();
                fields.values().map(Self::of).fold(of_it, Self::and)
            }
            Value::Array(items) => items.iter().map(Self::of).fold(Self::default(), Self::and),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Self::default(),
        }
    }

    fn of_keywords(keywords: &Value) -> Self {
        let is_by_phone = |what: &str| {
            let via = keywords.get(what).and_then(|keyword| keyword.get("via")).and_then(Value::as_str);
            matches!(via, Some("sms" | "phone"))
        };
        Self { verification: is_by_phone("verification"), recovery: is_by_phone("recovery") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn uses_are_found_in_lists_and_references() {
        let by = |what: &str, via: &str| json!({"ory.sh/kratos": {what: {"via": via}}});
        let numbers = json!({"properties": {"traits": {"properties": {
            "numbers": {"type": "array", "items": by("recovery", "sms")},
            "email": by("verification", "email"),
        }}}});
        assert_eq!(PhoneUses::of(&numbers), PhoneUses { verification: false, recovery: true });
        let referred = json!({"definitions": {"phone": by("verification", "phone")}});
        assert_eq!(PhoneUses::of(&referred), PhoneUses { verification: true, recovery: false });
    }
}
