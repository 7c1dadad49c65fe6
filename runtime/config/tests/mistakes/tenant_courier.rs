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
