//! What `portcullis compile-plugin` does, for tests of this room.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis_plugin_host::compile_child::main()
}
