//! Every mistake has its place and says what was meant. One case a line: file, then what is printed.

mod addresses;
mod breached;
mod captcha;
mod certificates;
mod clients;
mod courier;
mod fed_cm;
mod keys;
mod limits;
mod outbound;
mod plugins;
mod registration;
mod requests;
mod security_profile;
mod tenant_courier;
mod texts;
mod webhooks;

use std::path::Path;

use portcullis_config::{Config, Source};

#[track_caller]
fn check(text: &str, expect: &[&str]) {
    let source = Source {
        text,
        file: "p.toml",
        directory: Path::new("/etc/p"),
        exists: &|path| !path.ends_with("missing"),
    };
    let found = match Config::parse(&source) {
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
           `auth`, `reason`, `tls`, `client_ca`, `app_certificates`, `api_document`, `body_bytes`, `request_timeout`",
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
            "p.toml:2:9: server.drain: `30` is not a length of time; write whole numbers with units (ms, s, m, h, d), \
           e.g. \"30s\"",
        ],
    );
    check("[log]\nformat = \"jsn\"", &["p.toml:2:10: log.format: unknown value `jsn`, did you mean `json`?"]);
    check(
        "[limits]\nconnections = -1",
        &["p.toml:2:15: limits.connections: wrong value: expected u32, found integer `-1`"],
    );
    check("[jobs]\nexpiry_every = \"0s\"", &["p.toml:2:1: jobs.expiry_every: must be longer than nothing"]);
    check("[jobs]\nexpiry_batch = 0", &["p.toml:2:1: jobs.expiry_batch: must be at least 1"]);
    check("[jobs.outbox]\ntimeout = \"1h\"", &["p.toml:2:1: jobs.outbox.timeout: must be at most 2m"]);
    check(
        "[jobs.outbox]\nlongest_retry = \"1s\"",
        &["p.toml:2:1: jobs.outbox.longest_retry: must not be shorter than `first_retry`"],
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

fn tenant(rest: &str) -> String {
    format!("[[tenant]]\nid = \"a\"\n{rest}")
}

#[test]
fn issuers_are_of_one_tenant() {
    let base = "[server]\nbase_url = \"https://id.example\"\n";
    check(
        &format!("{base}[[tenant]]\nid = \"a\"\nissuer = \"https://id.example/t/b\"\n[[tenant]]\nid = \"b\""),
        &["p.toml:6:1: tenant[1].issuer: https://id.example/t/b is also the issuer of tenant[0]"],
    );
    check(
        &format!("{base}[[tenant]]\nid = \"a\"\nissuer = \"https://id.example/\""),
        &["p.toml:5:1: tenant[0].issuer: https://id.example is also the issuer of default"],
    );
    check(
        &format!("{base}[[tenant]]\nid = \"a\"\nhost = \"id.example\""),
        &["p.toml:5:1: tenant[0].host: `id.example` is the host of the base URL, where `default` answers"],
    );
    check(
        "[[tenant]]\nid = \"a\"\nhost = \"x.y\"\n[[tenant]]\nid = \"b\"\nissuer = \"https://x.y\"",
        &["p.toml:6:1: tenant[1].issuer: https://x.y is also the issuer of tenant[0]"],
    );
    check(&format!("{base}[[tenant]]\nid = \"default\"\nhost = \"id.example\""), &[]);
}

#[test]
fn oauth2_settings() {
    check(&tenant("[tenant.oauth2]\npkce = \"public_clients\""), &[]);
    check(
        &tenant("[tenant.oauth2]\npkse = \"all\""),
        &["p.toml:4:1: tenant[0].oauth2.pkse: unknown key `pkse`, did you mean `pkce`?"],
    );
    check(
        &tenant("[tenant.oauth2]\naccess_token_lifespan = \"0s\""),
        &["p.toml:4:1: tenant[0].oauth2.access_token_lifespan: must be longer than nothing"],
    );
    check(
        &tenant("[tenant.oauth2]\npushed_request_lifespan = \"10m1s\""),
        &["p.toml:4:1: tenant[0].oauth2.pushed_request_lifespan: must be ten minutes at most"],
    );
    check(&tenant("[tenant.oauth2]\nresponse_types = [\"code\", \"code id_token\"]"), &[]);
    check(
        &tenant("[tenant.oauth2]\nresponse_types = [\"id_token\"]"),
        &["p.toml:4:1: tenant[0].oauth2.response_types: must hold `code`; others stand beside it"],
    );
    check(
        &tenant("[tenant.oauth2]\nrequest_object_lifespan = \"61m\""),
        &["p.toml:4:1: tenant[0].oauth2.request_object_lifespan: must be an hour at most"],
    );
    check(
        &tenant("[tenant.oauth2]\ndpop_proof_lifespan = \"5m1s\""),
        &["p.toml:4:1: tenant[0].oauth2.dpop_proof_lifespan: must be five minutes at most"],
    );
    check(
        &tenant("[tenant.oauth2]\ndpop_proof_lifespan = \"0s\""),
        &["p.toml:4:1: tenant[0].oauth2.dpop_proof_lifespan: must be longer than nothing"],
    );
    check(
        &tenant("[tenant.oauth2.credentials]\nlifespan = \"25h\"\nnonce_lifespan = \"61m\""),
        &[
            "p.toml:4:1: tenant[0].oauth2.credentials.lifespan: must be a day at most",
            "p.toml:5:1: tenant[0].oauth2.credentials.nonce_lifespan: must be an hour at most",
        ],
    );
    check(
        &tenant("[tenant.oauth2.credentials]\nnonce_lifespan = \"0s\""),
        &["p.toml:4:1: tenant[0].oauth2.credentials.nonce_lifespan: must be longer than nothing"],
    );
    check(
        &tenant("[tenant.oauth2]\ndevice_code_lifespan = \"61m\"\ndevice_poll_interval = \"1500ms\""),
        &[
            "p.toml:4:1: tenant[0].oauth2.device_code_lifespan: must be an hour at most",
            "p.toml:5:1: tenant[0].oauth2.device_poll_interval: must be whole seconds, a minute at most",
        ],
    );
    check(
        &tenant("[tenant.oauth2]\naccess_token_lifespan = \"1 hour\""),
        &["p.toml:4:25: tenant[0].oauth2.access_token_lifespan: not a duration such as \"1h30m\" or \"10s\""],
    );
    check(
        &tenant("[tenant.oauth2]\nscopes_supported = [\"openid\", \"a b\"]"),
        &["p.toml:4:31: tenant[0].oauth2.scopes_supported[1]: `a b` is not one scope"],
    );
    check(
        &tenant("[tenant.oauth2]\npost_logout_redirect_uri = \"/bye\""),
        &["p.toml:4:1: tenant[0].oauth2.post_logout_redirect_uri: `/bye` is not an absolute URL"],
    );
    check(
        &tenant(
            "[tenant.oauth2]\nlogin_session_lifespan = \"0s\"\n[tenant.oauth2.urls]\nlogin = \"/login\"\n\
             consent = \"https://a.example/#ask\"\n[tenant.oauth2.urls.device]\nverification = \"ftp://a.example\"",
        ),
        &[
            "p.toml:4:1: tenant[0].oauth2.login_session_lifespan: must be longer than nothing",
            "p.toml:6:1: tenant[0].oauth2.urls.login: `/login` is not an absolute URL",
            "p.toml:7:1: tenant[0].oauth2.urls.consent: `https://a.example/#ask` must have no fragment",
            "p.toml:9:1: tenant[0].oauth2.urls.device.verification: `ftp://a.example` must be an http or https URL",
        ],
    );
    check(
        &tenant("[tenant.oauth2.urls]\nlogon = \"https://a.example\""),
        &["p.toml:4:1: tenant[0].oauth2.urls.logon: unknown key `logon`, did you mean `login`?"],
    );
}

#[test]
fn identity_settings() {
    check(
        &tenant("[tenant.identity.session]\nlifespan_secs = 3"),
        &["p.toml:4:1: tenant[0].identity.session.lifespan_secs: unknown key `lifespan_secs`, did you mean \
           `lifespan_seconds`?"],
    );
    check(
        &tenant("[tenant.identity]\ndefault_schema = \"person\""),
        &[
            "p.toml:4:1: tenant[0].identity.default_schema: default_schema names \"person\", which is not one of the \
           schemas",
        ],
    );
    check(
        &tenant("[tenant.identity.schemas.person]\nschema = { type = \"object\" }"),
        &[
            "p.toml:3:26: tenant[0].identity.schemas.person: schema \"person\" must describe an object property \
           \"traits\"",
        ],
    );
    check(
        &tenant(
            "[tenant.identity.schemas.person.schema.properties.traits]\ntype = \"objekt\"\nproperties = {}",
        ),
        &[
            "p.toml:3:26: tenant[0].identity.schemas.person: schema \"person\" is not valid: \"objekt\" is not valid \
           under any of the schemas listed in the 'anyOf' keyword",
        ],
    );
    check(
        &tenant(
            "[tenant.identity.schemas.person.schema.properties.traits]\nproperties = {}\nsince = 2026-01-01",
        ),
        &[
            "p.toml:5:1: tenant[0].identity.schemas.person.schema.properties.traits.since: is a date, which JSON does \
           not have; put it in quotes",
        ],
    );
    check(
        &tenant("[tenant.identity.flow]\nallowed_return_urls = [\"https://a.example\", \"a.example\"]"),
        &["p.toml:4:45: tenant[0].identity.flow.allowed_return_urls[1]: `a.example` is not an absolute URL"],
    );
    let native = |url: &str| tenant(&format!("[tenant.identity.flow]\nnative_return_urls = [\"{url}\"]"));
    check(&native("com.example.app:/callback"), &[]);
    for (url, wrong) in [
        ("/callback", "is not an absolute URL"),
        ("https://app.example/", "is no application's; write it in `allowed_return_urls`"),
        ("javascript:alert(1)", "has a scheme that browsers take for their own"),
        ("app://x#y", "must have no fragment: what follows it would be part of that"),
    ] {
        let expect = format!("p.toml:4:23: tenant[0].identity.flow.native_return_urls[0]: `{url}` {wrong}");
        check(&native(url), &[&expect]);
    }
    check(
        &tenant("[tenant.identity.flow]\ndefault_return_url = \"javascript:x\""),
        &[
            "p.toml:4:1: tenant[0].identity.flow.default_return_url: `javascript:x` must be an http or https URL",
        ],
    );
    check(
        &tenant("[tenant.identity.password]\nmin_length = 20\nmax_bytes = 10"),
        &[
            "p.toml:5:1: tenant[0].identity.password.max_bytes: is less than `min_length`: no password could be both",
        ],
    );
    check(
        &tenant("[tenant.identity.argon2]\nmemory_kib = 4194304"),
        &["p.toml:4:1: tenant[0].identity.argon2.memory_kib: must be 8 to 1048576"],
    );
    check(
        "[[tenant]]\nid = \"a\"\nhost = \"id.x.example\"\n[tenant.identity.session]\ncookie_domain = \"y.example\"",
        &[
            "p.toml:5:1: tenant[0].identity.session.cookie_domain: is neither `id.x.example` nor a domain above it: \
           browsers would drop the cookie",
        ],
    );
    check(
        &tenant("[tenant.identity.sms]\nprefixes = [\"+49\", \"0043\"]"),
        &[
            "p.toml:4:1: tenant[0].identity.sms.prefixes: no international number begins with `0043`; write `+` and \
           digits, e.g. `+49`",
        ],
    );
    check(
        &tenant("identity.account_enumeration = \"mitigate\"\nidentity.recovery.choose_address = true"),
        &[
            "p.toml:4:19: tenant[0].identity.recovery.choose_address: tells who has an account: it must be off where \
           `account_enumeration` is \"mitigate\"",
        ],
    );
    check(
        &tenant("[tenant.identity.trusted_device]\nlifespan_days = 366"),
        &["p.toml:4:1: tenant[0].identity.trusted_device.lifespan_days: must be 0 to 365"],
    );
    let template = |settings: &str| {
        tenant(&format!("[tenant.identity.session.whoami.tokenizer.templates.api]\n{settings}"))
    };
    check(
        &template("ttl_seconds = 300\nclaims = { mail = \"{identity.traits.email}\", role = \"user\" }"),
        &[],
    );
    check(
        &template("ttl_seconds = 86401"),
        &[
            "p.toml:4:1: tenant[0].identity.session.whoami.tokenizer.templates.api.ttl_seconds: must be 1 to 86400",
        ],
    );
    check(
        &template("claims = { sub = \"root\" }"),
        &[
            "p.toml:4:12: tenant[0].identity.session.whoami.tokenizer.templates.api.claims.sub: `sub` is what the server \
           says, not a template",
        ],
    );
    check(
        &template("claims = { mail = [\"{traits.email}\"] }"),
        &[
            "p.toml:4:12: tenant[0].identity.session.whoami.tokenizer.templates.api.claims.mail: `{traits.email}` must \
           begin with `{session.` or `{identity.`",
        ],
    );
    check(
        "[[tenant]]\nid = \"a\"\nhost = \"id.x.co.uk\"\n[tenant.identity.session]\ncookie_domain = \"co.uk\"",
        &[
            "p.toml:5:1: tenant[0].identity.session.cookie_domain: is a public suffix: whoever has a name below it would \
           get the cookie",
        ],
    );
    let relying_party = |settings: &str| {
        format!(
            "[[tenant]]\nid = \"a\"\nhost = \"id.acme.co.uk\"\n[tenant.identity.relying_party]\n{settings}"
        )
    };
    check(&relying_party("id = \"acme.co.uk\""), &[]);
    check(
        &relying_party("id = \"co.uk\""),
        &[
            "p.toml:5:1: tenant[0].identity.relying_party.id: `co.uk` is a public suffix: whoever has a name below it \
           would share the passkeys",
        ],
    );
    check(
        &relying_party("origins = [\"http://app.acme.co.uk\"]"),
        &[
            "p.toml:5:1: tenant[0].identity.relying_party.origins: `http://app.acme.co.uk` must begin with https://, or be \
           android:apk-key-hash: and a hash",
        ],
    );
}

#[test]
fn branding() {
    check(&tenant("[tenant.branding]\nname = \"Nexboard\"\nprimary_color = \"#0a2540\""), &[]);
    check(
        &tenant("[tenant.branding]\nprimary_color = \"navy\""),
        &["p.toml:4:17: tenant[0].branding.primary_color: not a colour: write it as #rgb or #rrggbb, for \
           example #3457dc"],
    );
    check(
        &tenant("[tenant.branding]\nlogo_url = \"http://a.example/logo.svg\""),
        &[
            "p.toml:4:12: tenant[0].branding.logo_url: not an address a page may use: write https://…, mailto:…, or a \
           path on this server that begins with /",
        ],
    );
    check(
        &tenant("[tenant.branding]\nname = \" \""),
        &["p.toml:4:1: tenant[0].branding.name: is empty; people need to see where they sign in"],
    );
    check(&tenant("[tenant.branding]\ndefault_language = \"de\"\nheadline = { de = \"Für alle\" }"), &[]);
    check(
        &tenant("[tenant.branding]\ndefault_language = \"it\""),
        &[
            "p.toml:4:20: tenant[0].branding.default_language: unknown value `it`; known values here: `en`, `de`, `fr`, `es`",
        ],
    );
    check(
        &tenant("[tenant.branding]\nfavicon_url = \"mailto:a@a.example\""),
        &["p.toml:4:1: tenant[0].branding.favicon_url: is an address for mail, not a picture"],
    );
    check(
        &tenant("[tenant.branding]\ndefault_language = \"de\"\nheadline = { en = \"All yours\" }"),
        &["p.toml:5:1: tenant[0].branding.headline: has no text in `default_language`, `de`"],
    );
    check(
        &tenant("[tenant.branding]\nheadline = { en = \" \" }"),
        &["p.toml:4:14: tenant[0].branding.headline.en: must have 1 to 80 characters"],
    );
}

#[test]
fn signing_keys() {
    check(&tenant("[tenant.keys]\nalgorithms = [\"EdDSA\", \"RS256\"]"), &[]);
    check(
        &tenant("[tenant.keys]\nalgorithms = [\"HS256\"]"),
        &["p.toml:4:15: tenant[0].keys.algorithms[0]: unknown value `HS256`, did you mean `ES256`?"],
    );
    check(
        &tenant("[tenant.keys]\nalgorithms = []"),
        &["p.toml:4:1: tenant[0].keys.algorithms: is empty: there would be no key to sign a token with"],
    );
    check(
        &tenant("[tenant.keys]\nalgorithms = [\"ES256\", \"ES256\"]"),
        &["p.toml:4:24: tenant[0].keys.algorithms[1]: `ES256` is written twice"],
    );
    check(
        &tenant("[tenant.keys.rotation]\nrotate_every_seconds = 60"),
        &[
            "p.toml:3:14: tenant[0].keys.rotation.publish_ahead_seconds: must be less than `rotate_every_seconds`",
        ],
    );
    check(&tenant("[tenant.keys.rotation]\npublish_ahead_seconds = 300"), &[]);
    check(
        &tenant("[tenant.keys.rotation]\npublish_ahead_seconds = 299"),
        &[
            "p.toml:4:1: tenant[0].keys.rotation.publish_ahead_seconds: must be at least 300: whoever verifies tokens keeps a copy of the key set for so long",
        ],
    );
}

#[test]
fn files_that_a_listener_cannot_do_without() {
    check(
        &listener("tls = { cert = \"missing\", key = \"/k/missing\" }\nclient_ca = \"ca.pem\""),
        &[
            "p.toml:5:9: listener[0].tls.cert: there is no file /etc/p/missing",
            "p.toml:5:27: listener[0].tls.key: there is no file /k/missing",
        ],
    );
}
