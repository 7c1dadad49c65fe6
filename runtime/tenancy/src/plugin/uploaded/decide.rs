//! What may be done with an uploaded plugin, and the change that does it.

use primitives::{Actor, AuditEvent, Change, TenantId, Timestamp, UploadedPluginId};

use super::{
    CheckedComponent, ComponentRoom, Enablement, PLUGINS_PER_TENANT, PluginVersion, UploadState,
    UploadedPlugin, VersionDeclaration,
};
use crate::write::Write;

/// Why something is not done. The caller's, every one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// There is no such version.
    #[error("plugin {plugin} has no version {version}; {known}")]
    UnknownVersion {
        /// The plugin.
        plugin: String,
        /// What was asked for.
        version: u32,
        /// What there is, in words.
        known: String,
    },
    /// Nothing of another version ran before.
    #[error("no other version of plugin {0} ran before: there is nothing to roll back to")]
    NothingBefore(String),
    /// It does not run.
    #[error("plugin {0} is not enabled")]
    NotEnabled(String),
    /// No candidate sees its calls.
    #[error("plugin {0} has no shadow")]
    NoShadow(String),
    /// It runs, and what runs is not deleted.
    #[error("plugin {0} is enabled; disable it first")]
    StillEnabled(String),
    /// The version runs, or ran last or before that.
    #[error("version {version} of plugin {plugin} is what runs, shadows, or would run after a rollback")]
    VersionInUse {
        /// The plugin.
        plugin: String,
        /// The version.
        version: u32,
    },
    /// The tenant has as many plugins as it may.
    #[error("the tenant has {PLUGINS_PER_TENANT} uploaded plugins, which is as many as it may; delete one")]
    TooMany,
}

/// What an upload is.
#[derive(Debug)]
pub enum Upload {
    /// The plugin has these bytes already, as this version.
    Known(PluginVersion),
    /// It becomes a new version by this change.
    New(PluginVersion, Change<Write>),
}

impl Upload {
    /// The write of the change that misses when the tenant has no room.
    pub const ROOM: usize = 0;
}

/// Whose plugin, and who asks when.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// Who.
    pub actor: Actor,
    /// When.
    pub now: Timestamp,
}

/// What comes.
#[derive(Debug, Clone)]
pub struct Uploading<'a> {
    /// The plugin's name.
    pub name: &'a str,
    /// What the plugin is from now on if there is none of its name: an id that nothing ever had.
    pub id: UploadedPluginId,
    /// A version of it.
    pub component: CheckedComponent,
    /// What the tenant may keep.
    pub room: ComponentRoom,
}

/// Decides what becomes of a component. `known` are the tenant's uploaded plugins, `versions` those of the
/// one of this name.
pub fn upload(
    asked: &Asked<'_>,
    Uploading { name, id, component, room }: Uploading<'_>,
    (known, versions): (&[UploadedPlugin], &[PluginVersion]),
) -> Result<Upload, UploadError> {
    if let Some(same) = versions.iter().find(|version| version.facts.sha256 == component.facts().sha256) {
        return Ok(Upload::Known(same.clone()));
    }
    let before = known.iter().find(|plugin| plugin.name == name);
    if before.is_none() && known.len() >= PLUGINS_PER_TENANT {
        return Err(UploadError::TooMany);
    }
    let plugin = match before {
        Some(plugin) => UploadedPlugin { updated_at: asked.now, ..plugin.clone() },
        None => UploadedPlugin {
            name: name.to_owned(),
            id,
            revision: 0,
            latest_version: 0,
            state: UploadState::Uploaded,
            created_at: asked.now,
            updated_at: asked.now,
        },
    };
    let version = PluginVersion {
        plugin: name.to_owned(),
        version: plugin.latest_version.saturating_add(1),
        facts: component.facts().clone(),
        created_at: asked.now,
        created_by: asked.actor.clone(),
    };
    let plugin = UploadedPlugin { latest_version: version.version, revision: plugin.revision + 1, ..plugin };
    let audit = AuditEvent::new("plugin.uploaded", asked.actor.clone(), "plugin", &name)
        .with("version", &version.version)
        .with("sha256", &version.facts.sha256);
    let change = Change::new(asked.tenant.clone())
        .write(Write::ReserveComponentRoom {
            sha256: version.facts.sha256.clone(),
            bytes: version.facts.bytes,
            room,
        })
        .write(Write::PutUploadedPlugin { plugin: Box::new(plugin), reloads: false })
        .write(Write::PutComponent(component))
        .write(Write::InsertPluginVersion(Box::new(version.clone())))
        .audit(audit);
    Ok(Upload::New(version, change))
}

