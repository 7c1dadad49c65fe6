//! Other documents that people write: read like the configuration, with the place of a mistake.

use serde::de::DeserializeOwned;

use crate::problem::{self, Problem, Problems};

/// Reads TOML; `file` is the name under which a mistake is reported.
pub fn read_toml<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, Problems> {
    toml::from_str(text).map_err(|error| problem::of_toml(&error, text, file))
}

/// Reads JSON; `file` is the name under which a mistake is reported.
pub fn read_json<T: DeserializeOwned>(text: &str, file: &str) -> Result<T, Problems> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let place = format!(" at line {line} column {column}");
        let message = problem::reword(message.strip_suffix(&place).unwrap_or(&message));
        Problems(vec![Problem { file: file.to_owned(), line, column, key: String::new(), message }])
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Document {
        #[serde(rename = "name")]
        _name: String,
    }

    #[test]
    fn mistakes_have_their_place() {
        let check = |found: Result<Document, Problems>, expect: &str| {
            assert_eq!(found.unwrap_err().to_string(), expect);
        };
        check(
            read_toml("\nnamee = \"x\"", "a.toml"),
            "a.toml:2:1: namee: unknown key `namee`, did you mean `name`?",
        );
        check(
            read_json("{\n \"namee\": 1}", "a.json"),
            "a.json:2:8: unknown key `namee`, did you mean `name`?",
        );
        check(
            read_json("{\n\"name\": 1}", "a.json"),
            "a.json:2:9: wrong type: expected a string, found integer `1`",
        );
        check(read_json("{", "a.json"), "a.json:1:1: EOF while parsing an object");
    }
}
