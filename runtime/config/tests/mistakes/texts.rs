//! `[tenant.branding.texts]`.

use super::{check, tenant};

#[test]
fn texts_of_a_tenant() {
    let text = |language: &str, text: &str| tenant(&format!("[tenant.branding.texts.{language}]\n{text}"));
    check(&text("en", "login.title = \"Welcome\"\nmessages.1070001 = \"Phrase\""), &[]);
    check(&text("de", "registration.password_hint = { one = \"Ab {min} Zeichen\" }"), &[]);
    check(
        &text("en", "login.titel = \"Welcome\""),
        &[
            "p.toml:4:7: tenant[0].branding.texts.en.login.titel: is no text of the pages (see `runtime/ui/locales`)",
        ],
    );
    check(
        &text("en", "login.no_account = \"New here?\""),
        &[
            "p.toml:4:7: tenant[0].branding.texts.en.login.no_account: must have the places {tenant}, each as often as here",
        ],
    );
    check(
        &text("it", "login.title = \"Ciao\""),
        &[
            "p.toml:3:24: tenant[0].branding.texts.it: unknown value `it`; known values here: `en`, `de`, `fr`, `es`",
        ],
    );
}
