//! What a newcomer does with `portcullis plugin`: new, build, test, bench, in every language and on every hook; and
//! push and enable, in every language.
//!
//! Each project is a fresh one in a temporary directory, outside of this repository, and is built by what is installed
//! on the machine. Crates come from cargo's cache: they are those of `plugins/`, in the same versions.
//!
//! A sample or fixture with a manifest is walked too. In Rust it is a crate of `plugins/`, built where it is; in another
//! language it is what differs from a new project, and is put over one. What it has in `tests` runs without a component.
//! The plugins of this repository (`plugins/cedar`, …) are projects themselves, and are built where they are.

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::install::{self, Debian};
use crate::node::{self, Node, Profile};
use crate::workspace;

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only these languages; every hook in python only if it is named
    languages: Vec<String>,
    /// Measures with a release build, and calls this often
    #[arg(long, value_name = "CALLS")]
    bench: Option<u32>,
}

/// What says that a directory is a plugin's project.
const MANIFEST: &str = "portcullis-plugin.toml";

/// Where a sample has tests of its own.
const TESTS: &str = "tests";

/// A language, and what it takes to build a project in it.
struct Language {
    name: &'static str,
    needs: &'static [Debian],
    /// What is run in a new project before it is built.
    prepare: &'static str,
    /// Whether every hook is tried although nobody names the language: its components are built and compiled in seconds.
    quick: bool,
    /// What runs a sample's own `tests`, without a component.
    test: &'static str,
}

const LANGUAGES: &[Language] = &[
    Language { name: "rust", needs: &[], prepare: "", quick: true, test: "" },
    Language { name: "c", needs: &[install::CLANG, install::LLD], prepare: "", quick: true, test: "" },
    Language {
        name: "javascript",
        needs: &[install::NODE],
        prepare: "npm ci --prefer-offline --no-audit --no-fund --loglevel=error",
        quick: true,
        test: "",
    },
    Language {
        name: "python",
        needs: &[install::PYTHON],
        prepare: "python3 -m venv .venv && .venv/bin/pip --quiet --disable-pip-version-check install -r requirements.txt",
        quick: false,
        test: "PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=src python3 -m unittest discover --quiet --start-directory tests",
    },
];

/// The hook that is tried in every language.
const TOKEN: &str = "token";

/// Runs the languages that are asked for, or all.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let asked = &arguments.languages;
    if let Some(unknown) = asked.iter().find(|name| !LANGUAGES.iter().any(|language| language.name == **name))
    {
        let names = LANGUAGES.iter().map(|language| language.name).collect::<Vec<_>>().join(", ");
        bail!("no language `{unknown}`: there are {names}");
    }
    let is_named = |language: &Language| asked.iter().any(|name| name == language.name);
    let is_wanted = |language: &&Language| asked.is_empty() || is_named(language);
    for language in LANGUAGES.iter().filter(is_wanted) {
        own_tests(language)?;
        install::debian_packages(language.needs)?;
        let binary = node::build(if arguments.bench.is_some() { Profile::Release } else { Profile::Debug })?;
        let place = tempfile::tempdir()?;
        let node = Node::start(&binary, place.path(), "")?;
        let every_hook = language.quick || is_named(language);
        for hook in hooks(language.name)?.into_iter().filter(|hook| every_hook || hook == TOKEN) {
            let walk = Walk { binary: &binary, language, hook: &hook, calls: arguments.bench.unwrap_or(10) };
            let project = tempfile::tempdir()?;
            walk.run(project.path()).with_context(|| format!("plugins: {} on {hook}", language.name))?;
            if hook == TOKEN {
                walk.push(&project.path().join("plan"), &node)?;
            }
        }
        node.end()?;
        for sample in samples(language.name)? {
            let hook = hook_of(&sample)?;
            let walk = Walk { binary: &binary, language, hook: &hook, calls: 0 };
            walk.sample(&sample).with_context(|| format!("plugins: {}", sample.display()))?;
        }
        for plugin in own(language.name)? {
            let hook = hook_of(&plugin)?;
            let walk = Walk { binary: &binary, language, hook: &hook, calls: arguments.bench.unwrap_or(0) };
            walk.own(&plugin).with_context(|| format!("plugins: {}", plugin.display()))?;
        }
    }
    Ok(())
}

/// The hooks that there are templates for in a language; `<hook>+<interface>` is one with an interface that it has besides.
fn hooks(language: &str) -> anyhow::Result<Vec<String>> {
    let templates = workspace::root().join("runtime/cli/templates");
    let own = templates.join("languages").join(language);
    let mut names = names(&templates.join("hooks"))?;
    names.retain(|hook| own.join(hook).is_dir());
    Ok(names)
}

/// Where samples and fixtures are, in the repository.
const PLACES: [&str; 2] = ["plugins/samples", "plugins/fixtures"];

