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
    check("[courier]\nmessage_retries = 0", &["p.toml:2:1: courier.message_retries: must be at least 1"]);
}
