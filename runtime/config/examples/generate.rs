//! Writes `config/schema.json` and `config/reference.md` from the types.
//!
//! `cargo run -p portcullis-config --example generate`

use std::path::Path;

fn main() -> std::io::Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    std::fs::write(directory.join("schema.json"), portcullis_config::reference::schema_text())?;
    std::fs::write(directory.join("reference.md"), portcullis_config::reference::page())
}
