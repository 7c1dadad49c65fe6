//! A throwaway PostgreSQL server from the binaries that are installed.
//!
//! The server lives in a temporary directory on a free loopback port and has no Unix socket. A small shell stands
//! between us and it, whose standard input is a pipe that we hold: when the pipe closes, because [`Postgres`] was
//! dropped or because the test process ended in any way at all, the shell stops the server by its pid and removes
//! the directory. So a `static` may hold a server, and a crashed test leaves nothing behind.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// The role that owns everything in a throwaway server.
const ROLE: &str = "portcullis";
/// How often the start is looked at, and how many times: 20 seconds in all.
const POLL: Duration = Duration::from_millis(20);
const POLLS: u32 = 1000;
/// What the guarding shell does; `$1` is the `postgres` binary, `$2` the directory, `$3` the port.
///
/// Durability is off, since a throwaway server has nothing to lose; tests of durability start their own.
const GUARD: &str = r#"
"$1" -D "$2/data" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=800 \
    -c log_min_messages=fatal -c log_statement=none >"$2/log" 2>&1 &
server=$!
read -r _
kill -QUIT "$server" 2>/dev/null
wait "$server"
cd / && rm -rf "$2"
"#;

/// Why there is no PostgreSQL to test against.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The binaries are not installed.
    #[error(
        "`initdb` and `postgres` are not installed: run `apt-get install postgresql`, or put them in PATH"
    )]
    NotInstalled,
    /// We are root, which PostgreSQL refuses to run as, and there is no `postgres` user to become.
    #[error(
        "PostgreSQL refuses to run as root and there is no user `postgres`: run the tests as another user"
    )]
    NoUser,
    /// A program of PostgreSQL failed; the text is what it said.
    #[error("{program} failed: {output}")]
    Failed {
        /// Which program.
        program: &'static str,
        /// Its output, for the developer.
        output: String,
    },
    /// The operating system refused something.
    #[error("cannot start PostgreSQL: {0}")]
    Io(#[from] io::Error),
}

/// A running throwaway server, stopped and removed on drop.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    port: u16,
    databases: AtomicU64,
    guard: Child,
    /// Closing it is the signal to stop.
    pipe: Option<ChildStdin>,
}

impl Postgres {
    /// Starts a server with an empty data directory; takes about a second.
    pub fn start() -> Result<Self, PostgresError> {
        let binaries = find_binaries().ok_or(PostgresError::NotInstalled)?;
        let owner = Owner::of_server()?;
        // The port may be taken between our look and the server's start: then all is tried again.
        let mut said = String::new();
        for _ in 0..3 {
            let root = tempfile::Builder::new().prefix("portcullis-postgres-").tempdir()?;
            owner.give(root.path())?;
            initialise(&binaries, &owner, root.path())?;
            // From here on the guarding shell removes the directory.
            match launch(&binaries, &owner, &root.keep())? {
                Ok((port, guard, pipe)) => {
                    return Ok(Self {
                        binaries,
                        port,
                        databases: AtomicU64::new(0),
                        guard,
                        pipe: Some(pipe),
                    });
                }
                Err(log) => said = log,
            }
        }
        Err(PostgresError::Failed { program: "postgres", output: said })
    }

