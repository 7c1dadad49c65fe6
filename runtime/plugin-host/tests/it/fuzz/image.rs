//! Memory of a guest, filled with values of the contract's types as no honest guest would write them.

use wit_parser::{Int, Type, TypeDefKind};

use crate::fuzz::Dice;
use crate::fuzz::wit::Contract;

/// Where the image begins in the guest's memory.
pub(crate) const BASE: usize = 1 << 16;

/// What strings say. Some are what an honest guest says, so that a single lie gets far.
const TEXTS: &[&str] = &[
    "",
    "{}",
    r#"{"plan":"team","seats":12}"#,
    "Not today.",
    "https://login.example/?for=ada",
    "traits.email",
    r#"{"sub":"root"}"#,
    r#"{"s\u0075b":"root"}"#,
    r#"{"plan":1,"acr":"aal3","groups":["admin"]}"#,
    r#"{"groups":["admin"]}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"a":1e400}"#,
    r#"{"a":-0.0,"b":123456789012345678901234567890}"#,
    r#"{"a":"\u0000"}"#,
    r#"{"a":"\ud800"}"#,
    r#"{"":{"":{"":[[[[]]]]}}}"#,
    r#"{"a":"#,
    "{}{}",
    "[]",
    "null",
    "NaN",
    "\u{feff}{}",
    "\0",
    "{\"a\":\"\0\"}",
    "a\0b",
    "one\r\nSet-Cookie: two=three",
    "x-role: admin\r\n\r\n<script>",
    "javascript:alert(1)//\u{202e}",
    "\u{1b}[2J\u{7f}\u{85}",
    "\"quoted\" and \\escaped\\",
    "ä€𐍈",
];

/// An image and what was put aside in it to be pointed at.
pub(crate) struct Image<'a> {
    contract: &'a Contract,
    bytes: Vec<u8>,
    /// Texts that are too long to be repeated for every case: (pointer, length).
    long: Vec<(u32, u32)>,
    /// Of a thousand values, so many are lies.
    lies: usize,
}

impl<'a> Image<'a> {
    pub(crate) fn new(contract: &'a Contract) -> Self {
        let mut image = Self { contract, bytes: Vec::new(), long: Vec::new(), lies: 0 };
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        let keys: Vec<String> = (0..3_000).map(|key| format!("\"{key}\":0")).collect();
        for text in [
            nested(31),
            nested(32),
            nested(20_000),
            format!("{{\"a\":\"{}\"}}", "x".repeat(3_000)),
            format!("{{\"a\":\"{}\"}}", "x".repeat(60_000)),
            format!("{{{}}}", keys.join(",")),
            "ä".repeat(1_000),
            "\u{1}".repeat(2_000),
            "x".repeat(65_536),
            "x".repeat(70_000),
            " ".repeat(1 << 20),
        ] {
            let long = image.text(text.as_bytes());
            image.long.push(long);
        }
        image
    }

    /// The image, to stand at [`BASE`].
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Takes so many bytes.
    pub(crate) fn room(&mut self, size: usize, align: usize) -> usize {
        let at = (BASE + self.bytes.len()).next_multiple_of(align.max(1)) - BASE;
        self.bytes.resize(at + size, 0);
        BASE + at
    }

    pub(crate) fn put(&mut self, at: usize, value: &[u8]) {
        self.bytes[at - BASE..at - BASE + value.len()].copy_from_slice(value);
    }

    /// Writes an answer of this type; returns a pointer to it, which may be a lie too.
    pub(crate) fn answer(&mut self, dice: &mut Dice, ty: &Type) -> u32 {
        self.lies = *dice.one_of(&[0, 20, 20, 100, 400]);
        let at = self.value_of(dice, ty);
        if self.lies > 0 && dice.often(10) {
            return *dice.one_of(&[0, 1, at + 1, u32::MAX, u32::MAX - 3, 0x7fff_fff8]);
        }
        at
    }

    /// The parameters of a function that a guest calls, as they travel: flat.
    pub(crate) fn arguments(&mut self, dice: &mut Dice, types: &[Type]) -> Vec<u64> {
        self.lies = *dice.one_of(&[0, 20, 50, 400]);
        types.iter().flat_map(|ty| self.flat(dice, ty)).collect()
    }

    fn value_of(&mut self, dice: &mut Dice, ty: &Type) -> u32 {
        let (size, align) = self.layout(ty);
        let at = self.room(size, align);
        self.fill(dice, ty, at);
        u32::try_from(at).unwrap()
    }

    fn layout(&self, ty: &Type) -> (usize, usize) {
        let sizes = &self.contract.sizes;
        (sizes.size(ty).size_wasm32(), sizes.align(ty).align_wasm32())
    }

    fn text(&mut self, text: &[u8]) -> (u32, u32) {
        let at = self.room(text.len(), 1);
        self.put(at, text);
        (u32::try_from(at).unwrap(), u32::try_from(text.len()).unwrap())
    }

    fn string(&mut self, dice: &mut Dice) -> (u32, u32) {
        if !dice.often(self.lies) {
            return self.text(TEXTS[dice.below(6)].as_bytes());
        }
        match dice.below(10) {
            0 => {
                let bytes = dice.bytes(24);
                self.text(&bytes)
            }
            1 => self.text(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}']),
            2 => self.nowhere(dice),
            3..=5 => *dice.one_of(&self.long),
            _ => self.text(dice.one_of(TEXTS).as_bytes()),
        }
    }

    /// Not in the guest's memory, or not at all where it can be.
    fn nowhere(&self, dice: &mut Dice) -> (u32, u32) {
        let end = u32::try_from(BASE + self.bytes.len()).unwrap();
        *dice.one_of(&[
            (0, u32::MAX),
            (u32::MAX, 1),
            (u32::MAX - 8, 16),
            (end, 0x7fff_ffff),
            (0x8000_0000, 4),
            (u32::MAX, 0),
            (8, 0x8000_0000),
        ])
    }

