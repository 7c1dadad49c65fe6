//! `[outbound]`

use crate::check;

#[test]
fn authorities_are_a_file_and_networks_are_networks_of_nobody_elses_secrets() {
    check(
        "[outbound]\nca = \"ca.pem\"\nprivate_networks = [\"10.1.2.3\", \"10.1.2.0/24\", \"fd12::/64\"]",
        &[],
    );
    check("[outbound]\nca = \"missing\"", &["p.toml:2:1: outbound.ca: there is no file /etc/p/missing"]);
    check(
        "[outbound]\nprivate_networks = [\"intranet\", \"0.0.0.0/0\", \"169.254.0.0/16\", \"fd00::/8\"]",
        &[
            "p.toml:2:21: outbound.private_networks[0]: `intranet` is not an IP address or network such as 10.0.0.0/8",
            "p.toml:2:33: outbound.private_networks[1]: `0.0.0.0/0` holds the address at which clouds tell machines their secrets",
            "p.toml:2:46: outbound.private_networks[2]: `169.254.0.0/16` holds the address at which clouds tell machines their secrets",
            "p.toml:2:64: outbound.private_networks[3]: `fd00::/8` holds the address at which clouds tell machines their secrets",
        ],
    );
    check(
        "[outbound]\nprivate_network = []",
        &[
            "p.toml:2:1: outbound.private_network: unknown key `private_network`, did you mean `private_networks`?",
        ],
    );
}
