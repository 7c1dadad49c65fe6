//! Generated from `wit/`: one module per hook, which share what they have in common. The names of worlds become names
//! of macros, which must differ within a crate: so most have one of their own here.
#![allow(missing_docs)]

pub mod token {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/token"],
        world: "portcullis:token/plugin",
        pub_export_macro: true,
        export_macro_name: "__export_token_component",
        default_bindings_module: "portcullis_plugin::bindings::token",
        generate_all,
    });
}

pub mod login {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/login"],
        inline: "package portcullis:sdk; world login-plugin { include portcullis:login/plugin@0.1.0; }",
        world: "portcullis:sdk/login-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_login_component",
        default_bindings_module: "portcullis_plugin::bindings::login",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod registration {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/registration"],
        inline: "package portcullis:sdk; world registration-plugin { include portcullis:registration/plugin@0.1.0; }",
        world: "portcullis:sdk/registration-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_registration_component",
        default_bindings_module: "portcullis_plugin::bindings::registration",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:call/people@0.1.0": super::login::portcullis::call::people,
            "portcullis:call/refusals@0.1.0": super::login::portcullis::call::refusals,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod identity_schema {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/identity-schema"],
        inline: "package portcullis:sdk; world identity-schema-plugin { include portcullis:identity-schema/plugin@0.1.0; }",
        world: "portcullis:sdk/identity-schema-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_identity_schema_component",
        default_bindings_module: "portcullis_plugin::bindings::identity_schema",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod credential_import {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/credential-import"],
        inline: "package portcullis:sdk; world credential-import-plugin { include portcullis:credential-import/plugin@0.1.0; }",
        world: "portcullis:sdk/credential-import-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_credential_import_component",
        default_bindings_module: "portcullis_plugin::bindings::credential_import",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:call/people@0.1.0": super::login::portcullis::call::people,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod account {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/account"],
        inline: "package portcullis:sdk; world account-plugin { include portcullis:account/plugin@0.1.0; }",
        world: "portcullis:sdk/account-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_account_component",
        default_bindings_module: "portcullis_plugin::bindings::account",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:call/people@0.1.0": super::login::portcullis::call::people,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod event {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/event"],
        inline: "package portcullis:sdk; world event-plugin { include portcullis:event/plugin@0.1.0; }",
        world: "portcullis:sdk/event-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_event_component",
        default_bindings_module: "portcullis_plugin::bindings::event",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod policy {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/policy"],
        inline: "package portcullis:sdk; world policy-plugin { include portcullis:policy/plugin@0.1.0; }",
        world: "portcullis:sdk/policy-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_policy_component",
        default_bindings_module: "portcullis_plugin::bindings::policy",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod claim_mapper {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/claim-mapper"],
        inline: "package portcullis:sdk; world claim-mapper-plugin { include portcullis:claim-mapper/plugin@0.1.0; }",
        world: "portcullis:sdk/claim-mapper-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_claim_mapper_component",
        default_bindings_module: "portcullis_plugin::bindings::claim_mapper",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:call/people@0.1.0": super::login::portcullis::call::people,
            "portcullis:call/refusals@0.1.0": super::login::portcullis::call::refusals,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod transform {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/transform"],
        inline: "package portcullis:sdk; world transform-plugin { include portcullis:transform/plugin@0.1.0; }",
        world: "portcullis:sdk/transform-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_transform_component",
        default_bindings_module: "portcullis_plugin::bindings::transform",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod message {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/message"],
        inline: "package portcullis:sdk; world message-plugin { include portcullis:message/plugin@0.1.0; }",
        world: "portcullis:sdk/message-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_message_component",
        default_bindings_module: "portcullis_plugin::bindings::message",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod introspection {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/token"],
        inline: "package portcullis:sdk; world introspection-plugin { include portcullis:token/introspector@0.1.0; }",
        world: "portcullis:sdk/introspection-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_introspection_component",
        default_bindings_module: "portcullis_plugin::bindings::introspection",
        with: {
            "portcullis:call/types@0.1.0": super::token::portcullis::call::types,
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}

pub mod settings {
    wit_bindgen::generate!({
        path: ["../../../wit/call", "../../../wit/host", "../../../wit/plugin"],
        inline: "package portcullis:sdk; world settings-plugin { include portcullis:plugin/settings-checker@0.1.0; }",
        world: "portcullis:sdk/settings-plugin",
        pub_export_macro: true,
        export_macro_name: "__export_settings_component",
        default_bindings_module: "portcullis_plugin::bindings::settings",
        with: {
            "portcullis:host/log@0.1.0": super::token::portcullis::host::log,
            "portcullis:host/config@0.1.0": super::token::portcullis::host::config,
        },
        generate_all,
    });
}
