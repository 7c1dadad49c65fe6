//! Requests at a fixed rate, whether or not the server keeps up.
//!
//! Each latency counts from the time at which its request was due, so that a server that stalls is charged for all
//! who would have come meanwhile.

use anyhow::{Context, bail, ensure};
use rustix::process::setpriority_process;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::load::Request;

/// Connections, each with a thread of its own that mostly sleeps.
pub(super) const CONNECTIONS: u32 = 16;
const PATIENCE: Duration = Duration::from_secs(30);

/// What the requests waited, sorted.
#[derive(Debug, Default)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Takes what was measured, in any order.
    pub(super) fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// Returns how many requests were answered.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Adds those of another run.
    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
        self.0.sort_unstable();
    }

    /// Returns the quantile `percent`.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default()
    }
}

/// How the threads that send stand beside what they measure, on the same cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priority {
    /// Like the node's: an answer is seen at once, and what comes due takes a core from a worker.
    Ordinary,
    /// Below the node's: a worker is not stopped in what it does for their sake, as it is not for clients that
    /// have machines of their own.
    Low,
}

impl Priority {
    /// Takes it, for this thread.
    fn take(self) -> anyhow::Result<()> {
        match self {
            Self::Ordinary => Ok(()),
            Self::Low => setpriority_process(None, LOWEST).context("the thread's priority"),
        }
    }
}

/// Of the nice values.
const LOWEST: i32 = 19;

/// Sends `request` `rate` times a second for `time`; each answer must be a 200.
pub(super) fn run(
    request: &Request,
    rate: f64,
    time: Duration,
    priority: Priority,
) -> anyhow::Result<Latencies> {
    pace(CONNECTIONS, rate, time, |_| {
        priority.take()?;
        let mut connection = Connection::open(request)?;
        Ok(move || {
            let status = connection.exchange()?;
            ensure!(status == 200, "status {status}");
            Ok(())
        })
    })
}

/// Does something `rate` times a second in all for `time`, on so many threads, of which each begins with `begin`.
pub(super) fn pace<S: FnMut() -> anyhow::Result<()>>(
    threads: u32,
    rate: f64,
    time: Duration,
    begin: impl Fn(u32) -> anyhow::Result<S> + Sync,
) -> anyhow::Result<Latencies> {
    ensure!(rate >= 1.0, "a rate of {rate}");
    let between = Duration::from_secs_f64(f64::from(threads) / rate);
    let started = Instant::now();
    let work = |number: u32| -> anyhow::Result<Vec<Duration>> {
        let mut step = begin(number)?;
        // The threads take turns.
        let mut due = started + between * number / threads;
        let mut latencies = Vec::new();
        while due < started + time {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            step()?;
            latencies.push(due.elapsed());
            due += between;
        }
        Ok(latencies)
    };
    Ok(Latencies::of(on_threads(threads, work)?.into_iter().flatten().collect()))
}

/// Sends `request` from `connections` connections as fast as it is answered, whatever the answers, until `stop`; at
/// low priority, since what is measured meanwhile is the node and not this.
pub(super) fn hammer(request: &Request, connections: u32, stop: &AtomicBool) -> anyhow::Result<u64> {
    let work = |_| -> anyhow::Result<u64> {
        Priority::Low.take()?;
        let mut answers = 0;
        while !stop.load(Ordering::Relaxed) {
            // One that the server closes is opened again.
            let Ok(mut connection) = Connection::open(request) else { continue };
            while !stop.load(Ordering::Relaxed) && connection.exchange().is_ok() {
                answers += 1;
            }
        }
        Ok(answers)
    };
    Ok(on_threads(connections, work)?.into_iter().sum())
}

/// Does `work` on so many threads at once, each with its number.
pub(super) fn on_threads<T: Send>(
    count: u32,
    work: impl Fn(u32) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
        let joined = running.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => bail!("a thread of the bench panicked"),
        });
        joined.collect()
    })
}

/// A kept-alive connection, with the bytes of the one request.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    bytes: Vec<u8>,
}

impl Connection {
    pub(super) fn open(request: &Request) -> anyhow::Result<Self> {
        let rest = request.url.strip_prefix("http://").context("only http:// is spoken here")?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut head = format!("{} {path} HTTP/1.1\r\nhost: {authority}\r\n", request.method);
        for (name, value) in &request.headers {
            write!(head, "{name}: {value}\r\n")?;
        }
        write!(head, "content-length: {}\r\n\r\n{}", request.body.len(), request.body)?;
        Ok(Self { stream: BufReader::new(stream), bytes: head.into_bytes() })
    }

    /// Sends the request and reads the answer; returns its status.
    pub(super) fn exchange(&mut self) -> anyhow::Result<u16> {
        self.stream.get_mut().write_all(&self.bytes)?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|word| word.parse().ok()).context("no status")?;
        let mut length = None;
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line)? > 0, "the answer is cut short");
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').context("no header")?;
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse::<u64>()?);
            }
        }
        let length = length.context("an answer without its length")?;
        std::io::copy(&mut self.stream.by_ref().take(length), &mut std::io::sink())?;
        Ok(status)
    }
}

#[cfg(test)]
mod tests {
    use super::Latencies;
    use std::time::Duration;

    #[test]
    fn quantiles_are_of_what_was_measured() {
        let latencies = Latencies((1..=200).map(Duration::from_millis).collect());
        assert_eq!(latencies.percentile(50), Duration::from_millis(100));
        assert_eq!(latencies.percentile(99), Duration::from_millis(198));
        assert_eq!(Latencies(Vec::new()).percentile(99), Duration::ZERO);
    }
}
