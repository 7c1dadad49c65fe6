//! `portcullis doctor`: what is wrong with this node, and what its operator should know.

mod clients;

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use config::{ClientAuthentication, Config, SecretReference};
use http::Method;
use portcullis_http::{GuardedOutbound, certificate_valid_until};
use primitives::{Clock as _, TenantId, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use url::Host;

use super::Common;
use crate::api::{Api, of_tenant};
use crate::clock::SystemClock;
use crate::configuration::{Place, secret};
use crate::outcome::Failure;
use crate::serve::way_out;
use crate::session::with_node;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    /// As it should be.
    Ok,
    /// Right, if it is meant.
    Notice,
    /// Does not work, or not safely.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    about: &'static str,
    message: String,
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, level: Level, about: &'static str, message: impl Into<String>) {
        self.0.push(Finding { level, about, message: message.into() });
    }
}

/// Looks at everything; a problem makes the exit code 1.
pub(crate) fn run(place: &Place, common: &Common) -> Result<(), Failure> {
    let mut findings = Findings::default();
    match place.read() {
        Err(error) => findings.add(Level::Problem, "configuration", format!("{error:#}")),
        Ok(config) => {
            let file =
                place.file.as_ref().map_or("no file: defaults".to_owned(), |f| f.display().to_string());
            findings.add(Level::Ok, "configuration", file);
            look_at_configuration(&config, &mut findings);
            look_at_certificates(&config, SystemClock.now(), &mut findings);
            look_at_data_directory(&config, &mut findings);
            let outbound = way_out(&config.outbound).ok();
            match with_node(place, async |api| Ok(look_at_node(api, outbound).await)) {
                Ok(found) => findings.0.extend(found.0),
                Err(error) => findings.add(Level::Problem, "node", error.to_string()),
            }
        }
    }
    let bad = findings.0.iter().any(|finding| finding.level == Level::Problem);
    print(&findings, common.json);
    if bad { Err(Failure::Reported(1)) } else { Ok(()) }
}

fn print(findings: &Findings, json: bool) {
    if json {
        println!("{:#}", json!({ "findings": findings.0 }));
        return;
    }
    for Finding { level, about, message } in &findings.0 {
        let level = match level {
            Level::Ok => "ok",
            Level::Notice => "notice",
            Level::Problem => "PROBLEM",
        };
        println!("{level:<8} {about:<15} {message}");
    }
}

fn look_at_configuration(config: &Config, findings: &mut Findings) {
    for listener in config.effective_listeners() {
        if listener.auth == ClientAuthentication::None {
            let reason = listener.reason.as_deref().unwrap_or("no reason");
            let what =
                format!("{} at {} asks nobody who they are: {reason}", listener.name, listener.address);
            findings.add(Level::Notice, "listener", what);
        }
    }
    match config.effective_base_url() {
        None => findings.add(Level::Problem, "base_url", "nothing says what browsers call this node"),
        Some(url) => {
            let local = match url.host() {
                Some(Host::Ipv4(ip)) => ip.is_loopback(),
                Some(Host::Ipv6(ip)) => ip.is_loopback(),
                Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
                None => false,
            };
            if url.scheme() == "http" && !local {
                let what = format!("{url} is not https: passwords and tokens travel in the clear");
                findings.add(Level::Problem, "base_url", what);
            } else {
                findings.add(Level::Ok, "base_url", url.to_string());
            }
        }
    }
    for (key, reference) in references(config) {
        if let Err(error) = secret(reference) {
            findings.add(Level::Problem, "secret", format!("{key}: {error:#}"));
        }
    }
    if config.secrets.master_key.is_none() {
        let file = config.server.data_dir.join("master.key");
        let what =
            format!("{} opens every secret in the database: keep a copy apart from it", file.display());
        findings.add(Level::Notice, "master key", what);
    }
    if !config.secrets.former_master_keys.is_empty() {
        let what = "former keys are needed until every node has been started once with the new one";
        findings.add(Level::Notice, "master key", what);
    }
}

/// How long before its end a certificate is worth a word: most are renewed a month before.
const RENEW_BEFORE: Duration = Duration::from_hours(21 * 24);

fn look_at_certificates(config: &Config, now: Timestamp, findings: &mut Findings) {
    for listener in config.effective_listeners() {
        let Some(tls) = &listener.tls else { continue };
        let until = certificate_valid_until(tls, listener.client_ca.as_deref(), now);
        let (level, what) = match until.map(|until| (until < now.after(RENEW_BEFORE), until.rfc3339())) {
            Err(error) => (Level::Problem, error.to_string()),
            Ok((true, until)) => (Level::Notice, format!("expires soon: renew it before {until}")),
            Ok((false, until)) => (Level::Ok, format!("valid until {until}")),
        };
        findings.add(level, "certificate", format!("{} ({}): {what}", listener.name, tls.cert.display()));
    }
}

/// Every secret that the configuration refers to, with its key.
fn references(config: &Config) -> Vec<(String, &SecretReference)> {
    let node = [
        ("secrets.master_key", config.secrets.master_key.as_ref()),
        ("storage.password", config.storage.password.as_ref()),
    ];
    let node = node.into_iter().filter_map(|(key, reference)| Some((key.to_owned(), reference?)));
    let former = config.secrets.former_master_keys.iter().enumerate();
    let former = former.map(|(index, reference)| (format!("secrets.former_master_keys[{index}]"), reference));
    let clients = config.tenants.iter().flat_map(|tenant| {
        tenant.clients.iter().filter_map(|client| {
            Some((format!("tenant {}, client {}", tenant.id, client.client_id), client.secret.as_ref()?))
        })
    });
    let plugins = config.tenants.iter().flat_map(|tenant| {
        tenant.plugins.iter().flat_map(move |plugin| {
            let named = move |name| format!("tenant {}, plugin {}, secret {name}", tenant.id, plugin.name);
            plugin.secrets.iter().map(move |(name, reference)| (named(name), reference))
        })
    });
    node.chain(former).chain(clients).chain(plugins).collect()
}

