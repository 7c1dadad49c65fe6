//! Generated from `wit/`: each hook interface is bound on its own, so that a component exports only what
//! it implements, and what the host offers once for all of them.

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
        path: ["../../wit/host", "../../wit/token"],
        world: "portcullis:token/plugin",
        imports: { default: trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}
