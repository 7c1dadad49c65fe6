//! Components that say what is in their memory: no guest's language comes between the values and the host.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, MemArg, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, Type, TypeDefKind, WasmExport};

use crate::fuzz::image::BASE;
use crate::fuzz::wit::Contract;

/// The names of the canonical ABI as tool chains write them.
pub(crate) const ABI: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);

/// When the first case is called, by the clock: what the time is tells the guest which case it is.
pub(crate) const FIRST_CASE: i64 = 1_000_000_000;

/// Room for what the host writes into the guest, beyond the image.
const PAGES_FOR_THE_HOST: u64 = 4;

/// What a guest has to say and to ask.
pub(crate) struct Says {
    /// Its memory, from [`BASE`] on.
    pub(crate) image: Vec<u8>,
    /// Of each exported function in order: where the list of pointers to its answers is.
    pub(crate) answers: Vec<usize>,
    /// Where the lists of arguments are, one function after the other, if it asks: each case asks one.
    pub(crate) asks: Option<usize>,
}

/// How many arguments travel flat at most, and how many bytes they take in the image.
pub(crate) const MOST_ARGUMENTS: usize = 16;
pub(crate) const ARGUMENTS_SIZE: usize = MOST_ARGUMENTS * 8;

/// Makes the component.
pub(crate) fn component(contract: &Contract, says: &Says) -> Vec<u8> {
    around(module(contract, says), contract)
}

