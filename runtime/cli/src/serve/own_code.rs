//! A node that rests gives the pages of its own code back, as plugins do that nobody calls: what only starting needed
//! (parsers of configuration, migrations, the making of templates), and what the last burst of requests did. The system maps
//! what is needed again in microseconds, from memory that its cache keeps anyway.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use rustix::mm::{Advice, madvise};
use rustix::time::{ClockId, clock_gettime};

/// How often somebody looks whether the node works.
const LOOKS: Duration = Duration::from_secs(10);

/// Who used less CPU between two looks rests: what its timers, a load balancer's checks and a scrape of metrics take.
const REST: Duration = Duration::from_millis(100);

/// Gives pages back each time that the node has come to rest, for as long as it lives.
pub(super) async fn give_back_at_rest() {
    let mut node = Work::default();
    loop {
        tokio::time::sleep(LOOKS).await;
        if node.came_to_rest(cpu())
            && let Ok(Err(error)) = tokio::task::spawn_blocking(give_back).await
        {
            tracing::debug!(%error, "the program's code stays in memory");
        }
    }
}

/// What a node did until the last look.
#[derive(Debug, Default)]
struct Work {
    /// The CPU that it had used.
    cpu: Duration,
    rests: bool,
}

impl Work {
    /// Looks at the CPU that a node has used; whether it rests now and did not at the last look.
    fn came_to_rest(&mut self, cpu: Duration) -> bool {
        let rested = std::mem::replace(&mut self.rests, cpu.saturating_sub(self.cpu) < REST);
        self.cpu = cpu;
        self.rests && !rested
    }
}

/// The CPU that the node's threads have used.
fn cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Gives the pages of the program's constants and machine code back to the system.
///
/// Fails where the system does not say what is mapped, or refuses; nothing is lost then but memory.
#[expect(unsafe_code, reason = "of the program's own file, which no one writes to")]
fn give_back() -> io::Result<()> {
    let program = fs::read_link("/proc/self/exe")?;
    let maps = fs::read_to_string("/proc/self/smaps")?;
    for range in unwritten(&maps, &program) {
        let start = std::ptr::with_exposed_provenance_mut(range.start);
        // SAFETY: the range is a private mapping of the program's file. It may not be written to, and no page of it
        // ever was: the system counts none that is the process's own (a debugger's breakpoint would make one). Only the
        // loader could make it writable, before `main`, and does so for relocations alone, which come after the machine
        // code. So whoever reads or runs a page next, even while this runs, is given the bytes that it had.
        unsafe { madvise(start, range.end.saturating_sub(range.start), Advice::LinuxDontNeed) }?;
    }
    Ok(())
}

/// The mappings of a program's file up to its machine code, as `/proc/[pid]/smaps` lists them (proc(5)), that may not be
/// written to and have no page of their own.
fn unwritten(smaps: &str, program: &Path) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut lines = smaps.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(mapping) = Mapping::read(line) else { continue };
        let mut own_pages = None;
        while let Some(fact) = lines.next_if(|line| Mapping::read(line).is_none()) {
            if let Some(size) = fact.strip_prefix("Anonymous:") {
                own_pages = Some(size.trim());
            }
        }
        if Path::new(mapping.file) != program {
            continue;
        }
        if mapping.rights.contains('w') {
            break;
        }
        if own_pages == Some("0 kB") {
            found.push(mapping.range);
        }
        if mapping.rights.contains('x') {
            break;
        }
    }
    found
}

/// The first line of a mapping.
struct Mapping<'a> {
    range: Range<usize>,
    rights: &'a str,
    file: &'a str,
}

impl<'a> Mapping<'a> {
    /// `start-end rights offset device inode file`, numbers in hexadecimal; none for a line that says something else.
    fn read(line: &'a str) -> Option<Self> {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let hexadecimal = |digits| usize::from_str_radix(digits, 16).ok();
        let mut parts = rest.splitn(5, ' ');
        let (rights, file) = (parts.next()?, parts.nth(3)?);
        Some(Self { range: hexadecimal(start)?..hexadecimal(end)?, rights, file: file.trim_start() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two mappings of a program as its linker laid it out, and what the loader wrote to.
    const SMAPS: &str = "\
55d0c0000000-55d0c0a00000 r--p 00000000 fe:00 1835                       /opt/port cullis
Size:              10240 kB
Anonymous:             0 kB
55d0c0a00000-55d0c2a00000 r-xp 009ff000 fe:00 1835                       /opt/port cullis
Size:              32768 kB
Anonymous:             0 kB
55d0c2a00000-55d0c2c00000 r--p 029fe000 fe:00 1835                       /opt/port cullis
Anonymous:          2048 kB
55d0c2c00000-55d0c2c10000 rw-p 02bfd000 fe:00 1835                       /opt/port cullis
Anonymous:            64 kB
7f0000000000-7f0000100000 r-xp 00000000 fe:00 99                         /lib/libc.so.6
Anonymous:             0 kB
7f0000100000-7f0000200000 rw-p 00000000 00:00 0 
Anonymous:          1024 kB
";

    fn found(smaps: &str) -> Vec<Range<usize>> {
        unwritten(smaps, Path::new("/opt/port cullis"))
    }

    #[test]
    fn constants_and_code_are_found() {
        let (constants, code) = (0x55d0_c000_0000..0x55d0_c0a0_0000, 0x55d0_c0a0_0000..0x55d0_c2a0_0000);
        assert_eq!(found(SMAPS), [constants, code]);
        assert!(unwritten(SMAPS, Path::new("/opt/other")).is_empty());
    }

    /// Attack: what somebody wrote to is thrown away, and runs as the file has it.
    #[test]
    fn what_was_written_to_stays() {
        let breakpoint =
            SMAPS.replacen("Anonymous:             0 kB\n55d0c2a", "Anonymous:             4 kB\n55d0c2a", 1);
        assert_eq!(found(&breakpoint).len(), 1);
        assert!(found(&SMAPS.replacen("r--p", "rw-p", 1)).is_empty());
        assert!(found(&SMAPS.replace("Anonymous:             0 kB\n", "")).is_empty(), "nobody says so");
    }

    /// The pages of this program's code that are in memory, in kilobytes.
    fn resident() -> u64 {
        let program = fs::read_link("/proc/self/exe").unwrap();
        let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
        let code = unwritten(&smaps, &program).pop().expect("this program has code that was not written to");
        let first = format!("{:x}-{:x} ", code.start, code.end);
        let mut lines = smaps.lines().skip_while(|line| !line.starts_with(&first));
        let size = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
        size.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn node_comes_to_rest_once_until_it_works_again() {
        let mut node = Work::default();
        let mut looks = |milliseconds| node.came_to_rest(Duration::from_millis(milliseconds));
        assert!(!looks(300), "it started");
        assert!(looks(310));
        assert!(!looks(320) && !looks(419), "it rests still");
        assert!(!looks(519), "it works");
        assert!(looks(520));
        assert!(Work::default().came_to_rest(Duration::from_millis(30)), "it started with next to nothing");
    }

    #[test]
    fn program_runs_on_with_fewer_pages() {
        let before = resident();
        give_back().unwrap();
        assert!(resident() < before);
    }
}
