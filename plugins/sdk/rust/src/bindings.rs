//! Generated from `wit/`.
#![allow(missing_docs)]

wit_bindgen::generate!({
    path: ["../../../wit/host", "../../../wit/token"],
    world: "portcullis:token/plugin",
    pub_export_macro: true,
    export_macro_name: "__export_token_component",
    default_bindings_module: "portcullis_plugin::token::bindings",
    generate_all,
});
