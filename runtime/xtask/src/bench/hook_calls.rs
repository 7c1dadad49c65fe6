//! What the node's metrics say of its plugin's calls: how many, and how long their spans were.

use std::fmt;

/// The histogram of answered calls, over all plugins.
const NAME: &str = "portcullis_plugin_call_microseconds";

/// Counts and quantiles of answered calls.
#[derive(Debug, Default, PartialEq)]
pub(super) struct HookCalls {
    pub(super) answered: u64,
    /// Upper bounds in microseconds, and how many calls were at most as long.
    buckets: Vec<(f64, u64)>,
}

impl HookCalls {
    /// Reads them from the metrics page.
    pub(super) fn read(metrics: &str) -> Self {
        let mut calls = Self::default();
        for line in metrics.lines().filter(|line| line.contains("outcome=\"answered\"")) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<u64>() else { continue };
            let Some(rest) = series.strip_prefix(NAME) else { continue };
            if rest.starts_with("_count") {
                calls.answered += value;
            } else if let Some(bound) = rest.strip_prefix("_bucket").and_then(bound_of) {
                match calls.buckets.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
                    Some((_, count)) => *count += value,
                    None => calls.buckets.push((bound, value)),
                }
            }
        }
        calls.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        calls
    }

    /// Returns the calls that came after `earlier` was read.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = |bound: f64| {
            let same = earlier.buckets.iter().find(|(known, _)| known.total_cmp(&bound).is_eq());
            same.map_or(0, |(_, count)| *count)
        };
        let later = self.buckets.iter().map(|&(bound, count)| (bound, count.saturating_sub(before(bound))));
        Self { answered: self.answered.saturating_sub(earlier.answered), buckets: later.collect() }
    }

    /// Returns the bound of the bucket that holds the quantile `percent`.
    pub(super) fn at_most(&self, percent: u64) -> Option<f64> {
        let wanted = (self.answered * percent).div_ceil(100);
        self.buckets.iter().find(|(_, count)| *count >= wanted).map(|(bound, _)| *bound)
    }
}

fn bound_of(labels: &str) -> Option<f64> {
    let bound = labels.split_once("le=\"")?.1.split('"').next()?;
    if bound == "+Inf" { Some(f64::INFINITY) } else { bound.parse().ok() }
}

impl fmt::Display for HookCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at_most = |percent| self.at_most(percent).map_or("?".to_owned(), |bound| bound.to_string());
        write!(
            f,
            "{} answered, p50 at most {} µs, p99 at most {} µs",
            self.answered,
            at_most(50),
            at_most(99)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::HookCalls;

    const METRICS: &str = r#"# TYPE portcullis_plugin_call_microseconds histogram
portcullis_plugin_call_microseconds_sum{hook="a",outcome="answered"} 900.5
portcullis_plugin_call_microseconds_count{hook="a",outcome="answered"} 100
portcullis_plugin_call_microseconds_bucket{le="10.0",hook="a",outcome="answered"} 60
portcullis_plugin_call_microseconds_bucket{le="40.0",hook="a",outcome="answered"} 99
portcullis_plugin_call_microseconds_bucket{le="+Inf",hook="a",outcome="answered"} 100
portcullis_plugin_call_microseconds_count{hook="a",outcome="failed"} 7
"#;

    #[test]
    fn answered_calls_are_counted_with_their_quantiles() {
        let calls = HookCalls::read(METRICS);
        assert_eq!(calls.to_string(), "100 answered, p50 at most 10 µs, p99 at most 40 µs");
        assert_eq!(HookCalls::read(""), HookCalls::default());
        assert_eq!(calls.since(&HookCalls::default()), calls);
        assert_eq!(calls.since(&calls).answered, 0);
    }
}
