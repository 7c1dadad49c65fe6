//! Every message of a flow has words in every language of the pages.
//!
//! The rooms do not know each other: a message is a number in `identity`, and words in the locale files of `ui`. A number
//! that has none is said in the API's English on every page.

use std::collections::BTreeSet;
use std::path::Path;

use super::Tree;

/// Messages whose text is no prose: a title of a schema, a masked address, a secret, a code, a list of codes, a reason (`[reasons]`).
const NO_PROSE: [&str; 6] = ["1070002", "1070000", "1050006", "1050009", "1050015", "4000001"];

/// Reports messages without words.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    let sources: Vec<&Path> = tree.with_extension("rs").filter(|file| is_of_messages(file)).collect();
    let numbers: BTreeSet<String> =
        sources.iter().filter_map(|file| tree.text(file)).flat_map(|text| numbers(&text)).collect();
    if numbers.len() < 100 {
        wrong.push("identity/src/flow: its messages are not where this rule looks for them".to_owned());
    }
    for file in
        tree.with_extension("toml").filter(|file| file.parent().is_some_and(|d| d.ends_with("ui/locales")))
    {
        let text = tree.text(file).unwrap_or_default();
        let words: BTreeSet<&str> =
            text.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).collect();
        for number in numbers
            .iter()
            .filter(|number| !words.contains(number.as_str()) && !NO_PROSE.contains(&number.as_str()))
        {
            wrong.push(format!("{}: message {number} has no words", file.display()));
        }
    }
    wrong
}

/// The files that number messages: `message.rs`, `message_keys.rs`, …
fn is_of_messages(file: &Path) -> bool {
    let is_flow = file.parent().is_some_and(|directory| directory.ends_with("identity/src/flow"));
    is_flow && file.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.contains("message"))
}

/// The numbers of messages in a source text, which are written `4_000_032`.
fn numbers(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '_'))
        .filter(|word| {
            let parts: Vec<usize> = word.split('_').map(str::len).collect();
            parts == [1, 3, 3] && !word.starts_with('0')
        })
        .map(|word| word.replace('_', ""))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn numbers_are_those_of_messages() {
        let text =
            "Self::info(1_070_001, \"x\"); const A: u64 = 10_000; let b = 1_000; `8_000_030` 0_000_001 x_123";
        assert_eq!(numbers(text), ["1070001", "8000030"]);
    }
}
