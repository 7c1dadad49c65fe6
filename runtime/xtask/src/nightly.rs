//! What takes too long for each change and is run once a day (`.ci/nightly`): measurements of which one that is missed is a
//! failure.

use anyhow::Context;

use crate::bench::enumeration;

/// Runs all of it, on a release build.
pub(crate) fn run() -> anyhow::Result<()> {
    eprintln!("\n== enumeration");
    enumeration::run(&enumeration::Asked::default()).context("nightly: enumeration")?;
    println!("nightly: all passed");
    Ok(())
}
