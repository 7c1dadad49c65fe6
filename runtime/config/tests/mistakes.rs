//! Every mistake has its place and says what was meant. One case a line: file, then what is printed.

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    let found = match portcullis_config::Config::parse(text, "p.toml") {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(found, expect, "{text}");
}

fn listener(rest: &str) -> String {
    format!(
        "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\nrouters = [\"public\", \"admin\"]\n{rest}"
    )
}

#[test]
fn nothing_at_all_is_a_configuration() {
    check("", &[]);
}

#[test]
fn unknown_keys() {
    check(
        "[server]\nbase_ulr = \"http://a\"",
        &["p.toml:2:1: server.base_ulr: unknown key `base_ulr`, did you mean `base_url`?"],
    );
    check(
        "[server]\ndata-dir = \"x\"",
        &["p.toml:2:1: server.data-dir: unknown key `data-dir`, did you mean `data_dir`?"],
    );
    check(
        "[log]\ncolour = true",
        &["p.toml:2:1: log.colour: unknown key `colour`; known keys here: `format`, `level`"],
    );
    check(
        "[[tenants]]\nid = \"a\"",
        &["p.toml:1:3: tenants[0]: unknown key `tenants`, did you mean `tenant`?"],
    );
    check(
        &listener("lisen = 1"),
        &[
            "p.toml:5:1: listener[0].lisen: unknown key `lisen`; known keys here: `name`, `address`, `routers`, \
           `auth`, `reason`, `tls`, `client_ca`, `body_bytes`, `request_timeout`",
        ],
    );
}

#[test]
fn syntax() {
    check("[server", &["p.toml:1:8: unclosed table, expected `]`"]);
    check("[server]\nwatch = yes", &["p.toml:2:9: string values must be quoted, expected literal string"]);
    check("[log]\nlevel = \"a\"\nlevel = \"b\"", &["p.toml:3:1: key is written twice"]);
}

#[test]
fn wrong_types_and_values() {
    check(
        "[server]\nwatch = \"yes\"",
        &["p.toml:2:9: server.watch: wrong type: expected a boolean, found string \"yes\""],
    );
    check(
        "[server]\ndrain = 30",
        &["p.toml:2:9: server.drain: wrong type: expected a string, found integer `30`"],
    );
    check(
        "[server]\ndrain = \"30\"",
        &[
            "p.toml:2:9: server.drain: `30` is not a length of time; write a whole number and a unit (ms, s, m, h, d), \
           e.g. \"30s\"",
        ],
    );
    check("[log]\nformat = \"jsn\"", &["p.toml:2:10: log.format: unknown value `jsn`, did you mean `json`?"]);
    check(
        "[limits]\nconnections = -1",
        &["p.toml:2:15: limits.connections: wrong value: expected u32, found integer `-1`"],
    );
    check("[limits]\nconnections = 0", &["p.toml:2:1: limits.connections: must be at least 1"]);
    check(
        "[server]\nbase_url = \"id.example\"",
        &["p.toml:2:12: server.base_url: relative URL without a base: \"id.example\""],
    );
    check(
        "[server]\nbase_url = \"https://a/?x\"",
        &["p.toml:2:1: server.base_url: must have no query and no fragment"],
    );
    check(
        "[server]\ntrusted_proxies = [\"10.0.0.0/8\", \"lb\"]",
        &["p.toml:2:34: server.trusted_proxies[1]: `lb` is not an IP address or network such as 10.0.0.0/8"],
    );
    check(
        "[[tenant]]\nid = \"A\"",
        &["p.toml:2:6: tenant[0].id: a tenant id is 1 to 63 lower-case letters, digits and inner hyphens"],
    );
}

#[test]
fn missing_keys() {
    check("[[tenant]]\nhost = \"a\"", &["p.toml:1:1: tenant[0]: missing key `id`"]);
}

#[test]
fn secrets_are_only_referred_to() {
    check("[secrets]\nmaster_key = { file = \"k\" }", &[]);
    check("[secrets]\nmaster_key = { env = \"K\" }", &[]);
    check(
        "[secrets]\nmaster_key = \"hunter2\"",
        &[
            "p.toml:2:14: secrets.master_key: a secret is not written here; refer to it with { file = \"…\" } or \
         { env = \"…\" }",
        ],
    );
    check(
        "[secrets]\nmaster_key = { fil = \"k\" }",
        &["p.toml:2:14: secrets.master_key: unknown key `fil`, did you mean `file`?"],
    );
    check(
        "[secrets]\nmaster_key = { file = \"k\", env = \"K\" }",
        &["p.toml:2:14: secrets.master_key: a secret has one place: `file` or `env`, not both"],
    );
    check(
        "[secrets]\nmaster_key = {}",
        &["p.toml:2:14: secrets.master_key: a secret needs its place: `file` or `env`"],
    );
    check(
        "[storage]\nurl = \"postgres://u:hunter2@h/d\"",
        &[
            "p.toml:2:1: storage.url: holds a password; take it out and set `storage.password = { file = \"…\" }` or \
         { env = \"…\" }",
        ],
    );
}

