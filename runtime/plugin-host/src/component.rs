//! From bytes to a component that is ready to be called: hash, compile off the request path, map, link.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ring::digest;
use tenancy::plugin::{Capability, HookName, Settings};
use wasmtime::Engine;
use wasmtime::component::{ComponentExportIndex, InstancePre, Linker};

use crate::HostError;
use crate::capabilities::link_capabilities;
use crate::code_cache::CodeCache;
use crate::hooks::Exports;
use crate::mapped_code::MappedCode;
use crate::regular_file;
use crate::rest::{Looking, Rest};
use crate::spares::MadeAhead;
use crate::spec::PluginSource;
use crate::state::CallState;
use crate::wasi;

/// The SHA-256 of a component, by which everything about it is keyed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentHash(pub(crate) [u8; 32]);

impl ComponentHash {
    /// Hashes a component.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.iter_mut()
            .zip(digest::digest(&digest::SHA256, bytes).as_ref())
            .for_each(|(to, from)| *to = *from);
        Self(hash)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for ComponentHash {
    type Err = ();

    /// From lower-case hex.
    fn from_str(text: &str) -> Result<Self, ()> {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err(()),
        };
        let mut hash = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != hash.len() || !rest.is_empty() {
            return Err(());
        }
        for (to, [high, low]) in hash.iter_mut().zip(pairs) {
            *to = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Display for ComponentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ComponentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// So many starts in a row that took too long mean that they do, and not that the machine was busy.
const GIVEN_UP: u32 = 8;

/// A component that is mapped, linked and typed.
pub(crate) struct Loaded {
    /// Makes instances.
    pub(crate) pre: InstancePre<CallState>,
    /// The hooks that it exports.
    pub(crate) exports: Exports,
    /// Where it checks its settings, if it does.
    pub(crate) check: Option<ComponentExportIndex>,
    imports: Vec<String>,
    /// How often in a row an instance could not be made ahead.
    not_ahead: AtomicU32,
    pub(crate) code: MappedCode,
    pub(crate) rest: Rest,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("imports", &self.imports).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Refuses a component that imports what was not granted, naming everything that is missing.
    pub(crate) fn check_grants(&self, grants: &BTreeSet<Capability>) -> Result<(), HostError> {
        missing_grants(&self.imports, grants)
    }

    /// Whether instances may be made before they are called.
    pub(crate) fn may_be_made_ahead(&self) -> bool {
        self.not_ahead.load(Ordering::Relaxed) < GIVEN_UP
    }

    /// Learns what came of making one ahead.
    pub(crate) fn learn_ahead(&self, made: &MadeAhead) {
        match made {
            MadeAhead::Spare(_) => self.not_ahead.store(0, Ordering::Relaxed),
            MadeAhead::TooSlow => drop(self.not_ahead.fetch_add(1, Ordering::Relaxed)),
            MadeAhead::InCallsOnly => self.not_ahead.store(GIVEN_UP, Ordering::Relaxed),
        }
    }

    /// Refuses a component that does not export what its plugin is bound to.
    pub(crate) fn check_exports(&self, hook: HookName) -> Result<(), HostError> {
        if self.exports.has(hook) {
            return Ok(());
        }
        Err(HostError::NotExported { hook: hook.as_str(), interface: hook.interface() })
    }
}

/// Turns components into [`Loaded`] ones, and keeps the ones that are used.
#[derive(Debug)]
pub(crate) struct Loader {
    engine: Engine,
    linker: LinkerOfCalls,
    code: CodeCache,
    loaded: moka::future::Cache<ComponentHash, Arc<Loaded>>,
    component_bytes: u64,
    pub(crate) looking: Looking,
}

struct LinkerOfCalls(Linker<CallState>);

impl fmt::Debug for LinkerOfCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Linker")
    }
}

impl Loader {
    pub(crate) fn new(engine: &Engine, code: CodeCache, settings: &Settings) -> Result<Self, HostError> {
        let mut linker = Linker::new(engine);
        link_capabilities(&mut linker).map_err(HostError::engine)?;
        Ok(Self {
            engine: engine.clone(),
            linker: LinkerOfCalls(linker),
            code,
            loaded: moka::future::Cache::new(settings.loaded_components),
            component_bytes: settings.component_bytes,
            looking: Looking::default(),
        })
    }

