//! One adapter per hook area: a room's trait on one side, a guest's typed exports on the other.

use wasmtime::Store;
use wasmtime::component::Instance;

use crate::component::Loaded;
use crate::state::CallState;

pub(crate) mod token;

/// A function that guests export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FunctionName {
    /// `shape-tokens` of the hook `token`.
    ShapeTokens,
    /// `shape-userinfo` of the hook `token`.
    ShapeUserinfo,
}

/// A function of one instance whose types were checked, which costs a quarter of a short call: so it is done
/// ahead where the instance is made ahead.
#[derive(Clone, Copy)]
pub(crate) enum GuestFunction {
    ShapeTokens(token::ShapeTokens),
    ShapeUserinfo(token::ShapeUserinfo),
}

impl FunctionName {
    /// Finds the function and checks its types.
    pub(crate) fn find(
        self,
        loaded: &Loaded,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<GuestFunction> {
        let not_exported = || wasmtime::Error::msg("the component does not export the hook");
        match self {
            Self::ShapeTokens => {
                let exports = loaded.token.as_ref().ok_or_else(not_exported)?;
                Ok(GuestFunction::ShapeTokens(exports.shape_tokens(store, instance)?))
            }
            Self::ShapeUserinfo => {
                let exports = loaded.token.as_ref().ok_or_else(not_exported)?;
                Ok(GuestFunction::ShapeUserinfo(exports.shape_userinfo(store, instance)?))
            }
        }
    }
}
