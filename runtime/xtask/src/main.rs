//! The developer's commands: `cargo xtask --help` lists them.
//!
//! Each command is one module. [`ci`] is all of CI: what it does not call does not count.

#![expect(clippy::print_stdout, reason = "these commands talk to the developer's terminal")]

mod bench;
mod bindings;
mod ci;
mod clients;
mod demo;
mod frozen;
mod fuzz;
mod guests;
mod install;
mod loopback;
mod nightly;
mod node;
mod plugins;
mod reference;
mod screenshots;
mod server;
mod test;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The developer's commands of Portcullis.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "With PORTCULLIS_BINARIES=DIRECTORY, commands that start a node take it from there instead of building it."
)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
enum Task {
    /// All of CI: formatting, clippy, documentation, tidy, every test, licences and bans
    Ci,
    /// What takes too long for each change: whether the time of an answer tells who has an account, and fuzzing
    Nightly,
    /// Looks for bytes that what we parse does not bear, by libFuzzer
    Fuzz(fuzz::Arguments),
    /// Every test; installs what is missing where it can, otherwise names it with the command
    Test,
    /// Clients that we did not write (npm, PyPI, a browser), against a node of ours
    Clients(clients::Arguments),
    /// Starts everything on this machine with somebody who can sign in (also `cargo demo`)
    Demo(demo::Arguments),
    /// A picture of each built-in page, checked by axe-core
    Screenshots(screenshots::Arguments),
    /// Measures: against another provider, memory, the time to start
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Builds the Wasm guests (samples and fixtures of `plugins/`) and prints where they are
    Guests,
    /// New, build, test and bench of a plugin's project, in every language and on every hook
    Plugins(plugins::Arguments),
    /// Generates the bindings of the SDKs that are committed
    Bindings,
    /// Writes the reference for plugin authors, a page for each hook
    Reference,
    /// Copies the contract, as far as it is not released, to where its versions are kept
    Freeze,
    /// Checks the house rules that no other tool knows: who imports whom, file length, migrations, paths, the contract
    Tidy,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Task::Ci => ci::run(),
        Task::Nightly => nightly::run(),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Test => test::run(),
        Task::Clients(arguments) => clients::run(&arguments),
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Screenshots(arguments) => screenshots::run(&arguments),
        Task::Bench(bench) => bench::run(&bench),
        Task::Guests => guests::build_for_tests().map(|place| println!("{}", place.display())),
        Task::Plugins(arguments) => plugins::run(&arguments),
        Task::Bindings => bindings::write(),
        Task::Reference => reference::write(),
        Task::Freeze => frozen::write(),
        Task::Tidy => tidy::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
