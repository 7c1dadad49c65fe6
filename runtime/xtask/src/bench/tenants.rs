//! `cargo xtask bench tenants`: what a node holds after it was asked for very many tenants, some with large settings.

use serde_json::{Map, Value, json};

use super::machine::resident_kib;
use super::ours::Ours;
use super::repeat::each;
use crate::loopback::{get_json, post_json};
use crate::node::Node;
use crate::workspace;

const TENANTS: usize = 1_000;
/// One in so many has a schema of about 45 kB, which takes 2 MiB when it is compiled.
const LARGE: usize = 5;
const FIELDS: usize = 600;
/// Half of what a node keeps by default.
const CAP_MIB: u64 = 32;

/// Visits tenants out of order, twice, on a node that may keep none and on one that may keep some, and compares
/// the difference with the cap: what both grow by are caches that have caps of their own.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench/tenants");
    if directory.is_dir() {
        std::fs::remove_dir_all(&directory)?;
    }
    let built = Ours::build()?;
    let start = |bytes: u64| {
        Node::start(built.binary(), &directory, &format!("[limits]\nloaded_tenants_bytes = {bytes}\n"))
    };
    let node = start(1)?;
    each(TENANTS, 2, |number| make_tenant(&node, number))?;
    // What making them took is none of what visiting them takes.
    node.end()?;
    let none = grown(start(1)?)?;
    let some = grown(start(CAP_MIB << 20)?)?;
    println!(
        "{TENANTS} tenants were visited twice, {} of them large: {none} MiB more where none is kept, {some} MiB \
         where they may take {CAP_MIB}",
        TENANTS / LARGE
    );
    let kept = some.saturating_sub(none);
    println!("{kept} MiB of tenants, cap {CAP_MIB} MiB: {}", if kept <= CAP_MIB { "met" } else { "MISSED" });
    Ok(())
}

/// By how many MiB a node grows that is asked for every tenant.
fn grown(node: Node) -> anyhow::Result<u64> {
    let before = resident_kib(node.pid())?;
    each(2 * TENANTS, 4, |number| visit(&node, number * 619 % TENANTS))?;
    let after = resident_kib(node.pid())?;
    node.end()?;
    Ok(after.saturating_sub(before).div_ceil(1024))
}

fn make_tenant(node: &Node, number: usize) -> anyhow::Result<()> {
    let mut tenant = json!({ "id": name(number) });
    if number.is_multiple_of(LARGE)
        && let Some(tenant) = tenant.as_object_mut()
    {
        tenant.insert(
            "settings".to_owned(),
            json!({ "identity": { "schemas": { "default": large(number) } } }),
        );
    }
    let authorization = node.authorization();
    let tenants = format!("{}/admin/portcullis/v1/tenants", node.admin);
    post_json(&tenants, &[("authorization", &authorization)], &tenant).map(|_| ())
}

/// A schema that no other tenant has.
fn large(number: usize) -> Value {
    let mut traits: Map<String, Value> = (0..FIELDS)
        .map(|field| {
            let title = format!("Field {field} of tenant {number}");
            (format!("field_{field}"), json!({ "type": "string", "title": title, "maxLength": 100 }))
        })
        .collect();
    let identifier = json!({ "credentials": { "password": { "identifier": true } } });
    traits.insert(
        "email".to_owned(),
        json!({ "type": "string", "format": "email", "ory.sh/kratos": identifier }),
    );
    json!({ "schema": { "type": "object", "properties": { "traits": { "type": "object", "properties": traits } } } })
}

fn visit(node: &Node, number: usize) -> anyhow::Result<()> {
    let tenant = format!("{}/t/{}", node.public, name(number));
    get_json(&format!("{tenant}/.well-known/openid-configuration"))?;
    get_json(&format!("{tenant}/.well-known/jwks.json")).map(|_| ())
}

fn name(number: usize) -> String {
    format!("customer-{number:04}")
}
