//! What takes too long for each change and is run once a day (`.ci/nightly`): fuzzing, and measurements of which one that is
//! missed is a failure.

use anyhow::Context;

use crate::bench::enumeration;
use crate::fuzz;

/// How long each target is fuzzed, in seconds.
const FUZZED: u32 = 600;

/// Runs all of it, on a release build.
pub(crate) fn run() -> anyhow::Result<()> {
    eprintln!("\n== fuzz");
    fuzz::run(&fuzz::Arguments::each(FUZZED)).context("nightly: fuzz")?;
    eprintln!("\n== enumeration");
    enumeration::run(&enumeration::Asked::default()).context("nightly: enumeration")?;
    println!("nightly: all passed");
    Ok(())
}
