//! `portcullis serve`: puts the node together, and takes it down again.

mod bootstrap;
mod mail;
mod own_code;
mod plan;
mod reload;
mod signals;

use self::mail::MailWay;
pub(crate) use self::signals::Stop;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use config::{Config, ListenAddress, Listener};
use identity::password::HashingPool;
use jobs::{Handlers, JobMetrics, Jobs, Receivers, RunningJobs, Ways};
use plugin_host::{Compiler, PluginHost, Services};
use portcullis_http::{
    GuardedOutbound, HttpMetrics, Listening, NameServers, Node, NodeParts, NodeSettings, OutboundPolicy,
    Server, ServerSettings,
};
use primitives::outbound::Outbound;
use primitives::{Clock, Rng};
use prometheus_client::registry::Registry;
use storage::{Location, MasterKey, Storage};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::SystemClock;
use crate::configuration::{Place, location, secret};
use crate::data_directory::{DataDirectory, Lock, key_bytes};
use crate::logging;
use crate::randomness::SystemRng;

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Brings a PostgreSQL schema up to this binary's first; an SQLite file's always is
    #[arg(long)]
    migrate: bool,
}

/// Serves until told to stop.
pub(crate) fn run(place: &Place, options: &Options) -> anyhow::Result<()> {
    let started = Instant::now();
    let config = place.read()?;
    logging::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(place, options, config, started))
}

async fn serve(place: &Place, options: &Options, config: Config, started: Instant) -> anyhow::Result<()> {
    let directory = DataDirectory::open(config.server.data_dir.clone())?;
    let running = Running::start(place, config, &directory, options.migrate).await?;
    let mut stop = Stop::listen()?;
    greet(&running, started.elapsed());
    tokio::spawn(own_code::give_back_at_rest());
    stop.asked().await;
    running.stop().await
}

/// A node that serves.
#[derive(Debug)]
pub(crate) struct Running {
    listening: Vec<Listening>,
    base_url: url::Url,
    key: bootstrap::FirstKey,
    way: MailWay,
    storage: Storage,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    reloading: JoinHandle<()>,
    background: RunningJobs,
    _lock: Lock,
}

impl Running {
    /// Takes the data directory, puts the node together, and listens.
    pub(crate) async fn start(
        place: &Place,
        config: Config,
        directory: &DataDirectory,
        migrate: bool,
    ) -> anyhow::Result<Self> {
        let lock = directory.lock()?;
        let assembled = assemble(&config, directory, migrate).await?;
        let mut listeners = config.effective_listeners();
        listeners.push(portcullis_http::command_socket(directory.socket()));
        let server = assembled.open(&listeners, &config).await?;

        let Assembled { storage, plugins, jobs, clock, base_url, key, way, .. } = assembled;
        let (stop, stopping) = watch::channel(false);
        let certificates = server.certificates();
        let watched = reload::watch(place.clone(), config, storage.clone(), clock, certificates, plugins);
        Ok(Self {
            listening: server.listening(),
            base_url,
            key,
            way,
            background: jobs.start(&stopping),
            reloading: tokio::spawn(watched),
            serving: tokio::spawn(server.serve(stopping)),
            storage,
            stop,
            _lock: lock,
        })
    }

