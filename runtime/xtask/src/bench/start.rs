//! `cargo xtask bench start`: the time from the start of the process to readiness, also with very many tenants.

use anyhow::Context;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

use super::machine::resident_kib;
use super::ours::{Built, Ours};
use super::repeat::each;
use super::scenario::Peer;
use crate::loopback::{get_json, post_json};
use crate::node::Node;
use crate::workspace;

const STARTS: usize = 11;
const TENANTS: usize = 10_000;
const VISITED: usize = 1_000;
const BAR: Duration = Duration::from_millis(300);

/// Starts a node again and again, without and with many tenants.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let built = Ours::build()?;
    // The first start makes the keys and compiles the plugin: it warms the cache.
    Box::new(Ours::start(&built, &directory)?).end()?;
    let few = median_start(&built, &directory)?;
    println!("ready after {few:?} (median of {STARTS}); bar {BAR:?}: {}", verdict(few <= BAR));

    let node = Ours::restart(&built, &directory)?;
    each(TENANTS, 8, |number| make_tenant(&node, number)).context("making tenants")?;
    node.end()?;
    let many = median_start(&built, &directory)?;
    let allowed = few.mul_f64(1.1);
    println!("ready after {many:?} with {TENANTS} tenants; bar {allowed:?}: {}", verdict(many <= allowed));

    let node = Ours::restart(&built, &directory)?;
    let before = resident_kib(node.pid())?;
    // A step that is coprime to their number visits them out of order, each once.
    let visit = |number: usize| -> anyhow::Result<()> {
        // By the path: their hosts have no address.
        let tenant = format!("{}/t/{}", node.public, name(number * 7_919 % TENANTS));
        get_json(&format!("{tenant}/.well-known/openid-configuration"))?;
        get_json(&format!("{tenant}/.well-known/jwks.json")).map(|_| ())
    };
    each(VISITED, 4, visit)?;
    let some = resident_kib(node.pid())?;
    // More than `limits.loaded_tenants`: the ones visited before make room.
    each(TENANTS - VISITED, 4, |number| visit(VISITED + number))?;
    let all = resident_kib(node.pid())?;
    println!(
        "{} MiB resident, {} MiB after {VISITED} tenants were visited, {} MiB after all {TENANTS}",
        before / 1024,
        some / 1024,
        all / 1024
    );
    node.end()
}

fn median_start(built: &Built, directory: &Path) -> anyhow::Result<Duration> {
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        let node = Ours::restart(built, directory)?;
        times.push(node.ready_after);
        node.end()?;
    }
    times.sort_unstable();
    times.get(STARTS / 2).copied().context("nothing was measured")
}

/// Makes a tenant with its keys, a host and a client.
fn make_tenant(node: &Node, number: usize) -> anyhow::Result<()> {
    let name = name(number);
    let key = node.authorization();
    let authorization = [("authorization", key.as_str())];
    let tenant = json!({ "id": name, "host": format!("{name}.example") });
    post_json(&format!("{}/admin/portcullis/v1/tenants", node.admin), &authorization, &tenant)?;
    let client =
        json!({ "client_name": "app", "redirect_uris": [format!("https://{name}.example/callback")] });
    post_json(&format!("{}/t/{name}/admin/clients", node.admin), &authorization, &client)?;
    get_json(&format!("{}/t/{name}/.well-known/jwks.json", node.public)).map(|_| ())
}

fn name(number: usize) -> String {
    format!("customer-{number:05}")
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
