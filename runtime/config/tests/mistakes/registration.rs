//! `[tenant.oauth2.registration]`.

use super::{check, tenant};

#[test]
fn clients_that_register_themselves() {
    check(
        &tenant(
            "[tenant.oauth2.registration]\nmode = \"open\"\nunused_lifespan = \"0s\"\n\
             idle_lifespan = \"0s\"\nscopes = [\"a\\\"b\"]",
        ),
        &[
            "p.toml:5:1: tenant[0].oauth2.registration.unused_lifespan: must be longer than nothing",
            "p.toml:6:1: tenant[0].oauth2.registration.idle_lifespan: must be longer than nothing",
            "p.toml:7:1: tenant[0].oauth2.registration.scopes: holds what is no scope",
        ],
    );
    check(
        &tenant("[tenant.oauth2.registration]\nmode = \"open\"\nrequire_software_statement = true"),
        &[
            "p.toml:5:1: tenant[0].oauth2.registration.require_software_statement: asks for what nobody can bring: there are no `software_publishers`",
        ],
    );
}

#[test]
fn protected_resources() {
    check(
        &tenant(
            "[[tenant.oauth2.protected_resources]]\nresource = \"https://api.example\"\nscopes = [\"a b\"]\n\
             [[tenant.oauth2.protected_resources]]\nresource = \"http://api.example\"\nterms = \"terms\"\n\
             [[tenant.oauth2.protected_resources]]\nresource = \"https://api.example\"",
        ),
        &[
            "p.toml:5:1: tenant[0].oauth2.protected_resources[0].scopes: holds what is not one scope",
            "p.toml:7:1: tenant[0].oauth2.protected_resources[1].resource: must be an absolute https URL without fragment (http for a loopback address)",
            "p.toml:8:1: tenant[0].oauth2.protected_resources[1].terms: must be an absolute https URL",
            "p.toml:10:1: tenant[0].oauth2.protected_resources[2].resource: is declared twice",
        ],
    );
}

#[test]
fn hosts_of_clients_that_describe_themselves() {
    check(
        &tenant(
            "[tenant.oauth2.registration]\nmetadata_document_hosts = [\"app.example:8443\", \"*\", \"https://app.example\", \"*.example\"]",
        ),
        &[
            "p.toml:4:53: tenant[0].oauth2.registration.metadata_document_hosts[2]: `https://app.example` is not the name of a host, with its port perhaps, nor `*`",
            "p.toml:4:76: tenant[0].oauth2.registration.metadata_document_hosts[3]: `*.example` is not the name of a host, with its port perhaps, nor `*`",
        ],
    );
}