    /// Finishes the requests in flight and what runs in the background.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        tracing::info!("stopping: requests in flight are finished");
        self.stop.send(true).ok();
        self.serving.await.context("the server ended badly")?;
        self.reloading.abort();
        self.background.finished().await;
        self.storage.flush_audit().await.context("the last audit records")?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// A node that is put together and does not listen yet.
#[derive(Debug)]
pub(crate) struct Assembled {
    node: Arc<Node>,
    /// Its database.
    pub(crate) storage: Storage,
    plugins: Arc<PluginHost>,
    jobs: Jobs,
    clock: Arc<dyn Clock>,
    base_url: url::Url,
    key: bootstrap::FirstKey,
    way: MailWay,
}

impl Assembled {
    /// Opens listeners.
    pub(crate) async fn open(&self, listeners: &[Listener], config: &Config) -> anyhow::Result<Server> {
        let settings =
            ServerSettings { connections: config.limits.connections, drain: config.server.drain.0 };
        Ok(Server::open(Arc::clone(&self.node), listeners, settings).await?)
    }
}

/// Puts the node together: whoever calls it holds the data directory's lock.
pub(crate) async fn assemble(
    config: &Config,
    directory: &DataDirectory,
    migrate: bool,
) -> anyhow::Result<Assembled> {
    let (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>) = (Arc::new(SystemClock), Arc::new(SystemRng::new()));
    let storage = open_storage(migrate, config, directory, (&clock, &rng)).await?;
    let base_url =
        config.effective_base_url().context("`server.base_url` must say what browsers call this node")?;

    bootstrap::ensure_default_tenant(&storage, clock.as_ref()).await?;
    plan::apply(config, &storage, clock.as_ref()).await.context("the tenants of the configuration")?;
    let key = bootstrap::ensure_first_key(&storage, directory, clock.as_ref(), rng.as_ref()).await?;

    let mut registry = Registry::default();
    let outbound: Arc<dyn Outbound> = Arc::new(way_out(&config.outbound)?);
    let plugins = PluginHost::new(
        config.plugins.clone(),
        &directory.compiled_plugins(),
        Compiler::this_program(),
        Arc::new(storage.sealer().clone()),
        Arc::clone(&clock),
    )
    .context("plugins")?
    .offering(offered(&storage, &outbound));
    plugins.metrics().register(&mut registry);
    let plugins = Arc::new(plugins);
    let metrics = HttpMetrics::default();
    metrics.register(&mut registry);
    let job_metrics = JobMetrics::default();
    job_metrics.register(&mut registry);
    let parts = NodeParts {
        storage: storage.clone(),
        keys: Arc::new(storage.clone()),
        clock: Arc::clone(&clock),
        rng: Arc::clone(&rng),
        hashing: hashing_pool(config, &rng)?,
        client_secrets: HashingPool::start(1, CLIENT_SECRET_QUEUE, Arc::clone(&rng)).context(NO_HASHING)?,
        pages: ui::Pages::new()?,
        metrics,
        registry: Arc::new(registry),
        hook: plugins.clone(),
        policy: plugins.clone(),
        identity_hooks: plugins.clone(),
        claim_mapper: plugins.clone(),
        plugins: plugins.clone(),
        events: plugins.clone(),
        messages: plugins.clone(),
        transform: plugins.clone(),
        outbound,
        records: Arc::new(NameServers::new(name_servers(config), Arc::clone(&rng))),
    };
    let channels = mail::channels(config, &parts.outbound)?;
    let node = Node::new(node_settings(config, &base_url), parts);
    let way = MailWay::of(config, &base_url);
    let mail =
        Ways { mailer: way.mailer(config, &base_url)?, channels, hook: node.clone(), tenants: node.clone() };
    let receivers =
        Receivers { messages: Handlers::default(), mail, events: node.clone(), webhooks: node.clone() };
    let settings = jobs::Settings { jobs: &config.jobs, courier: &config.courier };
    let jobs = Jobs::new(&storage, Arc::clone(&clock), &rng, settings, receivers, &job_metrics);
    Ok(Assembled { node, storage, plugins, jobs, clock, base_url, key, way })
}

/// What asks other servers: those of the public internet, and those of our own that the configuration names.
pub(crate) fn way_out(outbound: &config::Outbound) -> anyhow::Result<GuardedOutbound> {
    let policy = OutboundPolicy { granted: outbound.networks() };
    match &outbound.ca {
        None => Ok(GuardedOutbound::new(policy)?),
        Some(ca) => {
            GuardedOutbound::trusting(policy, ca).with_context(|| format!("outbound.ca: {}", ca.display()))
        }
    }
}

/// Those of the configuration, else those of the system. Without any, no domain is proven, and whoever asks is told so.
fn name_servers(config: &Config) -> Vec<SocketAddr> {
    let named = config.server.name_servers();
    if !named.is_empty() {
        return named;
    }
    let system = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers = system.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    servers.filter_map(|address| config::name_server(address.trim())).collect()
}

/// What plugins may be granted beyond their own words and settings.
fn offered(storage: &Storage, outbound: &Arc<dyn Outbound>) -> Services {
    Services {
        secrets: Some(Arc::new(storage.clone())),
        values: Some(Arc::new(storage.clone())),
        outbound: Some(Arc::clone(outbound)),
        profiles: Some(Arc::new(storage.clone())),
        components: Some(Arc::new(storage.clone())),
        // Until there is the room that answers.
        permissions: None,
    }
}

async fn open_storage(
    migrate: bool,
    config: &Config,
    directory: &DataDirectory,
    (clock, rng): (&Arc<dyn Clock>, &Arc<dyn Rng>),
) -> anyhow::Result<Storage> {
    let location = location(config)?;
    if migrate || matches!(location, Location::Sqlite(_)) {
        Storage::migrate(&location).await.context("the database")?;
    }
    let mut master = match &config.secrets.master_key {
        Some(reference) => {
            MasterKey::new(key_bytes(secret(reference)?.expose()).context("secrets.master_key")?)
        }
        None => directory.master_key(rng.as_ref())?,
    };
    for reference in &config.secrets.former_master_keys {
        let former = key_bytes(secret(reference)?.expose()).context("secrets.former_master_keys")?;
        master = master.with_former(former);
    }
    Storage::open(&location, &master, Arc::clone(clock), Arc::clone(rng)).await.context("the database")
}

/// How many secrets of clients wait for the one that is hashed. Each of them is hashed once in the life of the process.
const CLIENT_SECRET_QUEUE: usize = 256;
const NO_HASHING: &str = "no thread for password hashing can be started";

fn hashing_pool(config: &Config, rng: &Arc<dyn Rng>) -> anyhow::Result<HashingPool> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = match config.limits.password_hashes {
        0 => processors,
        some => usize::try_from(some)?,
    };
    let queue = usize::try_from(config.limits.password_queue)?;
    HashingPool::start(workers, queue, Arc::clone(rng)).context(NO_HASHING)
}