impl UploadedPlugin {
    /// What enabling a version would have run. `versions` are its own.
    pub fn propose(
        &self,
        declaration: VersionDeclaration,
        versions: &[PluginVersion],
        asked: &Asked<'_>,
    ) -> Result<Enablement, UploadError> {
        let found = versions.iter().find(|version| version.version == declaration.version);
        let version = found.ok_or_else(|| self.unknown(declaration.version, versions))?;
        let sha256 = version.facts.sha256.clone();
        Ok(Enablement { sha256, declaration, at: asked.now, by: asked.actor.clone() })
    }

    /// What a rollback would have run: the last one of another version.
    pub fn propose_rollback(&self, asked: &Asked<'_>) -> Result<Enablement, UploadError> {
        match &self.state {
            UploadState::Enabled { previous: Some(previous), .. } => {
                Ok(Enablement { at: asked.now, by: asked.actor.clone(), ..(**previous).clone() })
            }
            UploadState::Enabled { previous: None, .. } => Err(UploadError::NothingBefore(self.name.clone())),
            UploadState::Uploaded | UploadState::Disabled { .. } => {
                Err(UploadError::NotEnabled(self.name.clone()))
            }
        }
    }

    /// The change after which this runs. Whoever calls this has checked that it does.
    pub fn enable(
        self,
        enablement: Enablement,
        action: &'static str,
        asked: &Asked<'_>,
    ) -> (Self, Change<Write>) {
        let previous = match self.state {
            UploadState::Uploaded => None,
            UploadState::Enabled { current, previous, shadow: _ }
            | UploadState::Disabled { last: current, previous } => {
                let is_other = current.declaration.version != enablement.declaration.version;
                if is_other { Some(current) } else { previous }
            }
        };
        let audit = AuditEvent::new(action, asked.actor.clone(), "plugin", &self.name)
            .with("version", &enablement.declaration.version)
            .with("sha256", &enablement.sha256);
        let state = UploadState::Enabled { current: Box::new(enablement), previous, shadow: None };
        Self { state, ..self }.changed(audit, asked)
    }

    /// The change after which it no longer runs.
    pub fn disable(self, asked: &Asked<'_>) -> Result<(Self, Change<Write>), UploadError> {
        let UploadState::Enabled { current, previous, shadow: _ } = self.state else {
            return Err(UploadError::NotEnabled(self.name));
        };
        let audit = AuditEvent::new("plugin.disabled", asked.actor.clone(), "plugin", &self.name)
            .with("version", &current.declaration.version);
        let state = UploadState::Disabled { last: current, previous };
        Ok(Self { state, ..self }.changed(audit, asked))
    }

    /// The change after which it and its versions are gone.
    ///
    /// Its secrets and what it kept go with it: whoever gets its name later must not read them. If the tenant's settings declare a
    /// plugin of this name too (`is_declared`), what is kept is that one's.
    pub fn delete(&self, asked: &Asked<'_>, is_declared: bool) -> Result<Change<Write>, UploadError> {
        if self.enabled().is_some() {
            return Err(UploadError::StillEnabled(self.name.clone()));
        }
        let audit = AuditEvent::new("plugin.deleted", asked.actor.clone(), "plugin", &self.name);
        let write =
            Write::DeleteUploadedPlugin { plugin: self.name.clone(), id: self.id, revision: self.revision };
        let secrets = Write::DeleteUploadedSecrets { plugin: self.name.clone() };
        let change = Change::new(asked.tenant.clone()).write(write).write(secrets).audit(audit);
        let values = Write::DeletePluginValues { plugin: self.name.clone() };
        Ok(if is_declared { change } else { change.write(values) })
    }

