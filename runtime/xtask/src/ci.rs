//! All of CI, in the order in which a mistake is cheapest to find.

use anyhow::Context;
use std::time::Instant;

use crate::{install, test, tidy, workspace};

/// One named step of CI.
struct Step {
    name: &'static str,
    run: fn() -> anyhow::Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "fmt", run: || cargo(&["fmt", "--all", "--check"]) },
    Step { name: "tidy", run: tidy::run },
    Step {
        name: "clippy",
        run: || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step { name: "doc", run: document },
    Step { name: "test", run: test::run },
    Step { name: "deny", run: deny },
];

/// Runs every step and stops at the first that fails.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut times = Vec::new();
    for step in STEPS {
        eprintln!("\n== {}", step.name);
        let started = Instant::now();
        (step.run)().with_context(|| format!("ci: {}", step.name))?;
        times.push(format!("{} {:.0} s", step.name, started.elapsed().as_secs_f64()));
    }
    println!("ci: all passed: {}", times.join(", "));
    Ok(())
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    workspace::run(workspace::cargo().args(arguments))
}

fn document() -> anyhow::Result<()> {
    let mut doc = workspace::cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings");
    workspace::run(&mut doc)
}

/// The workspace of the guests.
const GUESTS: &str = "plugins/Cargo.toml";

/// Licences, bans and sources; advisories too when their database can be fetched.
fn deny() -> anyhow::Result<()> {
    if !install::cargo_deny()? {
        eprintln!("skipped: cargo-deny is not installed: run `cargo install cargo-deny --locked`");
        return Ok(());
    }
    // What `skip` lists is needed, or the list is wrong.
    let lints = ["-D", "unmatched-skip", "-D", "unnecessary-skip"];
    let checks = ["bans", "licenses", "sources"];
    cargo(&[&["deny", "--all-features", "check"], &lints[..], &checks].concat())?;
    // The guests, by `plugins/.cargo/deny.toml`.
    cargo(&[&["deny", "--manifest-path", GUESTS, "check"], &lints[..], &checks].concat())?;
    let mut fetch = workspace::cargo();
    fetch.args(["deny", "fetch", "db"]);
    if workspace::run(&mut fetch).is_ok() {
        cargo(&["deny", "--all-features", "check", "--disable-fetch", "advisories"])?;
        return cargo(&["deny", "--manifest-path", GUESTS, "check", "--disable-fetch", "advisories"]);
    }
    println!("advisories: not checked, their database cannot be fetched from here");
    Ok(())
}
