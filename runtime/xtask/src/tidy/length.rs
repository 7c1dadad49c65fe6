//! One idea a file: look again at 400 lines, split before 600.

use super::Tree;

const LOOK_AGAIN: usize = 400;
const SPLIT: usize = 600;

/// Reports Rust files that are long, and fails those that are too long.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in tree.with_extension("rs") {
        let lines = tree.text(file).unwrap_or_default().lines().count();
        if lines > SPLIT {
            wrong.push(format!("{}: {lines} lines; split it by idea ({SPLIT} is the limit)", file.display()));
        } else if lines > LOOK_AGAIN {
            println!("tidy: look again at {}: {lines} lines", file.display());
        }
    }
    wrong
}
