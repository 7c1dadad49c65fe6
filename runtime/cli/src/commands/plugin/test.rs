//! `portcullis plugin test`: every case against the real host, under the real limits.
//!
//! But for one: a case that does not expect `wall-limit` gets the node's longest wall time.

use std::path::PathBuf;

use clap::Args;
use plugin_host::Settings;
use serde::Serialize;
use serde_json::{Value, json};

use super::cases::{self, Case, Expect, FailureName, Outcome};
use super::diff::{Difference, Extent, compare};
use super::manifest::Project;
use super::trial::{Log, NoAnswer, Trial, Tried};
use crate::commands::Common;
use crate::outcome::Failure;

/// Options of `plugin test`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The project
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
    /// Only the cases that have this in their name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// What came of a case.
#[derive(Debug, Serialize)]
struct Verdict {
    file: PathBuf,
    case: String,
    passed: bool,
    differences: Vec<Difference>,
    /// What the plugin wrote.
    log: Vec<String>,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let project = Project::open(&options.directory)?;
    let spec = project.spec()?;
    let cases = cases::read(&project, options.only.as_deref())?;
    let trial = Trial::new(Settings::default())?;
    let log = Log::start()?;
    let mut verdicts = Vec::with_capacity(cases.len());
    for case in &cases {
        let verdict = judge(case, trial.try_case(case, &spec, &log)?);
        if !options.common.json {
            print!("{}", in_words(&verdict));
        }
        verdicts.push(verdict);
    }
    let failed = verdicts.iter().filter(|verdict| !verdict.passed).count();
    let passed = verdicts.len() - failed;
    if options.common.json {
        println!("{:#}", json!({ "passed": passed, "failed": failed, "cases": verdicts }));
    } else {
        println!("{passed} passed, {failed} failed");
    }
    if failed == 0 { Ok(()) } else { Err(Failure::Reported(1)) }
}

fn judge(case: &Case, tried: Tried) -> Verdict {
    let Tried { answer, log, kept, sent } = tried;
    let mut differences = differences(&case.expect, &answer, &log);
    differences.extend(cases::http_differences(&case.http, &sent));
    if let Some(expected) = case.expect.kv.as_ref().filter(|expected| **expected != kept) {
        let (expected, found) = (Some(json!(expected)), Some(json!(kept)));
        differences.push(Difference { path: "kv".to_owned(), expected, found });
    }
    Verdict {
        file: case.file.clone(),
        case: case.name.clone(),
        passed: differences.is_empty(),
        differences,
        log,
    }
}

fn differences(expect: &Expect<Value>, answer: &Result<Value, NoAnswer>, log: &[String]) -> Vec<Difference> {
    let mut differences = match (&expect.outcome, answer) {
        (Outcome::Answer(expected), Ok(found)) => answers(expected, found, Extent::Exact),
        (Outcome::Includes(expected), Ok(found)) => answers(expected, found, Extent::Subset),
        (Outcome::Failure(name, detail), Err(failure)) => {
            let fits = detail.as_ref().is_none_or(|detail| failure.detail.contains(detail));
            if *name == failure.name && fits {
                Vec::new()
            } else {
                vec![whole(told(*name, detail.as_deref()), of_failure(failure))]
            }
        }
        (Outcome::Answer(expected) | Outcome::Includes(expected), Err(failure)) => {
            vec![whole(expected.clone(), of_failure(failure))]
        }
        (Outcome::Failure(name, detail), Ok(found)) => {
            vec![whole(told(*name, detail.as_deref()), found.clone())]
        }
    };
    let missing = expect.log.iter().filter(|words| !log.iter().any(|line| line.contains(*words)));
    differences.extend(missing.map(|words| Difference {
        path: "log".to_owned(),
        expected: Some(json!(words)),
        found: (!log.is_empty()).then(|| json!(log)),
    }));
    differences
}

/// Answers of different kinds (an issue and a denial) differ as a whole.
fn answers(expected: &Value, found: &Value, extent: Extent) -> Vec<Difference> {
    let kind = |answer: &Value| answer.as_object().and_then(|object| object.keys().next().cloned());
    if kind(expected) != kind(found) {
        return vec![whole(expected.clone(), found.clone())];
    }
    compare(expected, found, extent)
}

fn whole(expected: Value, found: Value) -> Difference {
    Difference { path: String::new(), expected: Some(expected), found: Some(found) }
}

fn of_failure(failure: &NoAnswer) -> Value {
    told(failure.name, Some(&failure.detail))
}

