#![no_main]

#[path = "../bodies/mod.rs"]
#[expect(dead_code, reason = "each target calls one of them")]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::cookies(bytes));
