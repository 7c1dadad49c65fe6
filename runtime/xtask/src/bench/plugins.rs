//! `cargo xtask bench plugins`: what a node holds that runs a thousand tenants' plugins, all of them distinct.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;

use super::machine::resident_kib;
use super::ours::Ours;
use super::repeat::each;
use super::scenario::{basic, text};
use crate::loopback::{post_json, send};
use crate::node::Node;
use crate::workspace;

const TENANTS: usize = 1_000;
/// What a node keeps in the second measurement.
const CAP: usize = 100;
const BAR_MIB: u64 = 250;
/// Whoever was not called for so long gives back what its code takes.
const REST: Duration = Duration::from_secs(25);

/// Has every tenant's plugin shape a token, twice, on a node that keeps all components and on one that keeps some.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench/plugins");
    if directory.is_dir() {
        fs::remove_dir_all(&directory)?;
    }
    let components = directory.join("components");
    fs::create_dir_all(&components)?;
    let built = Ours::build()?;
    let tenants = declare(&components, built.plugin())?;
    let start = |kept: usize| {
        let plugins = format!("[plugins]\nloaded_components = {kept}\n\n");
        Node::start(built.binary(), &directory, &(plugins + &tenants))
    };
    // Compiling them is none of what running them takes.
    let node = start(TENANTS)?;
    let clients = Mutex::new(Vec::new());
    each(TENANTS, 2, |number| {
        let client = make_client(&node, number)?;
        let mut clients = clients.lock().map_err(|_| anyhow::anyhow!("a thread of the bench panicked"))?;
        clients.push((number, client));
        Ok(())
    })?;
    node.end()?;
    let clients = clients.into_inner()?;
    let all = resident_after_calls(start(TENANTS)?, &clients)?;
    let some = resident_after_calls(start(CAP)?, &clients)?;
    println!("{TENANTS} tenants with a plugin each, all distinct, all of them loaded:");
    println!("{} MiB resident right after the calls, {} MiB {} s later", all.0, all.1, REST.as_secs());
    println!("bar {BAR_MIB} MiB: {}", if all.1 <= BAR_MIB { "met later" } else { "MISSED" });
    println!("{} and {} MiB where {CAP} components may stay loaded", some.0, some.1);
    Ok(())
}

/// Makes a component of each tenant's own, and returns what the configuration says of them all.
fn declare(directory: &Path, sample: &Path) -> anyhow::Result<String> {
    let sample = fs::read(sample).with_context(|| sample.display().to_string())?;
    let mut tenants = String::new();
    for number in 0..TENANTS {
        let file: PathBuf = directory.join(format!("{number}.wasm"));
        fs::write(&file, distinct(&sample, number)?)?;
        write!(
            tenants,
            "[[tenant]]\nid = \"{}\"\n\n[[tenant.plugin]]\nname = \"enrich-token\"\ncomponent = \"{}\"\n\n",
            name(number),
            file.display()
        )?;
    }
    Ok(tenants)
}

/// The same component with a custom section that no other has: another hash, so other compiled code.
fn distinct(component: &[u8], number: usize) -> anyhow::Result<Vec<u8>> {
    let content = format!("\u{5}bench{number}");
    let length = u8::try_from(content.len()).context("a section of more than one byte's length")?;
    ensure!(length < 0x80, "a length of more than seven bits");
    Ok([component, &[0, length], content.as_bytes()].concat())
}

/// A client that gets tokens for itself; its credentials for HTTP Basic.
fn make_client(node: &Node, number: usize) -> anyhow::Result<String> {
    let url = format!("{}/t/{}/admin/clients", node.admin, name(number));
    let document = json!({
        "grant_types": ["client_credentials"],
        "response_types": [],
        "token_endpoint_auth_method": "client_secret_basic",
    });
    let client = post_json(&url, &[("authorization", &node.authorization())], &document)?;
    Ok(basic(&text(&client, "client_id")?, &text(&client, "client_secret")?))
}

/// The memory of a node in MiB right after every plugin was called twice, and when they have rested.
fn resident_after_calls(node: Node, clients: &[(usize, String)]) -> anyhow::Result<(u64, u64)> {
    each(2 * clients.len(), 2, |at| {
        let (number, basic) = clients.get(at % clients.len()).context("no client")?;
        let url = format!("{}/t/{}/oauth2/token", node.public, name(*number));
        let authorization = format!("Basic {basic}");
        let form = "application/x-www-form-urlencoded";
        let headers = [("authorization", authorization.as_str()), ("content-type", form)];
        let answer = send("POST", &url, &headers, b"grant_type=client_credentials")?;
        ensure!(answer.status == 200, "{url}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        Ok(())
    })?;
    let after = resident_kib(node.pid())?.div_ceil(1024);
    std::thread::sleep(REST);
    let later = resident_kib(node.pid())?.div_ceil(1024);
    node.end()?;
    Ok((after, later))
}

fn name(number: usize) -> String {
    format!("customer-{number:04}")
}
