//! A change in one statement: one round trip instead of a transaction's, one for each statement and two around them.
//!
//! Each of its statements becomes a part of a `WITH`; all see the database as it was before, none what another does. So at most
//! one of them may touch what others touch too: the rest add rows of their own
//! ([`Statement::apart`](crate::statement::Statement::apart)). A part that hits another number of rows than it must makes the whole
//! fail, by a division: nothing is written.

use std::fmt::Write as _;

use crate::apply::Prepared;
use crate::statement::{Expect, Value};

/// Statements of a change that are made one. Each number of them is a text of its own, which the server keeps a plan for.
const MOST: usize = 12;

/// A change in one statement.
pub(super) struct Composed {
    pub(super) sql: String,
    pub(super) args: Vec<Value>,
}

/// The change as one statement, which gives how many rows it hit; none if its statements depend on each other, or are many.
pub(super) fn compose(prepared: &Prepared) -> Option<Composed> {
    let dependent = prepared.statements.iter().filter(|(_, statement)| !statement.apart).count();
    if dependent > 1 || prepared.statements.len() > MOST {
        return None;
    }
    let mut parts = String::from("WITH ");
    let mut hit = String::new();
    let mut checks = String::new();
    let mut args = Vec::new();
    for (number, (_, statement)) in prepared.statements.iter().enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let text = renumber(statement.sql, args.len())?;
        let plus = if number == 0 { "" } else { " + " };
        let _ = write!(parts, "{comma}w{number} AS ({text} RETURNING 1)");
        let _ = write!(hit, "{plus}(SELECT count(*) FROM w{number})");
        if let Expect::Rows(rows) = statement.expect {
            let _ = write!(checks, ", 1 / (SELECT (count(*) = {rows})::int FROM w{number})");
        }
        args.extend(statement.args.iter().cloned());
    }
    let settings = if prepared.must_last() { "" } else { ", set_config('synchronous_commit', 'off', true)" };
    let tells = prepared.statements.iter().any(|(_, statement)| statement.change.is_some());
    let notify = if tells { ", pg_notify('portcullis_changes', '')" } else { "" };
    Some(Composed { sql: format!("{parts} SELECT {hit}{checks}{settings}{notify}"), args })
}

/// The statement with its first `before` placeholders left to others; none if it could not be a part.
fn renumber(sql: &str, before: usize) -> Option<String> {
    let mut text = String::with_capacity(sql.len() + 16);
    let mut pieces = sql.split('$');
    text.push_str(pieces.next()?);
    for piece in pieces {
        let end = piece.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(piece.len());
        let (number, rest) = piece.split_at(end);
        let _ = write!(text, "${}{rest}", number.parse::<usize>().ok()? + before);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::Statement;
    use crate::values;

    fn composed(statements: Vec<Statement>) -> Option<Composed> {
        compose(&Prepared::of_storage(statements))
    }

    #[test]
    fn parts_have_their_own_values_and_say_what_they_must_hit() {
        let rotate = Statement::one("UPDATE t SET a = $2, b = $11 WHERE id = $1", values![1, 2]);
        let note = Statement::one("INSERT INTO n (a) VALUES ($1)", values![3]).apart();
        let more = Statement::any("DELETE FROM o WHERE id = $1", values![4]).apart();
        let Composed { sql, args } = composed(vec![rotate, note, more]).unwrap();
        assert_eq!(
            sql,
            "WITH w0 AS (UPDATE t SET a = $2, b = $11 WHERE id = $1 RETURNING 1), \
             w1 AS (INSERT INTO n (a) VALUES ($3) RETURNING 1), \
             w2 AS (DELETE FROM o WHERE id = $4 RETURNING 1) \
             SELECT (SELECT count(*) FROM w0) + (SELECT count(*) FROM w1) + (SELECT count(*) FROM w2), \
             1 / (SELECT (count(*) = 1)::int FROM w0), 1 / (SELECT (count(*) = 1)::int FROM w1)"
        );
        assert_eq!(args, values![1, 2, 3, 4]);
    }

    #[test]
    fn statements_that_may_depend_on_each_other_stay_apart() {
        let change = |id: i64| Statement::one("UPDATE t SET a = 1 WHERE id = $1", values![id]);
        assert!(composed(vec![change(1), change(2)]).is_none());
        assert!(composed(vec![change(1), change(2).apart()]).is_some());
        let many = |count: usize| (0..count).map(|_| change(1).apart()).collect();
        assert!(composed(many(MOST)).is_some());
        assert!(composed(many(MOST + 1)).is_none());
    }
}
