//! Hostile modules and components through the way that an uploaded plugin goes: inspected, compiled in a process of
//! its own, linked, started, called.
//!
//! Attacks: what no tool chain makes, and the validator, the compiler or the engine may stumble over; code that
//! claims to be a hook and does anything; a sound component of which a few bytes are others.

use std::collections::BTreeMap;
use std::sync::Arc;

use arbitrary::{Arbitrary as _, Unstructured};
use portcullis_plugin_host::{HookName, HostError, PluginSource, PluginSpec, Settings, inspect};
use primitives::hooks::HookFailureKind;
use wasm_encoder::{
    CodeSection, ComponentBuilder, ExportKind, ExportSection, Function, FunctionSection, Instruction,
    MemorySection, MemoryType, Module, ModuleArg, TypeSection, ValType,
};
use wasm_smith::Config;
use wit_parser::WasmExport;
use wit_parser::abi::AbiVariant;

use crate::fixture::{Fixture, run};
use crate::fuzz::guest::{ABI, around, signature};
use crate::fuzz::hooks::{PLUGIN, one_line};
use crate::fuzz::wit::Contract;
use crate::fuzz::{Dice, Repeat, cases};

/// How often each thing came of it.
type Seen = BTreeMap<String, u32>;

fn check(test: &'static str, usual: u64, make: impl Fn(&mut Dice, &Contract) -> Vec<u8>) -> Seen {
    let (mut repeat, mut seen) = (Repeat::new(test), Seen::new());
    let contracts: Vec<(HookName, Contract)> =
        HookName::ALL.into_iter().map(|hook| (hook, Contract::of(hook, false))).collect();
    let fixture = Fixture::new(Settings { tenant_cpu_ms_per_second: 1_000_000, ..Settings::default() });
    for case in 0..cases(usual) {
        let mut dice = repeat.dice(case);
        let (hook, contract) = dice.one_of(&contracts);
        let bytes = make(&mut dice, contract);
        let told = inspect(&bytes);
        let mut spec = PluginSpec::new(PLUGIN, PluginSource::Bytes(Arc::from(bytes)), *hook);
        (spec.limits.cpu_ms, spec.limits.wall_ms) = (5, Some(10_000));
        if !told.as_ref().is_ok_and(|told| told.hooks.contains(hook)) {
            spec.bindings.clear();
        }
        match run(fixture.host.install_plugin(&fixture.tenant, spec.clone())) {
            Ok(_) => {
                assert!(told.is_ok(), "{told:?}, but it runs");
                count(&mut seen, "installed");
                for (_, function) in contract.exported().iter().filter(|_| !spec.bindings.is_empty()) {
                    count(&mut seen, call(&fixture, *hook, &function.name));
                }
            }
            Err(error) => {
                let named = match &error {
                    HostError::Invalid(_) => "invalid",
                    HostError::DoesNotStart(_) => "does not start",
                    HostError::NotGranted { .. } => "not granted",
                    // A compiler that ends in any other way was broken.
                    HostError::CompileGivenUp(why) if why.contains("takes longer") => "slow to compile",
                    HostError::CompileGivenUp(why) if why.contains("bytes of code") => "large compiled",
                    HostError::CompileGivenUp(why) if why.contains("memory allocation") => "large to compile",
                    other => panic!("{other}"),
                };
                count(&mut seen, named);
            }
        }
    }
    seen
}

fn call(fixture: &Fixture, hook: HookName, function: &str) -> &'static str {
    let Err(failure) = fixture.ask(hook, function) else { return "answered" };
    one_line(&failure.detail, 1_024);
    let expected = match failure.kind {
        HookFailureKind::Trap
        | HookFailureKind::CpuLimit
        | HookFailureKind::MemoryLimit
        | HookFailureKind::OutputLimit
        | HookFailureKind::CircuitOpen
        | HookFailureKind::BadAnswer
        | HookFailureKind::GuestError => true,
        HookFailureKind::WallLimit
        | HookFailureKind::Concurrency
        | HookFailureKind::Unavailable
        | HookFailureKind::Upstream
        | HookFailureKind::UpstreamTimeout => false,
    };
    assert!(expected, "{failure}");
    failure.kind.as_str()
}

fn count(seen: &mut Seen, what: &str) {
    *seen.entry(what.to_owned()).or_default() += 1;
}

/// The choices of a generator.
fn choices(dice: &mut Dice) -> Vec<u8> {
    let length = *dice.one_of(&[100, 1_000, 4_000, 8_000]);
    dice.bytes(length)
}

