//! Mistakes in a configuration: where, what, and what was probably meant.

use std::fmt;
use std::path::Path;

use crate::locate::{self, Position};
use crate::source::Source;

/// One mistake. Shown as `file:line:column: where: what`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file's name as it was given.
    pub file: String,
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// The key that is wrong, e.g. `listener[0].address`; empty where none can be named.
    pub key: String,
    /// What is wrong and what was meant.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// All mistakes that were found, in the order of the file; never empty as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Takes a key and what is wrong with it.
pub(crate) type Report<'a> = dyn FnMut(&str, String) + 'a;

/// Collects contradictions while the sections check themselves.
#[derive(Debug)]
pub(crate) struct Checker<'a> {
    source: &'a Source<'a>,
    found: Vec<Problem>,
}

impl<'a> Checker<'a> {
    pub(crate) const fn new(source: &'a Source<'a>) -> Self {
        Self { source, found: Vec::new() }
    }

    /// Reports that the value at `key` (e.g. `listener[0].reason`) is wrong. If the key is not written
    /// in the file, the place is that of the nearest table around it.
    pub(crate) fn report(&mut self, key: &str, message: impl Into<String>) {
        let Position { line, column } = locate::key(self.source.text, key);
        self.found.push(Problem {
            file: self.source.file.to_owned(),
            line,
            column,
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// Whether a file exists, as whoever reads the configuration says.
    pub(crate) const fn files(&self) -> &'a dyn Fn(&Path) -> bool {
        self.source.exists
    }

    /// Reports a file that does not exist.
    pub(crate) fn check_file(&mut self, key: &str, path: &Path) {
        if !self.files()(path) {
            self.report(key, format!("there is no file {}", path.display()));
        }
    }

    pub(crate) fn finish(mut self) -> Result<(), Problems> {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        if self.found.is_empty() { Ok(()) } else { Err(Problems(self.found)) }
    }
}

/// Turns an error of the TOML reader into ours: same place, words for the person who wrote the file.
pub(crate) fn of_toml(error: &toml::de::Error, text: &str, file: &str) -> Problems {
    let offset = error.span().map_or(0, |span| span.start);
    let Position { line, column } = locate::offset(text, offset);
    let key = locate::key_at(text, offset);
    let message = reword(error.message());
    Problems(vec![Problem { file: file.to_owned(), line, column, key, message }])
}

pub(crate) fn reword(message: &str) -> String {
    let message = message.trim();
    if let Some(rest) = message.strip_prefix("unknown field ") {
        // The property that the API has for it; in a file it would be the secret itself.
        if rest.starts_with("`client_secret`") {
            return "unknown key `client_secret`; write `secret = { file = \"…\" }` or { env = \"…\" }"
                .to_owned();
        }
        return unknown("key", rest, "keys");
    }
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        return unknown("value", rest, "values");
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("missing key {rest}");
    }
    if let Some(rest) = message.strip_prefix("duplicate key") {
        return format!("key is written twice{rest}");
    }
    if let Some((found, wanted)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("wrong type: expected {wanted}, found {found}");
    }
    if let Some((found, wanted)) =
        message.strip_prefix("invalid value: ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("wrong value: expected {wanted}, found {found}");
    }
    message.replace('\n', "; ")
}

/// `` `lisen`, expected one of `listen`, `name` `` in words with a guess.
fn unknown(what: &str, rest: &str, plural: &str) -> String {
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let Some(found) = quoted.next() else { return format!("unknown {what} {rest}") };
    let known: Vec<&str> = quoted.collect();
    if let Some(meant) = nearest(found, &known) {
        return format!("unknown {what} `{found}`, did you mean `{meant}`?");
    }
    if known.is_empty() {
        return format!("unknown {what} `{found}`; there are no {plural} here");
    }
    let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("unknown {what} `{found}`; known {plural} here: {}", known.join(", "))
}

/// The known name that `found` was probably meant to be: at most a third of its letters differ, or one
/// is the other in another notation (`baseUrl`, `base-url`).
fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = plain(found);
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted, &plain(name)), *name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance * 3 <= name.len().max(3))
        .map(|(_, name)| name)
}
