//! `portcullis openapi`

use clap::{Args, ValueEnum};
use config::Router;

/// Options of `openapi`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Whose API
    #[arg(long, value_enum, default_value_t = Listener::Public)]
    listener: Listener,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Listener {
    /// Browsers and apps
    Public,
    /// Operators
    Admin,
}

/// Prints the API document.
pub(crate) fn run(options: &Options) {
    let routers: &[Router] = match options.listener {
        Listener::Public => &[Router::Public],
        Listener::Admin => &[Router::Admin, Router::Metrics],
    };
    println!("{:#}", portcullis_http::openapi::document(routers, env!("CARGO_PKG_VERSION")));
}
