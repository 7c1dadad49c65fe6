//! The journal, and the thread that brings it into the file beside the one that writes.
//!
//! What 64 MiB of journal touched lies all over a large file. To write it there takes a tenth of a second and more, and whoever has
//! their change committed behind that waits for it. So another thread does it, with a connection of its own, while changes go on
//! being committed (`PASSIVE` waits for nobody, and nobody for it). What was committed meanwhile is little: the writer itself brings that
//! into the file, after which the journal begins anew.
//!
//! The disk is one all the same: a commit that syncs while it has thousands of pages to write waits for most of them. As long as
//! changes come slowly, then, when somebody waits for each, the thread writes a few pages forty times a second. When they come
//! fast, it waits until there are many, since what many changes touch goes into the file once.
//!
//! Attacks: changes come faster than they are brought into the file, and the journal fills the disk ([`Bounds::most`]: the writer
//! waits); a sync fails over there, and the writer goes on behind a hole ([`Journal::tend`] tells it; until then Linux does, which
//! reports a failed sync to every descriptor of the file once).

use std::cell::Cell;
use std::os::raw::c_int;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags, ffi};

use super::BUSY;
use crate::Durability;

/// Waits for nobody. Says whether somebody else was at it, the pages of the journal, and how many of them are in the file.
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Sizes of the journal, in pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How often is looked how fast it grows.
    pub(super) look: Duration,
    /// Growth from one look to the next that is slow: what there is, is brought into the file.
    pub(super) slow: i64,
    /// What is worth a sync.
    pub(super) piece: i64,
    /// From here on it is brought into the file, however fast it grows.
    pub(super) begin: i64,
    /// What the writer brings there itself.
    pub(super) short: i64,
    /// Where the writer waits.
    pub(super) most: i64,
}

/// 512 KiB in a fortieth of a second, which a thousand refreshes a second write; 64 KiB; 64 MiB, 2 and 128.
pub(super) const BOUNDS: Bounds =
    Bounds { look: Duration::from_millis(25), slow: 128, piece: 16, begin: 16_000, short: 512, most: 32_000 };

thread_local! {
    /// Pages of the journal behind the last commit of this thread's connection.
    static PAGES: Cell<i64> = const { Cell::new(0) };
}

/// What stands between the journal and the file.
#[derive(Debug)]
pub(super) struct Journal {
    bounds: Bounds,
    asked: SyncSender<()>,
    done: Receiver<Result<i64, rusqlite::Error>>,
    is_under_way: Cell<bool>,
    /// Pages of the journal that were in the file when it was last told.
    in_file: Cell<i64>,
    /// The last look, and the pages of the journal at that time.
    looked: Cell<(Instant, i64)>,
    thread: JoinHandle<()>,
}