    /// The change after which one version is gone.
    pub fn delete_version(
        self,
        version: u32,
        versions: &[PluginVersion],
        asked: &Asked<'_>,
    ) -> Result<Change<Write>, UploadError> {
        if !versions.iter().any(|known| known.version == version) {
            return Err(self.unknown(version, versions));
        }
        if self.is_version_in_use(version) {
            return Err(UploadError::VersionInUse { plugin: self.name, version });
        }
        let audit = AuditEvent::new("plugin.version_deleted", asked.actor.clone(), "plugin", &self.name)
            .with("version", &version);
        let plugin = self.name.clone();
        // The revision is raised: whoever is about to enable this version decides anew.
        let (_, change) = self.changed(audit, asked);
        Ok(change.write(Write::DeletePluginVersion { plugin, version }))
    }

    pub(super) fn changed(self, audit: AuditEvent, asked: &Asked<'_>) -> (Self, Change<Write>) {
        let plugin = Self { revision: self.revision + 1, updated_at: asked.now, ..self };
        let write = Write::PutUploadedPlugin { plugin: Box::new(plugin.clone()), reloads: true };
        (plugin, Change::new(asked.tenant.clone()).write(write).audit(audit))
    }

    fn unknown(&self, version: u32, versions: &[PluginVersion]) -> UploadError {
        let numbers: Vec<String> = versions.iter().map(|version| version.version.to_string()).collect();
        let known = format!("it has {}", numbers.join(", "));
        UploadError::UnknownVersion { plugin: self.name.clone(), version, known }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::plugin::uploaded::ComponentFacts;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);
    const ROOM: ComponentRoom = ComponentRoom { versions: 10, bytes: 1_000 };

