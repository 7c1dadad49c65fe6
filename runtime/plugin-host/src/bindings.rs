//! Generated from `wit/`: each hook interface is bound on its own, so that a component exports only what
//! it implements, and what the host offers once for all of them. Each has its own copy of the types of
//! `wit/call`, borrowed where it is given to guests.

/// The capabilities.
pub(crate) mod host {
    wasmtime::component::bindgen!({
        path: "../../wit/host",
        world: "portcullis:host/guest",
        imports: {
            "portcullis:host/kv": async | trappable,
            "portcullis:host/http": async | trappable,
            "portcullis:host/identities": async | trappable,
            "portcullis:host/permissions": async | trappable,
            default: trappable,
        },
    });
}

/// The `token` hook, with the capabilities that it may import.
pub(crate) mod token {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/token"],
        world: "portcullis:token/plugin",
        imports: { default: trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `login` hook.
pub(crate) mod login {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/login"],
        world: "portcullis:login/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `registration` hook.
pub(crate) mod registration {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/registration"],
        world: "portcullis:registration/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `identity-schema` hook.
pub(crate) mod identity_schema {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/identity-schema"],
        world: "portcullis:identity-schema/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `credential-import` hook.
pub(crate) mod credential_import {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/credential-import"],
        world: "portcullis:credential-import/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `account` hook.
pub(crate) mod account {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/account"],
        world: "portcullis:account/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `event` hook.
pub(crate) mod event {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/event"],
        world: "portcullis:event/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `policy` hook.
pub(crate) mod policy {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/policy"],
        world: "portcullis:policy/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `claim-mapper` hook.
pub(crate) mod claim_mapper {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/claim-mapper"],
        world: "portcullis:claim-mapper/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `transform` hook.
pub(crate) mod transform {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/transform"],
        world: "portcullis:transform/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `message` hook.
pub(crate) mod message {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/message"],
        world: "portcullis:message/plugin",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// The `introspection` interface of the `token` hook.
pub(crate) mod introspection {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../wit/host", "../../wit/token"],
        world: "portcullis:token/introspector",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

/// A second version of the hook `transform`, which nobody released (`hooks::transform::second_version`).
#[cfg(test)]
pub(crate) mod transform_next {
    wasmtime::component::bindgen!({
        path: ["../../wit/call", "../../plugins/fixtures/contract/transform-next"],
        world: "portcullis:transform/plugin@0.2.0",
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}
