//! What may be the name of a header.

/// Whether a name is a token (RFC 9110 section 5.6.2). One that is not could end its line and begin another header.
pub(crate) fn is_name(name: &str) -> bool {
    let in_tokens = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(in_tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_a_token() {
        for (name, expect) in [
            ("x-plan", true),
            ("X_Plan.2", true),
            ("", false),
            ("x plan", false),
            ("x:plan", false),
            ("x\r\nplan", false),
            ("pl\u{e4}n", false),
        ] {
            assert_eq!(is_name(name), expect, "{name:?}");
        }
    }
}
