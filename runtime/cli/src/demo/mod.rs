//! `portcullis demo`: a node on this machine with a tenant, an app's client, and people who can sign in.
//!
//! It listens on loopback only, by type: its passwords are shown to whoever starts it. Its data begins empty and is
//! its own, so that nobody who can sign in here is ever put among a node's real people.

mod directory;
mod people;
mod tenant;

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::{Value, json};

use self::directory::Directory;
use self::people::Person;
use self::tenant::App;
use crate::api::Api;
use crate::commands::Common;
use crate::configuration::Place;
use crate::data_directory::DataDirectory;
use crate::logging;
use crate::outcome::Failure;
use crate::randomness::SystemRng;
use crate::serve::{Running, Stop};

/// The file with the configuration, in the data directory.
const CONFIGURATION: &str = "demo.toml";

/// Options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where browsers and apps find the node: a loopback address [default: 127.0.0.1:4480, or a free port]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Loopback>,
    /// Where the admin API is: a loopback address [default: 127.0.0.1:4481, or a free port]
    #[arg(long, value_name = "ADDRESS")]
    admin_listen: Option<Loopback>,
    /// A plugin (a Wasm component) of the tenant; it gets the settings of the sample enrich-token
    #[arg(long, value_name = "FILE")]
    plugin: Option<PathBuf>,
    #[command(flatten)]
    app: App,
    #[command(flatten)]
    common: Common,
}

/// An address that only this machine reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loopback(SocketAddr);

impl Loopback {
    const PUBLIC: Self = Self::of_port(4480);
    const ADMIN: Self = Self::of_port(4481);

    const fn of_port(port: u16) -> Self {
        Self(SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port))
    }

    /// This address with a port that nobody has; `usual` where none was asked for, and it is free.
    fn choose(asked: Option<Self>, usual: Self) -> anyhow::Result<SocketAddr> {
        let free = |Self(address): Self| TcpListener::bind(address)?.local_addr();
        let chosen = match asked {
            Some(asked) => free(asked).with_context(|| format!("cannot listen on {}", asked.0))?,
            None => free(usual).or_else(|_| free(Self::of_port(0)))?,
        };
        Ok(chosen)
    }
}

impl FromStr for Loopback {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address: SocketAddr = text.parse().map_err(|_| "is not an address like 127.0.0.1:4480")?;
        if address.ip().is_loopback() {
            Ok(Self(address))
        } else {
            Err("is reached by others, and the demo's passwords are for this machine only".to_owned())
        }
    }
}

/// Serves until told to stop; a data directory that was not asked for by name goes with it.
pub(crate) fn run(place: &Place, options: &Options) -> Result<(), Failure> {
    let started = Instant::now();
    if place.file.is_some() {
        let words =
            "the demo makes its own configuration: --config (or PORTCULLIS_CONFIG) has no place in it";
        return Err(Failure::Usage(anyhow!(words)));
    }
    let rng = SystemRng::new();
    let directory = Directory::make(place.data_dir.as_deref(), &rng)?;
    let public = Loopback::choose(options.listen, Loopback::PUBLIC)?;
    let admin = Loopback::choose(options.admin_listen, Loopback::ADMIN)?;
    let plugin = options.plugin.as_deref().map(std::path::absolute).transpose()?;
    let secret = people::random_words(&rng) + "-" + &people::random_words(&rng);
    directory.write(tenant::SECRET, &secret)?;
    let configuration = tenant::configuration((public, admin), &options.app, plugin.as_deref())?;
    directory.write(CONFIGURATION, &configuration)?;
    let file = directory.path().join(CONFIGURATION);
    let place = Place { file: Some(file), data_dir: Some(directory.path().to_owned()) };
    let config = place.read()?;
    // It outlives the runtime, whose tasks write into its directory.
    let demo = Demo { directory, public, admin, people: people::all(&rng), plugin };

    logging::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stop = Stop::listen()?;
        let data = DataDirectory::open(demo.directory.path().to_owned())?;
        let running = Running::start(&place, config, &data, false).await?;
        let seeding = async {
            let mut api = Api::connect(&data.socket()).await?;
            people::sign_up(&mut api, &demo.people).await
        };
        tokio::select! {
            done = seeding => {
                done?;
                demo.greet(&options.app, &data, options.common.json);
                tracing::info!(millis = started.elapsed().as_millis(), "the demo is ready");
                stop.asked().await;
            }
            () = stop.asked() => {}
        }
        running.stop().await?;
        Ok(())
    })
}

