//! What is said to be below a domain of the allow-list, and is not.

use super::*;

/// The addresses that `https://*.acme.example:8443/app`, `https://*.shop.example` and what is below a cloud's name allow.
fn check_wildcards(what: &str, requested: &str, allowed: bool) {
    let base = Url::parse("https://id.example").unwrap();
    let settings = FlowSettings {
        allowed_return_urls: vec![
            "https://*.acme.example:8443/app".into(),
            "https://*.shop.example".into(),
            "https://*.bücher.example".into(),
            "https://*.amazonaws.com".into(),
            // None of these can be configured; one that was stored before allows nothing.
            "https://*.com".into(),
            "https://*.co.uk".into(),
            "http://*.plain.example".into(),
        ],
        ..FlowSettings::default()
    };
    assert_eq!(check(requested, &base, &settings).is_ok(), allowed, "{what}: {requested}");
}

#[test]
fn wildcard_allows_every_name_below_its_domain_and_nobody_elses() {
    for requested in [
        "https://app.acme.example:8443/app",
        "https://a.b.acme.example:8443/app/x?y=1#z",
        "https://APP.Shop.Example/",
        "https://app.shop.example:443/x",
        "https://my_app.shop.example/",
        "https://laden.bücher.example/",
        "https://laden.xn--bcher-kva.example/",
        "https://console.amazonaws.com/",
    ] {
        check_wildcards("a name below the domain", requested, true);
    }
    for (attack, requested) in [
        ("the domain itself", "https://shop.example/"),
        ("a suffix without a dot", "https://evilshop.example/"),
        ("the domain as a part", "https://app.shop.example.evil.example/"),
        ("user info", "https://app.shop.example@evil.example/"),
        ("user info at the right host", "https://evil.example@app.shop.example/"),
        ("user info with a password", "https://a:b@app.shop.example/"),
        ("a backslash for a slash", "https:\\\\app.shop.example/"),
        ("a backslash before the domain", "https://evil.example\\.shop.example/"),
        ("a fragment before the domain", "https://evil.example#.shop.example/"),
        ("a query before the domain", "https://evil.example?.shop.example/"),
        ("a path before the domain", "https://evil.example/.shop.example/"),
        ("an encoded slash in the name", "https://evil.example%2f.shop.example/"),
        ("an encoded dot in the path", "https://app.acme.example:8443/app/%2e%2e/x"),
        ("another scheme", "http://app.shop.example/"),
        ("a script", "javascript://app.shop.example/%0aalert(1)"),
        ("another port", "https://app.shop.example:8443/"),
        ("the default port where another is meant", "https://app.acme.example/app"),
        ("another path", "https://app.acme.example:8443/apple"),
        ("the path above", "https://app.acme.example:8443/"),
        ("a dot at the end", "https://app.shop.example./"),
        ("an empty label", "https://.shop.example/"),
        ("an empty label between", "https://app..shop.example/"),
        ("a star", "https://*.shop.example/"),
        ("a look-alike, as punycode", "https://app.xn--shp-hna.example/"),
        ("a look-alike, as it is written", "https://app.sh\u{f6}p.example/"),
        ("another domain in other letters", "https://laden.bucher.example/"),
        ("a slash of another script", "https://evil.example\u{ff0f}.shop.example/"),
        ("a dot of another script", "https://evil\u{3002}example/.shop.example"),
        ("a public suffix below the domain", "https://s3.amazonaws.com/"),
        ("somebody's name below such a suffix", "https://evil.s3.amazonaws.com/"),
        ("below a suffix", "https://evil.com/"),
        ("below a suffix of two labels", "https://evil.co.uk/"),
        ("an entry without TLS", "http://app.plain.example/"),
        ("a control character", "https://app.shop.example/\n"),
        ("without a scheme", "//app.shop.example/"),
    ] {
        check_wildcards(attack, requested, false);
    }
}