/// The samples and fixtures that are projects: those with a manifest.
fn projects() -> anyhow::Result<Vec<PathBuf>> {
    let mut projects = Vec::new();
    for place in PLACES.map(|place| workspace::root().join(place)) {
        projects.extend(names(&place)?.into_iter().map(|name| place.join(name)));
    }
    projects.retain(|project| project.join(MANIFEST).is_file());
    Ok(projects)
}

/// Those in a language, by the ends of their names.
fn samples(language: &str) -> anyhow::Result<Vec<PathBuf>> {
    let end = format!("-{language}");
    let mut samples = projects()?;
    samples.retain(|sample| sample.to_string_lossy().ends_with(&end));
    Ok(samples)
}

/// Runs the tests that samples in a language have of their own.
fn own_tests(language: &Language) -> anyhow::Result<()> {
    for sample in samples(language.name)?.iter().filter(|sample| sample.join(TESTS).is_dir()) {
        ensure!(!language.test.is_empty(), "nothing runs {}/{TESTS}", sample.display());
        install::debian_packages(language.needs)?;
        workspace::run(Command::new("sh").args(["-c", language.test]).current_dir(sample))?;
    }
    Ok(())
}

/// The plugins of this repository that are written in a language: all are in Rust.
fn own(language: &str) -> anyhow::Result<Vec<PathBuf>> {
    if language != "rust" {
        return Ok(Vec::new());
    }
    let place = workspace::root().join("plugins");
    let found = names(&place)?.into_iter().map(|name| place.join(name));
    Ok(found.filter(|plugin| plugin.join(MANIFEST).is_file()).collect())
}

/// The hook that a sample's manifest names.
fn hook_of(sample: &Path) -> anyhow::Result<String> {
    let manifest = fs::read_to_string(sample.join(MANIFEST))?;
    let hook = manifest.lines().find_map(|line| line.strip_prefix("hook = \"")?.strip_suffix('"'));
    Ok(hook.with_context(|| format!("{} names no hook", sample.display()))?.to_owned())
}

/// Puts the files of a directory over those of another.
fn put_over(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for name in names(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            put_over(&from, &to)?;
        } else {
            fs::copy(&from, &to).with_context(|| from.display().to_string())?;
        }
    }
    Ok(())
}

/// The names in a directory, in order.
fn names(directory: &Path) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// One project, from nothing to its figures.
struct Walk<'a> {
    binary: &'a Path,
    language: &'a Language,
    hook: &'a str,
    calls: u32,
}

