//! `cargo xtask bench memory`: what a node holds after people and plugins used it.

use std::time::Duration;

use super::machine::resident_kib;
use super::ours::{Ours, PERSON, native_login};
use super::repeat::times;
use super::scenario::{Kind, Peer};
use crate::workspace;

const LOGINS: usize = 1_000;
const PLUGIN_CALLS: usize = 10_000;
const REST: Duration = Duration::from_mins(1);
const BAR_MIB: u64 = 50;

/// Uses a node as the bar says, and prints its resident memory.
pub(super) fn run() -> anyhow::Result<()> {
    let directory = workspace::target_directory().join("bench");
    std::fs::create_dir_all(&directory)?;
    let ours = Ours::start_roomy(&Ours::build()?, &directory)?;
    let show = |when: &str| -> anyhow::Result<u64> {
        let mib = resident_kib(ours.pid())?.div_ceil(1024);
        println!("{when}: {mib} MiB resident");
        Ok(mib)
    };
    show("ready")?;
    ours.make_person()?;
    let base = ours.base();
    times(LOGINS, 2, || native_login(base, PERSON.0, PERSON.1).map(|_| ()))?;
    show(&format!("after {LOGINS} logins"))?;
    let Some(request) = ours.request(Kind::ClientCredentialsWithPlugin)? else { return Ok(()) };
    times(PLUGIN_CALLS, 4, || request.access_token().map(|_| ()))?;
    ours.check_after(Kind::ClientCredentialsWithPlugin, PLUGIN_CALLS as u64)?;
    show(&format!("after {PLUGIN_CALLS} tokens shaped by a plugin"))?;
    std::thread::sleep(REST);
    let mib = show(&format!("{} s later", REST.as_secs()))?;
    println!("bar {BAR_MIB} MiB: {}", if mib <= BAR_MIB { "met" } else { "MISSED" });
    Box::new(ours).end()
}
