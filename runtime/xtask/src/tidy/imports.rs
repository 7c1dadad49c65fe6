//! Who may import whom: the table of the architecture page, checked against every manifest.

use super::Tree;
use anyhow::Context;

/// A room and what it may import.
struct Room {
    /// The directory below `runtime/`.
    directory: &'static str,
    /// Our own crates, by their name in code.
    ours: &'static [&'static str],
    /// The restricted crates of others that this room alone knows.
    theirs: &'static [&'static str],
}

const fn room(directory: &'static str, ours: &'static [&'static str]) -> Room {
    Room { directory, ours, theirs: &[] }
}

/// The table. A room that is missing here may not exist.
const ROOMS: &[Room] = &[
    room("primitives", &[]),
    // For tests: what answers are held against.
    room("contract", &[]),
    // For tests: what reads encrypted tokens, as their recipients do.
    room("recipient", &[]),
    room("jose", &["primitives"]),
    room("ui", &["primitives"]),
    room("tenancy", &["primitives"]),
    room("oauth2", &["primitives", "jose"]),
    room("identity", &["primitives", "jose"]),
    room("federation", &["primitives", "jose", "identity"]),
    // A TOML section's type is the room's own settings type.
    room("config", &["primitives", "tenancy", "jose", "oauth2", "identity", "federation", "ui"]),
    Room {
        directory: "plugin-host",
        ours: &["primitives", "tenancy", "jose", "oauth2", "identity"],
        theirs: &["wasmtime", "wasmtime-wasi"],
    },
    Room {
        directory: "storage",
        ours: &["primitives", "tenancy", "jose", "oauth2", "identity", "federation"],
        theirs: &["sqlx"],
    },
    Room {
        directory: "jobs",
        ours: &["primitives", "tenancy", "jose", "oauth2", "identity", "storage", "config"],
        theirs: &["lettre"],
    },
    Room {
        directory: "http",
        ours: &[
            "primitives",
            "tenancy",
            "jose",
            "oauth2",
            "identity",
            "federation",
            "federation",
            "storage",
            "ui",
            "config",
        ],
        theirs: &["hyper", "hyper-util", "tokio-rustls", "matchit"],
    },
];

/// The composition root, the test kit and these commands see everything of ours; only these do.
const FREE: &[&str] = &["cli", "testkit", "xtask"];

/// Crates that one room each may know (and whoever is in [`FREE`]).
const RESTRICTED: &[&str] = &[
    "sqlx",
    "lettre",
    "axum",
    "hyper",
    "hyper-util",
    "tokio-rustls",
    "wasmtime",
    "wasmtime-wasi",
    "reqwest",
    "ureq",
];

/// Our crates by their name in code.
const OURS: &[&str] = &[
    "primitives",
    "tenancy",
    "jose",
    "oauth2",
    "identity",
    "plugin_host",
    "storage",
    "portcullis_http",
    "jobs",
    "ui",
    "config",
    "contract",
    "recipient",
    "testkit",
];

/// Checks every manifest below `runtime/` against the table.
pub(super) fn check(tree: &Tree) -> anyhow::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for file in &tree.files {
        let Some(directory) = crate_directory(file) else { continue };
        let text = tree.text(file).unwrap_or_default();
        let manifest: toml::Table = text.parse().with_context(|| file.display().to_string())?;
        if FREE.contains(&directory) {
            continue;
        }
        let Some(room) = ROOMS.iter().find(|room| room.directory == directory) else {
            wrong.push(format!("{}: `{directory}` is not in the table of tidy/imports.rs", file.display()));
            continue;
        };
        wrong.extend(broken(room, &manifest).map(|what| format!("{}: {what}", file.display())));
    }
    Ok(wrong)
}

fn crate_directory(file: &std::path::Path) -> Option<&str> {
    file.to_str()?.strip_prefix("runtime/")?.strip_suffix("/Cargo.toml").filter(|rest| !rest.contains('/'))
}

fn broken(room: &Room, manifest: &toml::Table) -> impl Iterator<Item = String> {
    // What only tests import does not tie the room to it.
    let names =
        manifest.get("dependencies").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
    names.filter_map(|name| {
        let name = name.as_str();
        if OURS.contains(&name) && !room.ours.contains(&name) {
            return Some(format!("`{}` may not import `{name}`", room.directory));
        }
        let foreign = RESTRICTED.contains(&name) && !room.theirs.contains(&name);
        foreign.then(|| format!("`{}` may not know `{name}`: take a port", room.directory))
    })
}

#[cfg(test)]
mod tests {
    use super::{ROOMS, broken};

    fn check(directory: &str, dependencies: &str, expected: &[&str]) {
        let manifest = format!("[dependencies]\n{dependencies}").parse().unwrap();
        let room = ROOMS.iter().find(|room| room.directory == directory).unwrap();
        assert_eq!(broken(room, &manifest).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_room_imports_what_the_table_says() {
        check("oauth2", "jose.workspace = true\nserde.workspace = true", &[]);
        check("oauth2", "identity.workspace = true", &["`oauth2` may not import `identity`"]);
        check("tenancy", "jose.workspace = true", &["`tenancy` may not import `jose`"]);
        check("storage", "sqlx.workspace = true", &[]);
        check("identity", "sqlx.workspace = true", &["`identity` may not know `sqlx`: take a port"]);
        check("storage", "wasmtime = \"48\"", &["`storage` may not know `wasmtime`: take a port"]);
    }
}
