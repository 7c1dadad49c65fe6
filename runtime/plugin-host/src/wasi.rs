//! WASI 0.2 as far as language runtimes need it: streams, clocks, random, an empty environment.
//!
//! No files, no sockets, no environment variables, no arguments. What is written to standard output and
//! standard error ends in the log.

use std::fmt;

use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, random};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_io::bindings::wasi::io;

use crate::bindings::host::portcullis::host::log::Level;
use crate::state::CallState;

/// How much a call may write to a standard stream before it is told that the stream is full.
const STREAM_BYTES: usize = 8 << 10;

/// The interfaces that every component may import without a grant.
pub(crate) const FREE: [&str; 17] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// A guest's WASI state, made when it is first used: most calls never do.
#[derive(Default)]
pub(crate) struct LazyWasi(Option<Box<Wasi>>);

struct Wasi {
    context: WasiCtx,
    table: ResourceTable,
    stdout: MemoryOutputPipe,
    stderr: MemoryOutputPipe,
}

impl fmt::Debug for LazyWasi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LazyWasi").field(&self.0.is_some()).finish()
    }
}

impl LazyWasi {
    fn used(&mut self) -> &mut Wasi {
        self.0.get_or_insert_with(|| {
            let (stdout, stderr) = (MemoryOutputPipe::new(STREAM_BYTES), MemoryOutputPipe::new(STREAM_BYTES));
            let context = WasiCtx::builder().stdout(stdout.clone()).stderr(stderr.clone()).build();
            Box::new(Wasi { context, table: ResourceTable::new(), stdout, stderr })
        })
    }

    /// Whether the guest asked for anything of WASI.
    pub(crate) const fn is_used(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the guest wrote to its streams.
    pub(crate) fn has_output(&self) -> bool {
        let written = |pipe: &MemoryOutputPipe| !pipe.contents().is_empty();
        self.0.as_ref().is_some_and(|wasi| written(&wasi.stdout) || written(&wasi.stderr))
    }

    /// What was written to the streams, with the level at which it is logged.
    pub(crate) fn take_output(&mut self) -> Vec<(Level, String)> {
        self.0.take().map_or_else(Vec::new, |wasi| {
            [(Level::Info, &wasi.stdout), (Level::Warn, &wasi.stderr)]
                .into_iter()
                .map(|(level, pipe)| (level, String::from_utf8_lossy(&pipe.contents()).into_owned()))
                .filter(|(_, text)| !text.is_empty())
                .collect()
        })
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = self.wasi.used();
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.table }
    }
}

struct Table;

impl HasData for Table {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links the interfaces of [`FREE`].
pub(crate) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    type State = CallState;
    io::error::add_to_linker::<State, Table>(linker, |state| state.ctx().table)?;
    io::poll::add_to_linker::<State, Table>(linker, |state| state.ctx().table)?;
    io::streams::add_to_linker::<State, Table>(linker, |state| state.ctx().table)?;
    clocks::wall_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<State, WasiClocks>(linker, State::clocks)?;
    random::random::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, |state| state.ctx().ctx.random())?;
    cli::environment::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)
}