#[test]
fn storage_contradictions() {
    check("[storage]\nurl = \"sqlite:a.db\"", &[]);
    check("[storage]\nurl = \"postgres://u@h/d\"\npassword = { env = \"P\" }", &[]);
    check(
        "[storage]\nurl = \"mysql://a\"",
        &["p.toml:2:1: storage.url: must begin with `sqlite:` or `postgres:`"],
    );
    check(
        "[storage]\npassword = { env = \"P\" }",
        &["p.toml:2:1: storage.password: only PostgreSQL has one, and `storage.url` names none"],
    );
}

#[test]
fn listener_contradictions() {
    check(&listener(""), &[]);
    check(&listener("auth = \"none\"\nreason = \"sidecar\""), &[]);
    check(&listener("auth = \"none\""), &["p.toml:5:1: listener[0].auth: `none` needs a `reason` beside it"]);
    check(
        &listener("reason = \"x\""),
        &["p.toml:5:1: listener[0].reason: only says why `auth = \"none\"`, and `auth` is `key`"],
    );
    check(
        &listener("client_ca = \"ca.pem\""),
        &["p.toml:5:1: listener[0].client_ca: needs `tls`: without it nobody can present a certificate"],
    );
    check(
        "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\nrouters = []",
        &[
            "p.toml:4:1: listener[0].routers: is empty; name at least one of `public`, `admin`, `metrics`",
            "p.toml:4:1: listener[0].routers: no listener serves `public`, so nobody could sign in",
        ],
    );
    check(
        &format!("{}\n{}", listener(""), listener("")),
        &[
            "p.toml:7:1: listener[1].name: `a` is also the name of listener[0]",
            "p.toml:8:1: listener[1].address: listener[0] listens on 127.0.0.1:1 too",
        ],
    );
}

#[test]
fn open_addresses_are_named_and_authenticated() {
    let open = |base: &str, auth: &str| {
        format!(
            "[server]\n{base}\n[[listener]]\nname = \"a\"\naddress = \"0.0.0.0:1\"\nrouters = [\"public\"]\n{auth}"
        )
    };
    check(&open("base_url = \"https://id.example\"", ""), &[]);
    check(
        &open("", ""),
        &["p.toml:5:1: listener[0].address: `server.base_url` must say what browsers call 0.0.0.0:1"],
    );
    check(
        &open("base_url = \"https://id.example\"", "auth = \"none\"\nreason = \"x\""),
        &[
            "p.toml:7:1: listener[0].auth: `none` is refused on 0.0.0.0:1: only a loopback address or a Unix socket may \
         be open",
        ],
    );
    check(
        "[[listener]]\nname = \"a\"\naddress = \"localhost:1\"\nrouters = [\"public\"]",
        &["p.toml:3:11: listener[0].address: `localhost:1` is not an address; write IP and port, e.g. \
         \"127.0.0.1:4480\", or \"unix:/path\""],
    );
}

#[test]
fn tenant_contradictions() {
    check(
        "[[tenant]]\nid = \"a\"\n[[tenant]]\nid = \"a\"",
        &["p.toml:4:1: tenant[1].id: `a` is also the id of tenant[0]"],
    );
    check(
        "[[tenant]]\nid = \"a\"\nhost = \"x.y\"\n[[tenant]]\nid = \"b\"\nhost = \"x.y\"",
        &["p.toml:6:1: tenant[1].host: tenant[0] answers at `x.y` too"],
    );
    check(
        "[[tenant]]\nid = \"a\"\nhost = \"https://x.y\"",
        &[
            "p.toml:3:1: tenant[0].host: `https://x.y` is not a host name; write it in lower case without scheme, port or path",
        ],
    );
    check(
        "[[tenant]]\nid = \"a\"\nissuer = \"ftp://x\"",
        &["p.toml:3:1: tenant[0].issuer: must be an absolute http or https URL"],
    );
}
