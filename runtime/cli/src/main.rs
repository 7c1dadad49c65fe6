//! The binary `portcullis`: the one place that knows every room, the clock, randomness and the environment.
//!
//! Each command is a module; [`serve`] puts the node together. Exit codes: 0 done, 1 failed, 2 wrong usage.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

mod clock;
mod configuration;
mod data_directory;
mod logging;
mod migrate;
mod openapi;
mod randomness;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A WebAssembly-pluggable edge auth runtime: sign-up, OAuth2/OIDC and permissions in one binary.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// The configuration file (TOML). Without it everything has its default.
    #[arg(long, short, global = true, env = "PORTCULLIS_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory, instead of the configuration's.
    #[arg(long, global = true, value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves until it is told to stop (SIGTERM, Ctrl-C)
    Serve(serve::Options),
    /// Brings the database's schema up to this binary's
    Migrate(migrate::Options),
    /// Compiles one plugin for the node that started it
    #[command(hide = true)]
    CompilePlugin,
    /// Prints the API document of what a listener serves
    Openapi(openapi::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Command::CompilePlugin = arguments.command {
        return plugin_host::compile_child::main();
    }
    let place = configuration::Place { file: arguments.config, data_dir: arguments.data_dir };
    let done = match arguments.command {
        Command::Serve(options) => serve::run(&place, &options),
        Command::Migrate(options) => migrate::run(&place, &options),
        // It has ended above, before anything was started.
        Command::CompilePlugin => Ok(()),
        Command::Openapi(options) => {
            openapi::run(&options);
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("portcullis: {error:#}");
            ExitCode::FAILURE
        }
    }
}
