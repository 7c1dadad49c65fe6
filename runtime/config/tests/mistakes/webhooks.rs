//! Mistakes about webhooks and the secrets that they refer to.

use super::{check, tenant};

/// A webhook that is called where a sign-in ends.
fn webhook(rest: &str) -> String {
    tenant(&format!(
        "[[tenant.webhook]]\nname = \"crm\"\nurl = \"https://crm.example/x\"\non = [{{ flow = \"login\", when = \"after\" }}]\n{rest}"
    ))
}

/// One that is told of events, with a secret `key`.
fn told(rest: &str) -> String {
    tenant(&format!(
        "secrets = {{ key = {{ env = \"KEY\" }} }}\n[[tenant.webhook]]\nname = \"crm\"\nurl = \"https://crm.example/x\"\n{rest}"
    ))
}

#[test]
fn webhooks() {
    check(&webhook("headers = { \"x-from\" = \"id\" }\nmethod = \"PUT\"\nresponse = { parse = true }"), &[]);
    check(
        &webhook("body = { plugin = \"jsonnet\", template = \"signed-in\" }\ntimeout_ms = 2000\nretries = 0"),
        &[],
    );
    check(&told("events = [\"session.*\", \"*\"]\nsigning_secret = \"key\""), &[]);
    check(
        &format!(
            "{}[[tenant.webhook]]\nname = \"crm\"\nurl = \"https://a.example/\"\nevents = [\"*\"]\nsigning_secret = \"key\"",
            told("events = [\"*\"]\nsigning_secret = \"key\"\n")
        ),
        &["p.toml:10:1: tenant[0].webhook[1].name: `crm` is also the name of webhook[0]"],
    );
    for url in
        ["http://crm.example/x", "https://u:p@crm.example/", "ftp://crm.example/", "https://crm.example/#x"]
    {
        check(
            &webhook("").replace("https://crm.example/x", url),
            &[
                "p.toml:5:1: tenant[0].webhook[0].url: must be an https URL without a user (http for a server on this machine)",
            ],
        );
    }
    check(&webhook("").replace("https://crm.example/x", "http://127.0.0.1:8080/x"), &[]);
    check(
        &webhook("response = { ignore = true, parse = true }"),
        &[
            "p.toml:7:14: tenant[0].webhook[0].response.ignore: contradicts `response.parse` and `can_interrupt`: what nobody \
           waits for has no say",
        ],
    );
    check(
        &webhook("timeout_ms = 99\nretries = 6"),
        &[
            "p.toml:7:1: tenant[0].webhook[0].timeout_ms: must be 100 to 30000",
            "p.toml:8:1: tenant[0].webhook[0].retries: must be at most 5",
        ],
    );
    for header in ["host", "Content-Length", "webhook-signature", "x from"] {
        check(
            &webhook(&format!("headers = {{ \"{header}\" = \"x\" }}")),
            &[&format!(
                "p.toml:7:1: tenant[0].webhook[0].headers: `{header}` is no header that can be set here"
            )],
        );
    }
    check(
        &webhook("").replace("when = \"after\"", "when = \"before\", method = \"code\""),
        &[
            "p.toml:6:7: tenant[0].webhook[0].on[0]: has no `method`: it is one of login, registration and settings, when they \
           end",
        ],
    );
}

#[test]
fn secrets_of_webhooks() {
    check(
        &webhook("auth = { type = \"basic_auth\", user = \"id\", secret = \"key\" }"),
        &["p.toml:7:44: tenant[0].webhook[0].auth.secret: `secrets` has no `key`"],
    );
    check(
        &told("events = [\"*\"]"),
        &[
            "p.toml:4:1: tenant[0].webhook[0].signing_secret: is needed: whoever takes events must be able to tell from whom \
           they are",
        ],
    );
    check(
        &told("events = [\"*\"]\nsigning_secret = \"other\""),
        &["p.toml:8:1: tenant[0].webhook[0].signing_secret: `secrets` has no `other`"],
    );
    check(
        &told("events = [\"Session\"]\nsigning_secret = \"key\""),
        &["p.toml:7:11: tenant[0].webhook[0].events[0]: `Session` is no name of events"],
    );
    check(
        &told(""),
        &["p.toml:4:1: tenant[0].webhook[0].on: is empty, as `events` is: it would never be called"],
    );
    check(
        &tenant("secrets = { \"a/b\" = { env = \"KEY\" } }"),
        &["p.toml:3:1: tenant[0].secrets: `a/b` is no name: 1 to 64 letters, digits, `_`, `-` and `.`"],
    );
    check(
        &tenant("secrets = { key = \"hunter2\" }"),
        &[
            "p.toml:3:19: tenant[0].secrets.key: a secret is not written here; refer to it with { file = \"…\" } or \
           { env = \"…\" }",
        ],
    );
}
