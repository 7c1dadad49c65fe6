//! Compiled components on disk: made off the request path, authenticated before they are mapped.
//!
//! A file is named by the component's SHA-256 and the engine's compatibility hash, so that another build
//! of the runtime never maps it. Beside it lies a keyed hash of its content; loading compiled code is
//! trusting it, and only this node knows the key. The directory is ours alone (0700).

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use primitives::{KeyedHash, Sealer, TenantId};
use ring::digest;
use tenancy::plugin::Settings;
use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::HostError;
use crate::code_room::make_room;
use crate::compiler::{CappedCompiler, Compiler};
use crate::component::ComponentHash;
use crate::mapped_code::MappedCode;

/// What the keyed hash is for; no other use of the node's keys gives the same one.
const PURPOSE: &str = "compiled-component";

/// The cache. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct CodeCache(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    sealer: Arc<Sealer>,
    /// Files that were authenticated in this process, by identity: mapping one again need not read it.
    authenticated: Mutex<HashMap<PathBuf, Identity>>,
    /// One compilation at a time; Cranelift would take every core it gets.
    turn: Semaphore,
    waiting: AtomicU32,
    queue: u32,
    compiler: CappedCompiler,
    /// What the directory may take, in bytes.
    room: u64,
}

/// A file as it was when it was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(path: &Path) -> io::Result<Self> {
        let file = fs::symlink_metadata(path)?;
        if !file.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(Self {
            device: file.dev(),
            inode: file.ino(),
            length: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
        })
    }
}

impl CodeCache {
    /// Opens the cache, making its directory where it is missing.
    pub(crate) fn open(
        directory: &Path,
        compiler: Compiler,
        sealer: Arc<Sealer>,
        settings: &Settings,
    ) -> Result<Self, HostError> {
        let failed = |error: io::Error| HostError::Internal(format!("{}: {error}", directory.display()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let mode = fs::metadata(directory).map_err(failed)?.mode();
        if mode & 0o077 != 0 {
            return Err(HostError::Internal(format!(
                "{} can be reached by other users (mode {:o}); run: chmod 700 {}",
                directory.display(),
                mode & 0o777,
                directory.display()
            )));
        }
        Ok(Self(Arc::new(Shared {
            directory: directory.to_owned(),
            sealer,
            authenticated: Mutex::new(HashMap::new()),
            turn: Semaphore::new(1),
            waiting: AtomicU32::new(0),
            queue: settings.compile_queue,
            compiler: compiler.capped(settings),
            room: settings.compiled_bytes,
        })))
    }

    /// Maps the compiled form of a component, if it is there and ours. What is not ours is removed.
    pub(crate) async fn find(
        &self,
        hash: ComponentHash,
        engine: &Engine,
    ) -> Result<Option<MappedCode>, HostError> {
        let path = self.path(hash, engine);
        let (cache, engine) = (self.clone(), engine.clone());
        off_thread(move || cache.map(&path, &engine)).await
    }

    /// Compiles a component and stores its compiled form. Waits for its turn; refuses when too many wait.
    pub(crate) async fn compile(
        &self,
        bytes: Arc<[u8]>,
        hash: ComponentHash,
        engine: &Engine,
    ) -> Result<MappedCode, HostError> {
        let _waiting = Waiting::enter(&self.0.waiting, self.0.queue)?;
        let _turn = self.0.turn.acquire().await.map_err(|error| HostError::Internal(error.to_string()))?;
        // Whoever waited for the same component finds it done.
        if let Some(component) = self.find(hash, engine).await? {
            return Ok(component);
        }
        let code = self.0.compiler.compile(bytes).await?;
        let path = self.path(hash, engine);
        let (cache, engine) = (self.clone(), engine.clone());
        off_thread(move || {
            cache
                .store(&path, &code)
                .map_err(|error| HostError::Internal(format!("{}: {error}", path.display())))?;
            cache.map(&path, &engine)?.ok_or_else(|| {
                HostError::Internal(format!("{}: compiled code cannot be mapped", path.display()))
            })
        })
        .await
    }

    fn path(&self, hash: ComponentHash, engine: &Engine) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.0.directory.join(format!("{hash}-{:016x}.cwasm", hasher.finish()))
    }

    /// Maps the code of a file that is there, ours and readable.
    fn map(&self, path: &Path, engine: &Engine) -> Result<Option<MappedCode>, HostError> {
        if !self.is_ours(path) {
            return Ok(None);
        }
        match MappedCode::map(path, engine) {
            Ok(component) => Ok(Some(component)),
            Err(error) if error.downcast_ref::<io::Error>().is_some() => {
                tracing::warn!(path = %path.display(), %error, "cannot map compiled plugin code");
                Ok(None)
            }
            // What the engine itself refuses is the component's fault, and will be when it is compiled again: its
            // memories, tables or instances are more than the pool has for one.
            Err(error) => {
                Err(HostError::Invalid(format!("it needs more than one plugin may have: {error:#}")))
            }
        }
    }

    fn is_ours(&self, path: &Path) -> bool {
        let Ok(identity) = Identity::of(path) else { return false };
        if !self.is_authenticated(path, identity) {
            if let Err(cause) = self.authenticate(path) {
                tracing::warn!(path = %path.display(), cause, "removed compiled plugin code that is not ours");
                fs::remove_file(path).ok();
                return false;
            }
            // Whatever replaced the file while it was read was not authenticated.
            if Identity::of(path).ok() != Some(identity) {
                return false;
            }
            self.remember(path, identity);
        }
        true
    }

    fn authenticate(&self, path: &Path) -> Result<(), String> {
        let code = fs::read(path).map_err(|error| error.to_string())?;
        let mac = fs::read(mac_path(path)).map_err(|error| format!("no keyed hash: {error}"))?;
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let genuine = self.0.sealer.verify_hash(
            &TenantId::default_tenant(),
            PURPOSE,
            &statement(name, &code),
            &KeyedHash(mac),
        );
        if genuine { Ok(()) } else { Err("the keyed hash does not fit".to_owned()) }
    }

    /// Stores code so that a reader finds it whole or not at all, whatever happens in between.
    fn store(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let mac = self.0.sealer.hash(&TenantId::default_tenant(), PURPOSE, &statement(name, code));
        write_whole(&mac_path(path), &mac.0)?;
        write_whole(path, code)?;
        let removed = make_room(&self.0.directory, path, self.0.room)?;
        let mut known = self.0.authenticated.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|path, _| !removed.contains(path));
        Ok(())
    }

    fn is_authenticated(&self, path: &Path, identity: Identity) -> bool {
        let known = self.0.authenticated.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(path) == Some(&identity)
    }

    fn remember(&self, path: &Path, identity: Identity) {
        let mut known = self.0.authenticated.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path.to_owned(), identity);
    }
}

/// What is authenticated: the file's name, so that one file cannot stand in for another, and its content.
fn statement(name: &[u8], code: &[u8]) -> Vec<u8> {
    let mut statement = digest::digest(&digest::SHA256, code).as_ref().to_vec();
    statement.extend_from_slice(name);
    statement
}

fn mac_path(path: &Path) -> PathBuf {
    path.with_extension("mac")
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{}-unfinished", std::process::id()));
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&unfinished, path)
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| HostError::Internal(error.to_string()))?
}

/// A place in the queue, given back when dropped.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn enter(waiting: &'a AtomicU32, queue: u32) -> Result<Self, HostError> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::SeqCst) > queue { Err(HostError::Busy) } else { Ok(place) }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
