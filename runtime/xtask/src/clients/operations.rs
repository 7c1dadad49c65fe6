//! Whether a suite drove the operations that are listed as its own: the node's count of what it answered decides.

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::SUITES;
use crate::loopback::send;
use crate::node::Node;
use crate::workspace;

/// Every operation, and which suite drives it.
const LIST: &str = "tests/clients/ory-client/operations.toml";

/// The suite that drives what names no other.
const UNNAMED: &str = "ory-client";

/// The operation that this module itself calls.
const METRICS: &str = "getMetrics";

/// Returns the API document of a listener, `public` or `admin`, as the binary prints it.
pub(super) fn document(binary: &Path, listener: &str) -> anyhow::Result<String> {
    let mut openapi = Command::new(binary);
    let output = openapi.args(["openapi", "--listener", listener]).output().context("openapi")?;
    ensure!(output.status.success(), "openapi: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// What a suite has to drive, and what the node had answered before the suite began.
#[derive(Debug)]
pub(crate) struct Watch {
    suite: String,
    wanted: Vec<Wanted>,
    before: Tally,
}

impl Watch {
    /// Begins to count. What set the node up must have happened: it does not count as the suite's.
    pub(super) fn begin(suite: &str, binary: &Path, node: &Node) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(workspace::root().join(LIST)).context(LIST)?;
        let list: List = toml::from_str(&text).context(LIST)?;
        let suites: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
        let mut ids = BTreeMap::new();
        for listener in ["public", "admin"] {
            ids.insert(listener, serde_json::from_str(&document(binary, listener)?)?);
        }
        let wanted = list.of(suite, &suites, &ids).context(LIST)?;
        Ok(Self { suite: suite.to_owned(), wanted, before: Tally::of(node)? })
    }

    /// Fails with the operations that the node never answered as listed since [`Self::begin`].
    pub(crate) fn check(&self, node: &Node) -> anyhow::Result<()> {
        if std::env::var_os("ONLY").is_some_and(|only| !only.is_empty()) {
            eprintln!("operations: not counted, since ONLY chose among the checks");
            return node.witness.as_ref().map_or(Ok(()), super::witness::Witness::check_seen);
        }
        let missing = self.missing(&Tally::of(node)?);
        if !missing.is_empty() {
            bail!("listed as driven by {}, and never answered as listed:\n{missing}", self.suite);
        }
        println!("operations: the node answered each of the suite's {} as listed", self.wanted.len());
        node.witness.as_ref().map_or(Ok(()), |witness| witness.check(&self.suite))
    }

    fn missing(&self, after: &Tally) -> String {
        let never = self.wanted.iter().filter(|wanted| after.since(&self.before, wanted) == 0);
        never.map(|wanted| format!("  {}", wanted.shown)).collect::<Vec<_>>().join("\n")
    }
}

/// An operation that a suite drives.
#[derive(Debug)]
struct Wanted {
    /// As the metrics name it.
    id: String,
    /// As the list names it.
    shown: String,
    /// The status of the answer that counts; without one, any of success.
    status: Option<u16>,
}

/// The list of operations.
#[derive(Debug, Deserialize)]
struct List {
    operation: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    listener: String,
    method: String,
    path: String,
    by: Option<By>,
    /// What it answers with where it can only fail: an error page has the error's status.
    status: Option<u16>,
}

/// One suite, or each of several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum By {
    One(String),
    Each(Vec<String>),
}

impl Row {
    fn suites(&self) -> Vec<&str> {
        match &self.by {
            None => vec![UNNAMED],
            Some(By::One(suite)) => vec![suite],
            Some(By::Each(suites)) => suites.iter().map(String::as_str).collect(),
        }
    }
}

impl List {
    /// What is `suite`'s, by its id in the documents; a row of no suite or no document is an error.
    fn of(
        &self,
        suite: &str,
        suites: &[&str],
        documents: &BTreeMap<&str, Value>,
    ) -> anyhow::Result<Vec<Wanted>> {
        let mut of_suite = Vec::new();
        for row in &self.operation {
            let shown = format!("{} {} {}", row.listener, row.method, row.path);
            let named = row.suites();
            ensure!(!named.is_empty(), "{shown}: `by` names no suite");
            if let Some(unknown) = named.iter().find(|name| !suites.contains(name)) {
                bail!("{shown}: there is no suite `{unknown}`");
            }
            if named.contains(&suite) {
                let paths = documents.get(row.listener.as_str()).and_then(|document| document.get("paths"));
                let methods = paths.and_then(|paths| paths.get(&row.path));
                let operation = methods.and_then(|methods| methods.get(row.method.to_ascii_lowercase()));
                let id = operation.and_then(|operation| operation.get("operationId")?.as_str());
                let id = id.with_context(|| format!("{shown} is not served"))?.to_owned();
                of_suite.push(Wanted { id, shown, status: row.status });
            }
        }
        Ok(of_suite)
    }
}

/// How many requests a node answered, by operation id and status.
#[derive(Debug, Default)]
struct Tally(BTreeMap<(String, u16), u64>);

impl Tally {
    /// Reads the node's metrics.
    fn of(node: &Node) -> anyhow::Result<Self> {
        let url = format!("{}/metrics", node.admin);
        let answer = send("GET", &url, &[("authorization", &node.authorization())], b"")?;
        ensure!(answer.status == 200, "GET {url}: status {}", answer.status);
        Self::parse(&String::from_utf8(answer.body)?)
    }

