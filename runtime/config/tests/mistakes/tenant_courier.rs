//! Mistakes about a tenant's own words and services for messages.

use super::{check, tenant};

fn words(words: &str) -> String {
    tenant(&format!("[tenant.courier.templates.recovery_code_valid]\n{words}"))
}

#[test]
fn words_of_a_tenant() {
    check(
        &words(
            "en = { subject = \"{{ tenant }}\", text = \"{{ recovery_code }}\", html = \"<b>{{ recovery_code }}</b>\" }\n\
                default = { subject = \"Code\", text = \"{{ .RecoveryCode }}\" }",
        ),
        &[],
    );
    check(
        &words("en = { subject = \"Code\", text = \"{{ password }}\" }"),
        &[
            "p.toml:4:26: tenant[0].courier.templates.recovery_code_valid.en.text: names `password`, which this message has \
           not; it has to, tenant, expires_in_minutes, recovery_code, recovery_url",
        ],
    );
    check(
        &words("en = { subject = \"Code\", text = \"Hello\" }"),
        &[
            "p.toml:4:26: tenant[0].courier.templates.recovery_code_valid.en.text: has neither the code nor the link that the \
           message brings",
        ],
    );
    check(
        &words("it = { subject = \"Code\", text = \"{{ recovery_code }}\" }"),
        &[
            "p.toml:4:1: tenant[0].courier.templates.recovery_code_valid.it: `it` is no language of the pages, nor `default`",
        ],
    );
    check(
        &tenant("courier = { from_address = \"Ada <a@b.example>\", from_name = \"Acme\" }"),
        &["p.toml:3:13: tenant[0].courier.from_address: must be an e-mail address"],
    );
}

#[test]
fn services_of_a_tenant() {
    let sms = |rest: &str| {
        tenant(&format!("[tenant.courier.channels.sms]\nurl = \"https://sms.example/x\"\n{rest}"))
    };
    check(&sms("body = { plugin = \"jsonnet\", template = \"sms\" }"), &[]);
    check(
        &sms("").replace("https", "http"),
        &[
            "p.toml:4:1: tenant[0].courier.channels.sms.url: must be an https URL without a user (http for a service on this \
           machine)",
        ],
    );
    check(
        &sms("method = \"GET\""),
        &["p.toml:5:1: tenant[0].courier.channels.sms.method: must be one that has a body"],
    );
    check(
        &sms("auth = { type = \"basic_auth\", user = \"id\", secret = \"key\" }"),
        &["p.toml:5:44: tenant[0].courier.channels.sms.auth.secret: `secrets` has no `key`"],
    );
}

#[test]
fn mail_server_of_a_tenant() {
    let smtp = |rest: &str| {
        tenant(&format!(
            "secrets = {{ smtp = {{ file = \"t\" }} }}\ncourier.from_address = \"hello@a.example\"\n[tenant.courier.smtp]\n{rest}"
        ))
    };
    check(
        &smtp(
            "host = \"smtp.a.example\"\nusername = \"a\"\npassword = \"smtp\"\nlocal_name = \"id.example\"",
        ),
        &[],
    );
    check(&smtp("host = \"127.0.0.1\"\ntls = \"none\""), &[]);
    check(&smtp("host = \"[::1]\"\nport = 2525\ntls = \"none\""), &[]);
    check(
        &smtp("host = \"smtp.a.example\"\ntls = \"none\""),
        &[
            "p.toml:7:1: tenant[0].courier.smtp.tls: must be \"starttls\" or \"tls\" for a server that is not on this machine",
        ],
    );
    for host in ["", "smtp://a.example", "a.example:25", "a b", "a\\r\\nQUIT"] {
        check(
            &smtp(&format!("host = \"{host}\"")),
            &[
                "p.toml:6:1: tenant[0].courier.smtp.host: must be a host name or an address, without scheme and port",
            ],
        );
    }
    check(
        &smtp("host = \"smtp.a.example\"\nusername = \"a\""),
        &["p.toml:7:1: tenant[0].courier.smtp.username: needs `password` beside it, and the other way round"],
    );
    check(
        &smtp("host = \"smtp.a.example\"\nusername = \"a\"\npassword = \"other\""),
        &["p.toml:8:1: tenant[0].courier.smtp.password: `secrets` has no `other`"],
    );
    check(
        &tenant("[tenant.courier.smtp]\nhost = \"smtp.a.example\""),
        &[
            "p.toml:3:17: tenant[0].courier.smtp: needs `from_address` beside it: the node's own address is not this server's to \
           send from",
        ],
    );
    check(
        &smtp("host = \"smtp.a.example\"\n[tenant.courier.channels.email]\nurl = \"https://mail.example/x\""),
        &["p.toml:7:26: tenant[0].courier.channels.email: cannot be there beside `courier.smtp`"],
    );
}