fn told(name: FailureName, detail: Option<&str>) -> Value {
    match detail {
        Some(detail) => json!({ "failure": name, "detail": detail }),
        None => json!({ "failure": name }),
    }
}

/// A line, and what is wrong below it.
fn in_words(verdict: &Verdict) -> String {
    let Verdict { file, case, passed, differences, log } = verdict;
    let mut words = format!("{}  {}: {case}\n", if *passed { "ok    " } else { "FAILED" }, file.display());
    for Difference { path, expected, found } in differences {
        let side = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        let place = if path.is_empty() { "the answer" } else { path };
        words.extend([
            format!("        {place}\n"),
            format!("          expected  {}\n", side(expected)),
            format!("          found     {}\n", side(found)),
        ]);
    }
    if !passed && !log.is_empty() {
        words.push_str("        the plugin's log\n");
        words.extend(log.iter().map(|line| format!("          {line}\n")));
    }
    words
}

#[cfg(test)]
mod tests {
    use primitives::hooks::HookFailureKind;

    use super::*;

    fn expect(text: &str) -> Expect<Value> {
        serde_json::from_str(text).unwrap()
    }

    fn failure(kind: HookFailureKind, detail: &str) -> Result<Value, NoAnswer> {
        Err(NoAnswer { name: kind.into(), detail: detail.to_owned() })
    }

    /// The places that differ, and whether that is a failed case.
    fn check(expected: &str, answer: &Result<Value, NoAnswer>, log: &[&str], places: &[&str]) {
        let log: Vec<String> = log.iter().map(|line| (*line).to_owned()).collect();
        let found = differences(&expect(expected), answer, &log);
        let found: Vec<&str> = found.iter().map(|difference| difference.path.as_str()).collect();
        assert_eq!(found, places, "{expected} {answer:?}");
    }

    #[test]
    fn wrong_expectation_fails() {
        let issue = Ok(json!({ "issue": { "id-token": { "plan": "team", "seats": 3 } } }));
        let deny = Ok(json!({ "deny": { "description": "no" } }));
        let trap = failure(HookFailureKind::Trap, "unreachable executed");
        let exact = r#"{"answer": {"issue": {"id-token": {"plan": "team"}}}}"#;
        let subset = r#"{"answer-includes": {"issue": {"id-token": {"plan": "team"}}}}"#;
        let other = r#"{"answer-includes": {"issue": {"id-token": {"plan": "free"}}}}"#;
        check(exact, &issue, &[], &["/issue/id-token/seats"]);
        check(subset, &issue, &[], &[]);
        check(other, &issue, &[], &["/issue/id-token/plan"]);
        for expected in [exact, subset] {
            check(expected, &deny, &[], &[""]);
            check(expected, &trap, &[], &[""]);
        }
        check(r#"{"answer": {"deny": {"description": "no"}}}"#, &deny, &[], &[]);
        check(r#"{"answer": {"deny": {"description": "yes"}}}"#, &deny, &[], &["/deny/description"]);
    }

    #[test]
    fn failures_are_expected_by_name_and_words() {
        let trap = failure(HookFailureKind::Trap, "unreachable executed");
        check(r#"{"failure": "trap"}"#, &trap, &[], &[]);
        check(r#"{"failure": "trap", "detail": "unreachable"}"#, &trap, &[], &[]);
        check(r#"{"failure": "trap", "detail": "exited"}"#, &trap, &[], &[""]);
        check(r#"{"failure": "cpu-limit"}"#, &trap, &[], &[""]);
        check(r#"{"failure": "trap"}"#, &Ok(json!({ "issue": {} })), &[], &[""]);
    }

    #[test]
    fn every_line_that_is_expected_must_be_there() {
        let expected = r#"{"answer": {"issue": {}}, "log": ["info: a", "b"]}"#;
        let issue = Ok(json!({ "issue": {} }));
        check(expected, &issue, &["info: abc"], &[]);
        check(expected, &issue, &["warn: abc"], &["log"]);
        check(expected, &issue, &[], &["log", "log"]);
    }

    #[test]
    fn exactly_one_outcome_is_expected() {
        for text in [
            "{}",
            r#"{"log": ["a"]}"#,
            r#"{"answer": {}, "failure": "trap"}"#,
            r#"{"answer": {}, "answer-includes": {}}"#,
            r#"{"answer": {}, "detail": "x"}"#,
            r#"{"failure": "traps"}"#,
            r#"{"answers": {}}"#,
        ] {
            assert!(serde_json::from_str::<Expect<Value>>(text).is_err(), "{text}");
        }
    }
}
