//! Mistakes about plugins.

use super::{check, tenant};

#[test]
fn plugins() {
    let plugin = |rest: &str| tenant(&format!("[[tenant.plugin]]\nname = \"plan\"\n{rest}"));
    check(
        &plugin("component = \"plan.wasm\"\nsettings = { a = [1, { b = true }] }\ngrants = [\"log\"]"),
        &[],
    );
    check(
        &plugin("component = \"missing\""),
        &["p.toml:5:1: tenant[0].plugin[0].component: there is no file /etc/p/missing"],
    );
    check(
        &plugin("component = \"plan.wasm\"\ngrants = [\"network\"]"),
        &[
            "p.toml:6:11: tenant[0].plugin[0].grants[0]: unknown value `network`; known values here: `log`, `config`, \
             `secrets`, `kv`, `http`, `identities`, `permissions`, `groups`",
        ],
    );
    check(
        &plugin("component = \"plan.wasm\"\ngrants = [\"secrets\"]\nsecrets = { key = { env = \"KEY\" } }"),
        &[],
    );
    check(
        &plugin("component = \"plan.wasm\"\nsecrets = { key = { env = \"KEY\" } }"),
        &["p.toml:6:1: tenant[0].plugin[0].secrets: cannot be read: `grants` has no `secrets`"],
    );
    check(
        &plugin(
            "component = \"plan.wasm\"\ngrants = [\"secrets\"]\nsecrets = { \"a/b\" = { env = \"KEY\" } }",
        ),
        &[
            "p.toml:7:1: tenant[0].plugin[0].secrets: `a/b` is no name: 1 to 64 letters, digits, `_`, `-` and `.`",
        ],
    );
    check(
        &plugin("component = \"plan.wasm\"\ngrants = [\"secrets\"]\nsecrets = { key = \"hunter2\" }"),
        &["p.toml:7:19: tenant[0].plugin[0].secrets.key: a secret is not written here; refer to it with \
             { file = \"…\" } or { env = \"…\" }"],
    );
    check(
        &plugin("component = \"plan.wasm\"\nhttp_origins = [\"https://api.example\"]"),
        &["p.toml:6:1: tenant[0].plugin[0].http_origins: cannot be called: `grants` has no `http`"],
    );
    check(
        &plugin("component = \"plan.wasm\"\ngrants = [\"http\"]"),
        &["p.toml:6:1: tenant[0].plugin[0].grants: `http` without `http_origins`: no request could be sent"],
    );
    check(
        &plugin("component = \"plan.wasm\"\ngrants = [\"http\"]\nhttp_origins = [\"https://*.example\"]"),
        &[
            "p.toml:7:16: tenant[0].plugin[0].http_origins: not an origin such as https://api.example: scheme, host and \
             port, without wildcard, path or user",
        ],
    );
    check(
        &plugin(
            "component = \"plan.wasm\"\n\
             bind = [{ hook = \"credential-import\", organisation = \"6c0f3a5e-3a87-4d44-9d65-0a6f5d4f3b21\" }]",
        ),
        &[
            "p.toml:6:1: tenant[0].plugin[0].bind: binds `credential-import` to an organisation: who signs in is not \
             known when it is called",
        ],
    );
    check(
        &plugin("component = \"plan.wasm\"\nbind = [{ hook = \"event\", client = \"web\" }]"),
        &[
            "p.toml:6:1: tenant[0].plugin[0].bind: binds `event` to an organisation or a client: it is called for the \
             tenant",
        ],
    );
    check(
        &plugin("component = \"plan.wasm\"\nsha256 = \"ABC\""),
        &["p.toml:6:1: tenant[0].plugin[0].sha256: is no SHA-256: 64 digits of lower-case hex"],
    );
    check(
        &plugin("component = \"plan.wasm\"\nbind = []"),
        &["p.toml:6:1: tenant[0].plugin[0].bind: is empty: the plugin would never be called"],
    );
    check(
        &plugin("component = \"plan.wasm\"\nlimits = { cpu_ms = 0 }"),
        &["p.toml:6:12: tenant[0].plugin[0].limits.cpu_ms: must be at least 1: no call could succeed"],
    );
    check(
        &plugin("component = \"plan.wasm\"\n[[tenant.plugin]]\nname = \"Plan B\"\ncomponent = \"b.wasm\""),
        &[
            "p.toml:7:1: tenant[0].plugin[1].name: `Plan B` is no name: 1 to 63 lower-case letters, digits and hyphens",
        ],
    );
    check(
        &plugin("component = \"plan.wasm\"\n[[tenant.plugin]]\nname = \"plan\"\ncomponent = \"b.wasm\""),
        &["p.toml:7:1: tenant[0].plugin[1].name: `plan` is also the name of plugin[0]"],
    );
    check(
        &plugin("component = \"plan.wasm\"\nsettings = { since = 2026-01-01 }"),
        &[
            "p.toml:6:14: tenant[0].plugin[0].settings.since: is a date, which JSON does not have; put it in quotes",
        ],
    );
}

#[test]
fn trust_in_components() {
    let plugin = "[[tenant.plugin]]\nname = \"plan\"\ncomponent = \"plan.wasm\"\n";
    let key = "ci = \"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\"\n";
    let tenants = |rest: &str| tenant(&format!("{plugin}[tenant.plugin_trust]\n{rest}"));
    let keys = format!("trusted_keys.{key}");
    check(&tenants(&format!("require_signature = true\n{keys}")), &[]);
    check(&tenants(&keys), &[]);
    check(
        &tenants("require_signature = true\n"),
        &[
            "p.toml:7:1: tenant[0].plugin_trust.require_signature: signatures are required and no key is trusted: none \
           of its plugins could be loaded",
        ],
    );
    let node = |rest: &str| format!("{}\n[plugins]\nrequire_signature = true\n{rest}", tenant(plugin));
    check(
        &node(""),
        &[
            "p.toml:3:10: tenant[0].plugin: signatures are required and no key is trusted: none of its plugins could be \
           loaded",
        ],
    );
    check(&node(&keys), &[]);
    let wrong = "not an Ed25519 public key: 32 bytes in base64";
    check(
        &tenants("trusted_keys = { ci = \"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\" }"),
        &[&format!("p.toml:7:23: tenant[0].plugin_trust.trusted_keys.ci: {wrong}")],
    );
    check(
        &tenants("require_signatures = true"),
        &[
            "p.toml:7:1: tenant[0].plugin_trust.require_signatures: unknown key `require_signatures`, did you mean \
           `require_signature`?",
        ],
    );
    check(
        &tenant(&format!("{plugin}signature = \"missing\"")),
        &["p.toml:6:1: tenant[0].plugin[0].signature: there is no file /etc/p/missing"],
    );
}

#[test]
fn bounds_of_plugins() {
    check("[plugins]\nconcurrent_calls = 8\nconcurrent_calls_per_tenant = 4", &[]);
    check(
        "[plugins]\nconcurrent_calls = 8",
        &[
            "p.toml:1:2: plugins.concurrent_calls_per_tenant: is more than `concurrent_calls`, which is what the node \
           runs at once",
        ],
    );
    check("[plugins.ceiling]\ncpu_ms = 0", &["p.toml:2:1: plugins.ceiling.cpu_ms: must be at least 1"]);
    check(
        "[plugins.ceiling]\ncpu = 5",
        &["p.toml:2:1: plugins.ceiling.cpu: unknown key `cpu`, did you mean `cpu_ms`?"],
    );
}
