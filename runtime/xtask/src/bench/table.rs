//! What was measured, as a table; a bar that is missed says so.

use super::spent::Spent;

/// All rounds of one side of one scenario.
#[derive(Debug, Clone, Default)]
pub(super) struct Rounds(pub(super) Vec<f64>);

impl Rounds {
    /// Returns the median; nothing was measured is 0.
    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
    }

    fn shown(&self) -> String {
        if self.0.is_empty() {
            return "–".to_owned();
        }
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(0.0, f64::max);
        format!("{:.0} ({least:.0}–{most:.0})", self.median())
    }
}

/// What a scenario has to reach.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bar {
    /// This many times the other's rate.
    Ratio(f64),
    /// This many answers per second.
    Rate(f64),
    /// None is set.
    None,
}

/// One line of the table.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) scenario: &'static str,
    pub(super) ours: Rounds,
    /// What ours is compared with; empty where only the rate counts.
    pub(super) theirs: Rounds,
    pub(super) bar: Bar,
    /// Latency of ours in the last round: p50 and p99 in microseconds.
    pub(super) latency: Option<(u64, u64)>,
    /// What ours took, of all rounds.
    pub(super) spent: Spent,
    /// What the other took.
    pub(super) theirs_spent: Spent,
}

impl Row {
    fn ratio(&self) -> Option<f64> {
        let theirs = self.theirs.median();
        (theirs > 0.0 && !self.ours.0.is_empty()).then(|| self.ours.median() / theirs)
    }

    fn verdict(&self) -> String {
        if self.ours.0.is_empty() {
            return "not measured".to_owned();
        }
        let (met, asked) = match self.bar {
            Bar::Ratio(bar) => (self.ratio().is_some_and(|ratio| ratio >= bar), format!("{bar} times")),
            Bar::Rate(bar) => (self.ours.median() >= bar, format!("{bar:.0}/s")),
            Bar::None => return "–".to_owned(),
        };
        format!("{asked}: {}", if met { "met" } else { "MISSED" })
    }

    fn shown(&self) -> String {
        let ratio = self.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        let latency = self.latency.map_or("–".to_owned(), |(p50, p99)| format!("{p50} / {p99}"));
        format!(
            "| {} | {} | {} | {ratio} | {} | {latency} | {} | {} |",
            self.scenario,
            self.ours.shown(),
            self.theirs.shown(),
            self.verdict(),
            self.spent.each(),
            self.theirs_spent.each()
        )
    }
}

/// Returns the table as Markdown.
pub(super) fn render(rows: &[Row]) -> String {
    let mut lines = vec![
        "| scenario | ours, per second: median (range) | oidc-provider | ratio | bar | ours p50 / p99 µs \
         | ours, each: commits / bytes / CPU µs | the other's |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(rows.iter().map(Row::shown));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Bar, Rounds, Row, Spent, render};

    fn check(ours: &[f64], theirs: &[f64], bar: Bar, says: &str) {
        let (ours, theirs) = (Rounds(ours.to_vec()), Rounds(theirs.to_vec()));
        let (spent, theirs_spent) = (Spent::default(), Spent::default());
        let table = render(&[Row { scenario: "x", ours, theirs, bar, latency: None, spent, theirs_spent }]);
        assert!(table.contains(says), "{table}");
    }

    #[test]
    fn a_bar_is_met_by_the_medians_and_a_missed_one_says_so() {
        check(&[30.0, 50.0, 40.0], &[10.0, 9.0, 99.0], Bar::Ratio(4.0), "| 4.00 | 4 times: met |");
        check(&[39.0], &[10.0], Bar::Ratio(4.0), "4 times: MISSED");
        check(&[15.0], &[10.0], Bar::Ratio(1.5), "1.5 times: met");
        check(&[15.0], &[10.0], Bar::None, "| 1.50 | – |");
        check(&[24_999.0], &[], Bar::Rate(25_000.0), "25000/s: MISSED");
        check(&[25_000.0], &[], Bar::Rate(25_000.0), "25000/s: met");
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        check(&[], &[10.0], Bar::Ratio(4.0), "not measured");
        check(&[10.0], &[], Bar::Ratio(4.0), "MISSED");
    }
}
