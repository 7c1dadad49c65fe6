//! Mistakes about the check that a person is there.

use super::{check, tenant};

fn captcha(rest: &str) -> String {
    tenant(&format!(
        "secrets = {{ turnstile = {{ file = \"t\" }} }}\n[tenant.identity.captcha]\nprovider = \"turnstile\"\n{rest}"
    ))
}

#[test]
fn the_check_that_a_person_is_there() {
    let whole = "site_key = \"0x4AAA_-\"\nsecret = \"turnstile\"\n";
    check(&captcha(whole), &[]);
    let more = "flows = [\"login\"]\nhostname = \"id.example\"\nnative = false\non_failure = \"allow\"\n\
                script_url = \"https://w.example/a.js\"\nverify_url = \"http://127.0.0.1:9/v\"";
    check(&captcha(&format!("{whole}{more}")), &[]);
    check(
        &captcha("site_key = \"0x4AAA\"\nsecret = \"other\""),
        &["p.toml:7:1: tenant[0].identity.captcha.secret: `secrets` has no `other`"],
    );
    check(
        &captcha("site_key = \"0x4AAA\"\nsecret = \"a b\""),
        &[
            "p.toml:7:1: tenant[0].identity.captcha.secret: `a b` is no name of a secret: 1 to 64 letters, digits, `_`, `-` and \
           `.`",
        ],
    );
    check(
        &captcha("site_key = \"a\\\"b\"\nsecret = \"turnstile\""),
        &["p.toml:6:1: tenant[0].identity.captcha.site_key: must be 1 to 128 letters, digits, `-` and `_`"],
    );
    check(
        &captcha(&format!("{whole}flows = []")),
        &["p.toml:8:1: tenant[0].identity.captcha.flows: is empty: no form would ask"],
    );
    check(
        &captcha(&format!("{whole}hostname = \"https://id.example\"")),
        &[
            "p.toml:8:1: tenant[0].identity.captcha.hostname: must be a host name in lower case, without scheme and port",
        ],
    );
    for (key, value) in [
        ("verify_url", "http://w.example/v"),
        ("verify_url", "https://a:b@w.example/v"),
        ("script_url", "http://w.example/a.js"),
        ("script_url", "data:text/javascript,1"),
    ] {
        let expect = format!(
            "p.toml:8:1: tenant[0].identity.captcha.{key}: must be an https URL without a user (http for this machine)"
        );
        check(&captcha(&format!("{whole}{key} = \"{value}\"")), &[&expect]);
    }
}
