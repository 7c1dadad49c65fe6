//! What a figure depends on besides the code: the machine, its programs, and its disk.

use anyhow::Context;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::workspace;

/// Returns the facts, one a line.
pub(super) fn facts() -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    vec![
        format!("{} × {}", cores, field("/proc/cpuinfo", "model name").unwrap_or_default()),
        format!("memory {memory}"),
        first_line("uname", &["-srm"]),
        first_line("rustc", &["--version"]),
        format!("node {}", first_line("node", &["--version"])),
        // It knows no option for its version, and says it when asked for any that it does not know.
        first_line("wrk", &["-v"]),
        format!("commit {}", first_line("git", &["rev-parse", "--short", "HEAD"])),
        format!(
            "load before the run {}",
            std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim()
        ),
    ]
}

/// Returns the median time of one `fdatasync` after a small write in `directory`.
pub(super) fn fdatasync_p50(directory: &Path) -> anyhow::Result<Duration> {
    const TIMES: usize = 201;
    let path = directory.join("fdatasync.probe");
    let mut file = File::create(&path).with_context(|| path.display().to_string())?;
    let mut times = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        file.write_all(&[7; 4096])?;
        let started = Instant::now();
        file.sync_data()?;
        times.push(started.elapsed());
    }
    drop(file);
    std::fs::remove_file(&path)?;
    times.sort_unstable();
    times.get(TIMES / 2).copied().context("nothing was measured")
}

/// Returns the resident memory of a process in KiB.
pub(super) fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let text = field(&format!("/proc/{pid}/status"), "VmRSS").context("no VmRSS: Linux is needed")?;
    text.split(' ').next().and_then(|word| word.parse().ok()).with_context(|| format!("VmRSS is {text}"))
}

/// Returns how many bytes a process has caused to be written to disks (proc_pid_io(5)): pages of files that it changed.
pub(super) fn written(pid: u32) -> anyhow::Result<u64> {
    let text = field(&format!("/proc/{pid}/io"), "write_bytes").context("no write_bytes: Linux is needed")?;
    text.parse().with_context(|| format!("write_bytes is {text}"))
}

/// The unit of CPU times in /proc: `USER_HZ` is 100 wherever Linux runs us.
const TICK_MS: u64 = 10;

/// Returns the CPU time that a process has used, of all its threads.
pub(super) fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("/proc: Linux is needed")?;
    // proc_pid_stat(5): utime and stime are fields 14 and 15; the name, field 2, ends at the last parenthesis.
    let after_name = stat.rsplit_once(") ").context("a line without a name")?.1;
    let ticks = |field: usize| -> anyhow::Result<u64> {
        Ok(after_name.split(' ').nth(field - 3).context("a short line")?.parse()?)
    };
    Ok(Duration::from_millis((ticks(14)? + ticks(15)?) * TICK_MS))
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(workspace::root()).output();
    let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().next().unwrap_or("unknown").trim().to_owned()
}