fn look_at_data_directory(config: &Config, findings: &mut Findings) {
    let path = &config.server.data_dir;
    match fs::metadata(path) {
        Err(error) => findings.add(Level::Problem, "data directory", format!("{}: {error}", path.display())),
        Ok(found) if found.mode() & 0o077 != 0 => {
            let what = format!("other users can reach {}: run `chmod 700` on it", path.display());
            findings.add(Level::Problem, "data directory", what);
        }
        Ok(_) => findings.add(Level::Ok, "data directory", path.display().to_string()),
    }
}

async fn look_at_node(mut api: Api, outbound: Option<GuardedOutbound>) -> Findings {
    let mut findings = Findings::default();
    match api.send(Method::GET, "/health/ready", None).await {
        Ok(_) => findings.add(Level::Ok, "database", "answers"),
        Err(error) => findings.add(Level::Problem, "database", error.to_string()),
    }
    let tenants = match api.list("/admin/portcullis/v1/tenants", Some("tenants")).await {
        Ok(tenants) => tenants,
        Err(error) => {
            findings.add(Level::Problem, "tenants", error.to_string());
            return findings;
        }
    };
    findings.add(Level::Ok, "tenants", tenants.len().to_string());
    look_at_prefixes(&tenants, &mut findings);
    for tenant in &tenants {
        let has_plugins = tenant.pointer("/settings/document/plugin").is_some();
        let id = tenant.get("id").and_then(Value::as_str).and_then(|id| id.parse::<TenantId>().ok());
        let Some(id) = id.filter(|_| is_active(tenant)) else { continue };
        if has_plugins {
            look_at_plugins(&mut api, &id, &mut findings).await;
        }
        clients::look_at_registration(tenant, &mut findings);
        clients::look_at(&mut api, &id, outbound.as_ref(), &mut findings).await;
    }
    findings
}

fn is_active(tenant: &Value) -> bool {
    tenant.get("state").and_then(Value::as_str) == Some("active")
}

/// A path separates data, not browsers: pages of one origin can read each other.
fn look_at_prefixes(tenants: &[Value], findings: &mut Findings) {
    let shared: Vec<&str> = tenants
        .iter()
        .filter(|tenant| is_active(tenant) && tenant.get("host").is_none_or(Value::is_null))
        .filter_map(|tenant| tenant.get("id").and_then(Value::as_str))
        .collect();
    if shared.len() > 1 {
        let shown = shared.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let what = format!(
            "{} tenants share the base URL's origin ({shown}{}): tenants that do not trust each other want a host \
             each",
            shared.len(),
            if shared.len() > 5 { ", …" } else { "" }
        );
        findings.add(Level::Notice, "tenants", what);
    }
}

async fn look_at_plugins(api: &mut Api, tenant: &TenantId, findings: &mut Findings) {
    let path = of_tenant(tenant, "/admin/portcullis/v1/plugins");
    match api.list(&path, Some("plugins")).await {
        Err(error) => findings.add(Level::Problem, "plugins", format!("tenant {tenant}: {error}")),
        Ok(plugins) => {
            for plugin in plugins {
                let text = |field| plugin.get(field).and_then(Value::as_str).unwrap_or_default();
                let name = format!("{} of tenant {tenant}", text("name"));
                if text("state") == "loaded" {
                    let by = |part| plugin.pointer(part).and_then(Value::as_str);
                    let signed = by("/signed_by/name").zip(by("/signed_by/key"));
                    let signed = signed.map(|(name, key)| format!(", signed by {name} ({key})"));
                    findings.add(Level::Ok, "plugin", name + &signed.unwrap_or_default());
                } else {
                    findings.add(Level::Problem, "plugin", format!("{name}: {}", text("reason")));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn certificate_is_worth_a_word_three_weeks_before_its_end() {
        let directory = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["id.example".to_owned()]).unwrap();
        params.not_after = date_time_ymd(2027, 2, 1);
        fs::write(directory.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(directory.path().join("key.pem"), key.serialize_pem()).unwrap();
        let at = |name| directory.path().join(name);
        let mut listener = config::Listener::defaults().first().unwrap().clone();
        listener.tls = Some(config::listener::Tls { cert: at("cert.pem"), key: at("key.pem") });
        let config = Config { listeners: vec![listener], ..Config::default() };
        let end = Timestamp::from_seconds(1_801_440_000);
        for (seconds_before, expect) in [
            (22 * 86_400, Level::Ok),
            (21 * 86_400, Level::Ok),
            (21 * 86_400 - 1, Level::Notice),
            (1, Level::Notice),
        ] {
            let mut findings = Findings::default();
            look_at_certificates(&config, end.before(Duration::from_secs(seconds_before)), &mut findings);
            let levels: Vec<_> = findings.0.iter().map(|finding| finding.level).collect();
            assert_eq!(levels, [expect], "{seconds_before}: {findings:?}");
        }
        let mut findings = Findings::default();
        look_at_certificates(&config, end.after(Duration::from_secs(1)), &mut findings);
        assert_eq!(findings.0.first().unwrap().level, Level::Problem);
    }
}
