//! An attempt that is made while it is counted.

use std::future::Future;
use std::pin::pin;

use futures_util::future::{Either, select};

use super::NotCounted;

/// Makes an attempt while `counting` is under way; what came of it is told only when it counts.
///
/// `counting` begins first. What it refuses at once, from memory, is not even begun: a flood pays for no hash. What only the
/// database refuses was hashed for nothing, once for each time that a node hears of it.
///
/// Attack: whoever asks sees from how the attempt fails, or how fast, whether the password was right although it did
/// not count. So nothing of it is told, not its failure either, before it counts.
pub(crate) async fn while_counted<T, E: From<NotCounted>>(
    counting: impl Future<Output = Result<(), NotCounted>>,
    attempt: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let counting = pin!(counting);
    let attempt = pin!(attempt);
    // `select` asks the first one first, and the other one only while that is under way.
    match select(counting, attempt).await {
        Either::Left((counted, attempt)) => {
            counted?;
            attempt.await
        }
        Either::Right((outcome, counting)) => {
            counting.await?;
            outcome
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::{pending, poll_fn, ready};
    use std::task::Poll;

    use super::*;
    use crate::limiter::LimitReached;
    use crate::ports::StoreUnavailable;

    const REFUSED: NotCounted = NotCounted::Reached(LimitReached { retry_after: Duration::from_secs(7) });

    /// Ready when it is asked for the second time.
    fn later<T: Clone>(outcome: T) -> impl Future<Output = T> {
        let mut asked = false;
        poll_fn(move |context| {
            if asked {
                return Poll::Ready(outcome.clone());
            }
            asked = true;
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    fn run<T>(
        counting: impl Future<Output = Result<(), NotCounted>>,
        attempt: impl Future<Output = Result<T, NotCounted>>,
    ) -> Option<Result<T, NotCounted>> {
        let mut both = pin!(while_counted(counting, attempt));
        (0..10).find_map(|_| both.as_mut().now_or_never())
    }

    #[test]
    fn what_is_refused_at_once_is_not_begun() {
        let begun = Cell::new(false);
        let attempt = async {
            begun.set(true);
            Ok(())
        };
        assert_eq!(run(ready(Err(REFUSED)), attempt), Some(Err(REFUSED)));
        assert!(!begun.get());
    }

    #[test]
    fn nothing_is_told_of_an_attempt_before_it_counts() {
        let failed = NotCounted::Store(StoreUnavailable("of the attempt".to_owned()));
        for outcome in [Ok("right"), Err(failed.clone())] {
            assert_eq!(run(pending(), ready(outcome.clone())), None, "{outcome:?}");
            assert_eq!(run(later(Err(REFUSED)), ready(outcome.clone())), Some(Err(REFUSED)));
            assert_eq!(run(later(Ok(())), ready(outcome.clone())), Some(outcome.clone()));
            assert_eq!(run(ready(Ok(())), later(outcome.clone())), Some(outcome));
        }
    }

    #[test]
    fn attempt_goes_on_while_it_is_counted() {
        let begun = Cell::new(false);
        let attempt = async {
            begun.set(true);
            Ok(())
        };
        assert_eq!(run(pending(), attempt), None);
        assert!(begun.get());
    }
}
