//! What a component is, told from its bytes alone: nothing is compiled and nothing runs.

use std::collections::BTreeSet;

use serde::Serialize;
use tenancy::plugin::{Capability, HookName};
use wasmparser::{BinaryReaderError, Parser, Payload, Validator};

use crate::HostError;
use crate::component::{ComponentHash, is_free};
use crate::hooks::interfaces;

/// What a component is and needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// Its SHA-256, in lower-case hex.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The hooks that it implements.
    pub hooks: BTreeSet<HookName>,
    /// The capabilities that must be granted before it loads.
    pub capabilities: BTreeSet<Capability>,
    /// Imports that no grant covers: with any of them it does not load on this node.
    pub not_offered: Vec<String>,
    /// Everything that it imports.
    pub imports: Vec<String>,
    /// Everything that it exports.
    pub exports: Vec<String>,
}

/// Inspects a component. Its bytes are validated; whether its functions have the types of the hooks that
/// they are named after shows when it is installed.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, HostError> {
    if Parser::is_core_wasm(bytes) {
        return Err(HostError::CoreModule);
    }
    if bytes.is_empty() || !MAGIC.starts_with(bytes.get(..MAGIC.len()).unwrap_or(bytes)) {
        return Err(HostError::NotAComponent);
    }
    Validator::new().validate_all(bytes).map_err(invalid)?;
    let (imports, exports) = names(bytes).map_err(HostError::invalid)?;
    let covering = |import: &String| {
        Capability::ALL.into_iter().find(|capability| capability.interface() == Some(import.as_str()))
    };
    Ok(Inspection {
        sha256: ComponentHash::of(bytes).to_string(),
        bytes: bytes.len() as u64,
        hooks: HookName::ALL
            .into_iter()
            .filter(|hook| interfaces(*hook).iter().any(|interface| exports.contains(interface)))
            .collect(),
        capabilities: imports.iter().filter_map(covering).collect(),
        not_offered: imports
            .iter()
            .filter(|import| covering(import).is_none() && !is_free(import))
            .cloned()
            .collect(),
        imports,
        exports,
    })
}

/// How every binary of WebAssembly begins.
const MAGIC: &[u8] = b"\0asm";

/// Whether the bytes end too early: the validator stood at their end and wanted more.
fn invalid(error: BinaryReaderError) -> HostError {
    // The error has no kind; a test of ours fails when the words change.
    if error.message().starts_with("unexpected end") {
        HostError::Truncated
    } else {
        HostError::invalid(error)
    }
}

/// The names that the component itself imports and exports, not those of what is nested in it.
fn names(bytes: &[u8]) -> wasmparser::Result<(Vec<String>, Vec<String>)> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}
