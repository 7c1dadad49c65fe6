//! `portcullis plugin`: from nothing to a component, without a node, and from there to a node that runs it.
//!
//! A plugin's project is a directory with a [`manifest`], made by [`new`] from the [`template`]s. [`build`] makes its
//! component; [`mod@test`] and [`mod@bench`] put it on [`trial`] with its [`cases`]; [`mod@sign`] signs it, and [`deploy`]
//! has a node run it.

mod bench;
mod build;
mod cases;
mod deploy;
mod diff;
mod inspect;
mod language;
mod manifest;
mod new;
mod sign;
mod template;
mod test;
mod trial;

use std::path::PathBuf;

use clap::Subcommand;

use super::Common;
use crate::configuration::Place;
use crate::outcome::Failure;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a project to start from: a small plugin that works, with its tests
    New(new::Options),
    /// Builds a project's component, whatever its language
    Build(build::Options),
    /// Runs a project's cases against the real plugin host; no node is needed
    Test(test::Options),
    /// Measures what a call of a project's plugin costs
    Bench(bench::Options),
    /// Makes a key that signs components
    Keygen(sign::KeygenOptions),
    /// Signs a component, for nodes that require it
    Sign(sign::SignOptions),
    /// Says what a component is and needs; it is not run
    Inspect {
        /// The component
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    #[command(flatten)]
    Deploy(deploy::Command),
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::New(options) => new::run(options),
        Command::Build(options) => build::run(options),
        Command::Test(options) => test::run(options),
        Command::Bench(options) => bench::run(options),
        Command::Keygen(options) => sign::keygen(options),
        Command::Sign(options) => sign::sign(options),
        Command::Inspect { file, common } => inspect::run(file, common),
        Command::Deploy(command) => deploy::run(place, command),
    }
}
