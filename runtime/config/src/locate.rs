//! Places in the text: from a byte offset or a key's path to line and column, and back.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A place for people: both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The place of a byte offset.
pub(crate) fn offset(text: &str, offset: usize) -> Position {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
    Position { line, column }
}

/// The place of a key such as `tenant[0].client[1].redirect_uris`, or of the nearest table around it
/// that the text does contain.
pub(crate) fn key(text: &str, path: &str) -> Position {
    let Ok(document) = DeTable::parse(text) else { return Position { line: 1, column: 1 } };
    let mut at = 0;
    let mut table = Some(document.get_ref());
    for segment in path.split('.') {
        let (name, index) = split_index(segment);
        let Some((key, value)) = table.and_then(|table| table.iter().find(|(key, _)| key.get_ref() == name))
        else {
            break;
        };
        at = key.span().start;
        let mut value = value.get_ref();
        if let (Some(index), DeValue::Array(array)) = (index, value)
            && let Some(element) = array.get(index)
        {
            at = element.span().start;
            value = element.get_ref();
        }
        table = if let DeValue::Table(inner) = value { Some(inner) } else { None };
    }
    offset(text, at)
}

/// The path of the deepest key whose name or value covers the byte offset; empty for none.
pub(crate) fn key_at(text: &str, offset: usize) -> String {
    let Ok(document) = DeTable::parse(text) else { return String::new() };
    let mut path = Vec::new();
    descend_table(document.get_ref(), offset, &mut path);
    path.join(".")
}

fn descend_table(table: &DeTable<'_>, offset: usize, path: &mut Vec<String>) -> bool {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        if descend_value(value, offset, path) || covers(key, offset) || covers(value, offset) {
            return true;
        }
        path.pop();
    }
    false
}

fn descend_value(value: &Spanned<DeValue<'_>>, offset: usize, path: &mut Vec<String>) -> bool {
    match value.get_ref() {
        DeValue::Table(table) => descend_table(table, offset, path),
        DeValue::Array(array) => {
            let Some(name) = path.pop() else { return false };
            for (index, element) in array.iter().enumerate() {
                path.push(format!("{name}[{index}]"));
                if descend_value(element, offset, path) || covers(element, offset) {
                    return true;
                }
                path.pop();
            }
            path.push(name);
            false
        }
        _ => false,
    }
}

fn covers<T>(spanned: &Spanned<T>, offset: usize) -> bool {
    spanned.span().contains(&offset)
}

fn split_index(segment: &str) -> (&str, Option<usize>) {
    match segment.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((name, index)) => (name, index.parse().ok()),
        None => (segment, None),
    }
}