impl Walk<'_> {
    fn run(&self, place: &Path) -> anyhow::Result<()> {
        let project = self.make(place)?;
        let start = Instant::now();
        workspace::run(&mut self.command(&project, &["build"]))?;
        let built = start.elapsed();
        workspace::run(&mut self.command(&project, &["test"]))?;
        self.wrong_case_fails(&project)?;
        let figures =
            self.command(&project, &["bench", "--json", "--calls", &self.calls.to_string()]).output()?;
        ensure!(figures.status.success(), "bench: {}", String::from_utf8_lossy(&figures.stderr));
        let figures: Value = serde_json::from_slice(&figures.stdout)?;
        println!("{} on {}: built in {:.1} s; {figures}", self.language.name, self.hook, built.as_secs_f64());
        Ok(())
    }

    /// Has a node take the component, and run it as the project says.
    fn push(&self, project: &Path, node: &Node) -> anyhow::Result<()> {
        let config = node.config.to_str().context("a path that is no text")?;
        workspace::run(self.command(project, &["push", "--config", config]).stdout(Stdio::null()))?;
        let enabled = self.command(project, &["enable", "--json", "--config", config]).output()?;
        ensure!(enabled.status.success(), "enable: {}", String::from_utf8_lossy(&enabled.stderr));
        let plugin: Value = serde_json::from_slice(&enabled.stdout)?;
        let state = plugin.pointer("/running/state").and_then(Value::as_str);
        ensure!(state == Some("loaded"), "what was pushed does not run: {plugin}");
        println!("{}: pushed, and runs", self.language.name);
        Ok(())
    }

    /// A sample, with its own cases and none of the template's.
    fn sample(&self, sample: &Path) -> anyhow::Result<()> {
        let place = tempfile::tempdir()?;
        let project = if self.language.name == "rust" {
            // With what `cargo xtask guests` built of it; the rest is done with a copy, whose cases may be spoilt.
            let guests = workspace::target_directory().join("guests");
            workspace::run(self.command(sample, &["build"]).env("CARGO_TARGET_DIR", guests))?;
            let copy = place.path().join("plan");
            put_over(sample, &copy)?;
            copy
        } else {
            let project = self.make(place.path())?;
            fs::remove_dir_all(project.join("cases"))?;
            put_over(sample, &project)?;
            workspace::run(&mut self.command(&project, &["build"]))?;
            project
        };
        workspace::run(&mut self.command(&project, &["test"]))?;
        self.wrong_case_fails(&project)
    }

    /// A plugin of this repository. Its cases are tried in a copy, one of which is made wrong.
    fn own(&self, plugin: &Path) -> anyhow::Result<()> {
        let start = Instant::now();
        // What its engine is made of may not be in cargo's cache yet.
        workspace::run(self.command(plugin, &["build"]).env_remove("CARGO_NET_OFFLINE"))?;
        println!("{}: built in {:.1} s", plugin.display(), start.elapsed().as_secs_f64());
        let project = tempfile::tempdir()?;
        fs::copy(plugin.join(MANIFEST), project.path().join(MANIFEST))?;
        for part in ["build", "cases"] {
            put_over(&plugin.join(part), &project.path().join(part))?;
        }
        workspace::run(&mut self.command(project.path(), &["test"]))?;
        if self.calls > 0 {
            let calls = self.calls.to_string();
            workspace::run(&mut self.command(project.path(), &["bench", "--calls", &calls]))?;
            let fresh = ["bench", "--calls-per-instance", "1", "--calls", &calls];
            workspace::run(&mut self.command(project.path(), &fresh))?;
        }
        self.wrong_case_fails(project.path())?;
        self.other_hooks(plugin)
    }

    /// A plugin's other hooks: each is a directory in it, with a manifest and cases for the same component.
    fn other_hooks(&self, plugin: &Path) -> anyhow::Result<()> {
        for hook in names(plugin)?.into_iter().map(|name| plugin.join(name)) {
            if hook.join(MANIFEST).is_file() {
                let project = tempfile::tempdir()?;
                put_over(&hook, project.path())?;
                put_over(&plugin.join("build"), &project.path().join("build"))?;
                workspace::run(&mut self.command(project.path(), &["test"]))?;
                self.wrong_case_fails(project.path())?;
            }
        }
        Ok(())
    }

    /// Makes a project, as far as that it can be built.
    fn make(&self, place: &Path) -> anyhow::Result<PathBuf> {
        let project = place.join("plan");
        let mut new = self.command(place, &["new", "plan", "--language", self.language.name]);
        match self.hook.split_once('+') {
            Some((hook, with)) => new.args(["--hook", hook, "--with", with]),
            None => new.args(["--hook", self.hook]),
        };
        workspace::run(new.stdout(Stdio::null()))?;
        if !self.language.prepare.is_empty() {
            workspace::run(Command::new("sh").args(["-c", self.language.prepare]).current_dir(&project))?;
        }
        Ok(project)
    }

    /// A case that is wrong must fail, or the others prove nothing.
    fn wrong_case_fails(&self, project: &Path) -> anyhow::Result<()> {
        let cases = project.join("cases");
        let file = cases.join(names(&cases)?.first().context("a project without cases")?);
        let right = fs::read_to_string(&file)?;
        let function = right.lines().find(|line| line.starts_with("function = ")).context("no function")?;
        let wrong = format!("\n[[case]]\nname = \"wrong\"\n{function}\nexpect.failure = \"circuit-open\"\n");
        fs::write(&file, right + &wrong)?;
        let ended = self.command(project, &["test"]).output()?;
        let words = String::from_utf8_lossy(&ended.stdout);
        ensure!(ended.status.code() == Some(1) && words.contains("FAILED"), "a wrong case passed: {words}");
        Ok(())
    }

    /// A command of `portcullis plugin`, without what the outer cargo set for us, and without the network.
    fn command(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binary);
        workspace::forget_cargo(&mut command);
        command.arg("plugin").args(arguments).current_dir(directory).env("CARGO_NET_OFFLINE", "true");
        command.env("CARGO_TARGET_DIR", workspace::target_directory().join("projects"));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_that_is_a_project_is_walked() {
        let mut projects = projects().unwrap();
        assert!(!projects.is_empty());
        for language in LANGUAGES {
            for sample in samples(language.name).unwrap() {
                assert!(
                    hooks(language.name).unwrap().contains(&hook_of(&sample).unwrap()),
                    "{}",
                    sample.display()
                );
                projects.retain(|project| *project != sample);
            }
        }
        assert_eq!(projects, Vec::<PathBuf>::new(), "their names end with no language");
    }

    #[test]
    fn every_plugin_of_the_repository_is_walked() {
        let place = workspace::root().join("plugins");
        let is_crate = |name: &String| place.join(name).join("Cargo.toml").is_file();
        let crates: Vec<PathBuf> = names(&place)
            .unwrap()
            .into_iter()
            .filter(|name| is_crate(name) && name != "fixtures")
            .map(|name| place.join(name))
            .collect();
        assert!(!crates.is_empty());
        assert_eq!(own("rust").unwrap(), crates, "one has no {MANIFEST}");
    }

    #[test]
    fn every_language_with_a_template_is_walked() {
        let templates = fs::read_dir(workspace::root().join("runtime/cli/templates/languages")).unwrap();
        let mut found: Vec<String> =
            templates.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut walked: Vec<&str> = LANGUAGES.iter().map(|language| language.name).collect();
        found.sort();
        walked.sort_unstable();
        assert_eq!(found, walked);
        for language in LANGUAGES {
            assert!(hooks(language.name).unwrap().contains(&TOKEN.to_owned()), "{}", language.name);
        }
    }
}
