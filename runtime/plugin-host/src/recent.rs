//! The last lines of each plugin of a tenant, in memory: what is in the node's log of them too, for whoever develops
//! them and cannot read that.
//!
//! Attack: a guest fills memory with what it says. So a plugin has so many lines and bytes, of which the oldest go; and
//! only plugins that are installed have any, so that uploads under ever new names leave nothing behind.
//!
//! Attack: a tenant reads what another's plugin says. They are a part of the tenant's own gate: nothing looks them up by
//! a name alone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use primitives::{RequestId, Timestamp};
use tenancy::plugin::{LineLevel, PluginLine, PluginLines};

/// How many lines of a plugin are kept.
const LINES: usize = 256;
/// How many bytes they have altogether.
const BYTES: usize = 64 << 10;

/// The lines of a tenant's plugins, by the plugins' names.
#[derive(Debug, Default)]
pub(crate) struct RecentLines(Mutex<BTreeMap<String, Ring>>);

/// The lines of one plugin.
#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<PluginLine>,
    bytes: usize,
    /// The cursor of the latest line that went.
    gone: u64,
}

impl RecentLines {
    /// These are the tenant's plugins now; of others nothing is kept.
    pub(crate) fn keep<'a>(&self, plugins: impl Iterator<Item = &'a str>) {
        let mut rings = self.rings();
        let mut kept = BTreeMap::new();
        for plugin in plugins {
            kept.insert(plugin.to_owned(), rings.remove(plugin).unwrap_or_default());
        }
        *rings = kept;
    }

    /// Keeps a line of a plugin, in its printable form.
    pub(crate) fn write(
        &self,
        plugin: &str,
        (at, request): (Timestamp, RequestId),
        level: LineLevel,
        message: &str,
    ) {
        if let Some(ring) = self.rings().get_mut(plugin) {
            ring.push(PluginLine { cursor: 0, at, level, request, message: message.to_owned() });
        }
    }

    /// The lines of a plugin after a cursor; `None` of one that is not installed.
    pub(crate) fn since(&self, plugin: &str, after: u64) -> Option<PluginLines> {
        let rings = self.rings();
        let ring = rings.get(plugin)?;
        let lines: Vec<PluginLine> = ring.lines.iter().filter(|line| line.cursor > after).cloned().collect();
        let next = lines.last().map_or(after, |line| line.cursor);
        Some(PluginLines { lines, next, missed: ring.gone > after })
    }

    fn rings(&self) -> MutexGuard<'_, BTreeMap<String, Ring>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    /// Keeps a line. Its cursor is the time in microseconds, or one more than the cursor before: so one that was given
    /// out before the node started again still means the same.
    fn push(&mut self, line: PluginLine) {
        let last = self.lines.back().map_or(self.gone, |line| line.cursor);
        let cursor = u64::try_from(line.at.micros()).unwrap_or_default().max(last + 1);
        self.bytes += weight(&line);
        self.lines.push_back(PluginLine { cursor, ..line });
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= weight(&oldest);
            self.gone = oldest.cursor;
        }
    }
}

/// What a line takes.
const fn weight(line: &PluginLine) -> usize {
    size_of::<PluginLine>() + line.message.len()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const START: u64 = 1_767_225_600_000_000;

    fn lines() -> RecentLines {
        let lines = RecentLines::default();
        lines.keep(["plan", "other"].into_iter());
        lines
    }

    fn write(lines: &RecentLines, plugin: &str, second: i64, message: &str) {
        let at = Timestamp::from_micros(i64::try_from(START).unwrap() + second * 1_000_000);
        lines.write(plugin, (at, RequestId(Uuid::nil())), LineLevel::Info, message);
    }

    fn words(found: &PluginLines) -> Vec<&str> {
        found.lines.iter().map(|line| line.message.as_str()).collect()
    }

    #[test]
    fn each_line_is_told_once_to_who_follows() {
        let lines = lines();
        // Two in one moment, and one of a clock that went back.
        for (second, message) in [(1, "a"), (1, "b"), (0, "c")] {
            write(&lines, "plan", second, message);
        }
        let first = lines.since("plan", 0).unwrap();
        assert_eq!((words(&first), first.missed), (vec!["a", "b", "c"], false));
        assert_eq!(words(&lines.since("plan", first.lines[0].cursor).unwrap()), ["b", "c"]);
        let none = lines.since("plan", first.next).unwrap();
        assert_eq!((words(&none), none.next), (vec![], first.next));
        write(&lines, "plan", 2, "d");
        assert_eq!(words(&lines.since("plan", first.next).unwrap()), ["d"]);
    }

    #[test]
    fn lines_and_bytes_are_bounded_and_the_oldest_go() {
        for (message, at_most) in [("x".to_owned(), LINES), ("x".repeat(1_024), BYTES / 1_024)] {
            let lines = lines();
            for second in 0..2_000 {
                write(&lines, "plan", second, &format!("{second} {message}"));
            }
            let found = lines.since("plan", 0).unwrap();
            let kept = found.lines.len();
            assert!(found.missed && kept <= at_most && kept > at_most / 2, "{kept}");
            let bytes: usize = found.lines.iter().map(weight).sum();
            assert!(bytes <= BYTES, "{bytes}");
            assert!(found.lines.last().unwrap().message.starts_with("1999 "));
            let oldest = found.lines.first().unwrap().cursor;
            assert!(lines.since("plan", oldest - 1_000_001).unwrap().missed);
            assert!(!lines.since("plan", oldest - 1).unwrap().missed);
        }
    }

    #[test]
    fn one_that_says_much_takes_nothing_from_another() {
        let lines = lines();
        write(&lines, "other", 0, "quiet");
        for second in 0..1_000 {
            write(&lines, "plan", second, "noise");
        }
        assert_eq!(words(&lines.since("other", 0).unwrap()), ["quiet"]);
    }

    #[test]
    fn nothing_is_kept_of_what_is_not_installed() {
        let lines = lines();
        write(&lines, "plan", 0, "kept");
        write(&lines, "gone", 0, "from a call in flight");
        assert_eq!(lines.since("gone", 0), None);
        lines.keep(["plan"].into_iter());
        assert_eq!(lines.since("other", 0), None);
        assert_eq!(words(&lines.since("plan", 0).unwrap()), ["kept"]);
        for upload in 0..100 {
            lines.keep(std::iter::once(format!("upload-{upload}").as_str()));
        }
        assert_eq!(lines.rings().len(), 1);
    }

    #[test]
    fn cursor_from_before_a_start_means_the_same_after_it() {
        let (before, after) = (lines(), lines());
        write(&before, "plan", 1, "before");
        write(&after, "plan", 60, "after");
        let cursor = before.since("plan", 0).unwrap().next;
        assert_eq!(words(&after.since("plan", cursor).unwrap()), ["after"]);
    }
}
