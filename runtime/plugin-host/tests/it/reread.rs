//! Components that change under the same path: taken when files are read again, and never so that a mistake
//! means "no plugin".

use std::path::{Path, PathBuf};
use std::process::Command;

use oauth2::hooks::TokenHook as _;
use portcullis_plugin_host::Limits;
use primitives::hooks::HookFailureKind;
use serde_json::json;
use tenancy::plugin::TrustSettings;
use tenancy::{DeclaredPlugin, PluginReport, PluginState, Reread, TenantPlugins as _};

use crate::fixture::{Fixture, Gate, component, issued, request, run};

/// A tenant whose plugin is a file that a test writes to.
struct Changing {
    fixture: Fixture,
    gate: Gate,
    file: PathBuf,
    declared: DeclaredPlugin,
    trust: TrustSettings,
}

impl Changing {
    fn new(guest: &str, change: impl FnOnce(&mut DeclaredPlugin)) -> Self {
        let (fixture, gate) = Fixture::gated();
        let file = fixture.cache.path().join("plan.wasm");
        let mut declared: DeclaredPlugin =
            serde_json::from_value(json!({ "name": "plan", "component": file })).unwrap();
        // A busy machine is no failure of the guest's.
        declared.limits = Limits { wall_ms: Some(10_000), ..Limits::default() };
        change(&mut declared);
        let changing = Self { fixture, gate, file, declared, trust: TrustSettings::default() };
        changing.write(&component(guest));
        changing.install();
        changing
    }

    fn install(&self) {
        let declared = vec![self.declared.clone()];
        run(self.fixture.host.install(&self.fixture.tenant, declared, &self.trust));
    }

    /// Replaces the file, as a deployment does: beside it, then moved.
    fn write(&self, from: &Path) {
        let beside = self.file.with_extension("new");
        std::fs::copy(from, &beside).unwrap();
        std::fs::rename(&beside, &self.file).unwrap();
    }

    fn reread(&self, which: Reread) -> PluginReport {
        run(self.fixture.host.reread(which));
        self.report()
    }

    fn report(&self) -> PluginReport {
        self.fixture.host.list(&self.fixture.tenant).remove(0)
    }

    /// Which guest answers, by what it does; the failure otherwise.
    fn answers(&self) -> Result<&'static str, HookFailureKind> {
        let decision = self.fixture.shape(None, "").map_err(|failure| failure.kind)?;
        let shape = issued(Ok(decision));
        Ok(if shape.id_token.contains_key("calls") { "token_remembers" } else { "token_echo" })
    }
}

fn is_loaded(report: &PluginReport) -> bool {
    report.state == PluginState::Loaded
}

#[test]
fn other_content_runs_once_files_are_read_again() {
    for which in [Reread::All, Reread::Changed] {
        let changing = Changing::new("token_echo", |_| {});
        let before = changing.report();
        changing.write(&component("token_remembers"));
        assert_eq!(changing.answers(), Ok("token_echo"), "before a reload nothing changes");
        let after = changing.reread(which);
        assert!(is_loaded(&after) && after.sha256 != before.sha256, "{which:?}: {after:?}");
        assert_eq!(changing.answers(), Ok("token_remembers"), "{which:?}");
        changing.write(&component("token_echo"));
        assert_eq!(changing.reread(which), before, "{which:?}: and back");
    }
}

#[test]
fn plugin_whose_file_is_the_same_stays_the_same() {
    // An open circuit would close if the plugin were another.
    let changing = Changing::new("token_loop", |plugin| plugin.limits.cpu_ms = 20);
    for subject in ["a", "b", "c", "d", "e"] {
        let mut request = request("");
        subject.clone_into(&mut request.subject.as_mut().unwrap().id);
        let fixture = &changing.fixture;
        run(fixture.host.shape_tokens(&fixture.context(None), &request)).unwrap_err();
    }
    let open = changing.report();
    changing.write(&component("token_loop"));
    assert_eq!(changing.reread(Reread::Changed), open);
    assert_eq!(changing.reread(Reread::All), open);
    changing.write(&component("token_echo"));
    assert_ne!(changing.reread(Reread::All).circuit, open.circuit);
}

#[test]
fn broken_file_leaves_the_earlier_version_running_until_it_is_mended() {
    let junk = |changing: &Changing| std::fs::write(&changing.file, "no component").unwrap();
    let gone = |changing: &Changing| std::fs::remove_file(&changing.file).unwrap();
    let ungranted = |changing: &Changing| changing.write(&component("token_sockets"));
    let ways: [(fn(&Changing), _); 3] =
        [(junk, "component"), (gone, "plan.wasm"), (ungranted, "wasi:sockets")];
    for (breaking, words) in ways {
        let changing = Changing::new("token_echo", |_| {});
        let before = changing.report();
        breaking(&changing);
        let after = changing.reread(Reread::Changed);
        let PluginState::Failed { reason } = &after.state else { panic!("{words}: {after:?}") };
        assert!(reason.contains(words), "{reason}");
        assert_eq!((&after.sha256, changing.answers()), (&before.sha256, Ok("token_echo")));
        assert_eq!(changing.reread(Reread::All), after, "still");
        changing.write(&component("token_remembers"));
        assert!(is_loaded(&changing.reread(Reread::Changed)));
        assert_eq!(changing.answers(), Ok("token_remembers"));
    }
}

