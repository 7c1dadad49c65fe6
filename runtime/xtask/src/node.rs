//! A node of ours that a command starts: on free loopback ports, with a data directory and a configuration of its own.

use anyhow::{Context, ensure};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::clients::Witness;
use crate::loopback::{free_port, post_json, send};
use crate::server::Server;
use crate::workspace;

const READY: Duration = Duration::from_secs(30);

/// How the binary is built.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Profile {
    /// For tests.
    Debug,
    /// For measurements.
    Release,
}

/// The variable that names a directory with binaries to take instead of building them: those of a package, say.
pub(crate) const BINARIES: &str = "PORTCULLIS_BINARIES";

/// Whether there are such binaries.
pub(crate) fn are_given() -> bool {
    std::env::var_os(BINARIES).is_some()
}

/// Builds the binary `portcullis` and returns its path.
pub(crate) fn build(profile: Profile) -> anyhow::Result<PathBuf> {
    if let Some(directory) = std::env::var_os(BINARIES) {
        let binary = PathBuf::from(directory).join("portcullis");
        ensure!(binary.is_file(), "{BINARIES}: there is no {}", binary.display());
        return Ok(binary);
    }
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--package", "portcullis"]);
    let directory = match profile {
        Profile::Debug => {
            // The app that signs in comes along: built apart, the two would want their dependencies with
            // different features, and build them twice.
            cargo.args(["--package", "nexboard"]);
            "debug"
        }
        Profile::Release => {
            cargo.arg("--release");
            "release"
        }
    };
    workspace::run(&mut cargo)?;
    Ok(workspace::target_directory().join(directory).join("portcullis"))
}

/// Limits that nobody who signs in hundreds of times from one address meets; below a tenant's table.
pub(crate) const ROOMY_LIMITS: &str = "[tenant.identity.limits]\n\
    identifier = { burst = 1000000, refill_seconds = 1 }\n\
    address = { burst = 1000000, refill_seconds = 1 }\n\
    flow = { burst = 1000000, refill_seconds = 1 }\n\
    mail = { burst = 1000000, refill_seconds = 1 }\n\
    code = { burst = 1000000, refill_seconds = 1 }\n\n";

/// Where a listener is reached, and where it listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    /// The port of its address as clients know it.
    pub(crate) port: u16,
    /// The port that it binds: the same, unless something is between.
    pub(crate) behind: u16,
}

impl Door {
    /// A listener that clients reach directly.
    fn open() -> anyhow::Result<Self> {
        let port = free_port()?;
        Ok(Self { port, behind: port })
    }
}

/// A running node.
#[derive(Debug)]
pub(crate) struct Node {
    server: Server,
    /// The base URL of the public listener, and the issuer of the tenant `default`.
    pub(crate) public: String,
    /// The base URL of the admin listener.
    pub(crate) admin: String,
    /// The operator's admin key.
    admin_key: String,
    /// The file that it was read from.
    pub(crate) admin_key_file: PathBuf,
    /// Its configuration.
    pub(crate) config: PathBuf,
    /// From the start of the process until it said that it was ready.
    pub(crate) ready_after: Duration,
    /// What stands between it and its clients.
    pub(crate) witness: Option<Witness>,
}

impl Node {
    /// Starts a node whose data is in `directory` (made if it is missing); `more` is further configuration, in TOML, where
    /// `{public}` stands for its base URL and `{port}` for the port of that. What an earlier node left in `directory` is kept.
    pub(crate) fn start(binary: &Path, directory: &Path, more: &str) -> anyhow::Result<Self> {
        let (public, admin) = (Door::open()?, Door::open()?);
        Self::start_behind((public, admin), binary, directory, more)
    }

    /// The same, behind the ports at which something else forwards to it.
    pub(crate) fn start_behind(
        (public, admin): (Door, Door),
        binary: &Path,
        directory: &Path,
        more: &str,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let (listens, operates) = (public.behind, admin.behind);
        let (public, admin) = (public.port, admin.port);
        let toml = format!(
            "[server]\ndata_dir = \"data\"\nbase_url = \"http://127.0.0.1:{public}\"\n\
             name_servers = [\"127.0.0.1:9\"]\n\n\
             [[listener]]\nname = \"public\"\naddress = \"127.0.0.1:{listens}\"\nrouters = [\"public\"]\n\n\
             [[listener]]\nname = \"admin\"\naddress = \"127.0.0.1:{operates}\"\nrouters = [\"admin\", \"metrics\"]\n\n{}",
            more.replace("{public}", &format!("http://127.0.0.1:{public}"))
                .replace("{port}", &public.to_string()),
        );
        let config = directory.join("portcullis.toml");
        std::fs::write(&config, toml)?;
        let mut serve = Command::new(binary);
        serve.arg("serve").arg("--config").arg(&config);
        let mut server = Server::start("portcullis", &mut serve, &directory.join("portcullis.log"))?;
        let public = format!("http://127.0.0.1:{public}");
        let ready = format!("{public}/health/ready");
        let ready_after = server
            .wait_until(|| send("GET", &ready, &[], b"").is_ok_and(|answer| answer.status == 200), READY)?;
        let key = directory.join("data/admin.key");
        let admin_key = std::fs::read_to_string(&key).with_context(|| key.display().to_string())?;
        let admin = format!("http://127.0.0.1:{admin}");
        Ok(Self {
            server,
            public,
            admin,
            admin_key: admin_key.trim().to_owned(),
            admin_key_file: key,
            config,
            ready_after,
            witness: None,
        })
    }

    /// The same node, with what forwards to it kept as long as it lives.
    pub(crate) fn before(self, witness: Witness) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Makes a person with a password, in the tenant that answers below `prefix` (`""` for `default`).
    pub(crate) fn make_person(&self, prefix: &str, email: &str, password: &str) -> anyhow::Result<()> {
        let person = json!({
            "schema_id": "default",
            "traits": { "email": email },
            "credentials": { "password": { "config": { "password": password } } },
        });
        let identities = format!("{}{prefix}/admin/identities", self.admin);
        post_json(&identities, &[("authorization", &self.authorization())], &person).map(|_| ())
    }

    /// Returns the header value that proves the operator to the admin listener.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.admin_key)
    }

    /// Returns the process id.
    pub(crate) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Ends the node, which must drain.
    pub(crate) fn end(self) -> anyhow::Result<()> {
        self.server.end()
    }
}
