//! How long a request may go on: the listener's time, and more where a handler is known to need it.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// The end of a request's time.
#[derive(Debug)]
pub(crate) struct Patience(Mutex<Instant>);

impl Patience {
    /// Lasts so long from now.
    pub(crate) fn lasting(time: Duration) -> Self {
        Self(Mutex::new(Instant::now() + time))
    }

    /// Lasts so much longer.
    pub(crate) fn extend(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    fn end(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes of `work`, unless it takes longer.
    pub(crate) async fn await_for<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            let end = self.end();
            match timeout_at(end, work.as_mut()).await {
                Ok(done) => return Some(done),
                Err(_elapsed) if self.end() > end => {}
                Err(_elapsed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_asks_for_more_time_has_it() {
        for (more, expect) in [(Duration::ZERO, None), (Duration::from_mins(1), Some(()))] {
            let patience = Patience::lasting(Duration::from_millis(1));
            let end = patience.end();
            let work = async {
                patience.extend(more);
                // The timer's own end comes first.
                tokio::time::sleep_until(end + Duration::from_millis(20)).await;
            };
            assert_eq!(patience.await_for(work).await, expect, "{more:?}");
        }
    }
}
