//! The component of a plugin as its last call used it, so that a call need not ask the loader.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::component::Loaded;

/// So many calls in a row go past the loader. The next one asks it, which tells it that the component is
/// in use, so that the ones that make room for others are the ones that are not.
const IN_A_ROW: u32 = 64;

/// A component, as long as the loader keeps it.
#[derive(Debug, Default)]
pub(crate) struct Held {
    loaded: Mutex<Weak<Loaded>>,
    calls: AtomicU32,
}

impl Held {
    /// The component, unless the loader has let go of it or is to be asked.
    pub(crate) fn find(&self) -> Option<Arc<Loaded>> {
        if self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(IN_A_ROW) {
            return None;
        }
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Holds on to what the loader gave.
    pub(crate) fn hold(&self, loaded: &Arc<Loaded>) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(loaded);
    }
}
