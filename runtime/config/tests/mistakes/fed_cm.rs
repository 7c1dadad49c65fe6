//! Mistakes about signing in by the browser's own dialog.

use super::{check, tenant};

/// A provider of lines 3 to 6, with what more is said of it, and its `fed_cm` of line 8 on.
fn provider(kind: &str, more: &str, fed_cm: &str) -> String {
    tenant(&format!(
        "[[tenant.federation.provider]]\nid = \"acme\"\nprovider = \"{kind}\"\nclient_id = \"c\"\n{more}\n\
         [tenant.federation.provider.fed_cm]\n{fed_cm}"
    ))
}

#[test]
fn providers_that_browsers_ask_by_themselves() {
    const CONFIG: &str = "config_url = \"https://op.example/fedcm.json\"";
    let issuer = "issuer_url = \"https://op.example\"";
    let at = |more: &str| format!("p.toml:{more}");
    check(&provider("generic", issuer, CONFIG), &[]);
    check(&provider("google", "", &format!("{CONFIG}\nfields = [\"email\"]")), &[]);
    check(
        &provider("generic", issuer, "config_url = \"http://op.example/fedcm.json\""),
        &[&at(
            "9:1: tenant[0].federation.provider[0].fed_cm.config_url: must be https; http is for this machine only",
        )],
    );
    check(
        &provider("generic", issuer, &format!("{CONFIG}\nparameters = {{ nonce = \"n\" }}")),
        &[&at(
            "10:1: tenant[0].federation.provider[0].fed_cm.parameters: has a `nonce`: each sign-in gets one of its own",
        )],
    );
    check(
        &provider("github", "", CONFIG),
        &[&at(
            "8:29: tenant[0].federation.provider[0].fed_cm: is for a provider with ID tokens and an `issuer_url`",
        )],
    );
    check(
        &provider(
            "generic",
            &format!("{issuer}\norganization_id = \"6ba7b810-9dad-11d1-80b4-00c04fd430c8\""),
            CONFIG,
        ),
        &[&at(
            "9:29: tenant[0].federation.provider[0].fed_cm: is for no organisation's provider: the dialog asks before anybody is known",
        )],
    );
    check(
        &provider("microsoft", "microsoft_tenant = \"common\"\nsubject_source = \"me\"", CONFIG),
        &[&at(
            "9:29: tenant[0].federation.provider[0].fed_cm: cannot ask for `subject_source = \"me\"`: there is no access token",
        )],
    );
}
