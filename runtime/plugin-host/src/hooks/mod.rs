//! One adapter per hook area: a room's trait on one side, a guest's typed exports on the other.

mod account;
mod claim_mapper;
mod context;
mod credential_import;
mod event;
mod identity;
mod identity_schema;
mod login;
mod message;
mod policy;
mod registration;
pub(crate) mod token;
mod transform;

use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance};

use crate::state::CallState;

/// Lists the functions that guests export: as the host calls it, the hook, the name in its interface, the type.
macro_rules! functions {
    ($($function:ident: $hook:ident $name:literal $typed:ty),+ $(,)?) => {
        /// A function that guests export.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FunctionName {
            $(#[doc = concat!("`", $name, "` of the hook `", stringify!($hook), "`.")] $function),+
        }

        /// A function of one instance whose types were checked, which costs a quarter of a short call: so it
        /// is done ahead where the instance is made ahead.
        #[derive(Clone, Copy)]
        pub(crate) enum GuestFunction {
            $($function($typed)),+
        }

        impl FunctionName {
            const ALL: &[Self] = &[$(Self::$function),+];

            const fn hook(self) -> HookName {
                match self { $(Self::$function => HookName::$hook),+ }
            }

            /// As it stands in the interface.
            const fn as_str(self) -> &'static str {
                match self { $(Self::$function => $name),+ }
            }

            fn typed(
                self,
                export: ComponentExportIndex,
                store: &mut Store<CallState>,
                instance: &Instance,
            ) -> wasmtime::Result<GuestFunction> {
                Ok(match self {
                    $(Self::$function => GuestFunction::$function(instance.get_typed_func(store, export)?)),+
                })
            }
        }
    };
}

functions! {
    ShapeTokens: Token "shape-tokens" token::ShapeTokens,
    ShapeUserinfo: Token "shape-userinfo" token::ShapeUserinfo,
    BeforeLogin: Login "before" login::Before,
    AfterLogin: Login "after" login::After,
    BeforeRegistration: Registration "before" registration::Before,
    AfterRegistration: Registration "after" registration::After,
    ValidateTraits: IdentitySchema "validate" identity_schema::Validate,
    VerifyImport: CredentialImport "verify" credential_import::Verify,
    AfterAccount: Account "after" account::After,
    ConsumeEvents: Event "consume" event::Consume,
    Decide: Policy "decide" policy::Decide,
    MapClaims: ClaimMapper "map-claims" claim_mapper::MapClaims,
    Transform: Transform "transform" transform::Transform,
    SendMessage: Message "send" message::Send,
}

impl FunctionName {
    /// Finds the function in an instance and checks its types.
    pub(crate) fn find(
        self,
        exports: &Exports,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<GuestFunction> {
        let export = exports.0.iter().find(|(function, _)| *function == self);
        let (_, export) =
            export.ok_or_else(|| wasmtime::Error::msg("the component does not export the hook"))?;
        self.typed(*export, store, instance)
    }
}

/// Where a component has the functions of the hooks that it exports. A call looks up the one function that it
/// calls; the generated bindings would look up and check every one.
pub(crate) struct Exports(Vec<(FunctionName, ComponentExportIndex)>);

impl Exports {
    /// Refuses a component that exports a hook without all of its functions.
    pub(crate) fn new(component: &Component) -> wasmtime::Result<Self> {
        let mut found = Vec::new();
        for function in FunctionName::ALL.iter().copied() {
            let interface = function.hook().interface();
            let Some(interface_at) = component.get_export_index(None, interface) else { continue };
            let export = component.get_export_index(Some(&interface_at), function.as_str());
            let missing =
                || wasmtime::Error::msg(format!("{interface} is exported without {}", function.as_str()));
            found.push((function, export.ok_or_else(missing)?));
        }
        Ok(Self(found))
    }

    /// Whether a hook is exported.
    pub(crate) fn has(&self, hook: HookName) -> bool {
        self.0.iter().any(|(function, _)| function.hook() == hook)
    }

    /// Checks the types of every function.
    pub(crate) fn check_types(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<()> {
        for (function, export) in &self.0 {
            function.typed(*export, store, instance).map_err(|error| {
                let (interface, name) = (function.hook().interface(), function.as_str());
                wasmtime::Error::msg(format!("{interface}: {name} has other types than the hook: {error:#}"))
            })?;
        }
        Ok(())
    }
}

/// A call that was given another function than it asked for.
fn other_function() -> wasmtime::Error {
    wasmtime::Error::msg("another function was found than the one to call")
}
