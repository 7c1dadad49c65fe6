//! `portcullis plugin logs`

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use http::Method;
use serde_json::Value;

use super::One;
use crate::configuration::Place;
use crate::outcome::Failure;
use crate::session::with_running_node;

/// How long whoever follows waits between two questions.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    one: One,
    /// Goes on with what the plugin writes from then on, until it is interrupted
    #[arg(long, short)]
    follow: bool,
}

pub(super) fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let path = options.one.path("/logs")?;
    with_running_node(place, async |mut api| {
        let mut after = 0;
        loop {
            let found = api.send(Method::GET, &format!("{path}?after={after}"), None).await?.body;
            print!("{}", in_words(&found, options.one.common.json));
            after = found.get("next").and_then(Value::as_u64).unwrap_or(after);
            if !options.follow {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
}

/// A line each: for scripts the JSON of each, otherwise the time, what kind it is, and the words.
fn in_words(found: &Value, json: bool) -> String {
    let mut words = String::new();
    if found.get("missed") == Some(&Value::Bool(true)) && !json {
        words.push_str("… earlier lines are no longer kept\n");
    }
    let lines = found.get("lines").and_then(Value::as_array);
    for line in lines.into_iter().flatten() {
        if json {
            let _ = writeln!(words, "{line}");
            continue;
        }
        let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(words, "{}  {:7}  {}", text("at"), text("level"), text("message"));
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lines_are_told_with_their_time_and_a_gap_is_no_secret() {
        let line =
            json!({ "at": "2026-01-01T00:00:00Z", "level": "info", "message": "no plan", "cursor": 7 });
        let mut found = json!({ "lines": [line], "next": 7, "missed": false });
        assert_eq!(in_words(&found, false), "2026-01-01T00:00:00Z  info     no plan\n");
        assert_eq!(serde_json::from_str::<Value>(&in_words(&found, true)).unwrap(), line);
        found["missed"] = json!(true);
        assert!(in_words(&found, false).starts_with("… earlier lines are no longer kept\n2026"));
    }
}
