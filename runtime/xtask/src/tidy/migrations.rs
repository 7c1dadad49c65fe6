//! Both databases have the same migrations, by number and name, each number once.

use super::Tree;
use std::collections::BTreeSet;

/// Compares `migrations/sqlite` with `migrations/postgres`.
pub(super) fn check(tree: &Tree) -> Vec<String> {
    let sqlite = names(tree, "migrations/sqlite/");
    let postgres = names(tree, "migrations/postgres/");
    differences(&sqlite, &postgres)
}

fn names(tree: &Tree, directory: &str) -> BTreeSet<String> {
    let names = tree.with_extension("sql").filter_map(|file| file.to_str()?.strip_prefix(directory));
    names.map(str::to_owned).collect()
}

fn differences(sqlite: &BTreeSet<String>, postgres: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in sqlite.symmetric_difference(postgres) {
        let has = if sqlite.contains(name) { "sqlite" } else { "postgres" };
        wrong.push(format!("migrations/{has}/{name}: the other database has no such migration"));
    }
    let mut numbers = BTreeSet::new();
    for name in sqlite {
        let number = name.split('_').next().unwrap_or_default();
        if number.len() != 4 || !number.bytes().all(|byte| byte.is_ascii_digit()) || !numbers.insert(number) {
            wrong.push(format!("migrations/sqlite/{name}: its four-digit number is missing or taken"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::differences;

    fn check(sqlite: &[&str], postgres: &[&str], wrong: usize) {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(differences(&set(sqlite), &set(postgres)).len(), wrong, "{sqlite:?} {postgres:?}");
    }

    #[test]
    fn numbers_are_equal_and_taken_once() {
        check(&["0001_core.sql", "0002_jose.sql"], &["0001_core.sql", "0002_jose.sql"], 0);
        check(&["0001_core.sql"], &["0001_core.sql", "0002_jose.sql"], 1);
        check(&["core.sql"], &["core.sql"], 1);
        check(&["0001_core.sql", "0001_jose.sql"], &["0001_core.sql", "0001_jose.sql"], 1);
    }
}
