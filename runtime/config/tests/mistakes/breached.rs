//! Mistakes about passwords that are known from breaches.

use portcullis_config::TenantSettings;
use serde_json::json;

use super::{check, tenant};

fn breached(rest: &str) -> String {
    tenant(&format!("[tenant.identity.password.breached]\n{rest}"))
}

#[test]
fn who_knows_breached_passwords() {
    let whole = "host = \"https://api.pwnedpasswords.com\"\nmax_breaches = 3\nignore_network_errors = false\nlist = \"b\"";
    check(&breached(whole), &[]);
    check(&breached("host = \"http://127.0.0.1:9\""), &[]);
    check(
        &breached("host = \"http://mirror.example\""),
        &["p.toml:4:1: tenant[0].identity.password.breached.host: must be https (http for this machine)"],
    );
    check(
        &breached("list = \"missing\""),
        &["p.toml:4:1: tenant[0].identity.password.breached.list: there is no file /etc/p/missing"],
    );
}

/// Attack: whoever may write a tenant's settings learns which files the node has, and of which form they are.
#[test]
fn list_is_named_in_the_file_alone() {
    let of = |breached| {
        let document = json!({ "identity": { "password": { "breached": breached } } });
        TenantSettings::check_document(document.as_object().unwrap()).map_err(|error| error.to_string())
    };
    assert!(of(json!({ "host": "https://api.pwnedpasswords.com" })).is_ok());
    let refused = of(json!({ "list": "/etc/shadow" })).unwrap_err();
    assert!(refused.contains("identity.password.breached.list") && refused.contains("file"), "{refused}");
}