#[test]
fn random_module_is_no_plugin_and_its_component_starts_or_is_refused() {
    let name = "random_module_is_no_plugin_and_its_component_starts_or_is_refused";
    let seen = check(name, 60, |dice, _| {
        let bytes = choices(dice);
        let mut bytes = Unstructured::new(&bytes);
        let mut config = Config::arbitrary(&mut bytes).unwrap();
        config.max_imports = 0;
        config.min_imports = 0;
        let module = wasm_smith::Module::new(config, &mut bytes).unwrap().to_bytes();
        assert!(matches!(inspect(&module), Err(HostError::CoreModule)));
        let mut component = ComponentBuilder::default();
        let module = component.core_module_raw(None, &module);
        component.core_instantiate(None, module, Vec::<(&str, ModuleArg)>::new());
        component.finish()
    });
    assert!(seen["installed"] > 5 && seen["invalid"] > 5, "{seen:?}");
}

#[test]
fn random_component_is_refused_by_name_or_does_nothing() {
    let name = "random_component_is_refused_by_name_or_does_nothing";
    let seen = check(name, 60, |dice, _| {
        let bytes = choices(dice);
        let mut bytes = Unstructured::new(&bytes);
        let config = Config { max_components: 3, max_modules: 3, ..Config::arbitrary(&mut bytes).unwrap() };
        wasm_smith::Component::new(config, &mut bytes).unwrap().to_bytes()
    });
    assert!(seen.values().sum::<u32>() - seen["invalid"] > 5, "{seen:?}");
}

#[test]
fn random_code_behind_a_hook_ends_in_a_typed_failure() {
    let name = "random_code_behind_a_hook_ends_in_a_typed_failure";
    let seen = check(name, 60, |dice, contract| {
        let bytes = choices(dice);
        let mut bytes = Unstructured::new(&bytes);
        let config = Config {
            exports: Some(shape(contract)),
            max_memory32_bytes: *dice.one_of(&[2 << 20, 2 << 20, 64 << 20]),
            max_table_elements: *dice.one_of(&[1_000, 1_000, 100_000]),
            memory64_enabled: false,
            // With them every module has types that the engine does not take.
            reference_types_enabled: dice.often(100),
            tail_call_enabled: false,
            gc_enabled: false,
            exceptions_enabled: false,
            threads_enabled: false,
            custom_page_sizes_enabled: false,
            wide_arithmetic_enabled: false,
            allow_start_export: true,
            max_imports: 0,
            ..Config::default()
        };
        around(wasm_smith::Module::new(config, &mut bytes).unwrap().to_bytes(), contract)
    });
    assert!(
        seen["installed"] > 20 && seen["trap"] > 10 && seen["cpu_limit"] > 0 && seen["bad_answer"] > 0,
        "{seen:?}"
    );
}

#[test]
fn damaged_component_is_refused_by_name_or_runs_within_its_limits() {
    let name = "damaged_component_is_refused_by_name_or_runs_within_its_limits";
    let seen = check(name, 100, |dice, contract| {
        let mut component = around(shape(contract), contract);
        for _ in 0..=dice.below(3) {
            let at = dice.below(component.len() - 8) + 8;
            component[at] = *dice.one_of(&[0, 1, 0x7f, 0x80, 0xff, component[at] ^ 1, component[at] ^ 0x40]);
        }
        component
    });
    assert!(seen["installed"] > 4 && seen["invalid"] > 10, "{seen:?}");
}

/// A module that exports what a hook needs and traps.
fn shape(contract: &Contract) -> Vec<u8> {
    let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    let resolve = &contract.resolve;
    let mut shapes: Vec<(String, Vec<ValType>, Vec<ValType>)> = Vec::new();
    for (interface, function) in contract.exported() {
        let (params, results) = signature(&resolve.wasm_signature(AbiVariant::GuestExport, &function));
        shapes.push((format!("{interface}#{}", function.name), params, results));
    }
    let realloc = resolve.wasm_export_name(ABI, WasmExport::Realloc);
    shapes.push((realloc, vec![ValType::I32; 4], vec![ValType::I32]));
    for (index, (name, params, results)) in (0_u32..).zip(shapes) {
        types.ty().function(params, results);
        functions.function(index);
        exports.export(&name, ExportKind::Func, index);
        let mut body = Function::new([]);
        body.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
        code.function(&body);
    }
    exports.export(&resolve.wasm_export_name(ABI, WasmExport::Memory), ExportKind::Memory, 0);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&memories).section(&exports).section(&code);
    module.finish()
}
