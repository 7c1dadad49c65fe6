//! The load generator: `wrk`, with the same script, threads and connections for everybody.

use anyhow::{Context, ensure};
use serde::Deserialize;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::workspace;

/// One thread leaves a core to the server.
const THREADS: &str = "-t1";
/// Sixteen connections keep a server busy that writes nothing.
pub(super) const CONNECTIONS: usize = 16;

/// One request that is sent again and again.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) url: String,
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Request {
    /// Posts a form as the client whose credentials go into HTTP Basic.
    pub(super) fn form(url: String, body: String, basic: &str) -> Self {
        let headers = vec![
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("authorization", format!("Basic {basic}")),
        ];
        Self { method: "POST", url, body, headers }
    }
}

/// What one run of the generator measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// Answers in all.
    pub(super) answers: u64,
    /// Answers per second.
    pub(super) rate: f64,
    /// Microseconds.
    pub(super) p50: u64,
    /// Microseconds.
    pub(super) p99: u64,
}

/// The line that `tests/load/request.lua` prints.
#[derive(Debug, Deserialize)]
struct Line {
    requests: u64,
    microseconds: u64,
    p50: u64,
    p99: u64,
    others: u64,
    broken: u64,
    first_other: String,
}

/// Sends `request` for some seconds; anything but a 200 each time is an error.
///
/// `samples` receives some of the answers that were given under load, one a line.
pub(super) fn run(request: &Request, seconds: u32, samples: Option<&Path>) -> anyhow::Result<Measured> {
    run_on(CONNECTIONS, request, seconds, samples)
}

/// The same, over so many connections.
pub(super) fn run_on(
    connections: usize,
    request: &Request,
    seconds: u32,
    samples: Option<&Path>,
) -> anyhow::Result<Measured> {
    let (connections, time) = (format!("-c{connections}"), format!("-d{seconds}s"));
    let mut wrk = Command::new("wrk");
    wrk.args([THREADS, &connections, &time, "--timeout", "10s", "--latency", "-s"]);
    wrk.arg(workspace::root().join("tests/load/request.lua")).arg(&request.url).arg("--");
    wrk.args([request.method, &request.body]);
    for (name, value) in &request.headers {
        wrk.args([name, value.as_str()]);
    }
    wrk.env_remove("SAMPLES");
    if let Some(file) = samples {
        wrk.env("SAMPLES", file);
    }
    let output = wrk.stderr(Stdio::inherit()).output().context("cannot start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}");
    read(&text).with_context(|| format!("{} {}", request.method, request.url))
}

fn read(text: &str) -> anyhow::Result<Measured> {
    let last = text.lines().last().unwrap_or_default();
    let line: Line = serde_json::from_str(last).with_context(|| format!("wrk said: {text}"))?;
    ensure!(
        line.others == 0,
        "{} of {} answers were no 200; the first: {}",
        line.others,
        line.requests,
        line.first_other
    );
    ensure!(line.broken == 0, "{} connections broke or timed out", line.broken);
    ensure!(line.requests > 0 && line.microseconds > 0, "nothing was answered");
    Ok(Measured {
        answers: line.requests,
        rate: per_second(line.requests, line.microseconds),
        p50: line.p50,
        p99: line.p99,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
pub(super) fn per_second(requests: u64, microseconds: u64) -> f64 {
    requests as f64 * 1e6 / microseconds as f64
}

#[cfg(test)]
mod tests {
    use super::read;

    fn line(others: u32, broken: u32) -> String {
        let rest = format!("\"others\":{others},\"broken\":{broken},\"first_other\":\"400 {{}}\"");
        format!("Running…\n{{\"requests\":50,\"microseconds\":1000000,\"p50\":7,\"p99\":9,{rest}}}\n")
    }

    #[test]
    fn a_run_counts_only_if_every_answer_was_a_200() {
        assert!((read(&line(0, 0)).unwrap().rate - 50.0).abs() < f64::EPSILON);
        assert!(read(&line(1, 0)).unwrap_err().to_string().contains("1 of 50"));
        assert!(read(&line(0, 1)).is_err());
        assert!(read("").is_err());
    }
}
