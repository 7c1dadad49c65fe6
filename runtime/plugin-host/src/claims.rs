//! What a guest may say about claims: a small, well-formed JSON object that sets nothing protected.

use oauth2::hooks::PROTECTED_CLAIMS;
use serde_json::{Map, Value};

/// How deep claims may nest. Deeper than any document of the specifications, far from any stack's end.
const DEPTH: usize = 32;

/// Reads the claims of an answer; empty text is no claims. The size is bounded by the output limit
/// already, enforced while the answer was lifted. Returns what is wrong, for the operator.
pub(crate) fn check_claims(
    document: &str,
    text: &str,
    may_set_groups: bool,
) -> Result<Map<String, Value>, String> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    let claims = check_object(document, text)?;
    for name in claims.keys() {
        if PROTECTED_CLAIMS.contains(&name.as_str()) || (name == "groups" && !may_set_groups) {
            return Err(format!("{document}: sets the protected claim {name}"));
        }
    }
    Ok(claims)
}

/// Reads a JSON object of an answer.
pub(crate) fn check_object(document: &str, text: &str) -> Result<Map<String, Value>, String> {
    check_depth(document, text)?;
    serde_json::from_str(text).map_err(|error| format!("{document}: not a JSON object: {error}"))
}

/// Reads a JSON object of an answer; empty text is none.
pub(crate) fn check_optional_object(
    document: &str,
    text: &str,
) -> Result<Option<Map<String, Value>>, String> {
    if text.is_empty() { Ok(None) } else { check_object(document, text).map(Some) }
}

/// Reads any JSON of an answer.
pub(crate) fn check_value(document: &str, text: &str) -> Result<Value, String> {
    check_depth(document, text)?;
    serde_json::from_str(text).map_err(|error| format!("{document}: not JSON: {error}"))
}

fn check_depth(document: &str, text: &str) -> Result<(), String> {
    if depth(text) > DEPTH { Err(format!("{document}: nested deeper than {DEPTH} levels")) } else { Ok(()) }
}

/// How deep brackets nest, without a parser's recursion. Exact for well-formed JSON; of other text
/// it says something, which is enough because that text is refused next.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Makes a guest's words fit for `error_description` (RFC 6749 section 4.1.2.1): printable ASCII without
/// `"` and `\`, at most 256 bytes.
pub(crate) fn check_description(text: &str) -> String {
    text.chars()
        .take(256)
        .map(|c| match c {
            '"' => '\'',
            '\\' => '/',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<usize, &str>) {
        match (check_claims("id-token", text, false), expect) {
            (Ok(claims), Ok(count)) => assert_eq!(claims.len(), count, "{text}"),
            (Err(found), Err(part)) => assert!(found.contains(part), "{text}: {found}"),
            (found, expect) => panic!("{text}: {found:?}, expected {expect:?}"),
        }
    }

    #[test]
    fn claims_are_one_object_of_unprotected_names() {
        check("", Ok(0));
        check("{}", Ok(0));
        check(r#"{"plan":"team","seats":12}"#, Ok(2));
        for text in ["[]", "null", "\"x\"", "{", "{}{}", "{\"a\":NaN}", " x"] {
            check(text, Err("not a JSON object"));
        }
        for name in PROTECTED_CLAIMS {
            check(&format!("{{\"a\":1,\"{name}\":1}}"), Err(name));
        }
        check(r#"{"groups":["admin"]}"#, Err("groups"));
        assert!(check_claims("id-token", r#"{"groups":["admin"]}"#, true).is_ok());
    }

    #[test]
    fn the_contract_tells_plugin_authors_each_name_that_is_protected() {
        let wit = include_str!("../../../wit/token/token.wit").replace("\n///", "");
        let (_, told) = wit.split_once("protected claim fails: `").unwrap();
        let (told, _) = told.split_once('`').unwrap();
        let told: std::collections::BTreeSet<_> = told.split_whitespace().collect();
        assert_eq!(told, PROTECTED_CLAIMS.into());
    }

    #[test]
    fn a_name_written_with_escapes_is_still_protected() {
        check(r#"{"s\u0075b":"root"}"#, Err("sub"));
    }

    #[test]
    fn depth_is_bounded_before_parsing() {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        check(&nested(DEPTH - 1), Ok(1));
        check(&nested(DEPTH), Err("nested"));
        check(&nested(30_000), Err("nested"));
        check(&format!("{{\"a\":\"{}\"}}", "[".repeat(100)), Ok(1));
        check(&format!("{{\"a\":\"\\\"{}\"}}", "[".repeat(100)), Ok(1));
    }

    #[test]
    fn descriptions_hold_only_what_the_protocol_allows() {
        for (text, expect) in [("a b", "a b"), ("a\"b\\c", "a'b/c"), ("ä\n", "??")] {
            assert_eq!(check_description(text), expect);
        }
        assert_eq!(check_description(&"x".repeat(1000)).len(), 256);
    }
}
