//! What a document says that a test shows, a test shows: each that is named exists.
//!
//! A test is named by its file and its function, in backticks: `http/tests/it/x.rs::rule`. The file is one of this directory or of
//! the tree's root.

use std::path::Path;

use super::Tree;

/// The documents that name tests.
const DOCUMENTS: [&str; 1] = ["runtime/security-classes.md"];

/// Finds tests that are named and not there, and documents that name none.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for document in DOCUMENTS {
        let Some(text) = tree.text(Path::new(document)) else {
            wrong.push(format!("{document}: is missing"));
            continue;
        };
        let named: Vec<(&str, &str)> = named(&text).collect();
        if named.is_empty() {
            wrong.push(format!("{document}: names no tests"));
        }
        let missing = named.iter().filter(|(file, test)| {
            let places = [Path::new("runtime").join(file), Path::new(file).to_path_buf()];
            let code = places.iter().find_map(|place| tree.text(place));
            !code.is_some_and(|code| has_test(&code, test))
        });
        wrong.extend(missing.map(|(file, test)| format!("{document}: there is no test {file}::{test}")));
    }
    wrong
}

/// The tests that a text names, each with its file.
fn named(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_code = |(file, _): &(&str, &str)| Path::new(file).extension().is_some_and(|name| name == "rs");
    quoted.filter_map(|name| name.split_once("::")).filter(is_code)
}

/// Whether there is a function of that name below an attribute that makes it a test.
fn has_test(code: &str, test: &str) -> bool {
    let is_it = |line: &str| {
        let line = line.trim_start();
        let rest = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
        rest.and_then(|rest| rest.strip_prefix(test)).is_some_and(|rest| rest.starts_with('('))
    };
    let lines: Vec<&str> = code.lines().collect();
    lines.iter().enumerate().filter(|(_, line)| is_it(line)).any(|(at, _)| {
        let before = lines.iter().take(at).rev().take_while(|line| line.trim_start().starts_with(['#', '/']));
        before.into_iter().any(|line| line.contains("test"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_found_by_file_and_name() {
        let text = "| a class | `code` stops it | `http/tests/x.rs::rule`, `tests/it/y.rs::other` |";
        assert_eq!(
            named(text).collect::<Vec<_>>(),
            [("http/tests/x.rs", "rule"), ("tests/it/y.rs", "other")]
        );
        let code = "#[tokio::test]\nasync fn rule() {}\n\n    #[test]\n    /// Attack: …\n    fn other() {}\nfn helper() {}\n";
        for (test, expected) in
            [("rule", true), ("other", true), ("helper", false), ("rul", false), ("gone", false)]
        {
            assert_eq!(has_test(code, test), expected, "{test}");
        }
    }
}
