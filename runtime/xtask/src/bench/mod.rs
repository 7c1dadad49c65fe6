//! Measurements: against another provider, of memory, and of the time to start.
//!
//! A bar that is missed is printed as missed; nothing fails because of time, but for `enumeration`: what it measures is not
//! how long something takes, but whether that tells a secret.

mod chains;
mod cores;
mod database;
pub(crate) mod enumeration;
mod hook;
mod hook_calls;
mod http;
mod import;
mod load;
mod login;
mod machine;
mod memory;
mod neighbours;
mod oidc_provider;
mod open_loop;
mod ours;
mod plugins;
mod repeat;
mod scale;
mod scenario;
mod search;
mod sessions;
mod spent;
mod start;
mod table;
mod tenants;
mod webhook;

use clap::Subcommand;

use crate::install;

pub(crate) use oidc_provider::OidcProvider;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Ours and `oidc-provider` (npm), alternating, with the same load generator on loopback
    Http(Settings),
    /// Whether the time of an answer tells who has an account
    Enumeration(enumeration::Asked),
    /// The span of a hook call in real requests, at half load
    Hook,
    /// Another tenant's latency beside a plugin that never ends
    Neighbours,
    /// Identities with hashed passwords that are taken in per second
    Import(import::Amount),
    /// What a login with a password costs besides its hash
    Login,
    /// Resident memory after 1,000 logins and 10,000 plugin calls
    Memory,
    /// Tokens, look-ups and lists among a million clients and ten million refresh tokens, and among few
    Scale(scale::Size),
    /// Searches among many identities
    Search(import::Amount),
    /// The session of a cookie and of a token, on the database that is named
    Sessions(sessions::Database),
    /// The time to readiness, also with 10,000 tenants
    Start,
    /// Memory after 1,000 tenants were visited, some with large settings, against its cap
    Tenants,
    /// Memory with 1,000 tenants' plugins, all distinct
    Plugins,
    /// A claim by a plugin, and by a webhook on loopback
    Webhook,
}

/// How long and how often.
#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    /// How many times each side is started and measured
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Seconds of load before each measurement
    #[arg(long, default_value_t = 3)]
    warm_up: u32,
    /// Leaves ours out, to see what the other does on this machine
    #[arg(long)]
    oidc_provider_only: bool,
    /// `postgres://…` of a server on which ours makes its databases, and drops them; without it, SQLite
    #[arg(long)]
    storage: Option<String>,
    /// Only the scenarios that have this in their names; several are possible
    #[arg(long = "scenario", value_name = "WORDS")]
    scenarios: Vec<String>,
}

impl Settings {
    /// Whether a scenario is asked for.
    fn has(&self, name: &str) -> bool {
        self.scenarios.is_empty() || self.scenarios.iter().any(|words| name.contains(words.as_str()))
    }
}

/// Measures.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    // It makes its requests itself, one at a time.
    if !matches!(bench, Bench::Enumeration(_)) {
        install::debian_packages(&[install::WRK])?;
    }
    match bench {
        Bench::Http(settings) => http::run(settings),
        Bench::Enumeration(amount) => enumeration::run(amount),
        Bench::Hook => hook::run(),
        Bench::Neighbours => neighbours::run(),
        Bench::Import(amount) => import::run(amount),
        Bench::Login => login::run(),
        Bench::Memory => memory::run(),
        Bench::Scale(size) => scale::run(size),
        Bench::Search(amount) => search::run(amount),
        Bench::Sessions(database) => sessions::run(database),
        Bench::Start => start::run(),
        Bench::Tenants => tenants::run(),
        Bench::Plugins => plugins::run(),
        Bench::Webhook => webhook::run(),
    }
}
