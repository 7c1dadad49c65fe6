//! What nobody calls for a while gives the pages of its code back: a node with a thousand plugins holds the code of
//! those that run. The system maps what a call needs again in microseconds; nothing has to be loaded.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::component::{Loaded, Loader};

/// How often the components are looked at. One rests that was not called between two looks.
const LOOKS: Duration = Duration::from_secs(10);

const RESTING: u8 = 0;
const CALLED_BEFORE_THE_LOOK: u8 = 1;
const CALLED: u8 = 2;

/// Whether a component was called lately.
#[derive(Debug, Default)]
pub(crate) struct Rest(AtomicU8);

impl Rest {
    /// Notes a call; whether it rested.
    fn wake(&self) -> bool {
        // Nearly always it is noted already, and nothing is written that others read.
        self.0.load(Ordering::Relaxed) != CALLED && self.0.swap(CALLED, Ordering::Relaxed) == RESTING
    }

    /// Looks whether it was called since the last look; whether it begins to rest.
    fn look(&self) -> bool {
        let look = |state| match state {
            CALLED => Some(CALLED_BEFORE_THE_LOOK),
            CALLED_BEFORE_THE_LOOK => Some(RESTING),
            _ => None,
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, look) == Ok(CALLED_BEFORE_THE_LOOK)
    }

    fn is_awake(&self) -> bool {
        self.0.load(Ordering::Relaxed) != RESTING
    }
}

/// Whether somebody looks at the components, as is the case while any is awake.
#[derive(Debug, Default)]
pub(crate) struct Looking(AtomicBool);

impl Looking {
    fn begin(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }

    fn end(&self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Loader {
    /// Notes that a component is about to run.
    pub(crate) fn wake(self: &Arc<Self>, loaded: &Loaded) {
        if loaded.rest.wake() && self.looking.begin() {
            tokio::spawn(look_at_times(Arc::downgrade(self), || tokio::time::sleep(LOOKS)));
        }
    }

    /// Looks at all of them once; whether any is still awake.
    fn look(&self) -> bool {
        let mut awake = false;
        for (_, loaded) in self.loaded() {
            if loaded.rest.look()
                && let Err(error) = loaded.code.give_back()
            {
                tracing::debug!(%error, "compiled code keeps its memory");
            }
            awake |= loaded.rest.is_awake();
        }
        awake
    }

    /// Ends looking, unless one was called after it was looked at; whether it goes on.
    fn goes_on(&self) -> bool {
        // Whoever wakes one from here on begins anew; whoever did just before found somebody looking.
        self.looking.end();
        self.loaded().any(|(_, loaded)| loaded.rest.is_awake()) && self.looking.begin()
    }
}

/// Looks each time that it is time, until all rest or the loader is gone.
async fn look_at_times<F: Future<Output = ()>>(loader: Weak<Loader>, mut time: impl FnMut() -> F) {
    loop {
        time().await;
        let Some(loader) = loader.upgrade() else { return };
        // Thousands of pages are given back at once; a worker has others to answer.
        let look = move || loader.look() || loader.goes_on();
        if !tokio::task::spawn_blocking(look).await.unwrap_or(false) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tokio::sync::{mpsc, oneshot};

    use super::*;
    use crate::component::ComponentHash;
    use crate::component::tests::loader;
    use crate::mapped_code::tests::resident;
    use crate::spares::tests::component;
    use crate::spec::PluginSource;

    /// A loader with one component.
    async fn with_one(place: &Path) -> (Arc<Loader>, Arc<Loaded>) {
        let loader = loader(place);
        let bytes: Arc<[u8]> = component(&[], 1).into();
        let hash = ComponentHash::of(&bytes);
        let loaded = loader.load(hash, &PluginSource::Bytes(bytes)).await.unwrap();
        (loader, loaded)
    }

    /// Looks at a loader's components each time that the test says so: it gets what to say it with when that is waited for,
    /// and nothing any more once nobody looks.
    fn told_when(loader: &Arc<Loader>) -> mpsc::UnboundedReceiver<oneshot::Sender<()>> {
        let (waits, waiting) = mpsc::unbounded_channel();
        let time = move || {
            let (tell, told) = oneshot::channel();
            waits.send(tell).unwrap();
            async move { told.await.unwrap() }
        };
        tokio::spawn(look_at_times(Arc::downgrade(loader), time));
        waiting
    }

    #[tokio::test]
    async fn looks_go_on_until_all_rest() {
        let place = tempfile::tempdir().unwrap();
        let (loader, loaded) = with_one(place.path()).await;
        let mut waiting = told_when(&loader);
        waiting.recv().await.unwrap().send(()).unwrap();
        let time = waiting.recv().await.unwrap();
        assert!(resident(&loaded.code) > 0, "just loaded");
        loader.wake(&loaded);
        time.send(()).unwrap();
        let time = waiting.recv().await.unwrap();
        assert!(resident(&loaded.code) > 0, "called since");
        assert!(!loader.looking.begin(), "somebody looks");
        time.send(()).unwrap();
        assert!(waiting.recv().await.is_none(), "all rest");
        assert_eq!(resident(&loaded.code), 0);
        assert!(loader.looking.begin(), "whoever is called next has somebody look");
    }

    #[tokio::test]
    async fn looks_end_with_the_loader() {
        let place = tempfile::tempdir().unwrap();
        let (loader, _) = with_one(place.path()).await;
        let mut waiting = told_when(&loader);
        let time = waiting.recv().await.unwrap();
        drop(loader);
        time.send(()).unwrap();
        assert!(waiting.recv().await.is_none());
    }

    /// Attack on memory: one is called when it was looked at and nobody has said yet that looking ends. Nobody would look again.
    #[tokio::test]
    async fn call_between_the_last_look_and_its_end_is_looked_after() {
        let place = tempfile::tempdir().unwrap();
        let (loader, loaded) = with_one(place.path()).await;
        assert!(loader.look() && !loader.look());
        loader.wake(&loaded);
        assert!(loader.goes_on() && !loader.looking.begin());
        assert!(loader.look() && !loader.look());
        assert!(!loader.goes_on() && loader.looking.begin());
    }

    #[tokio::test]
    async fn whoever_rests_gives_its_pages_back_until_it_is_called() {
        let place = tempfile::tempdir().unwrap();
        let (loader, loaded) = with_one(place.path()).await;
        assert!(!loader.looking.begin(), "somebody looks as soon as one is loaded");
        assert!(loader.look() && resident(&loaded.code) > 0, "just loaded");
        loader.wake(&loaded);
        assert!(loader.look() && resident(&loaded.code) > 0, "called since");
        assert!(!loader.look() && resident(&loaded.code) == 0);
        loader.wake(&loaded);
        assert!(loader.look(), "awake again");
    }

    #[test]
    fn rest_begins_after_a_whole_time_without_a_call() {
        let rest = Rest::default();
        assert!(!rest.is_awake() && !rest.look());
        assert!(rest.wake() && !rest.wake());
        assert!(!rest.look() && rest.is_awake(), "called since the last look");
        assert!(!rest.wake(), "it did not rest yet");
        assert!(!rest.look() && rest.look() && !rest.is_awake());
        assert!(!rest.look(), "once");
        assert!(rest.wake());
    }
}
