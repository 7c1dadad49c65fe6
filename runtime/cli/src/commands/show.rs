//! How answers look: JSON for scripts, lines and columns for people.

use serde_json::Value;

/// Prints one object: as JSON, or its scalar fields in lines.
pub(crate) fn object(json: bool, object: &Value) {
    if json {
        println!("{object:#}");
        return;
    }
    let Value::Object(fields) = object else { return println!("{}", cell(object)) };
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in fields.iter().filter(|(_, value)| !is_empty(value)) {
        println!("{name:<width$}  {}", cell(value));
    }
}

/// Prints a list: as JSON, or as a table with these columns (heading, JSON pointer).
pub(crate) fn list(json: bool, entries: &[Value], columns: &[(&str, &str)]) {
    if json {
        println!("{:#}", Value::from(entries.to_vec()));
        return;
    }
    print!("{}", table(entries, columns));
}

fn table(entries: &[Value], columns: &[(&str, &str)]) -> String {
    let heading = columns.iter().map(|(heading, _)| (*heading).to_owned()).collect::<Vec<_>>();
    let rows = entries.iter().map(|entry| {
        columns
            .iter()
            .map(|(_, place)| entry.pointer(place).map(cell).unwrap_or_default())
            .collect::<Vec<_>>()
    });
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A value in one line. Control characters would let an object's name write over the terminal.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
            items.iter().map(cell).collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn table_lines_up_and_shows_no_control_characters() {
        let entries =
            [json!({"id": "a", "owner": {"kind": "x"}}), json!({"id": "long\u{1b}[2J", "n": [1, 2]})];
        let found = table(&entries, &[("ID", "/id"), ("KIND", "/owner/kind"), ("N", "/n")]);
        assert_eq!(found, "ID        KIND  N\na         x\nlong\u{fffd}[2J        1 2\n");
    }
}
