//! What a tenant or a client says against its own security profile.

use super::{check, tenant};

#[test]
fn tenant_signs_with_what_its_profile_has() {
    check(&tenant("[tenant.oauth2]\nsecurity_profile = \"fapi2-security\""), &[]);
    check(
        &tenant(
            "[tenant.oauth2]\nsecurity_profile = \"fapi2-security\"\nid_token_signing_algorithm = \"RS256\"\n\
             [tenant.keys]\nalgorithms = [\"ES384\"]",
        ),
        &[
            "p.toml:5:1: tenant[0].oauth2.id_token_signing_algorithm: `RS256` is none of those of `fapi2-security`: \
             PS256, ES256, EdDSA",
            "p.toml:7:1: tenant[0].keys.algorithms: `ES384` is none of those of `fapi2-security`: PS256, ES256, EdDSA",
        ],
    );
}

#[test]
fn profile_and_plain_pkce_exclude_each_other() {
    check(&tenant("[tenant.oauth2]\npkce_plain = true"), &[]);
    check(
        &tenant("[tenant.oauth2]\nsecurity_profile = \"fapi2-security\"\npkce_plain = true"),
        &["p.toml:5:1: tenant[0].oauth2.pkce_plain: `fapi2-security` has no method of PKCE but S256"],
    );
}

#[test]
fn client_is_held_to_the_profile_of_its_tenant_and_to_its_own() {
    let expect = "token_endpoint_auth_method: security_profile fapi2-security: only confidential clients are served \
                  (FAPI 2.0 Security Profile section 5.3.2.1)";
    let client = "[[tenant.client]]\nclient_id = \"app\"\nredirect_uris = [\"https://a.example/cb\"]\n\
                  token_endpoint_auth_method = \"none\"\n";
    check(&tenant(client), &[]);
    check(
        &tenant(&format!("{client}security_profile = \"fapi2-security\"")),
        &[&format!("p.toml:6:1: tenant[0].client[0].{expect}")],
    );
    check(
        &tenant(&format!("[tenant.oauth2]\nsecurity_profile = \"fapi2-security\"\n{client}")),
        &[&format!("p.toml:8:1: tenant[0].client[0].{expect}")],
    );
}