    fn asked(tenant: &TenantId) -> Asked<'_> {
        Asked { tenant, actor: Actor::System, now: NOW }
    }

    fn component(sha256: &str) -> CheckedComponent {
        let facts = ComponentFacts {
            sha256: sha256.to_owned(),
            bytes: 3,
            hooks: BTreeSet::new(),
            capabilities: BTreeSet::new(),
            imports: Vec::new(),
            exports: Vec::new(),
        };
        CheckedComponent::found(Arc::from(&b"abc"[..]), facts)
    }

    fn declaration(version: u32, settings: &str) -> VersionDeclaration {
        serde_json::from_value(json!({ "version": version, "settings": { "as": settings } })).unwrap()
    }

    fn uploading<'a>(name: &'a str, hash: &str) -> Uploading<'a> {
        let id = UploadedPluginId(uuid::Uuid::nil());
        Uploading { name, id, component: component(hash), room: ROOM }
    }

    /// A plugin `plan` with these versions, none enabled.
    fn plan(hashes: &[&str]) -> (UploadedPlugin, Vec<PluginVersion>) {
        let (mut known, mut versions) = (Vec::new(), Vec::new());
        for hash in hashes {
            let tenant = TenantId::default_tenant();
            let made = upload(&asked(&tenant), uploading("plan", hash), (&known, &versions)).unwrap();
            let Upload::New(version, change) = made else { panic!("{hash} is known") };
            let Some(Write::PutUploadedPlugin { plugin, .. }) = change.writes.into_iter().nth(1) else {
                panic!("no plugin is put")
            };
            known = vec![*plugin];
            versions.push(version);
        }
        (known.remove(0), versions)
    }

    /// Enables, rolls back (`<`) and disables (`-`) one after the other; gives what runs then and what a
    /// rollback would run, or the error of the last step.
    fn check(steps: &[&str], expect: Result<(&str, &str), &str>) {
        let tenant = TenantId::default_tenant();
        let (mut plugin, versions) = plan(&["a", "b", "c"]);
        let mut last = Ok(());
        for step in steps {
            let asked = asked(&tenant);
            let done = match *step {
                "-" => plugin.clone().disable(&asked).map(|(plugin, _)| plugin),
                "<" => plugin
                    .propose_rollback(&asked)
                    .map(|enablement| plugin.clone().enable(enablement, "plugin.rolled_back", &asked).0),
                step => {
                    let (version, settings) = step.split_at(1);
                    let wanted = declaration(version.parse().unwrap(), settings);
                    plugin
                        .propose(wanted, &versions, &asked)
                        .map(|enablement| plugin.clone().enable(enablement, "plugin.enabled", &asked).0)
                }
            };
            last = done.map(|after| {
                assert_eq!(after.revision, plugin.revision + 1);
                plugin = after;
            });
        }
        let words = |enablement: Option<&Enablement>| {
            enablement.map_or_else(String::new, |enablement| {
                let VersionDeclaration { version, settings, .. } = &enablement.declaration;
                format!("{version}{}{}", settings["as"].as_str().unwrap(), enablement.sha256)
            })
        };
        let found = last.map(|()| {
            let before = plugin.propose_rollback(&asked(&tenant)).ok();
            (words(plugin.enabled()), words(before.as_ref()))
        });
        let expect = expect.map(|(runs, before)| (runs.to_owned(), before.to_owned()));
        assert_eq!(found.map_err(|error| error.to_string()), expect.map_err(str::to_owned), "{steps:?}");
    }

    #[test]
    fn rollback_runs_the_version_before_as_it_ran() {
        check(&["1x"], Ok(("1xa", "")));
        check(&["1x", "2y"], Ok(("2yb", "1xa")));
        check(&["1x", "2y", "2z"], Ok(("2zb", "1xa")));
        check(&["1x", "2y", "<"], Ok(("1xa", "2yb")));
        check(&["1x", "2y", "<", "<"], Ok(("2yb", "1xa")));
        check(&["1x", "2y", "3z", "<"], Ok(("2yb", "3zc")));
        check(&["1x", "2y", "-"], Ok(("", "")));
        check(&["1x", "2y", "-", "2y"], Ok(("2yb", "1xa")));
        check(&["1x", "-", "3z"], Ok(("3zc", "1xa")));
        check(
            &["1x", "<"],
            Err("no other version of plugin plan ran before: there is nothing to roll back to"),
        );
        check(&["<"], Err("plugin plan is not enabled"));
        check(&["-"], Err("plugin plan is not enabled"));
        check(&["4x"], Err("plugin plan has no version 4; it has 1, 2, 3"));
    }

    #[test]
    fn equal_bytes_are_the_version_that_is_there() {
        let (plugin, versions) = plan(&["a", "b"]);
        let tenant = TenantId::default_tenant();
        let again =
            upload(&asked(&tenant), uploading("plan", "a"), (std::slice::from_ref(&plugin), &versions));
        assert!(matches!(again, Ok(Upload::Known(version)) if version.version == 1));
        let other = upload(&asked(&tenant), uploading("other", "a"), (&[plugin], &[])).unwrap();
        assert!(matches!(other, Upload::New(version, _) if version.version == 1));
    }

    #[test]
    fn what_runs_or_would_is_not_deleted() {
        let tenant = TenantId::default_tenant();
        let (plugin, versions) = plan(&["a", "b", "c"]);
        let enable = |plugin: UploadedPlugin, version| {
            let enablement = plugin.propose(declaration(version, "x"), &versions, &asked(&tenant)).unwrap();
            plugin.enable(enablement, "plugin.enabled", &asked(&tenant)).0
        };
        let plugin = enable(enable(plugin, 1), 2);
        assert_eq!(
            plugin.delete(&asked(&tenant), false).unwrap_err(),
            UploadError::StillEnabled("plan".to_owned())
        );
        let (disabled, _) = plugin.clone().disable(&asked(&tenant)).unwrap();
        for plugin in [&plugin, &disabled] {
            for (version, allowed) in [(1, false), (2, false), (3, true), (4, false)] {
                let deleted = plugin.clone().delete_version(version, &versions, &asked(&tenant));
                assert_eq!(deleted.is_ok(), allowed, "{version}");
            }
        }
        assert!(disabled.delete(&asked(&tenant), false).is_ok());
    }

    #[test]
    fn a_tenant_has_so_many_plugins_and_no_more() {
        let (plugin, _) = plan(&["a"]);
        let tenant = TenantId::default_tenant();
        for (count, allowed) in [(PLUGINS_PER_TENANT - 1, true), (PLUGINS_PER_TENANT, false)] {
            let known = vec![plugin.clone(); count];
            let made = upload(&asked(&tenant), uploading("another", "b"), (&known, &[]));
            assert_eq!(made.is_ok(), allowed, "{count}");
        }
    }
}
