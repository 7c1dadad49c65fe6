//! The last lines of each plugin of a tenant, in memory: what is in the node's log of them too, for whoever develops
//! them and cannot read that.
//!
//! Attack: a guest fills memory with what it says. So a plugin has so many lines and bytes, of which the oldest go; and
//! only plugins that are installed have any, so that uploads under ever new names leave nothing behind.
//!
//! Attack: so do the guests of a thousand tenants, each within its bound. So all plugins of the node have so many bytes
//! together, and what is over them comes out of the plugin that has the most: one that says much takes nothing from one
//! that says little.
//!
//! Attack: a tenant reads what another's plugin says. Its gate alone knows the numbers of its plugins' lines: nothing looks
//! them up by a name.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use primitives::{RequestId, Timestamp};
use tenancy::plugin::{LineLevel, PluginLine, PluginLines};

/// How many lines of a plugin are kept.
const LINES: usize = 256;
/// How many bytes they have altogether.
const BYTES: usize = 64 << 10;
/// How many bytes the lines of all plugins of the node have.
const NODE_BYTES: usize = 16 << 20;

/// The lines of all plugins of the node.
#[derive(Debug)]
pub(crate) struct NodeLines {
    most: usize,
    rings: Mutex<Rings>,
}

impl Default for NodeLines {
    fn default() -> Self {
        Self { most: NODE_BYTES, rings: Mutex::default() }
    }
}

/// The lines of each plugin, by the number that its tenant knows.
#[derive(Debug, Default)]
struct Rings {
    numbered: HashMap<u64, Ring>,
    /// What each takes and its number, of those that have lines: the last has the most.
    by_size: BTreeSet<(usize, u64)>,
    bytes: usize,
    next: u64,
}

/// The lines of a tenant's plugins: the plugins' names, and the numbers of their lines.
#[derive(Debug)]
pub(crate) struct RecentLines {
    node: Arc<NodeLines>,
    plugins: Mutex<BTreeMap<String, u64>>,
}

/// The lines of one plugin.
#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<PluginLine>,
    bytes: usize,
    /// The cursor of the latest line that went.
    gone: u64,
}

impl RecentLines {
    pub(crate) fn new(node: &Arc<NodeLines>) -> Self {
        Self { node: Arc::clone(node), plugins: Mutex::default() }
    }

    /// These are the tenant's plugins now; of others nothing is kept.
    pub(crate) fn keep<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let (mut plugins, mut rings) = (self.plugins(), self.node.rings());
        let mut kept = BTreeMap::new();
        for name in names {
            let number = plugins.remove(name).or_else(|| kept.get(name).copied());
            kept.insert(name.to_owned(), number.unwrap_or_else(|| rings.begin()));
        }
        for (_, number) in std::mem::replace(&mut *plugins, kept) {
            rings.remove(number);
        }
    }

    /// Keeps a line of a plugin, in its printable form.
    pub(crate) fn write(
        &self,
        plugin: &str,
        (at, request): (Timestamp, RequestId),
        level: LineLevel,
        message: &str,
    ) {
        let Some(number) = self.plugins().get(plugin).copied() else { return };
        let line = PluginLine { cursor: 0, at, level, request, message: message.to_owned() };
        self.node.rings().push(number, line, self.node.most);
    }

    /// The lines of a plugin after a cursor; `None` of one that is not installed.
    pub(crate) fn since(&self, plugin: &str, after: u64) -> Option<PluginLines> {
        let number = self.plugins().get(plugin).copied()?;
        let rings = self.node.rings();
        let ring = rings.numbered.get(&number)?;
        let lines: Vec<PluginLine> = ring.lines.iter().filter(|line| line.cursor > after).cloned().collect();
        let next = lines.last().map_or(after, |line| line.cursor);
        Some(PluginLines { lines, next, missed: ring.gone > after })
    }

    fn plugins(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RecentLines {
    fn drop(&mut self) {
        self.keep(std::iter::empty());
    }
}

impl NodeLines {
    fn rings(&self) -> MutexGuard<'_, Rings> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rings {
    /// The number of a plugin that has said nothing yet.
    fn begin(&mut self) -> u64 {
        self.next += 1;
        self.numbered.insert(self.next, Ring::default());
        self.next
    }

    fn remove(&mut self, number: u64) {
        self.change(number, |ring| *ring = Ring::default());
        self.numbered.remove(&number);
    }

    /// Keeps a line, and lets go of the oldest ones of whoever has the most while all have more than `most` bytes.
    fn push(&mut self, number: u64, line: PluginLine, most: usize) {
        self.change(number, |ring| ring.push(line));
        while self.bytes > most
            && let Some((_, largest)) = self.by_size.last().copied()
        {
            self.change(largest, Ring::forget_oldest);
        }
    }

    /// Changes the lines of a plugin, and counts what they take.
    fn change(&mut self, number: u64, change: impl FnOnce(&mut Ring)) {
        let Some(ring) = self.numbered.get_mut(&number) else { return };
        let before = ring.bytes;
        change(ring);
        self.bytes = self.bytes + ring.bytes - before;
        self.by_size.remove(&(before, number));
        if ring.bytes > 0 {
            self.by_size.insert((ring.bytes, number));
        }
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
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.lines.pop_front() {
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
        on(&Arc::default())
    }

    /// A tenant's lines on a node.
    fn on(node: &Arc<NodeLines>) -> RecentLines {
        let lines = RecentLines::new(node);
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
        assert_eq!(lines.plugins().len(), 1);
        let rings = lines.node.rings();
        assert_eq!((rings.numbered.len(), rings.bytes, rings.by_size.len()), (1, 0, 0));
    }

    /// Attack: guests of many tenants say as much as each may.
    #[test]
    fn lines_of_all_tenants_are_bounded_and_who_says_little_keeps_them() {
        let node = Arc::new(NodeLines { most: 4 * BYTES, rings: Mutex::default() });
        let (quiet, loud): (_, Vec<_>) = (on(&node), (0..20).map(|_| on(&node)).collect());
        write(&quiet, "plan", 0, "quiet");
        for second in 0..600 {
            for tenant in &loud {
                write(tenant, "plan", second, &format!("{second} {}", "x".repeat(500)));
                assert!(node.rings().bytes <= 4 * BYTES);
            }
        }
        assert!(node.rings().bytes > 3 * BYTES, "room is used");
        assert_eq!(words(&quiet.since("plan", 0).unwrap()), ["quiet"]);
        for tenant in &loud {
            let found = tenant.since("plan", 0).unwrap();
            assert!(found.missed && found.lines.len() > 5, "each has its share: {}", found.lines.len());
            assert!(found.lines.last().unwrap().message.starts_with("599 "));
        }
        drop(loud);
        let rings = node.rings();
        let kept: usize = rings.numbered.values().map(|ring| ring.bytes).sum();
        assert_eq!(
            (rings.numbered.len(), rings.by_size.len(), rings.bytes),
            (2, 1, kept),
            "the others are gone"
        );
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
