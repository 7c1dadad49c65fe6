//! The files in `config/` are those that the types generate, and the examples are right.

use std::path::Path;

use portcullis_config::{Config, Source};

#[expect(clippy::unwrap_used, reason = "a missing file fails the test")]
fn committed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[track_caller]
fn check_generated(name: &str, generated: &str) {
    assert!(
        committed(name) == generated,
        "config/{name} is not current; run `cargo run -p portcullis-config --example generate`"
    );
}

#[test]
fn schema_is_current() {
    check_generated("schema.json", &portcullis_config::reference::schema_text());
}

#[test]
fn reference_page_is_current() {
    check_generated("reference.md", &portcullis_config::reference::page());
}

#[test]
fn examples_are_right() {
    for name in ["example.toml", "minimal.toml"] {
        let text = committed(name);
        let directory = Path::new("/etc/portcullis");
        let parsed = Config::parse(&Source { text: &text, file: name, directory, exists: &|_| true });
        assert!(parsed.is_ok(), "{parsed:?}");
    }
}

#[test]
fn example_shows_every_section_and_two_products() {
    let text = committed("example.toml");
    let directory = Path::new("/etc/portcullis");
    let source = Source { text: &text, file: "example.toml", directory, exists: &|_| true };
    let config = Config::parse(&source).unwrap();
    let table: toml::Table = text.parse().unwrap();
    for section in portcullis_config::reference::schema()["properties"].as_object().unwrap().keys() {
        assert!(table.contains_key(section), "no [{section}]");
    }
    let tenants: Vec<_> =
        config.tenants.iter().map(|t| (t.id.as_str(), t.clients.len(), t.plugins.len())).collect();
    assert_eq!(tenants, [("nexboard", 3, 1), ("fieldnotes", 1, 0)]);
}

#[test]
fn reference_page_is_for_users() {
    let page = portcullis_config::reference::page();
    for word in ["](", "[`"] {
        let links = page.lines().filter(|line| line.contains(word) && !line.starts_with("- [`["));
        assert_eq!(links.collect::<Vec<_>>(), [""; 0], "a link of the code's documentation");
    }
}

#[test]
fn every_key_of_the_node_has_a_meaning() {
    for line in portcullis_config::reference::page().lines().filter(|line| line.starts_with("| `")) {
        assert!(!line.ends_with("|  |"), "no doc comment: {line}");
    }
}
