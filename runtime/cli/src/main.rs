//! The binary `portcullis`: the one place that knows every room, the clock, randomness and the environment.
//!
//! Each command is a module; [`serve`] puts the node together, and the commands in [`commands`] ask it for
//! what they want. [`outcome`] says how each ends.

#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

mod api;
mod clock;
mod commands;
mod configuration;
mod data_directory;
mod demo;
mod logging;
mod migrate;
mod openapi;
mod outcome;
mod randomness;
mod serve;
mod session;
mod temporary;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::outcome::Failure;

/// A WebAssembly-pluggable edge auth runtime: sign-up, OAuth2/OIDC and permissions in one binary.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = outcome::EXIT_CODES)]
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
    /// Serves a tenant with people who can sign in, on this machine only, to try things out
    Demo(demo::Options),
    /// Brings the database's schema up to this binary's
    Migrate(migrate::Options),
    /// Compiles one plugin for the node that started it
    #[command(hide = true)]
    CompilePlugin,
    /// Prints the API document of what a listener serves
    Openapi(openapi::Options),
    /// Checks, describes or shows configuration files
    #[command(subcommand)]
    Config(commands::configuration::Command),
    /// Tenants: each is an issuer with its own people, clients and keys
    #[command(subcommand)]
    Tenant(commands::tenant::Command),
    /// OAuth clients of a tenant
    #[command(subcommand)]
    Client(commands::client::Command),
    /// Accounts of a tenant
    #[command(subcommand)]
    Identity(commands::identity::Command),
    /// Organisations of a tenant: its customers, with their domains and their people
    #[command(subcommand)]
    Organisation(commands::organisation::Command),
    /// Messages to people of a tenant
    #[command(subcommand)]
    Message(commands::message::Command),
    /// What happened in a tenant
    #[command(subcommand)]
    Audit(commands::audit::Command),
    /// Admin keys, with which tools use the admin API
    #[command(subcommand)]
    Key(commands::key::Command),
    /// What tenants sign their tokens with
    #[command(subcommand)]
    SigningKey(commands::signing_key::Command),
    /// Plugins
    #[command(subcommand)]
    Plugin(commands::plugin::Command),
    /// Says what is wrong with this node, and what its operator should know
    Doctor(commands::Common),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Command::CompilePlugin = arguments.command {
        return plugin_host::compile_child::main();
    }
    let place = configuration::Place { file: arguments.config, data_dir: arguments.data_dir };
    let done = match arguments.command {
        Command::Serve(options) => serve::run(&place, &options).map_err(Failure::from),
        Command::Demo(options) => demo::run(&place, &options),
        Command::Migrate(options) => migrate::run(&place, &options).map_err(Failure::from),
        // It has ended above, before anything was started.
        Command::CompilePlugin => Ok(()),
        Command::Openapi(options) => openapi::run(&place, &options).map_err(Failure::from),
        Command::Config(command) => commands::configuration::run(&place, &command),
        Command::Tenant(command) => commands::tenant::run(&place, &command),
        Command::Client(command) => commands::client::run(&place, &command),
        Command::Identity(command) => commands::identity::run(&place, &command),
        Command::Message(command) => commands::message::run(&place, &command),
        Command::Audit(command) => commands::audit::run(&place, &command),
        Command::Organisation(command) => commands::organisation::run(&place, &command),
        Command::Key(command) => commands::key::run(&place, &command),
        Command::SigningKey(command) => commands::signing_key::run(&place, &command),
        Command::Plugin(command) => commands::plugin::run(&place, &command),
        Command::Doctor(common) => commands::doctor::run(&place, &common),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
