//! `portcullis openapi`

use anyhow::bail;
use clap::Args;
use config::Router;

use crate::configuration::Place;

/// Options of `openapi`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Whose API: the name of a listener of the configuration, or `public`, `admin` or `metrics`
    #[arg(long, default_value = "public", value_name = "NAME")]
    listener: String,
}

/// Prints the API document of a listener, byte for byte as it is served there.
pub(crate) fn run(place: &Place, options: &Options) -> anyhow::Result<()> {
    let listeners = place.read()?.effective_listeners();
    let named = listeners.iter().find(|listener| listener.name == options.listener);
    let routers = match (named, options.listener.as_str()) {
        (Some(listener), _) => listener.routers.clone(),
        (None, "public") => vec![Router::Public],
        (None, "admin") => vec![Router::Admin, Router::Metrics],
        (None, "metrics") => vec![Router::Metrics],
        (None, name) => {
            let known: Vec<&str> = listeners.iter().map(|listener| listener.name.as_str()).collect();
            bail!("no listener is called `{name}`; there are {}", known.join(", "));
        }
    };
    print!("{}", portcullis_http::openapi::text(&routers, env!("CARGO_PKG_VERSION")));
    Ok(())
}