    /// All that are loaded.
    pub(crate) fn loaded(&self) -> impl Iterator<Item = (Arc<ComponentHash>, Arc<Loaded>)> {
        self.loaded.iter()
    }

    /// A component that is loaded already.
    pub(crate) async fn find(&self, hash: ComponentHash) -> Option<Arc<Loaded>> {
        self.loaded.get(&hash).await
    }

    /// Gives a component that was loaded before, or loads it again.
    pub(crate) async fn load(
        self: &Arc<Self>,
        hash: ComponentHash,
        source: &PluginSource,
    ) -> Result<Arc<Loaded>, HostError> {
        if let Some(loaded) = self.find(hash).await {
            return Ok(loaded);
        }
        let loaded = self
            .loaded
            .try_get_with(hash, async {
                let code = match self.code.find(hash, &self.engine).await? {
                    Some(code) => code,
                    None => self.code.compile(self.read(hash, source).await?, hash, &self.engine).await?,
                };
                self.link(code).map(Arc::new)
            })
            .await
            .map_err(|error: Arc<HostError>| HostError::clone(&error))?;
        self.wake(&loaded);
        Ok(loaded)
    }

    /// Reads a component that is not known yet, and says what it is; with its bytes, where they were read.
    pub(crate) async fn identify(
        &self,
        source: &PluginSource,
    ) -> Result<(ComponentHash, Option<Arc<[u8]>>), HostError> {
        match source {
            // What it must be is known, and it is compared when it is read.
            PluginSource::Stored(stored) => Ok((stored.hash, None)),
            PluginSource::File(_) | PluginSource::Bytes(_) => {
                let bytes = self.bytes(source).await?;
                Ok((ComponentHash::of(&bytes), Some(bytes)))
            }
        }
    }

    pub(crate) async fn read(
        &self,
        hash: ComponentHash,
        source: &PluginSource,
    ) -> Result<Arc<[u8]>, HostError> {
        let bytes = self.bytes(source).await?;
        let found = ComponentHash::of(&bytes);
        if found != hash {
            return Err(HostError::WrongHash { found: found.to_string(), expected: hash.to_string() });
        }
        Ok(bytes)
    }

    async fn bytes(&self, source: &PluginSource) -> Result<Arc<[u8]>, HostError> {
        let limit = self.component_bytes;
        let too_large = |bytes: u64| HostError::TooLarge { bytes, limit };
        match source {
            PluginSource::Bytes(bytes) => {
                let length = bytes.len() as u64;
                if length > limit { Err(too_large(length)) } else { Ok(Arc::clone(bytes)) }
            }
            PluginSource::File(path) => {
                let unreadable = |error: std::io::Error| HostError::Unreadable {
                    path: path.display().to_string(),
                    detail: error.to_string(),
                };
                let (bytes, length) = regular_file::read(path, limit).await.map_err(unreadable)?;
                // One that grows while it is read is as large as what was read of it.
                let length = length.max(bytes.len() as u64);
                if length > limit { Err(too_large(length)) } else { Ok(Arc::from(bytes)) }
            }
            PluginSource::Stored(stored) => {
                let sha256 = stored.hash.to_string();
                let found = stored.components.find_component(&stored.tenant, &sha256).await;
                let found = found.map_err(|error| HostError::Internal(format!("its component: {error}")))?;
                let bytes = found.ok_or(HostError::NotStored { sha256 })?;
                let length = bytes.len() as u64;
                if length > limit { Err(too_large(length)) } else { Ok(Arc::from(bytes)) }
            }
        }
    }