    fn list(&mut self, dice: &mut Dice, element: &Type) -> (u32, u32) {
        let (size, align) = self.layout(element);
        let lies = dice.often(self.lies);
        let count = match (lies, dice.below(6)) {
            (true, 0) => return self.nowhere(dice),
            // The same few bytes, again and again: much to lift, little to send.
            (true, 1) => {
                let (at, _) = self.long[9];
                return (at.next_multiple_of(u32::try_from(align).unwrap()), 1_000_000);
            }
            (true, 2) => 33,
            (true, 3) => 400,
            (true, _) => 1 + dice.below(40),
            (false, _) => dice.below(3),
        };
        let at = self.room(size * count, align);
        for index in 0..count {
            self.fill(dice, element, at + index * size);
        }
        (u32::try_from(at).unwrap(), u32::try_from(count).unwrap())
    }

    /// Which of so many cases, or one that there is not.
    fn case(&self, dice: &mut Dice, cases: usize) -> usize {
        if dice.often(self.lies / 4) { cases + dice.below(200) } else { dice.below(cases) }
    }

    fn fill(&mut self, dice: &mut Dice, ty: &Type, at: usize) {
        let contract = self.contract;
        match ty {
            Type::Bool | Type::U8 | Type::S8 => {
                let byte = u8::try_from(self.case(dice, 2).min(255)).unwrap();
                self.put(at, &[byte]);
            }
            Type::U16 | Type::S16 => self.put(at, &dice.next().to_le_bytes()[..2]),
            Type::U32 | Type::S32 | Type::F32 | Type::Char => self.put(at, &dice.next().to_le_bytes()[..4]),
            Type::U64 | Type::S64 | Type::F64 => self.put(at, &dice.next().to_le_bytes()),
            Type::String => {
                let text = self.string(dice);
                self.span(at, text);
            }
            Type::ErrorContext => panic!("the contract has none"),
            Type::Id(id) => match &contract.resolve.types[*id].kind {
                TypeDefKind::Type(other) => self.fill(dice, other, at),
                TypeDefKind::Record(record) => {
                    for (field, offset) in record
                        .fields
                        .iter()
                        .zip(contract.sizes.field_offsets(record.fields.iter().map(|f| &f.ty)))
                    {
                        // An honest answer has none, and nothing else would be looked at.
                        if field.name != "extensions" || dice.often(self.lies / 4) {
                            self.fill(dice, offset.1, at + offset.0.size_wasm32());
                        }
                    }
                }
                TypeDefKind::Tuple(tuple) => {
                    for (offset, ty) in contract.sizes.field_offsets(tuple.types.iter()) {
                        self.fill(dice, ty, at + offset.size_wasm32());
                    }
                }
                TypeDefKind::List(element) => {
                    let list = self.list(dice, element);
                    self.span(at, list);
                }
                kind => {
                    let cases = cases(kind);
                    let payload_at = contract.sizes.payload_offset(Int::U8, cases.iter().map(Option::as_ref));
                    // Of a `result`, the good case most of the time.
                    let is_result = matches!(kind, TypeDefKind::Result(_));
                    let case = if is_result && dice.often(900) { 0 } else { self.case(dice, cases.len()) };
                    self.put(at, &[u8::try_from(case.min(255)).unwrap()]);
                    if let Some(Some(payload)) = cases.get(case) {
                        self.fill(dice, payload, at + payload_at.size_wasm32());
                    }
                }
            },
        }
    }

    fn span(&mut self, at: usize, (pointer, length): (u32, u32)) {
        self.put(at, &pointer.to_le_bytes());
        self.put(at + 4, &length.to_le_bytes());
    }

    fn flat(&mut self, dice: &mut Dice, ty: &Type) -> Vec<u64> {
        let contract = self.contract;
        let both = |(pointer, length): (u32, u32)| vec![pointer.into(), length.into()];
        match ty {
            Type::Bool | Type::U8 | Type::S8 => vec![self.case(dice, 2) as u64],
            Type::String => both(self.string(dice)),
            Type::Id(id) => match &contract.resolve.types[*id].kind {
                TypeDefKind::Type(other) => self.flat(dice, other),
                TypeDefKind::Record(record) => {
                    record.fields.iter().flat_map(|field| self.flat(dice, &field.ty)).collect()
                }
                TypeDefKind::Tuple(tuple) => tuple.types.iter().flat_map(|ty| self.flat(dice, ty)).collect(),
                TypeDefKind::List(element) => both(self.list(dice, element)),
                kind => {
                    let cases = cases(kind);
                    let widest =
                        cases.iter().flatten().map(|ty| self.flat(&mut dice.clone(), ty).len()).max();
                    let case = self.case(dice, cases.len());
                    let mut flat = vec![case as u64];
                    if let Some(Some(payload)) = cases.get(case) {
                        flat.extend(self.flat(dice, payload));
                    }
                    flat.resize(1 + widest.unwrap_or(0), 0);
                    flat
                }
            },
            _ => vec![dice.next()],
        }
    }
}

/// The payloads of what has cases.
fn cases(kind: &TypeDefKind) -> Vec<Option<Type>> {
    match kind {
        TypeDefKind::Variant(variant) => variant.cases.iter().map(|case| case.ty).collect(),
        TypeDefKind::Enum(of) => of.cases.iter().map(|_| None).collect(),
        TypeDefKind::Option(payload) => vec![None, Some(*payload)],
        TypeDefKind::Result(result) => vec![result.ok, result.err],
        kind => panic!("the contract has no {}", kind.as_str()),
    }
}
