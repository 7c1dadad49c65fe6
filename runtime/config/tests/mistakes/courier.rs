//! Mistakes about mail.

use super::check;

#[test]
fn courier() {
    let smtp = |rest: &str| {
        format!("[courier]\nfrom_address = \"a@b.example\"\n[courier.smtp]\nhost = \"smtp.example\"\n{rest}")
    };
    check(&smtp(""), &[]);
    check(&smtp("tls = \"tls\"\nusername = \"u\"\npassword = { env = \"SMTP\" }"), &[]);
    check("[courier.smtp]\nhost = \"127.0.0.1\"\ntls = \"none\"", &[]);
    check(&smtp("ca = \"ca.pem\""), &[]);
    check(&smtp("ca = \"missing\""), &["p.toml:5:1: courier.smtp.ca: there is no file /etc/p/missing"]);
    check(
        "[courier.smtp]\nhost = \"127.0.0.1\"\ntls = \"none\"\nca = \"ca.pem\"",
        &["p.toml:4:1: courier.smtp.ca: says nothing of a server that is spoken to in the clear"],
    );
    check(
        &smtp("tls = \"none\""),
        &[
            "p.toml:5:1: courier.smtp.tls: must be \"starttls\" or \"tls\" for a server that is not on this machine",
        ],
    );
    check(
        &smtp("password = { env = \"SMTP\" }"),
        &["p.toml:3:10: courier.smtp: needs both `username` and `password`, or neither"],
    );
    check(
        &smtp("username = \"u\"\npassword = \"hunter2\""),
        &[
            "p.toml:6:12: courier.smtp.password: a secret is not written here; refer to it with { file = \"…\" } or \
             { env = \"…\" }",
        ],
    );
    for address in ["", "ada", "ada@b.example, eve@rival.example", "Ada <ada@b.example>", "a@b@c"] {
        check(
            &format!("[courier]\nfrom_address = \"{address}\""),
            &["p.toml:2:1: courier.from_address: must be an e-mail address"],
        );
    }
    let sms = |rest: &str| format!("[courier.channels.sms]\n{rest}");
    check(&sms("url = \"https://sms.example/x\"\ncredential = { env = \"SMS\" }"), &[]);
    check(&sms("url = \"http://127.0.0.1:8080/x\"\nmethod = \"PUT\""), &[]);
    for url in ["http://sms.example/x", "https://u:p@sms.example/x", "sms.example", "file:///etc/passwd"] {
        check(
            &sms(&format!("url = \"{url}\"")),
            &[
                "p.toml:2:1: courier.channels.sms.url: must be an https URL without a user (http for a service on this \
                 machine)",
            ],
        );
    }
    check(
        &sms("url = \"https://sms.example/x\"\nheader = \"x-key\""),
        &["p.toml:1:19: courier.channels.sms: needs `credential` for `header`"],
    );
    check(
        &sms("url = \"https://sms.example/x\"\nheader = \"x key\"\ncredential = { env = \"SMS\" }"),
        &["p.toml:3:1: courier.channels.sms.header: must be the name of a header"],
    );
    check("[courier]\nmessage_retries = 0", &["p.toml:2:1: courier.message_retries: must be at least 1"]);
}
