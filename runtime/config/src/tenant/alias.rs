//! Checks the other addresses of tenants.

use std::collections::HashSet;

use identity::settings::{AliasSettings, UnusableAlias};
use url::Url;

use super::Tenant;
use crate::problem::Report;

/// Reports what is wrong with the addresses of one tenant, whoever wrote them.
pub(super) fn check(aliases: &[AliasSettings], report: &mut Report<'_>) {
    if aliases.len() > AliasSettings::MOST {
        report("identity.alias", format!("there are more than {}", AliasSettings::MOST));
    }
    let mut known = HashSet::new();
    for (index, alias) in aliases.iter().enumerate() {
        let at = format!("identity.alias[{index}]");
        if let Err(error) = alias.check() {
            let key = match &error {
                UnusableAlias::Insecure => "origin",
                UnusableAlias::CookieDomain(_) => "cookie_domain",
            };
            report(&format!("{at}.{key}"), error.to_string());
        }
        if !known.insert(&alias.origin) {
            report(&format!("{at}.origin"), format!("`{}` is written twice", alias.origin));
        }
    }
}

/// Reports addresses of the file's tenant `index` at which somebody else answers, or itself by another path.
pub(super) fn check_places(
    tenants: &[Tenant],
    (index, base_url): (usize, Option<&Url>),
    report: &mut Report<'_>,
) {
    let Some(tenant) = tenants.get(index) else { return };
    let own = tenant.effective_issuer(base_url).and_then(|issuer| Url::parse(&issuer).ok());
    for (number, alias) in tenant.identity.aliases.iter().enumerate() {
        let key = format!("identity.alias[{number}].origin");
        let Ok((url, _)) = alias.check() else { continue };
        let holder =
            tenants.iter().position(|other| other.host.is_some() && other.host.as_deref() == url.host_str());
        if let Some(holder) = holder {
            report(&key, format!("tenant[{holder}] answers at `{}`", alias.origin));
        } else if own.as_ref().is_some_and(|own| own.origin() == url.origin()) {
            report(&key, format!("`{}` is the tenant's own address", alias.origin));
        }
    }
}
