//! Nothing in the tree names one person's or one machine's directories.

use super::Tree;

/// Where home directories and workplaces begin. Split, so that this file does not name them itself.
const BEGINNINGS: &[&str] =
    &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Finds absolute paths of one machine in any text file.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for file in &tree.files {
        let Some(text) = tree.text(file) else { continue };
        for (place, line) in text.lines().enumerate() {
            if names_a_machine(line) {
                wrong.push(format!("{}:{}: a path of one machine", file.display(), place + 1));
            }
        }
    }
    wrong
}

fn names_a_machine(line: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| {
        line.match_indices(beginning).any(|(place, _)| {
            // Inside a longer path or URL it is something else.
            let before = line.get(..place).and_then(|head| head.chars().next_back());
            !before
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '}' | '~' | '*'))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::names_a_machine;

    #[test]
    fn absolute_paths_of_one_machine_are_found() {
        assert!(names_a_machine(concat!("cd /ro", "ot/project")));
        assert!(names_a_machine(concat!("\"/ho", "me/someone/key\"")));
        assert!(!names_a_machine(concat!("https://example.com/wo", "rk/item")));
        assert!(!names_a_machine("/usr/lib/postgresql"));
    }
}
