//! The process in which one component is compiled.
//!
//! A hostile component can make a compiler slow or hungry, and a compiler is a large thing to trust. So
//! this process has hard limits on memory and CPU time, which it sets before it reads anything of the
//! component, and it holds no key, no connection and no environment. Its parent kills it when it takes too
//! long, and alone stores what comes out.
//!
//! Standard input: the limits, then the component. Standard output: the compiled code. Standard error:
//! words on what went wrong.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::engine::compiling_engine;

/// The exit status for bytes that are no usable component. Any other failure has another.
pub(crate) const INVALID: u8 = 65;
const FAILED: u8 = 70;

/// The limits that the process sets for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChildLimits {
    /// Bytes of address space.
    pub(crate) memory: u64,
    /// Seconds of CPU time.
    pub(crate) cpu: u64,
}

impl ChildLimits {
    /// As they stand at the beginning of standard input.
    pub(crate) fn encode(self) -> [u8; 16] {
        (u128::from(self.memory) << 64 | u128::from(self.cpu)).to_be_bytes()
    }

    fn decode(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        let low = u128::from(u64::MAX);
        let part = |bits: u128| u64::try_from(bits & low).unwrap_or(u64::MAX);
        Self { memory: part(both >> 64), cpu: part(both) }
    }

    fn apply(self) -> io::Result<()> {
        for (resource, limit) in [
            (Resource::As, self.memory),
            (Resource::Cpu, self.cpu),
            // No core dump of a component, no file written but the pipe.
            (Resource::Core, 0),
            (Resource::Fsize, 0),
        ] {
            setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
        }
        Ok(())
    }
}

/// Compiles one component from standard input to standard output. `portcullis compile-plugin` is this and
/// nothing else; it must be called before anything is started or read.
pub fn main() -> ExitCode {
    match compile() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { status, words }) => {
            io::stderr().write_all(words.as_bytes()).ok();
            ExitCode::from(status)
        }
    }
}

struct Failure {
    status: u8,
    words: String,
}

impl Failure {
    fn new(status: u8, words: impl fmt::Display) -> Self {
        Self { status, words: format!("{words:#}") }
    }
}

fn compile() -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(FAILED, error);
    let mut input = io::stdin().lock();
    let mut limits = [0; 16];
    input.read_exact(&mut limits).map_err(failed)?;
    ChildLimits::decode(limits).apply().map_err(failed)?;
    let mut component = Vec::new();
    input.read_to_end(&mut component).map_err(failed)?;
    let engine = compiling_engine().map_err(|error| Failure::new(FAILED, error))?;
    let code = engine.precompile_component(&component).map_err(|error| Failure::new(INVALID, error))?;
    io::stdout().write_all(&code).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_survive_the_pipe() {
        for (memory, cpu) in [(0, 1), (2 << 30, 60), (u64::MAX, u64::MAX)] {
            let limits = ChildLimits { memory, cpu };
            assert_eq!(ChildLimits::decode(limits.encode()), limits);
        }
    }
}
