//! Compiled code of a file, mapped into the process. Unsafe code of the house is here and in `cli/src/serve/own_code.rs`.

use std::io;
use std::path::Path;

use rustix::mm::{Advice, madvise};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A component whose code is a file's.
pub(crate) struct MappedCode(Component);

impl MappedCode {
    /// Maps the code of a file that the caller has authenticated.
    #[expect(
        unsafe_code,
        reason = "loading our own compiled component cache, the one exception of the style"
    )]
    pub(crate) fn map(path: &Path, engine: &Engine) -> wasmtime::Result<Self> {
        // SAFETY: `deserialize_file` runs machine code from the file, so the file must be what an engine of
        // the same configuration wrote and must not change while it is mapped. The caller authenticated its
        // content with a key that only this node has and checked that the file is the one that was read; the
        // name binds component and engine configuration (and wasmtime checks version and configuration
        // again); the directory lets no other user in, and we replace files by renaming, never in place.
        unsafe { Component::deserialize_file(engine, path) }.map(Self)
    }

    pub(crate) const fn component(&self) -> &Component {
        &self.0
    }

    /// Gives its pages back to the system, which finds them again in the file, mostly without reading it, when they
    /// are next run or read.
    #[expect(unsafe_code, reason = "of the same mapping, the one exception of the style")]
    pub(crate) fn give_back(&self) -> io::Result<()> {
        let image = self.0.image_range();
        let length = image.end.addr().saturating_sub(image.start.addr());
        // SAFETY: the range is a private mapping of the file above, since nothing else makes a `MappedCode`, and it has
        // been read-only since wasmtime mapped it, which refuses code that it would have to write to (relocations). So
        // no page differs from the file: whoever reads one next, even while this runs, is given the same bytes.
        unsafe { madvise(image.start.cast_mut().cast(), length, Advice::LinuxDontNeed) }
            .map_err(io::Error::from)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fs;

    use tenancy::plugin::Settings;
    use wasm_encoder::Instruction;

    use super::*;
    use crate::engine::engine;
    use crate::spares::tests::{component, make_of};

    /// The kilobytes of a component's code that are in memory.
    pub(crate) fn resident(code: &MappedCode) -> u64 {
        let start = format!("{:x}-", code.component().image_range().start.addr());
        let end = code.component().image_range().end.addr();
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        let range = |line: &str| {
            let (from, to) = line.split(' ').next()?.split_once('-')?;
            Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?))
        };
        let lines = maps.lines().skip_while(|line| !line.starts_with(&start));
        let lines = lines.take_while(|line| range(line).is_none_or(|(from, _)| from < end));
        let sizes = lines
            .filter_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        sizes.sum()
    }

    #[tokio::test]
    async fn pages_that_were_given_back_come_again() {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine(&Settings { concurrent_calls: 1, ..Settings::default() }).unwrap();
        for (start, ends) in [(&[][..], "spare"), (&[Instruction::Unreachable][..], "in calls only")] {
            let path = directory.path().join(ends);
            fs::write(&path, engine.precompile_component(&component(start, 1)).unwrap()).unwrap();
            let code = MappedCode::map(&path, &engine).unwrap();
            for _ in 0..3 {
                assert_eq!(make_of(&engine, code.component()).await.0, ends);
                assert!(resident(&code) > 0);
                code.give_back().unwrap();
                assert_eq!(resident(&code), 0);
            }
        }
    }
}
