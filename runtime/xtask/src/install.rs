//! What the tests need beyond Rust, installed where that can be done and otherwise named with the command.

use anyhow::{Context, bail, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{self, answers};

/// A program that Debian packages.
pub(crate) struct Debian {
    /// What it is needed for.
    purpose: &'static str,
    package: &'static str,
    found: fn() -> bool,
}

/// The database of the storage tests.
pub(crate) const POSTGRESQL: Debian =
    Debian { purpose: "the storage tests on PostgreSQL", package: "postgresql", found: has_postgresql };

/// The browser of the tests that click.
pub(crate) const CHROMIUM: Debian = Debian {
    purpose: "the tests in a browser",
    package: "chromium",
    found: || answers("chromium", "--version"),
};

/// The web server of the relying party that is a module of it. Not the package `apache2`, which starts one.
pub(crate) const APACHE: Debian = Debian {
    purpose: "a relying party that is a web server",
    package: "apache2-bin",
    found: || Path::new("/usr/sbin/apache2").is_file(),
};

/// That relying party.
pub(crate) const MOD_AUTH_OPENIDC: Debian = Debian {
    purpose: "a relying party that is a web server",
    package: "libapache2-mod-auth-openidc",
    found: || Path::new("/usr/lib/apache2/modules/mod_auth_openidc.so").is_file(),
};

/// The proxy that ends TLS in front of a node in one test.
pub(crate) const NGINX: Debian = Debian {
    purpose: "the tests behind a proxy",
    package: "nginx",
    found: || Path::new("/usr/sbin/nginx").is_file(),
};

/// Compiles plugins in C.
pub(crate) const CLANG: Debian =
    Debian { purpose: "plugins in C", package: "clang", found: || answers("clang", "--version") };

/// Links plugins in C.
pub(crate) const LLD: Debian =
    Debian { purpose: "plugins in C", package: "lld", found: || answers("wasm-ld", "--version") };

/// Fills the database of a benchmark, and of the test of what fills it.
pub(crate) const SQLITE: Debian = Debian {
    purpose: "the benchmarks of large databases",
    package: "sqlite3",
    found: || answers("sqlite3", "--version"),
};

/// Holds the databases of a benchmark in memory. It has no option that answers with success.
pub(crate) const VMTOUCH: Debian = Debian {
    purpose: "the benchmarks of large databases",
    package: "vmtouch",
    found: || Command::new("vmtouch").arg("-h").output().is_ok(),
};

/// Runs the client tests that are written in JavaScript.
pub(crate) const NODE: Debian = Debian {
    purpose: "clients and plugins that come from npm",
    package: "npm",
    found: || answers("node", "--version") && answers("npm", "--version"),
};

/// Runs the client tests that are written in Python.
pub(crate) const PYTHON: Debian = Debian {
    purpose: "clients and plugins that come from PyPI",
    package: "python3-venv",
    found: || {
        answers("python3", "--version")
            && Command::new("python3").args(["-c", "import ensurepip"]).status().is_ok_and(|s| s.success())
    },
};

/// The load generator of the benchmarks. It has no option that answers with success.
pub(crate) const WRK: Debian = Debian {
    purpose: "the benchmarks",
    package: "wrk",
    found: || Command::new("wrk").arg("-v").output().is_ok(),
};

/// Waits until no other process of ours installs anything: two suites may want the same at once.
fn alone() -> anyhow::Result<File> {
    let directory = workspace::target_directory();
    fs::create_dir_all(&directory)?;
    let turn = File::create(directory.join("installing")).context("the lock of who installs")?;
    turn.lock()?;
    Ok(turn)
}

/// Installs the Debian packages that are missing, as root on Debian; otherwise names them.
///
/// Fails when something is missing and cannot be installed, since a test that needs it would be skipped.
pub(crate) fn debian_packages(wanted: &[Debian]) -> anyhow::Result<()> {
    if wanted.iter().all(|item| (item.found)()) {
        return Ok(());
    }
    let _turn = alone()?;
    let missing: Vec<&Debian> = wanted.iter().filter(|item| !(item.found)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|item| item.package).collect();
    if is_root() && answers("apt-get", "--version") {
        workspace::run(Command::new("apt-get").args(["update", "-qq"]))?;
        let mut install = Command::new("apt-get");
        install.env("DEBIAN_FRONTEND", "noninteractive");
        install.args(["install", "-qq", "-y", "--no-install-recommends"]).args(&names);
        workspace::run(&mut install)?;
        if let Some(item) = missing.iter().find(|item| !(item.found)()) {
            bail!("{} was installed and still cannot be used", item.package);
        }
        return Ok(());
    }
    for item in &missing {
        eprintln!("missing: {} (for {})", item.package, item.purpose);
    }
    bail!("run `sudo apt-get install {}`, or install the same by your system's means", names.join(" "))
}

/// Installs the npm packages of `home` as its lock file says, unless that was done.
pub(crate) fn node_packages(home: &Path) -> anyhow::Result<()> {
    debian_packages(&[NODE])?;
    let _turn = alone()?;
    let lock = home.join("package-lock.json");
    if newer(&home.join("node_modules/.package-lock.json"), &lock) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(home);
    workspace::run(&mut npm).with_context(|| format!("run `npm ci` in {}", home.display()))
}

/// Makes a Python environment with the packages of `home/requirements.txt` in the target directory, unless that was done.
///
/// Returns its interpreter.
pub(crate) fn python_packages(home: &Path) -> anyhow::Result<PathBuf> {
    let name = home.file_name().context("a directory")?;
    let environment = workspace::target_directory().join("python").join(name);
    let interpreter = environment.join("bin/python");
    let (requirements, done) = (home.join("requirements.txt"), environment.join("installed"));
    debian_packages(&[PYTHON])?;
    let _turn = alone()?;
    if newer(&done, &requirements) {
        return Ok(interpreter);
    }
    workspace::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))?;
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--require-hashes"]);
    pip.arg("--requirement").arg(&requirements);
    workspace::run(&mut pip)?;
    fs::write(&done, "")?;
    Ok(interpreter)
}

/// Whether `made` exists and was made after `source` was last changed.
fn newer(made: &Path, source: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
    matches!((changed(made), changed(source)), (Ok(made), Ok(source)) if made >= source)
}

/// Whether `cargo deny` can be used, after installing it where that is asked for.
///
/// It takes minutes to build, so that it is installed only under `CI`; there it must be usable then, since
/// nothing may be skipped.
pub(crate) fn cargo_deny() -> anyhow::Result<bool> {
    let has = || answers("cargo-deny", "--version");
    if has() {
        return Ok(true);
    }
    if !workspace::under_ci() {
        return Ok(false);
    }
    workspace::run(workspace::cargo().args(["install", "cargo-deny", "--locked"]))?;
    ensure!(has(), "cargo-deny was installed and still cannot be used: is cargo's bin directory in PATH?");
    Ok(true)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn has_postgresql() -> bool {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .is_ok_and(|versions| versions.flatten().any(|version| version.path().join("bin/initdb").is_file()));
    debian || (answers("initdb", "--version") && answers("postgres", "--version"))
}