#[test]
fn plugin_that_never_ran_runs_once_its_file_is_there() {
    let changing = Changing::new("token_sockets", |_| {});
    assert_eq!(changing.answers(), Err(HookFailureKind::Unavailable));
    changing.write(&component("token_echo"));
    assert!(is_loaded(&changing.reread(Reread::Changed)));
    assert_eq!(changing.answers(), Ok("token_echo"));
}

#[test]
fn pinned_component_runs_whatever_its_file_becomes() {
    let unpinned = Changing::new("token_echo", |_| {}).report();
    let changing = Changing::new("token_echo", |plugin| plugin.sha256.clone_from(&unpinned.sha256));
    changing.write(&component("token_remembers"));
    for which in [Reread::Changed, Reread::All] {
        assert_eq!(changing.reread(which), unpinned, "{which:?}");
    }
    assert_eq!(changing.answers(), Ok("token_echo"));
}

#[test]
fn calls_in_flight_finish_on_the_old_version() {
    let changing = Changing::new("token_sleep", |plugin| plugin.limits.wall_ms = Some(3_000));
    let (context, request) = (changing.fixture.context(None), request(""));
    changing.write(&component("token_echo"));
    let (asleep, then) = run(async {
        let host = &changing.fixture.host;
        let calling = host.shape_tokens(&context, &request);
        let replacing = async {
            host.reread(Reread::Changed).await;
            host.shape_tokens(&context, &request).await
        };
        tokio::join!(biased; calling, replacing)
    });
    assert_eq!(asleep.unwrap_err().kind, HookFailureKind::WallLimit, "it slept, as the old version does");
    then.unwrap();
}

#[test]
fn new_declaration_is_not_lost_to_a_reading_that_ends_later() {
    for which in [Reread::All, Reread::Changed] {
        let changing = Changing::new("token_echo", |_| {});
        changing.write(&component("token_remembers"));
        let mut declared = changing.declared.clone();
        declared.component = component("token_echo");
        declared.bind[0].client = Some("somebody-else".parse().unwrap());
        let Fixture { host, tenant, .. } = &changing.fixture;
        run(async {
            let mut reading = host.reread(which);
            let pipe = changing.gate.reached_by(&mut reading).await;
            host.install(tenant, vec![declared], &changing.trust).await;
            drop(pipe);
            reading.await;
        });
        assert!(!host.applies(&changing.fixture.context(None)), "{which:?}: the new bindings count");
    }
}

#[test]
fn installation_that_read_a_file_before_it_changed_reads_it_again() {
    // Compiled already: what the reading finds need not wait behind what is held.
    let changing = Changing::new("token_remembers", |_| {});
    changing.write(&component("token_echo"));
    let Fixture { host, tenant, .. } = &changing.fixture;
    run(async {
        let mut installing = host.install(tenant, vec![changing.declared.clone()], &changing.trust);
        let pipe = changing.gate.reached_by(&mut installing).await;
        changing.write(&component("token_remembers"));
        host.reread(Reread::All).await;
        drop(pipe);
        installing.await;
    });
    assert_eq!(changing.answers(), Ok("token_remembers"));
}

/// Attack, or accident: opening a pipe waits for whoever writes to it, and each look at the files would hold one more thread.
#[test]
fn path_that_is_no_regular_file_is_refused_and_holds_nobody() {
    let pipe = |changing: &Changing| {
        std::fs::remove_file(&changing.file).unwrap();
        assert!(Command::new("mkfifo").arg(&changing.file).status().unwrap().success());
    };
    let directory = |changing: &Changing| {
        std::fs::remove_file(&changing.file).unwrap();
        std::fs::create_dir(&changing.file).unwrap();
    };
    let device = |changing: &Changing| {
        std::fs::remove_file(&changing.file).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &changing.file).unwrap();
    };
    let ways: [fn(&Changing); 3] = [pipe, directory, device];
    for breaking in ways {
        let changing = Changing::new("token_echo", |_| {});
        breaking(&changing);
        let PluginState::Failed { reason } = changing.reread(Reread::Changed).state else {
            panic!("it runs")
        };
        assert!(reason.contains("plan.wasm: not a regular file"), "{reason}");
        assert_eq!(changing.answers(), Ok("token_echo"), "the earlier version goes on");
    }
}
