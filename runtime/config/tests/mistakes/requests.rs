//! `resources`, `scope_descriptions` and `authorization_details_types` of `[tenant.oauth2]`.

use super::{check, tenant};

#[test]
fn resources_and_descriptions_of_scopes() {
    check(
        &tenant(
            "[tenant.oauth2]\nresources = [\"https://mcp.example\", \"mcp.example\", \"https://mcp.example#x\"]",
        ),
        &[
            "p.toml:4:37: tenant[0].oauth2.resources[1]: `mcp.example` is not an absolute URI without fragment",
            "p.toml:4:52: tenant[0].oauth2.resources[2]: `https://mcp.example#x` is not an absolute URI without fragment",
        ],
    );
    check(
        &tenant(
            "[tenant.oauth2.scope_descriptions]\n\"a b\" = { en = \"A\" }\nc = { nl = \"C\", de = \"\" }",
        ),
        &[
            "p.toml:5:1: tenant[0].oauth2.scope_descriptions.a b: `a b` is not one scope",
            "p.toml:6:16: tenant[0].oauth2.scope_descriptions.c.de: must have 1 to 300 characters, in one line",
            "p.toml:6:7: tenant[0].oauth2.scope_descriptions.c.nl: is no language of the pages: en, de, fr, es",
        ],
    );
}

#[test]
fn types_of_authorization_details() {
    let types = |text: &str| tenant(&format!("[[tenant.oauth2.authorization_details_types]]\n{text}"));
    check(
        &types(
            "name = \"a b\"\nschema = { properties = { x = { type = \"no such\" } } }\nwords = { en = \"Pay {x\" }",
        ),
        &[
            "p.toml:5:1: tenant[0].oauth2.authorization_details_types[0].name: must have 1 to 128 characters of ASCII, without spaces, quotes and backslashes",
        ],
    );
    check(
        &types("name = \"a\"\nschema = { \"$ref\" = \"https://evil.example\" }"),
        &["p.toml:6:1: tenant[0].oauth2.authorization_details_types[0].schema: it refers to"],
    );
    check(
        &types(
            "name = \"a\"\nschema = { properties = {} }\n[[tenant.oauth2.authorization_details_types]]\nname = \"a\"\nschema = { properties = {} }",
        ),
        &["p.toml:8:1: tenant[0].oauth2.authorization_details_types[1].name: `a` is there already"],
    );
}
