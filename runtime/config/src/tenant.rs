//! `[[tenant]]`

use std::collections::HashMap;

use primitives::TenantId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::problem::Checker;
use crate::server::check_issuer;

/// A tenant that this file owns: one product with its keys, clients, people, plugins and looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// 1 to 63 lower-case letters, digits and inner hyphens. `default` answers at the root of the base
    /// URL, others below `/t/<id>` or at their `host`. Never changes.
    #[schemars(with = "String")]
    pub id: TenantId,
    /// The host name at which it answers, e.g. `id.customer.example`, without scheme and port.
    #[serde(default)]
    pub host: Option<String>,
    /// The issuer that its tokens name. Without it, `https://<host>`, or the base URL with `/t/<id>`
    /// (`default`: without).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub issuer: Option<Url>,
    /// Whether it answers nobody while its data stays.
    #[serde(default)]
    pub suspended: bool,
}

/// Checks each tenant, and that they do not collide.
pub(crate) fn check_all(tenants: &[Tenant], checker: &mut Checker<'_>) {
    let mut ids = HashMap::new();
    let mut hosts = HashMap::new();
    let mut issuers = HashMap::new();
    for (index, tenant) in tenants.iter().enumerate() {
        let key = |name: &str| format!("tenant[{index}].{name}");
        if let Some(first) = ids.insert(&tenant.id, index) {
            checker.report(&key("id"), format!("`{}` is also the id of tenant[{first}]", tenant.id));
        }
        if let Some(host) = &tenant.host {
            if let Err(message) = check_host(host) {
                checker.report(&key("host"), format!("`{host}` {message}"));
            } else if let Some(first) = hosts.insert(host, index) {
                checker.report(&key("host"), format!("tenant[{first}] answers at `{host}` too"));
            }
        }
        if let Some(issuer) = &tenant.issuer {
            if let Err(message) = check_issuer(issuer) {
                checker.report(&key("issuer"), message);
            } else if let Some(first) = issuers.insert(issuer, index) {
                checker.report(&key("issuer"), format!("is also the issuer of tenant[{first}]"));
            }
        }
    }
}

fn check_host(host: &str) -> Result<(), &'static str> {
    let labels = host.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    });
    if host.len() > 253 || !labels {
        return Err("is not a host name; write it in lower case without scheme, port or path");
    }
    Ok(())
}