fn node_settings(config: &Config, base_url: &url::Url) -> NodeSettings {
    NodeSettings {
        base_url: base_url.clone(),
        shows_mail: MailWay::of(config, base_url) == MailWay::Terminal,
        trusted_proxies: config.server.proxies(),
        client_certificate_header: config.server.certificate_header(),
        body_bytes: config.limits.body_bytes,
        request_timeout: config.limits.request_timeout.0,
        loaded_tenants: config.limits.loaded_tenants,
        loaded_tenants_bytes: config.limits.loaded_tenants_bytes,
        cached_sessions: 50_000,
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// Says in a few lines where to go. Whoever started the node may have stopped listening: it serves all the same.
fn greet(Running { listening, base_url, key, way, .. }: &Running, took: Duration) {
    let version = env!("CARGO_PKG_VERSION");
    let mut lines = vec![
        format!("Portcullis {version} is ready after {} ms", took.as_millis()),
        format!("  sign in    {}", base_url.as_str().trim_end_matches('/')),
    ];
    for one in listening.iter().filter(|one| one.name != "command-line") {
        let scheme = match (&one.address, one.tls) {
            (ListenAddress::Unix(_), _) => "",
            (ListenAddress::Tcp(_), true) => "https://",
            (ListenAddress::Tcp(_), false) => "http://",
        };
        lines.push(format!("  {:<10} {scheme}{}", one.name, one.address));
    }
    if let Some(path) = &key.path {
        lines.push(format!("  admin key  {}{}", path.display(), if key.is_new { " (new)" } else { "" }));
    }
    lines.extend(way.line(base_url).map(|line| format!("  mail       {line}")));
    let mut out = std::io::stdout();
    out.write_all(format!("{}\n", lines.join("\n")).as_bytes()).and_then(|()| out.flush()).ok();
}