impl Journal {
    /// Has a connection's commits counted from here on, and opens the other one.
    pub(super) fn open(
        path: &Path,
        (writer, durability): (&Connection, Durability),
        bounds: Bounds,
    ) -> Result<Self, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY)?;
        // What is brought into the file is on the disk in the journal, before, and in the file, after.
        let synchronous = match durability {
            Durability::Full => "FULL",
            Durability::None => "OFF",
        };
        connection.pragma_update(None, "synchronous", synchronous)?;
        writer.wal_hook(Some(note));
        let (asked, asks) = mpsc::sync_channel(1);
        let (tell, done) = mpsc::channel();
        let work = move || {
            for () in asks {
                if tell.send(brought(&connection)).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("sqlite-journal".to_owned()).spawn(work);
        let no_thread = |error: std::io::Error| {
            let words = Some(format!("no thread for the journal: {error}"));
            rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOMEM), words)
        };
        let thread = thread.map_err(no_thread)?;
        Ok(Self {
            bounds,
            asked,
            done,
            is_under_way: Cell::new(false),
            in_file: Cell::new(0),
            looked: Cell::new((Instant::now(), 0)),
            thread,
        })
    }

    /// Behind a commit of the writer's: sees to it that the journal comes into the file before it is too long.
    pub(super) fn tend(&self, writer: &Connection) -> Result<(), rusqlite::Error> {
        let pages = PAGES.get();
        if self.is_under_way.get() {
            let done = if pages < self.bounds.most { self.done.try_recv() } else { self.wait() };
            match done {
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return self.tend_alone(writer),
                Ok(done) => {
                    self.is_under_way.set(false);
                    self.in_file.set(done?);
                    let left = pages - self.in_file.get();
                    if pages >= self.bounds.begin && (left <= self.bounds.short || pages >= self.bounds.most)
                    {
                        return finish(writer);
                    }
                }
            }
        }
        if self.is_due(pages) {
            if self.asked.try_send(()).is_err() {
                return self.tend_alone(writer);
            }
            self.is_under_way.set(true);
        }
        Ok(())
    }

    /// Whether the journal is to be brought into the file, as far as it is now.
    fn is_due(&self, pages: i64) -> bool {
        let Bounds { look, slow, piece, begin, .. } = self.bounds;
        // It has begun anew since, with nothing of it in the file.
        if pages < self.in_file.get() {
            self.in_file.set(0);
        }
        if pages >= begin {
            return true;
        }
        let (at, before) = self.looked.get();
        if at.elapsed() < look {
            return false;
        }
        self.looked.set((Instant::now(), pages));
        let came = if pages < before { pages } else { pages - before };
        came <= slow && pages - self.in_file.get() >= piece
    }

    /// The thread has ended, which only a panic does to it: the journal does not grow for that.
    fn tend_alone(&self, writer: &Connection) -> Result<(), rusqlite::Error> {
        if PAGES.get() < self.bounds.begin { Ok(()) } else { finish(writer) }
    }

    fn wait(&self) -> Result<Result<i64, rusqlite::Error>, TryRecvError> {
        self.done.recv().map_err(|_| TryRecvError::Disconnected)
    }

    /// Waits until the thread is at nothing, whatever comes of what it was at.
    pub(super) fn settle(&self) {
        if self.is_under_way.replace(false) {
            self.wait().ok();
        }
    }

    /// Ends the thread.
    pub(super) fn close(self) {
        drop(self.asked);
        // It has nothing that could be lost.
        self.thread.join().ok();
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as SQLite calls it")]
fn note(_: &Wal, pages: c_int) -> Result<(), rusqlite::Error> {
    PAGES.set(pages.into());
    Ok(())
}

/// Brings all of it into the file, so that the next commit begins the journal anew.
pub(super) fn finish(writer: &Connection) -> Result<(), rusqlite::Error> {
    brought(writer)?;
    PAGES.set(0);
    Ok(())
}

/// Brings into the file what no reader needs in the journal any more. How many of its pages are there now.
fn brought(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row(PASSIVE, [], |row| row.get(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything comes too fast for pieces.
    const SMALL: Bounds = Bounds { look: Duration::ZERO, slow: -1, piece: 1, begin: 40, short: 8, most: 80 };
    /// Pages of 4 KiB with the head that each has in the journal, and what stands before all of them.
    const PAGE: u64 = 4_096 + 24;

    /// A file, its writer and its journal.
    fn opened(directory: &Path, bounds: Bounds) -> (Connection, Journal) {
        let path = directory.join("test.db");
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "WAL").unwrap();
        writer.execute_batch("CREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT)").unwrap();
        let journal = Journal::open(&path, (&writer, Durability::Full), bounds).unwrap();
        (writer, journal)
    }

    fn journal_of(directory: &Path) -> u64 {
        std::fs::metadata(directory.join("test.db-wal")).unwrap().len()
    }

    fn write(writer: &Connection) {
        writer.execute("INSERT INTO row (text) VALUES (?1)", ["x".repeat(5_000)]).unwrap();
    }

    /// Attack: whoever writes without a pause fills the disk with the journal.
    #[test]
    fn journal_begins_anew_however_fast_changes_come() {
        let directory = tempfile::tempdir().unwrap();
        let (writer, journal) = opened(directory.path(), SMALL);
        for _ in 0..2_000 {
            write(&writer);
            journal.tend(&writer).unwrap();
        }
        // A commit here is of four pages at most.
        let most = PAGE * (u64::try_from(SMALL.most).unwrap() + 8);
        assert!(journal_of(directory.path()) <= most, "{} > {most}", journal_of(directory.path()));
        journal.close();
        let rows: i64 = writer.query_row("SELECT COUNT(*) FROM row", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 2_000);
    }

    /// Attack: the thread is brought down once, and the journal grows for ever after.
    #[test]
    fn journal_begins_anew_where_its_thread_is_gone() {
        for is_under_way in [true, false] {
            let directory = tempfile::tempdir().unwrap();
            let (writer, journal) = opened(directory.path(), SMALL);
            let (asked, done) = (mpsc::sync_channel(1).0, mpsc::channel().1);
            let journal = Journal { asked, done, is_under_way: Cell::new(is_under_way), ..journal };
            for _ in 0..500 {
                write(&writer);
                journal.tend(&writer).unwrap();
            }
            let most = PAGE * (u64::try_from(SMALL.begin).unwrap() + 8);
            assert!(journal_of(directory.path()) <= most, "{} > {most}", journal_of(directory.path()));
        }
    }

    /// Whether pieces are brought into the file, long before there is much.
    fn goes_in_pieces(bounds: Bounds) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let (writer, journal) = opened(directory.path(), bounds);
        (0..6).for_each(|_| write(&writer));
        let pages = PAGES.get();
        assert!(pages < bounds.begin, "{pages}");
        journal.tend(&writer).unwrap();
        let is_under_way = journal.is_under_way.get();
        if is_under_way {
            assert_eq!(journal.wait().unwrap().unwrap(), pages, "all of it is in the file");
        }
        is_under_way
    }

    #[test]
    fn what_comes_slowly_goes_into_the_file_in_pieces() {
        let bounds = Bounds { slow: 40, piece: 5, ..SMALL };
        assert!(goes_in_pieces(bounds));
        assert!(!goes_in_pieces(Bounds { piece: 39, ..bounds }), "a sync for next to nothing");
        assert!(
            !goes_in_pieces(Bounds { look: Duration::from_hours(1), ..bounds }),
            "a sync for each change"
        );
    }

    #[test]
    fn what_comes_fast_is_collected_first() {
        assert!(!goes_in_pieces(Bounds { slow: 4, piece: 5, ..SMALL }));
    }

    /// Nothing of what was written is left in the journal alone: the file has it.
    #[test]
    fn what_was_finished_is_in_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let (writer, _journal) = opened(directory.path(), BOUNDS);
        (0..50).for_each(|_| write(&writer));
        finish(&writer).unwrap();
        std::fs::copy(directory.path().join("test.db"), directory.path().join("copy.db")).unwrap();
        let copy = Connection::open(directory.path().join("copy.db")).unwrap();
        let rows: i64 = copy.query_row("SELECT COUNT(*) FROM row", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 50);
    }

    /// Two at a time would be in each other's way.
    #[test]
    fn whoever_empties_the_journal_waits_for_the_thread() {
        let directory = tempfile::tempdir().unwrap();
        let (writer, journal) = opened(directory.path(), SMALL);
        while !journal.is_under_way.get() {
            write(&writer);
            journal.tend(&writer).unwrap();
        }
        journal.settle();
        assert!(!journal.is_under_way.get() && journal.done.try_recv().is_err(), "it is at nothing");
        let is_busy: i64 = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!((is_busy, journal_of(directory.path())), (0, 0));
    }

    /// What fails over there is told to the writer, which must not go on behind a hole.
    #[test]
    fn failure_beside_the_writer_is_the_writers() {
        let directory = tempfile::tempdir().unwrap();
        let (writer, journal) = opened(directory.path(), SMALL);
        let (tell, done) = mpsc::channel();
        let journal = Journal { done, is_under_way: Cell::new(true), ..journal };
        tell.send(Err(rusqlite::Error::InvalidQuery)).unwrap();
        assert!(journal.tend(&writer).is_err());
        assert!(journal.tend(&writer).is_ok(), "once");
    }
}
