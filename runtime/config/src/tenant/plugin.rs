//! `[[tenant.plugin]]`

use std::collections::HashMap;
use std::path::Path;

use tenancy::DeclaredPlugin;
use tenancy::plugin::secrets::{SECRETS_AT_MOST, is_secret_name};
use tenancy::plugin::{Binding, Capability, HookName, Settings};

use super::{Tenant, json};
use crate::problem::Report;

/// Checks each plugin, and that no two have one name.
pub(super) fn check_all(plugins: &[DeclaredPlugin], report: &mut Report<'_>) {
    let mut names = HashMap::new();
    for (index, plugin) in plugins.iter().enumerate() {
        let key = |name: &str| format!("plugin[{index}].{name}");
        if let Some(first) = names.insert(plugin.name.as_str(), index) {
            report(&key("name"), format!("`{}` is also the name of plugin[{first}]", plugin.name));
        }
        let of_form = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if !(1..=63).contains(&plugin.name.len()) || !plugin.name.bytes().all(of_form) {
            let what = "is no name: 1 to 63 lower-case letters, digits and hyphens";
            report(&key("name"), format!("`{}` {what}", plugin.name));
        }
        let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        if plugin.sha256.as_ref().is_some_and(|hash| hash.len() != 64 || !hash.bytes().all(hex)) {
            report(&key("sha256"), "is no SHA-256: 64 digits of lower-case hex".to_owned());
        }
        if plugin.bind.is_empty() {
            report(&key("bind"), "is empty: the plugin would never be called".to_owned());
        }
        for binding in &plugin.bind {
            if let Some(what) = never_called(binding) {
                report(&key("bind"), what.to_owned());
            }
        }
        let limits = &plugin.limits;
        for (name, value) in [
            ("cpu_ms", limits.cpu_ms),
            ("wall_ms", limits.wall_ms.unwrap_or(1)),
            ("memory_bytes", limits.memory_bytes),
            ("output_bytes", limits.output_bytes),
        ] {
            if value == 0 {
                report(
                    &key(&format!("limits.{name}")),
                    "must be at least 1: no call could succeed".to_owned(),
                );
            }
        }
        json::check_object(&key("settings"), &plugin.settings, report);
        match (plugin.grants.contains(&Capability::Http), plugin.http_origins.is_empty()) {
            (true, true) => {
                report(&key("grants"), "`http` without `http_origins`: no request could be sent".to_owned());
            }
            (false, false) => {
                report(&key("http_origins"), "cannot be called: `grants` has no `http`".to_owned());
            }
            (true, false) | (false, true) => {}
        }
        if !plugin.secrets.is_empty() {
            // What reads a file of the node's is the word of the node's operator, and of nobody else.
            report(&key("secrets"), "can only be declared in the node's configuration file".to_owned());
        }
    }
}

/// Checks what the file says of secrets.
pub(super) fn check_secrets(plugins: &[DeclaredPlugin], report: &mut Report<'_>) {
    for (index, plugin) in plugins.iter().enumerate() {
        let key = format!("plugin[{index}].secrets");
        if plugin.secrets.is_empty() {
            continue;
        }
        if !plugin.grants.contains(&Capability::Secrets) {
            report(&key, "cannot be read: `grants` has no `secrets`".to_owned());
        }
        if plugin.secrets.len() > SECRETS_AT_MOST {
            report(&key, format!("are more than {SECRETS_AT_MOST}"));
        }
        for name in plugin.secrets.keys().filter(|name| !is_secret_name(name)) {
            let what = "is no name: 1 to 64 letters, digits, `_`, `-` and `.`";
            report(&key, format!("`{name}` {what}"));
        }
    }
}

/// Checks that the components are where the file says.
pub(super) fn check_files(
    plugins: &[DeclaredPlugin],
    exists: &dyn Fn(&Path) -> bool,
    report: &mut Report<'_>,
) {
    for (index, plugin) in plugins.iter().enumerate() {
        if !exists(&plugin.component) {
            let found = format!("there is no file {}", plugin.component.display());
            report(&format!("plugin[{index}].component"), found);
        }
        if let Some(file) = plugin.signature.as_ref().filter(|file| !exists(file)) {
            report(&format!("plugin[{index}].signature"), format!("there is no file {}", file.display()));
        }
    }
}

/// Checks that somebody is trusted where signatures are required of a tenant's plugins.
pub(super) fn check_trust(tenant: &Tenant, node: &Settings, report: &mut Report<'_>) {
    let is_required = node.require_signature || tenant.plugin_trust.require_signature;
    let is_nobody = node.trusted_keys.is_empty() && tenant.plugin_trust.trusted_keys.is_empty();
    if is_required && is_nobody && !tenant.plugins.is_empty() {
        let key =
            if tenant.plugin_trust.require_signature { "plugin_trust.require_signature" } else { "plugin" };
        report(
            key,
            "signatures are required and no key is trusted: none of its plugins could be loaded".to_owned(),
        );
    }
}

/// What is wrong with a binding that no call would match.
fn never_called(binding: &Binding) -> Option<&'static str> {
    match binding.hook {
        HookName::CredentialImport if binding.organisation.is_some() => {
            Some("binds `credential-import` to an organisation: who signs in is not known when it is called")
        }
        HookName::Event if binding.organisation.is_some() || binding.client.is_some() => {
            Some("binds `event` to an organisation or a client: it is called for the tenant")
        }
        _ => None,
    }
}
