//! `[[tenant.client]]`

use super::{check, tenant};

#[test]
fn clients() {
    let client = |rest: &str| tenant(&format!("[[tenant.client]]\nclient_id = \"app\"\n{rest}"));
    let secret = "secret = { env = \"APP\" }\n";
    let uris = "redirect_uris = [\"https://a.example/cb\"]\n";
    check(&client(&format!("{secret}{uris}")), &[]);
    check(&client(&format!("token_endpoint_auth_method = \"none\"\n{uris}")), &[]);
    check(
        &client("redirect_uri = \"https://a.example/cb\""),
        &[
            "p.toml:5:1: tenant[0].client[0].redirect_uri: unknown key `redirect_uri`, did you mean `redirect_uris`?",
        ],
    );
    check(
        &client("client_secret = \"hunter2\""),
        &[
            "p.toml:5:1: tenant[0].client[0].client_secret: unknown key `client_secret`; write `secret = { file = \
           \"…\" }` or { env = \"…\" }",
        ],
    );
    check(
        &client(&format!("{secret}redirect_uris = [\"https://a.example/cb\", \"http://b.example/cb\"]")),
        &[
            "p.toml:6:42: tenant[0].client[0].redirect_uris[1]: redirect_uris \"http://b.example/cb\" must use https; \
           http is only for loopback addresses",
        ],
    );
    check(
        &client(&format!("{secret}{uris}grant_types = [\"magic\"]")),
        &["p.toml:7:16: tenant[0].client[0].grant_types[0]: unknown value `magic`; known values here: \
           `authorization_code`, `refresh_token`, `client_credentials`, \
           `urn:ietf:params:oauth:grant-type:device_code`, `implicit`, `urn:ietf:params:oauth:grant-type:jwt-bearer`, `password`, \
           `urn:ietf:params:oauth:grant-type:token-exchange`"],
    );
    check(
        &client("token_endpoint_auth_method = \"none\"\ngrant_types = [\"client_credentials\"]"),
        &["p.toml:6:1: tenant[0].client[0].grant_types: the client_credentials grant needs a client that \
           authenticates"],
    );
    let exchange = "grant_types = [\"urn:ietf:params:oauth:grant-type:token-exchange\"]\n";
    check(
        &client(&format!("{secret}{exchange}token_exchange = {{ identifiers = [\"https://a.example\"] }}")),
        &[],
    );
    check(
        &client(&format!("token_endpoint_auth_method = \"none\"\n{exchange}")),
        &[
            "p.toml:6:1: tenant[0].client[0].grant_types: the token exchange grant needs a client that authenticates",
        ],
    );
    check(
        &client(&format!("{secret}{exchange}token_exchange = {{ targets = [\"a b\"] }}")),
        &[
            "p.toml:7:20: tenant[0].client[0].token_exchange.targets: token_exchange.targets must be a list of \
           audiences, each without spaces",
        ],
    );
    check(
        &client(&format!("{secret}{exchange}token_exchange = {{ impersonate = true }}")),
        &[
            "p.toml:7:20: tenant[0].client[0].token_exchange.impersonate: unknown key `impersonate`, did you mean \
           `impersonation`?",
        ],
    );
    check(
        &client(&format!("{secret}{uris}subject_type = \"ephemeral\"")),
        &[
            "p.toml:7:1: tenant[0].client[0].subject_type: subject_type \"ephemeral\" is not supported; it may be \
           public or pairwise",
        ],
    );
    check(
        &client(&format!("{secret}redirect_uris = [\"app:/cb\"]\nsubject_type = \"pairwise\"")),
        &[
            "p.toml:3:1: tenant[0].client[0].sector_identifier_uri: subject_type pairwise needs sector_identifier_uri, \
           unless all redirect_uris are https addresses of one host",
        ],
    );
    check(
        &client(&format!("{secret}{uris}backchannel_logout_uri = \"http://a.example/out\"")),
        &[
            "p.toml:7:1: tenant[0].client[0].backchannel_logout_uri: backchannel_logout_uri must be an absolute https \
           URL",
        ],
    );
    check(
        &client(&format!("{secret}{uris}frontchannel_logout_uri = \"https://b.example/out\"")),
        &[
            "p.toml:7:1: tenant[0].client[0].frontchannel_logout_uri: frontchannel_logout_uri must have the scheme, \
           host and port of one of redirect_uris",
        ],
    );
    check(&client(&format!("{secret}{uris}frontchannel_logout_uri = \"https://a.example/out\"")), &[]);
    check(
        &client(uris),
        &[
            "p.toml:3:1: tenant[0].client[0].token_endpoint_auth_method: `client_secret_basic` needs `secret = { file \
           = \"…\" }` or { env = \"…\" }; a public client says `none`",
        ],
    );
    check(
        &client(&format!("{secret}{uris}token_endpoint_auth_method = \"none\"")),
        &["p.toml:5:1: tenant[0].client[0].secret: has no use: `token_endpoint_auth_method` is `none`"],
    );
    check(
        &client(secret),
        &[
            "p.toml:3:1: tenant[0].client[0].redirect_uris: the authorization_code grant needs at least one of \
           redirect_uris",
        ],
    );
    check(
        &client(&format!("{uris}token_endpoint_auth_method = \"private_key_jwt\"")),
        &[
            "p.toml:6:1: tenant[0].client[0].token_endpoint_auth_method: private_key_jwt needs jwks or jwks_uri",
        ],
    );
    check(
        &format!(
            "{}\n[[tenant.client]]\nclient_id = \"app\"\n{secret}{uris}",
            client(&format!("{secret}{uris}"))
        ),
        &["p.toml:9:1: tenant[0].client[1].client_id: `app` is also the id of client[0]"],
    );
}