/// Makes a component around a core module.
pub(crate) fn around(mut module: Vec<u8>, contract: &Contract) -> Vec<u8> {
    let Contract { resolve, world, .. } = contract;
    embed_component_metadata(&mut module, resolve, *world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

/// The core signature of a function.
pub(crate) fn signature(signature: &WasmSignature) -> (Vec<ValType>, Vec<ValType>) {
    let value = |ty: &WasmType| match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => ValType::I32,
        WasmType::I64 | WasmType::PointerOrI64 => ValType::I64,
        WasmType::F32 => ValType::F32,
        WasmType::F64 => ValType::F64,
    };
    (signature.params.iter().map(value).collect(), signature.results.iter().map(value).collect())
}

fn module(contract: &Contract, says: &Says) -> Vec<u8> {
    let (exported, imported) = (contract.exported(), contract.imported());
    let imported = if says.asks.is_some() { imported } else { Vec::new() };
    let Contract { resolve, .. } = contract;
    let (mut types, mut imports, mut functions) =
        (TypeSection::new(), ImportSection::new(), FunctionSection::new());
    let mut asked = Vec::new();
    for (interface, function) in &imported {
        let of = resolve.wasm_signature(AbiVariant::GuestImport, function);
        let (params, results) = signature(&of);
        imports.import(interface, &function.name, EntityType::Function(types.len()));
        types.ty().function(params, results);
        asked.push(of);
    }
    // Every exported function takes a pointer to what it is told, and returns one to its answer.
    let shape = types.len();
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    let (mut exports, mut code) = (ExportSection::new(), CodeSection::new());
    let first = u32::try_from(imported.len()).unwrap();
    for ((index, (interface, function)), answers) in (first..).zip(&exported).zip(&says.answers) {
        let of = resolve.wasm_signature(AbiVariant::GuestExport, function);
        assert_eq!(signature(&of), (vec![ValType::I32], vec![ValType::I32]), "{interface} {}", function.name);
        functions.function(shape);
        exports.export(&format!("{interface}#{}", function.name), ExportKind::Func, index);
        code.function(&answering(now_at(contract, &function.params[0].ty), *answers, says.asks, &asked));
    }
    let realloc = first + u32::try_from(exported.len()).unwrap();
    functions.function(shape + 1);
    code.function(&allocating());
    exports.export(&resolve.wasm_export_name(ABI, WasmExport::Realloc), ExportKind::Func, realloc);
    exports.export(&resolve.wasm_export_name(ABI, WasmExport::Memory), ExportKind::Memory, 0);

    let end = BASE + says.image.len();
    let mut memories = MemorySection::new();
    let minimum = u64::try_from(end).unwrap().div_ceil(1 << 16) + PAGES_FOR_THE_HOST;
    memories.memory(MemoryType {
        minimum,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let (mut globals, mut data) = (GlobalSection::new(), DataSection::new());
    let free = ConstExpr::i32_const(i32::try_from(end.next_multiple_of(16)).unwrap());
    globals.global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &free);
    let base = ConstExpr::i32_const(i32::try_from(BASE).unwrap());
    data.active(0, &base, says.image.iter().copied());
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories).section(&globals);
    module.section(&exports).section(&code).section(&data);
    module.finish()
}

/// Where `now` stands in the `call-context`, with which what every function is told begins.
fn now_at(contract: &Contract, context: &Type) -> u64 {
    let fields = record(&contract.resolve, context);
    let offsets = contract.sizes.field_offsets(fields.iter().map(|(_, ty)| ty));
    let at = fields.iter().position(|(name, _)| name == "now").unwrap();
    offsets[at].0.size_wasm32().try_into().unwrap()
}

fn record(resolve: &Resolve, ty: &Type) -> Vec<(String, Type)> {
    let Type::Id(id) = ty else { panic!("no record") };
    match &resolve.types[*id].kind {
        TypeDefKind::Type(other) => record(resolve, other),
        TypeDefKind::Record(of) => of.fields.iter().map(|field| (field.name.clone(), field.ty)).collect(),
        kind => panic!("no record: {}", kind.as_str()),
    }
}

/// Looks at the clock, asks what it has to ask in this case, returns its pointer.
fn answering(now_at: u64, answers: usize, asks: Option<usize>, asked: &[WasmSignature]) -> Function {
    let at = |offset: u64, align| MemArg { offset, align, memory_index: 0 };
    // The case, and what it asks with.
    let mut body = Function::new([(2, ValType::I32)]);
    body.instruction(&Instruction::LocalGet(0)).instruction(&Instruction::I64Load(at(now_at, 3)));
    body.instruction(&Instruction::I64Const(FIRST_CASE)).instruction(&Instruction::I64Sub);
    body.instruction(&Instruction::I32WrapI64).instruction(&Instruction::LocalSet(1));
    if let Some(asks) = asks {
        let size = i32::try_from(ARGUMENTS_SIZE).unwrap();
        body.instruction(&Instruction::LocalGet(1)).instruction(&Instruction::I32Const(size));
        body.instruction(&Instruction::I32Mul).instruction(&Instruction::LocalSet(2));
        for (index, of) in (0_u32..).zip(asked) {
            let functions = i32::try_from(asked.len()).unwrap();
            body.instruction(&Instruction::LocalGet(1)).instruction(&Instruction::I32Const(functions));
            body.instruction(&Instruction::I32RemU);
            body.instruction(&Instruction::I32Const(i32::try_from(index).unwrap()));
            body.instruction(&Instruction::I32Eq).instruction(&Instruction::If(BlockType::Empty));
            let (params, results) = signature(of);
            for (slot, ty) in (0_u64..).zip(&params) {
                let offset = u64::try_from(asks).unwrap() + slot * 8;
                body.instruction(&Instruction::LocalGet(2));
                body.instruction(&match ty {
                    ValType::I64 => Instruction::I64Load(at(offset, 3)),
                    _ => Instruction::I32Load(at(offset, 2)),
                });
            }
            body.instruction(&Instruction::Call(index));
            for _ in results {
                body.instruction(&Instruction::Drop);
            }
            body.instruction(&Instruction::End);
        }
    }
    body.instruction(&Instruction::LocalGet(1)).instruction(&Instruction::I32Const(2));
    body.instruction(&Instruction::I32Shl);
    body.instruction(&Instruction::I32Load(at(u64::try_from(answers).unwrap(), 2)));
    body.instruction(&Instruction::End);
    body
}

/// `cabi_realloc` that never gives back.
fn allocating() -> Function {
    let mut body = Function::new([(1, ValType::I32)]);
    body.instruction(&Instruction::GlobalGet(0)).instruction(&Instruction::LocalTee(4));
    body.instruction(&Instruction::LocalGet(3)).instruction(&Instruction::I32Add);
    // What comes next is aligned for whatever it will be.
    body.instruction(&Instruction::I32Const(15)).instruction(&Instruction::I32Add);
    body.instruction(&Instruction::I32Const(-16)).instruction(&Instruction::I32And);
    body.instruction(&Instruction::GlobalSet(0)).instruction(&Instruction::LocalGet(4));
    body.instruction(&Instruction::End);
    body
}