    /// Starts a server, or says on standard error what is missing and returns `None` unless `CI` is set.
    pub fn start_unless_missing() -> Result<Option<Self>, PostgresError> {
        match Self::start() {
            Ok(server) => Ok(Some(server)),
            Err(missing @ (PostgresError::NotInstalled | PostgresError::NoUser))
                if std::env::var_os("CI").is_none() =>
            {
                eprintln!("skipped on PostgreSQL: {missing}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the one server that this test process shares, started by whoever asks first.
    ///
    /// Each test takes its own database with [`Postgres::create_database`]. `None` means skipped, as in
    /// [`Postgres::start_unless_missing`].
    pub fn shared() -> Result<Option<&'static Self>, &'static PostgresError> {
        static SHARED: OnceLock<Result<Option<Postgres>, PostgresError>> = OnceLock::new();
        SHARED.get_or_init(Self::start_unless_missing).as_ref().map(Option::as_ref)
    }

    /// Returns the URL of the database that every server has.
    pub fn url(&self) -> String {
        self.database_url("postgres")
    }

    /// Creates a new empty database and returns its URL.
    pub fn create_database(&self) -> Result<String, PostgresError> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut create = Command::new(self.binaries.join("createdb"));
        create.args(["-h", "127.0.0.1", "-U", ROLE, "-p"]).arg(self.port.to_string());
        create.args(["-T", "template0", &name]);
        run("createdb", &mut create)?;
        Ok(self.database_url(&name))
    }

    fn database_url(&self, name: &str) -> String {
        format!("postgres://{ROLE}@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // A shell that cannot be waited for is gone already.
        drop(self.guard.wait());
    }
}

/// Who the server runs as.
#[derive(Debug)]
struct Owner {
    /// The user and group to become, when we are root.
    become_ids: Option<(u32, u32)>,
}

impl Owner {
    fn of_server() -> Result<Self, PostgresError> {
        if fs::metadata("/proc/self").map_or(1, |me| me.uid()) != 0 {
            return Ok(Self { become_ids: None });
        }
        let users = fs::read_to_string("/etc/passwd")?;
        let ids = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next()? == "postgres").then_some(())?;
            Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        Ok(Self { become_ids: Some(ids.ok_or(PostgresError::NoUser)?) })
    }

    fn give(&self, directory: &Path) -> io::Result<()> {
        match self.become_ids {
            Some((user, group)) => chown(directory, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Runs `program` as this user. The process group is its own, so that an interrupt at the terminal stops the
    /// tests, and the end of the tests stops the server.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.become_ids {
            command.uid(user).gid(group);
        }
        command.current_dir("/").process_group(0);
        command
    }
}

fn find_binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian keeps the server's programs out of PATH; the newest version is taken.
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    debian.reverse();
    places.splice(0..0, debian);
    places
        .into_iter()
        .find(|place| ["initdb", "postgres", "createdb"].iter().all(|program| place.join(program).is_file()))
}

fn initialise(binaries: &Path, owner: &Owner, root: &Path) -> Result<(), PostgresError> {
    let mut initdb = owner.command(&binaries.join("initdb"));
    initdb.arg("-D").arg(root.join("data"));
    initdb.args(["-U", ROLE, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    run("initdb", &mut initdb)
}

/// Starts the guarding shell; the inner error is the server's log, when it did not come up on this port.
fn launch(
    binaries: &Path,
    owner: &Owner,
    root: &Path,
) -> Result<Result<(u16, Child, ChildStdin), String>, PostgresError> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let mut guard = owner
        .command(Path::new("/bin/sh"))
        .args(["-c", GUARD, "guard"])
        .arg(binaries.join("postgres"))
        .arg(root)
        .arg(port.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let pipe = guard.stdin.take().ok_or_else(|| io::Error::other("the guarding shell has no pipe"))?;
    for _ in 0..POLLS {
        // The eighth line of this file is the server's state: the same that `pg_ctl --wait` reads.
        let state = fs::read_to_string(root.join("data/postmaster.pid")).unwrap_or_default();
        if state.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(Ok((port, guard, pipe)));
        }
        if fs::read_to_string(root.join("log")).is_ok_and(|log| log.contains("FATAL")) {
            break;
        }
        thread::sleep(POLL);
    }
    let log = fs::read_to_string(root.join("log")).unwrap_or_default();
    drop(pipe);
    guard.wait()?;
    Ok(Err(log))
}

fn run(program: &'static str, command: &mut Command) -> Result<(), PostgresError> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(PostgresError::Failed { program, output: said })
}

#[cfg(test)]
mod tests {
    use super::Postgres;
    use std::net::TcpStream;

    #[test]
    fn server_answers_and_is_gone_after_drop() {
        let Some(server) = Postgres::start_unless_missing().unwrap() else { return };
        let first = server.create_database().unwrap();
        let second = server.create_database().unwrap();
        assert_ne!(first, second);
        let port = server.port;
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
        drop(server);
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
