//! From a component to compiled code, outside of this process.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tenancy::plugin::Settings;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use crate::HostError;
use crate::capabilities::printable;
use crate::compile_child::{ChildLimits, INVALID};
use crate::engine::compiling_engine;

/// How many bytes of the child's words are kept.
const WORDS: u64 = 4 << 10;
/// Compiled code is two to three times as large as its component; what is much larger is an attack.
const CODE_PER_COMPONENT: u64 = 16;
/// What a small component may exceed that by.
const CODE_AT_LEAST: u64 = 4 << 20;

/// What compiles components.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// A process of its own per component, with caps on memory, CPU and wall time.
    Child {
        /// The program. It is started without an environment and must do
        /// [`compile_child::main`](crate::compile_child::main).
        program: PathBuf,
        /// Its arguments.
        arguments: Vec<OsString>,
    },
    /// This process, without those caps. For tools and tests whose components are trusted.
    ThisProcess,
}

/// A compiler with the node's caps.
#[derive(Debug)]
pub(crate) struct CappedCompiler {
    pub(crate) compiler: Compiler,
    pub(crate) wall: Duration,
    pub(crate) memory: u64,
}

impl Compiler {
    /// The running program itself with the argument `compile-plugin`; it is found even when the file was
    /// replaced meanwhile, so that an upgraded file is not mixed with the running engine.
    pub fn this_program() -> Self {
        Self::Child { program: PathBuf::from("/proc/self/exe"), arguments: vec!["compile-plugin".into()] }
    }

    pub(crate) fn capped(self, settings: &Settings) -> CappedCompiler {
        CappedCompiler {
            compiler: self,
            wall: Duration::from_millis(settings.compile_ms),
            memory: settings.compile_memory_bytes,
        }
    }
}

impl CappedCompiler {
    /// Compiles a component.
    pub(crate) async fn compile(&self, component: Arc<[u8]>) -> Result<Vec<u8>, HostError> {
        match &self.compiler {
            Compiler::Child { program, arguments } => {
                // Killed when this future is dropped; nobody waits for what it would have made.
                let child = Command::new(program)
                    .args(arguments)
                    .env_clear()
                    .current_dir("/")
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .kill_on_drop(true)
                    .spawn()
                    .map_err(|error| {
                        HostError::Internal(format!("cannot start {}: {error}", program.display()))
                    })?;
                self.talk(child, &component).await
            }
            Compiler::ThisProcess => tokio::task::spawn_blocking(move || {
                compiling_engine()?.precompile_component(&component).map_err(HostError::invalid)
            })
            .await
            .map_err(|error| HostError::Internal(error.to_string()))?,
        }
    }

    async fn talk(&self, mut child: Child, component: &[u8]) -> Result<Vec<u8>, HostError> {
        let limits = ChildLimits { memory: self.memory, cpu: self.wall.as_secs().saturating_add(1) };
        let largest = (component.len() as u64).saturating_mul(CODE_PER_COMPONENT).max(CODE_AT_LEAST);
        let (mut input, output, words) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let conversation = async {
            let tell = async {
                // A child that died does not read; what it died of is told by its status.
                if let Some(mut input) = input.take() {
                    input.write_all(&limits.encode()).await.ok();
                    input.write_all(component).await.ok();
                }
            };
            let ((), code, words) =
                futures_util::join!(tell, read(output, largest.saturating_add(1)), read(words, WORDS));
            if code.len() as u64 > largest {
                return Err(HostError::CompileGivenUp(format!(
                    "it becomes more than {largest} bytes of code"
                )));
            }
            let status = child.wait().await.map_err(|error| HostError::Internal(error.to_string()))?;
            outcome(status, code, &words)
        };
        match tokio::time::timeout(self.wall, conversation).await {
            Ok(outcome) => outcome,
            Err(_) => {
                Err(HostError::CompileGivenUp(format!("it takes longer than {} ms", self.wall.as_millis())))
            }
        }
    }
}

async fn read(from: Option<impl AsyncRead + Unpin>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What cannot be read is missing, and the status says why.
        from.take(most).read_to_end(&mut bytes).await.ok();
    }
    bytes
}

fn outcome(status: ExitStatus, code: Vec<u8>, words: &[u8]) -> Result<Vec<u8>, HostError> {
    let words = printable(&String::from_utf8_lossy(words));
    match status.code() {
        Some(0) => Ok(code),
        Some(invalid) if invalid == i32::from(INVALID) => Err(HostError::Invalid(words)),
        _ => Err(HostError::CompileGivenUp(format!("the compiler ended with {status}: {words}"))),
    }
}
