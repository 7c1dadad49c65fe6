//! Compiling a hostile component, and the cache of compiled code.

use std::sync::Arc;

use portcullis_plugin_host::{HostError, PluginSource, Settings};
use wasm_encoder::{
    CodeSection, Component, Function, FunctionSection, Instruction, MemArg, MemorySection, MemoryType,
    Module, ModuleSection, TypeSection, ValType,
};

use crate::fixture::{Fixture, host, run, spec};

/// A component of one function that is as hard to compile as its size allows: every value stays alive
/// to the end, so that the register allocator has to keep them all in mind.
pub(crate) fn hard_to_compile(values: u32) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I64], [ValType::I64]);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut body = Function::new([(values, ValType::I64)]);
    let at = MemArg { offset: 0, align: 3, memory_index: 0 };
    for value in 1..=values {
        body.instruction(&Instruction::LocalGet(value - 1));
        body.instruction(&Instruction::I32WrapI64);
        body.instruction(&Instruction::I64Load(at));
        body.instruction(&Instruction::LocalSet(value));
    }
    body.instruction(&Instruction::I64Const(0));
    for value in 0..=values {
        body.instruction(&Instruction::LocalGet(value));
        body.instruction(&Instruction::I64Add);
    }
    body.instruction(&Instruction::End);
    let mut code = CodeSection::new();
    code.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&code);
    let mut component = Component::new();
    component.section(&ModuleSection(&module));
    component.finish()
}

fn compile(settings: Settings, component: &[u8]) -> HostError {
    let fixture = Fixture::new(settings);
    let mut plugin = spec("token_echo");
    plugin.source = PluginSource::Bytes(Arc::from(component));
    let error = run(fixture.host.install_plugin(&fixture.tenant, plugin)).unwrap_err();
    // Whatever happened, the compiler's place is free again and the host works.
    let mut empty = spec("token_echo");
    empty.source = PluginSource::Bytes(Arc::from(Component::new().finish()));
    empty.bindings.clear();
    run(fixture.host.install_plugin(&fixture.tenant, empty)).unwrap();
    error
}

#[test]
fn compiling_that_takes_too_long_is_given_up() {
    let settings = Settings { compile_ms: 2_000, ..Settings::default() };
    let error = compile(settings, &hard_to_compile(49_000));
    assert!(matches!(&error, HostError::CompileGivenUp(why) if why.contains("2000 ms")), "{error}");
}

#[test]
fn compiling_that_takes_too_much_memory_is_given_up() {
    let settings = Settings { compile_memory_bytes: 96 << 20, ..Settings::default() };
    let error = compile(settings, &hard_to_compile(49_000));
    assert!(matches!(&error, HostError::CompileGivenUp(why) if why.contains("memory allocation")), "{error}");
}

#[test]
fn garbage_is_the_plugins_fault() {
    for garbage in [&b""[..], b"garbage", b"\0asm garbage", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0\xff\x00"]
    {
        let error = compile(Settings::default(), garbage);
        assert!(matches!(error, HostError::Invalid(_)), "{garbage:?}: {error}");
    }
}

#[test]
fn component_larger_than_allowed_is_not_even_read() {
    let settings = Settings { component_bytes: 1 << 20, ..Settings::default() };
    let error = compile(settings, &vec![0; (1 << 20) + 1]);
    assert!(matches!(error, HostError::TooLarge { limit: 1_048_576, .. }), "{error}");
}

#[test]
fn forged_compiled_code_is_never_mapped() {
    let fixture = Fixture::with("token_echo");
    let directory = fixture.cache.path().join("code");
    let code = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
        .unwrap();
    let genuine = std::fs::read(&code).unwrap();
    let mut forged = genuine.clone();
    *forged.last_mut().unwrap() ^= 1;
    // Replaced as an attacker would: in place would change what the first host has mapped.
    std::fs::write(code.with_extension("forged"), &forged).unwrap();
    std::fs::rename(code.with_extension("forged"), &code).unwrap();
    let restarted = host(Settings::default(), &directory, 7).0.unwrap();

    run(restarted.install_plugin(&fixture.tenant, spec("token_echo"))).unwrap();
    assert_ne!(std::fs::read(&code).unwrap(), forged, "the forged code was thrown away");
}

#[test]
fn cache_that_others_can_reach_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::with("token_echo");
    let directory = fixture.cache.path().join("code");
    std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (refused, _) = host(Settings::default(), &directory, 7);
    assert!(refused.unwrap_err().to_string().contains("chmod 700"));
}
