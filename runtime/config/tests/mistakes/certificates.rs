//! Where certificates of clients come from, and what a tenant says of them.

use super::{check, tenant};

#[test]
fn listener_asks_apps_for_certificates_and_nobody_else() {
    let apps = |rest: &str| {
        format!(
            "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\nrouters = [\"public\"]\napp_certificates = true\n{rest}"
        )
    };
    let tls = "tls = { cert = \"c\", key = \"k\" }\n";
    check(&apps(tls), &[]);
    check(
        &apps(""),
        &[
            "p.toml:5:1: listener[0].app_certificates: needs `tls`: without it nobody can present a certificate",
        ],
    );
    check(
        &apps(&format!("{tls}client_ca = \"ca.pem\"")),
        &[
            "p.toml:5:1: listener[0].app_certificates: and `client_ca` exclude each other: that is for operators, on a \
           listener of theirs",
        ],
    );
    check(
        &apps(tls).replace("\"public\"", "\"public\", \"admin\""),
        &["p.toml:5:1: listener[0].app_certificates: is for a listener of apps, that serves `public` alone"],
    );
}

#[test]
fn header_of_a_proxy_that_nobody_trusts_is_a_mistake() {
    let server = |rest: &str| {
        format!("[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\nclient_certificate_header = \"{rest}\"")
    };
    check(&server("client-cert"), &[]);
    check(&server("X-SSL-Client-Cert"), &[]);
    check(
        &server("Cookie"),
        &[
            "p.toml:3:1: server.client_certificate_header: `Cookie` is no header that a proxy may write a certificate into",
        ],
    );
    check(
        "[server]\nclient_certificate_header = \"client-cert\"",
        &[
            "p.toml:2:1: server.client_certificate_header: needs `trusted_proxies`: it is believed of nobody else",
        ],
    );
}

#[test]
fn authorities_and_addresses() {
    check(
        &tenant(
            "[tenant.oauth2.client_certificates]\nenabled = true\nauthorities = [\"x\"]\nbase_url = \"http://a.example\"",
        ),
        &[
            "p.toml:5:16: tenant[0].oauth2.client_certificates.authorities[0]: must hold certificates in PEM",
            "p.toml:6:1: tenant[0].oauth2.client_certificates.base_url: `http://a.example` must be an https URL \
             without query and fragment",
        ],
    );
}
