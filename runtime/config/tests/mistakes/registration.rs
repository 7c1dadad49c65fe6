//! `[tenant.oauth2.registration]`.

use super::{check, tenant};

#[test]
fn clients_that_register_themselves() {
    check(
        &tenant(
            "[tenant.oauth2.registration]\nmode = \"open\"\nunused_lifespan = \"0s\"\nscopes = [\"a\\\"b\"]",
        ),
        &[
            "p.toml:5:1: tenant[0].oauth2.registration.unused_lifespan: must be longer than nothing",
            "p.toml:6:1: tenant[0].oauth2.registration.scopes: holds what is no scope",
        ],
    );
}