/// What runs, as whoever started it is told.
struct Demo {
    directory: Directory,
    public: SocketAddr,
    admin: SocketAddr,
    people: Vec<Person>,
    plugin: Option<PathBuf>,
}

impl Demo {
    fn document(&self, app: &App, data: &DataDirectory) -> Value {
        let path = |path: PathBuf| path.display().to_string();
        let person = |person: &Person| {
            json!({
                "email": person.email,
                "password": person.password,
                "suspended_by_plugin": person.suspended && self.plugin.is_some(),
            })
        };
        json!({
            "tenant": tenant::ID,
            "issuer": format!("http://{}/t/{}", self.public, tenant::ID),
            "public": format!("http://{}", self.public),
            "admin": format!("http://{}", self.admin),
            "admin_key_file": path(data.admin_key()),
            "data_dir": self.directory.path(),
            "client": {
                "client_id": tenant::CLIENT,
                "client_secret_file": path(data.file(tenant::SECRET)),
                "redirect_uri": app.redirect_uri,
            },
            "people": self.people.iter().map(person).collect::<Vec<_>>(),
        })
    }

    /// One line for a script, or a few for a person. Whoever started the demo may have stopped listening: it serves
    /// all the same.
    fn greet(&self, app: &App, data: &DataDirectory, json: bool) {
        let text = if json { self.document(app, data).to_string() } else { self.lines(app, data).join("\n") };
        let mut out = std::io::stdout();
        out.write_all(format!("{text}\n").as_bytes()).and_then(|()| out.flush()).ok();
    }

    fn lines(&self, app: &App, data: &DataDirectory) -> Vec<String> {
        let kept = if self.directory.is_temporary() { "goes with the demo" } else { "is kept" };
        let mut lines = vec![
            "A demo of Portcullis is ready, for this machine only".to_owned(),
            format!("  issuer     http://{}/t/{}", self.public, tenant::ID),
            format!("  client     {}, secret in {}", tenant::CLIENT, data.file(tenant::SECRET).display()),
            format!("  redirects  {}", app.redirect_uri),
            format!("  admin API  http://{}, key in {}", self.admin, data.admin_key().display()),
        ];
        for person in &self.people {
            let remark = match (person.suspended, &self.plugin) {
                (false, _) => "",
                (true, Some(_)) => "  (the plugin refuses her: her company is suspended)",
                (true, None) => "  (a plugin would refuse her: --plugin FILE)",
            };
            lines.push(format!("  sign in    {}  {}{remark}", person.email, person.password));
        }
        lines.push(format!(
            "  mail       is shown here and at http://{}/t/{}/ui/dev/mail",
            self.public,
            tenant::ID
        ));
        lines.push(format!("  data       {}, {kept}; Ctrl-C ends it all", self.directory.path().display()));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_others_reach_are_refused() {
        for address in ["127.0.0.1:0", "127.8.9.10:4480", "[::1]:4480"] {
            assert_eq!(address.parse::<Loopback>().map(|it| it.0), Ok(address.parse().unwrap()));
        }
        let others = ["0.0.0.0:4480", "[::]:4480", "192.0.2.7:4480", "10.0.0.1:80", "[::ffff:127.0.0.1]:80"];
        for address in others {
            assert!(address.parse::<Loopback>().unwrap_err().contains("reached by others"), "{address}");
        }
        for text in ["localhost:4480", "127.0.0.1", "4480", "unix:/run/p.sock", ""] {
            assert!(text.parse::<Loopback>().unwrap_err().contains("is not an address"), "{text}");
        }
    }

    #[test]
    fn a_usual_port_that_is_taken_is_passed_over_and_one_asked_for_is_not() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let usual = Loopback(taken.local_addr().unwrap());
        assert_ne!(Loopback::choose(None, usual).unwrap(), usual.0);
        assert!(Loopback::choose(Some(usual), Loopback::of_port(0)).is_err());
    }
}