    fn link(&self, code: MappedCode) -> Result<Loaded, HostError> {
        let component = code.component();
        let kind = component.component_type();
        let imports: Vec<String> = kind.imports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        // What cannot be linked at all is a missing grant to whoever wrote the plugin; say it that way,
        // rather than with the linker's first complaint.
        missing_grants(&imports, &BTreeSet::from(Capability::ALL))?;
        let pre = self.linker.0.instantiate_pre(component).map_err(HostError::invalid)?;
        let exports = Exports::new(component).map_err(HostError::invalid)?;
        let settings = component.get_export_index(None, SETTINGS);
        let check = settings.and_then(|at| component.get_export_index(Some(&at), CHECK));
        if settings.is_some() && check.is_none() {
            return Err(HostError::Invalid(format!("{SETTINGS} is exported without {CHECK}")));
        }
        Ok(Loaded { pre, exports, check, imports, not_ahead: AtomicU32::new(0), code, rest: Rest::default() })
    }
}

/// The types that hooks share: there is nothing in them to call.
pub(crate) const SHARED_TYPES: [&str; 3] =
    ["portcullis:call/types@0.1.0", "portcullis:call/people@0.1.0", "portcullis:call/refusals@0.1.0"];

/// What a component exports that checks its settings, and the function that does.
pub const SETTINGS: &str = "portcullis:plugin/settings@0.1.0";
const CHECK: &str = "check";

/// Whether every component may have this import.
pub(crate) fn is_free(import: &str) -> bool {
    SHARED_TYPES.contains(&import)
        || import.split_once("@0.2.").is_some_and(|(interface, _)| wasi::FREE.contains(&interface))
}

/// The imports that neither the grants nor the free part of WASI cover, each with what would cover it.
fn missing_grants(imports: &[String], grants: &BTreeSet<Capability>) -> Result<(), HostError> {
    let missing: Vec<String> = imports
        .iter()
        .filter(|import| !is_free(import) && !grants.iter().any(|grant| grant.interface() == Some(import)))
        .map(|import| match Capability::ALL.iter().find(|known| known.interface() == Some(import.as_str())) {
            Some(capability) => format!("{import} (grant \"{}\")", capability.as_str()),
            None => format!("{import} (this node does not offer it)"),
        })
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(HostError::NotGranted { missing }) }
}

#[cfg(test)]
pub(crate) mod tests {
    use primitives::Sealer;
    use primitives::rng::SeededRng;
    use primitives::seal::{DataKey, Keyring};

    use super::*;
    use crate::compiler::Compiler;
    use crate::engine::engine;

    #[test]
    fn only_free_and_granted_imports_load() {
        let log = BTreeSet::from([Capability::Log]);
        let check = |import: &str, grants: &BTreeSet<Capability>, expect: Option<&str>| match (
            missing_grants(&[import.to_owned()], grants),
            expect,
        ) {
            (Ok(()), None) => {}
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expect) => panic!("{import}: {found:?}, expected {expect:?}"),
        };
        check("wasi:io/streams@0.2.6", &log, None);
        check("portcullis:host/log@0.1.0", &log, None);
        check("portcullis:host/config@0.1.0", &log, Some("grant \"config\""));
        check("portcullis:host/log@9.0.0", &log, Some("does not offer"));
        for import in [
            "wasi:sockets/tcp@0.2.6",
            "wasi:filesystem/types@0.2.6",
            "wasi:http/types@0.2.0",
            "wasi:io/streams@0.3.0",
        ] {
            check(import, &log, Some("does not offer"));
        }
    }

    /// A loader that compiles in this process, and keeps its code below a directory.
    pub(crate) fn loader(place: &std::path::Path) -> Arc<Loader> {
        let settings = Settings::default();
        let key = DataKey { id: 1, material: [7; 32].into() };
        let sealer = Sealer::new(Keyring::new(key, Vec::new()), Arc::new(SeededRng::new(7)));
        let code = CodeCache::open(&place.join("code"), Compiler::ThisProcess, sealer.into(), &settings);
        Arc::new(Loader::new(&engine(&settings).unwrap(), code.unwrap(), &settings).unwrap())
    }

    /// Attack: the file holds the signed component while its signature is checked, and another one when it is read again to
    /// be compiled. What is loaded has the hash that was checked.
    #[test]
    fn file_that_is_replaced_between_check_and_load_is_not_loaded() {
        // Two empty components, one with a custom section.
        let (signed, other) = (b"\0asm\x0d\0\x01\0".as_slice(), b"\0asm\x0d\0\x01\0\0\x02\x01a".as_slice());
        let place = tempfile::tempdir().unwrap();
        let (file, loader) = (place.path().join("plan.wasm"), loader(place.path()));
        let source = PluginSource::File(file.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            std::fs::write(&file, signed).unwrap();
            let (checked, _) = loader.identify(&source).await.unwrap();
            assert_eq!(checked, ComponentHash::of(signed));
            std::fs::write(&file, other).unwrap();
            let refused = loader.load(checked, &source).await.unwrap_err();
            assert!(refused.to_string().contains("component has SHA-256"), "{refused}");
            std::fs::write(&file, signed).unwrap();
            loader.load(checked, &source).await.unwrap();
        });
    }
}
