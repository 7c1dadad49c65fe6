//! `[tenant.identity.limits]`.

use super::{check, tenant};

#[test]
fn ceiling_of_a_tenant_is_of_some_time() {
    let ceiling = |settings: &str| tenant(&format!("[tenant.identity.limits]\ntenant = {{ {settings} }}"));
    check(&ceiling("attempts = 5, within_seconds = 1"), &[]);
    check(&ceiling("attempts = 0, within_seconds = 0"), &[]);
    check(
        &ceiling("attempts = 5, within_seconds = 0"),
        &[
            "p.toml:4:26: tenant[0].identity.limits.tenant.within_seconds: must be at least 1; `attempts = 0` is no ceiling",
        ],
    );
}
