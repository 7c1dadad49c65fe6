//! `portcullis plugin keygen` and `plugin sign`: where components are built, not where they run.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::Args;
use plugin_host::ComponentHash;
use primitives::{Rng as _, Secret};
use serde_json::json;
use tenancy::plugin::SigningKey;
use tenancy::plugin::signing_key::pem_of_seed;

use crate::commands::{Common, show};
use crate::outcome::Failure;
use crate::randomness::SystemRng;

/// Options of `plugin keygen`.
#[derive(Debug, Args)]
pub(crate) struct KeygenOptions {
    /// The file to make for the private key; there must be nothing yet
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Options of `plugin sign`.
#[derive(Debug, Args)]
pub(crate) struct SignOptions {
    /// The component
    component: PathBuf,
    /// The file with the private key, from `plugin keygen` or `openssl genpkey -algorithm ed25519`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where the signature goes [default: the component's name with `.sig` after it]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

/// Makes a key pair. The private key is never shown, and no file is ever overwritten: components that a lost key
/// signed could not be signed again.
pub(super) fn keygen(options: &KeygenOptions) -> Result<(), Failure> {
    let KeygenOptions { file, common } = options;
    let mut seed = [0; 32];
    SystemRng::new().fill(&mut seed);
    let seed = Secret::new(seed);
    let public = SigningKey::from_seed(*seed.expose())?.public();
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let mut made = match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::Usage(anyhow!(
                "{} exists already; a key is made where there is nothing",
                file.display()
            )));
        }
        made => made.with_context(|| format!("cannot write {}", file.display()))?,
    };
    let pem = pem_of_seed(seed.expose());
    let written = made.write_all(pem.expose().as_bytes()).and_then(|()| made.sync_all());
    written.with_context(|| format!("cannot write {}", file.display()))?;
    if common.json {
        println!("{:#}", json!({ "file": file, "key": public.id(), "public_key": public }));
        return Ok(());
    }
    println!("{}: the private key; whoever has it can sign", file.display());
    println!("key {}; nodes trust it by these lines, under a name of yours:", public.id());
    println!();
    println!("  [tenant.plugin_trust.trusted_keys]");
    println!("  name = \"{public}\"");
    Ok(())
}

pub(super) fn sign(options: &SignOptions) -> Result<(), Failure> {
    let SignOptions { component, key, output, common } = options;
    let text = fs::read_to_string(key).map(Secret::new);
    let text = text.with_context(|| format!("cannot read {}", key.display()))?;
    let key = SigningKey::from_pem(text.expose())
        .map_err(|error| Failure::Usage(anyhow!("{}: {error}", key.display())))?;
    let bytes = fs::read(component).with_context(|| format!("cannot read {}", component.display()))?;
    // Nobody means to sign what no node would load, e.g. a core module that was never made a component.
    plugin_host::inspect(&bytes)
        .map_err(|error| Failure::Refused(format!("{}: {error}", component.display())))?;
    let hash = ComponentHash::of(&bytes);
    let output = output.clone().unwrap_or_else(|| beside(component));
    replace(&output, &key.sign(hash.as_bytes()).to_string())
        .with_context(|| format!("cannot write {}", output.display()))?;
    let signed = json!({ "signature": output, "sha256": hash.to_string(), "key": key.public().id() });
    show::object(common.json, &signed);
    Ok(())
}

/// Where a component's signature is by default.
pub(super) fn beside(component: &Path) -> PathBuf {
    let mut name = component.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

/// A node that looks meanwhile finds the old signature or the new one.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(format!(".{}", std::process::id()));
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, file)
}