    /// The counts in the text format of Prometheus.
    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut counts = BTreeMap::new();
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("portcullis_http_requests_total{") else { continue };
            let (labels, count) = rest.split_once("} ").with_context(|| format!("no count: {line}"))?;
            let label = |name: &str| {
                let value = labels.split(',').find_map(|label| label.strip_prefix(name)?.strip_prefix("=\""));
                value.and_then(|value| value.strip_suffix('"')).with_context(|| format!("no {name}: {line}"))
            };
            counts.insert((label("operation")?.to_owned(), label("status")?.parse()?), count.parse()?);
        }
        ensure!(!counts.is_empty(), "the metrics count no requests");
        Ok(Self(counts))
    }

    /// Counts the answers that count. A redirect is success too: so the browser's endpoints answer.
    fn count(&self, wanted: &Wanted) -> u64 {
        let counts = |status: u16| wanted.status.map_or((200..400).contains(&status), |it| it == status);
        let found = self.0.iter().filter(|((id, status), _)| *id == wanted.id && counts(*status));
        found.map(|(_, count)| count).sum()
    }

    /// Counts those since `before` was read. A reading is counted when it has been answered, so that the later one
    /// finds the earlier.
    fn since(&self, before: &Self, wanted: &Wanted) -> u64 {
        self.count(wanted) - before.count(wanted) - u64::from(wanted.id == METRICS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SUITES: [&str; 3] = ["ory-client", "browser", "authlib"];

    fn of(suite: &str, rows: &str) -> Result<Vec<String>, String> {
        let list: List = toml::from_str(&format!("operation = [{rows}]")).unwrap();
        let paths = json!({ "paths": { "/a": {
            "get": { "operationId": "getA" },
            "post": { "operationId": "postA" },
        } } });
        let of = list.of(suite, &SUITES, &BTreeMap::from([("public", paths)]));
        of.map(|all| all.into_iter().map(|wanted| wanted.id).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_row_is_each_named_suites_or_the_sdks() {
        let rows = r#"{ listener = "public", method = "GET", path = "/a" },
            { listener = "public", method = "POST", path = "/a", by = ["browser", "authlib"] }"#;
        assert_eq!(of("ory-client", rows).unwrap(), ["getA"]);
        assert_eq!(of("browser", rows).unwrap(), ["postA"]);
        assert_eq!(of("authlib", rows).unwrap(), ["postA"]);
    }

    #[test]
    fn a_row_that_nobody_can_drive_is_refused() {
        let check = |row: &str, expected: &str| {
            assert_eq!(of("browser", row).unwrap_err(), expected);
        };
        check(
            r#"{ listener = "public", method = "GET", path = "/a", by = "nobody" }"#,
            "public GET /a: there is no suite `nobody`",
        );
        check(
            r#"{ listener = "public", method = "GET", path = "/a", by = [] }"#,
            "public GET /a: `by` names no suite",
        );
        for (listener, method, path) in
            [("public", "PUT", "/a"), ("public", "GET", "/b"), ("admin", "GET", "/a")]
        {
            let row = format!(
                r#"{{ listener = "{listener}", method = "{method}", path = "{path}", by = "browser" }}"#
            );
            check(&row, &format!("{listener} {method} {path} is not served"));
        }
    }

    fn metrics(counts: &[(&str, u16, u64)]) -> Tally {
        let line = |(id, status, count): &(&str, u16, u64)| {
            format!("portcullis_http_requests_total{{operation=\"{id}\",status=\"{status}\"}} {count}\n")
        };
        let text: String = counts.iter().map(line).collect();
        Tally::parse(&format!("# TYPE portcullis_http_requests counter\n{text}other_total 7\n# EOF\n"))
            .unwrap()
    }

    #[test]
    fn only_the_right_answer_since_the_beginning_counts() {
        let before = metrics(&[("again", 200, 2), ("idle", 200, 5), ("refused", 400, 1)]);
        let mut wanted: Vec<Wanted> = ["again", "idle", "refused", "new", "never", METRICS]
            .map(|id| Wanted { id: id.to_owned(), shown: id.to_owned(), status: None })
            .into();
        for (shown, status) in [("refused as it should", 400), ("refused otherwise", 403)] {
            let (id, shown) = ("refused".to_owned(), shown.to_owned());
            wanted.push(Wanted { id, shown, status: Some(status) });
        }
        let watch = Watch { suite: "browser".to_owned(), wanted, before };
        let after = |readings| {
            metrics(&[
                ("again", 200, 2),
                ("again", 303, 1),
                ("idle", 200, 5),
                ("refused", 400, 9),
                ("refused", 500, 1),
                ("new", 204, 1),
                (METRICS, 200, readings),
            ])
        };
        let missing = "  idle\n  refused\n  never\n  refused otherwise";
        assert_eq!(watch.missing(&after(2)), missing);
        let with_metrics = missing.replace("  refused o", "  getMetrics\n  refused o");
        assert_eq!(watch.missing(&after(1)), with_metrics);
    }

    #[test]
    fn metrics_without_requests_are_no_metrics() {
        assert!(Tally::parse("# EOF\n").is_err());
        assert!(Tally::parse("portcullis_http_requests_total{operation=\"a\"} 1\n").is_err());
    }
}
