//! Looks for bytes that what we parse does not bear: libFuzzer on the targets of `tests/fuzz`, with the stable compiler.
//!
//! What it finds is written to `tests/fuzz/corpus/NAME`, and is a test of every run from then on.

use anyhow::{Context, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace;

/// Where the targets are, in the repository.
const HOME: &str = "tests/fuzz";

/// Counts where a program has been, and tells libFuzzer what is compared with what: what `cargo fuzz` asks of a nightly
/// compiler by one option.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks \
    --cfg fuzzing";

/// Build scripts and macros are not for it: they are built for the machine, the targets for one that is named.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What is fuzzed.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only these targets
    targets: Vec<String>,
    /// How long each runs, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

impl Arguments {
    /// Every target, for so many seconds.
    pub(crate) const fn each(seconds: u32) -> Self {
        Self { targets: Vec::new(), seconds }
    }
}

/// Runs each target for its time; an input on which one panics, or needs more than its time or memory, is a failure.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let home = workspace::root().join(HOME);
    let targets = targets(&home)?;
    if let Some(unknown) = arguments.targets.iter().find(|name| !targets.contains(name)) {
        bail!("no target `{unknown}`: there are {}", targets.join(", "));
    }
    let programs = build(&home)?;
    let found: Vec<String> = targets
        .iter()
        .filter(|name| arguments.targets.is_empty() || arguments.targets.contains(name))
        .filter_map(|name| fuzz(&home, &programs, name, arguments.seconds).err())
        .map(|error| format!("{error:#}"))
        .collect();
    ensure!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// The names of the targets, which are those of their files.
fn targets(home: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(home.join("fuzz_targets"))? {
        let path = file?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).context("a target is named in letters")?;
        names.push(name.to_owned());
    }
    names.sort();
    Ok(names)
}

/// Builds the targets beside everything else, and returns where their programs are.
fn build(home: &Path) -> anyhow::Result<PathBuf> {
    // The versions that we ship: what is left over of the workspace's lock is dropped by cargo.
    fs::copy(workspace::root().join("Cargo.lock"), home.join("Cargo.lock"))?;
    let directory = workspace::target_directory().join("fuzz");
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--bins", "--target", TARGET, "--target-dir"]).arg(&directory);
    cargo.current_dir(home).env("RUSTFLAGS", COVERAGE);
    workspace::run(&mut cargo)?;
    Ok(directory.join(TARGET).join("release"))
}

fn fuzz(home: &Path, programs: &Path, name: &str, seconds: u32) -> anyhow::Result<()> {
    // What it comes to know grows outside the repository, and is where it begins the next time.
    let known = workspace::target_directory().join("fuzz/corpus").join(name);
    fs::create_dir_all(&known)?;
    let corpus = home.join("corpus").join(name);
    let mut program = Command::new(programs.join(name));
    program.arg(&known).arg(&corpus);
    program.arg(format!("-max_total_time={seconds}"));
    program.args([
        "-timeout=5",
        "-rss_limit_mb=2048",
        "-max_len=16384",
        "-print_final_stats=1",
        "-verbosity=0",
    ]);
    program.arg(format!("-artifact_prefix={}/found-", corpus.display()));
    workspace::run(&mut program)
        .with_context(|| format!("fuzz: {name}: what was found is in {}", corpus.display()))
}
