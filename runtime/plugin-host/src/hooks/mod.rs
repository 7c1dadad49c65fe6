//! One adapter per hook area: a room's trait on one side, a guest's typed exports on the other.

mod account;
mod claim_mapper;
mod context;
mod credential_import;
mod event;
mod identity;
mod identity_schema;
mod introspection;
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

/// Lists the functions that guests export: as the host calls it, the hook, the version of its package, the name in its
/// interface, the type.
macro_rules! functions {
    ($($(#[$when:meta])? $function:ident: $hook:ident $version:literal $name:literal $typed:ty),+ $(,)?) => {
        /// A function that guests export.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum FunctionName {
            $($(#[$when])? #[doc = concat!("`", $name, "` of the hook `", stringify!($hook), "`.")] $function),+
        }

        /// A function of one instance whose types were checked, which costs a quarter of a short call: so it
        /// is done ahead where the instance is made ahead.
        #[derive(Clone, Copy)]
        pub(crate) enum GuestFunction {
            $($(#[$when])? $function($typed)),+
        }

        impl FunctionName {
            const ALL: &[Self] = &[$($(#[$when])? Self::$function),+];

            const fn hook(self) -> HookName {
                match self { $($(#[$when])? Self::$function => HookName::$hook),+ }
            }

            /// The version of the package whose interface has it.
            const fn version(self) -> &'static str {
                match self { $($(#[$when])? Self::$function => $version),+ }
            }

            /// As it stands in the interface.
            const fn as_str(self) -> &'static str {
                match self { $($(#[$when])? Self::$function => $name),+ }
            }

            fn typed(
                self,
                export: ComponentExportIndex,
                store: &mut Store<CallState>,
                instance: &Instance,
            ) -> wasmtime::Result<GuestFunction> {
                Ok(match self {
                    $($(#[$when])? Self::$function => GuestFunction::$function(instance.get_typed_func(store, export)?)),+
                })
            }
        }
    };
}

// A second version of a package is bound here: its functions stand above those of the version before, with bindings of
// their own (`bindings`). A call asks for the newest; of a component that exports an older one only, it is given that
// one, and the adapter's `run` has an arm that tells it what it knows and takes its answer.
functions! {
    ShapeTokens: Token "0.1.0" "shape-tokens" token::ShapeTokens,
    ShapeUserinfo: Token "0.1.0" "shape-userinfo" token::ShapeUserinfo,
    ShapeIntrospection: Token "0.1.0" "shape-introspection" introspection::ShapeIntrospection,
    BeforeLogin: Login "0.1.0" "before" login::Before,
    AfterLogin: Login "0.1.0" "after" login::After,
    BeforeRegistration: Registration "0.1.0" "before" registration::Before,
    AfterRegistration: Registration "0.1.0" "after" registration::After,
    ValidateTraits: IdentitySchema "0.1.0" "validate" identity_schema::Validate,
    VerifyImport: CredentialImport "0.1.0" "verify" credential_import::Verify,
    AfterAccount: Account "0.1.0" "after" account::After,
    ConsumeEvents: Event "0.1.0" "consume" event::Consume,
    Decide: Policy "0.1.0" "decide" policy::Decide,
    MapClaims: ClaimMapper "0.1.0" "map-claims" claim_mapper::MapClaims,
    // Shows in tests what a second version takes.
    #[cfg(test)]
    TransformNext: Transform "0.2.0" "transform" transform::second_version::Transform,
    Transform: Transform "0.1.0" "transform" transform::Transform,
    SendMessage: Message "0.1.0" "send" message::Send,
}

/// The interfaces of a hook that this node calls: one of each version of its package, the newest first.
pub(crate) fn interfaces(hook: HookName) -> Vec<String> {
    versions(hook.interface())
}

/// The same interface in each version of its package that this node calls, the newest first.
fn versions(interface: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for function in FunctionName::ALL.iter().filter(|function| function.of_interface() == interface) {
        let interface = function.interface();
        if !all.contains(&interface) {
            all.push(interface);
        }
    }
    all
}

/// The same interface in this version.
fn versioned(interface: &str, version: &str) -> String {
    let (name, _) = interface.split_once('@').unwrap_or((interface, ""));
    format!("{name}@{version}")
}

impl FunctionName {
    /// The interface that has it, in whichever version.
    const fn of_interface(self) -> &'static str {
        match self {
            // A component exports it only if it has something to say there.
            Self::ShapeIntrospection => "portcullis:token/introspection@0.1.0",
            other => other.hook().interface(),
        }
    }

    /// The interface that has it.
    fn interface(self) -> String {
        versioned(self.of_interface(), self.version())
    }

    /// Whether both are the same function in two versions of its package, or in one.
    fn is_version_of(self, other: Self) -> bool {
        self.of_interface() == other.of_interface() && self.as_str() == other.as_str()
    }

    /// Finds the function in an instance, in the version that its component exports, and checks its types.
    pub(crate) fn find(
        self,
        exports: &Exports,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<GuestFunction> {
        let export = exports.0.iter().find(|(function, _)| function.is_version_of(self));
        let (function, export) =
            export.ok_or_else(|| wasmtime::Error::msg("the component does not export the hook"))?;
        function.typed(*export, store, instance)
    }
}

/// Where a component has the functions of the hooks that it exports. A call looks up the one function that it
/// calls; the generated bindings would look up and check every one.
pub(crate) struct Exports(Vec<(FunctionName, ComponentExportIndex)>);

impl Exports {
    /// Refuses a component that exports a hook without all of its functions. One that exports a hook in several
    /// versions is called in the newest.
    pub(crate) fn new(component: &Component) -> wasmtime::Result<Self> {
        let has = |interface: &str| component.get_export_index(None, interface).is_some();
        let mut found = Vec::new();
        for function in FunctionName::ALL.iter().copied() {
            let interface = function.interface();
            if newest(versions(function.of_interface()), has).as_ref() != Some(&interface) {
                continue;
            }
            let Some(interface_at) = component.get_export_index(None, &interface) else { continue };
            let export = component.get_export_index(Some(&interface_at), function.as_str());
            let missing =
                || wasmtime::Error::msg(format!("{interface} is exported without {}", function.as_str()));
            found.push((function, export.ok_or_else(missing)?));
        }
        Ok(Self(found))
    }

    /// Whether a hook is exported.
    pub(crate) fn has(&self, hook: HookName) -> bool {
        self.0.iter().any(|(function, _)| function.of_interface() == hook.interface())
    }

    /// Whether a function is exported.
    pub(crate) fn has_function(&self, function: FunctionName) -> bool {
        self.0.iter().any(|(exported, _)| exported.is_version_of(function))
    }

    /// Checks the types of every function.
    pub(crate) fn check_types(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<()> {
        for (function, export) in &self.0 {
            function.typed(*export, store, instance).map_err(|error| {
                let (interface, name) = (function.interface(), function.as_str());
                wasmtime::Error::msg(format!("{interface}: {name} has other types than the hook: {error:#}"))
            })?;
        }
        Ok(())
    }
}

/// Of the versions of one interface, newest first, the one that a component is called in.
fn newest(versions: Vec<String>, has: impl Fn(&str) -> bool) -> Option<String> {
    versions.into_iter().find(|interface| has(interface))
}

/// A call that was given another function than it asked for.
fn other_function() -> wasmtime::Error {
    wasmtime::Error::msg("another function was found than the one to call")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hook_is_named_by_the_newest_version_that_is_called() {
        for hook in HookName::ALL {
            let mut all = interfaces(hook);
            // Which nobody released.
            all.retain(|interface| interface != "portcullis:transform/hook@0.2.0");
            assert_eq!(all.first().map(String::as_str), Some(hook.interface()));
        }
    }

    #[test]
    fn component_is_called_in_the_newest_version_that_it_exports() {
        let known =
            || ["0.2.0", "0.1.0"].map(|version| versioned("portcullis:token/hook@0.2.0", version)).to_vec();
        let check = |exports: &[&str], expect: Option<&str>| {
            let exports: Vec<String> =
                exports.iter().map(|of| versioned("portcullis:token/hook", of)).collect();
            let found = newest(known(), |interface| exports.iter().any(|export| export == interface));
            assert_eq!(found, expect.map(|of| versioned("portcullis:token/hook", of)), "{exports:?}");
        };
        check(&["0.1.0"], Some("0.1.0"));
        check(&["0.2.0"], Some("0.2.0"));
        check(&["0.1.0", "0.2.0"], Some("0.2.0"));
        check(&["0.3.0"], None);
        check(&[], None);
    }

    #[test]
    fn function_is_found_in_whichever_version_has_it() {
        for asked in FunctionName::ALL {
            let same = FunctionName::ALL.iter().filter(|other| other.is_version_of(*asked));
            let mut versions: Vec<&str> = same.map(|function| function.version()).collect();
            let count = versions.len();
            versions.dedup();
            assert_eq!(versions.len(), count, "{asked:?} is bound twice in one version");
        }
    }
}
