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
            "p.toml:4:1: tenant[0].oauth2.scope_descriptions.a b: `a b` is not one scope",
            "p.toml:5:7: tenant[0].oauth2.scope_descriptions.c.nl: is no language of the pages: en, de, fr, es",
            "p.toml:5:17: tenant[0].oauth2.scope_descriptions.c.de: must have 1 to 300 characters, in one line",
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
            "p.toml:4:1: tenant[0].oauth2.authorization_details_types[0].name: must have 1 to 128 characters of ASCII, without spaces, quotes and backslashes",
            "p.toml:5:1: tenant[0].oauth2.authorization_details_types[0].schema: it is not valid: \"no such\" is not valid under any of the schemas listed in the 'anyOf' keyword",
            "p.toml:6:11: tenant[0].oauth2.authorization_details_types[0].words.en: has a brace that nothing closes or opens",
        ],
    );
    check(
        &types("name = \"a\"\nschema = { \"$ref\" = \"https://evil.example\" }"),
        &[
            "p.toml:5:1: tenant[0].oauth2.authorization_details_types[0].schema: it refers to \"https://evil.example\"; references must begin with '#'",
            "p.toml:5:1: tenant[0].oauth2.authorization_details_types[0].schema: has no `properties`: only members that they name are taken",
        ],
    );
    check(
        &types(
            "name = \"a\"\nschema = { properties = {} }\n[[tenant.oauth2.authorization_details_types]]\nname = \"a\"\nschema = { properties = {} }",
        ),
        &["p.toml:7:1: tenant[0].oauth2.authorization_details_types[1].name: `a` is there already"],
    );
    let judged = "name = \"a\"\nschema = { properties = {} }\nvalidate = \"plugin\"\n";
    let nobody = "p.toml:6:1: tenant[0].oauth2.authorization_details_types[0].validate: asks a plugin, and the tenant has none that is bound to `policy` for every client and organisation";
    for (bind, expect) in [
        ("", &[nobody][..]),
        ("hook = \"token\"", &[nobody]),
        ("hook = \"policy\", client = \"a\"", &[nobody]),
        ("hook = \"policy\"", &[]),
    ] {
        let plugin =
            format!("[[tenant.plugin]]\nname = \"p\"\ncomponent = \"p.wasm\"\nbind = [{{ {bind} }}]\n");
        check(&types(&format!("{judged}{}", if bind.is_empty() { "" } else { &plugin })), expect);
    }
}
