use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use storage::StorageError;

use super::*;
use crate::testing::World;

/// A job that does what a test says.
struct Scripted<F>(F);

impl<F> std::fmt::Debug for Scripted<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl<F> Job for Scripted<F>
where
    F: for<'a> Fn(&'a Turn) -> BoxFuture<'a, Result<(), JobError>> + Send + Sync,
{
    fn name(&self) -> JobName {
        JobName::Rotation
    }

    fn every(&self) -> Duration {
        Duration::from_mins(10)
    }

    fn run<'a>(&'a self, turn: &'a Turn) -> BoxFuture<'a, Result<(), JobError>> {
        self.0(turn)
    }
}

/// The closure's type, said once: the compiler does not find the lifetime by itself.
fn scripted<F>(run: F) -> Scripted<F>
where
    F: for<'a> Fn(&'a Turn) -> BoxFuture<'a, Result<(), JobError>> + Send + Sync,
{
    Scripted(run)
}

fn one_piece() -> impl Job + 'static {
    scripted(|turn| {
        Box::pin(async move {
            turn.did(1);
            Ok(())
        })
    })
}

#[tokio::test]
async fn job_is_done_once_in_its_time_by_any_node() {
    let world = World::open().await;
    let (one, two) = (world.runner("one", one_piece()), world.runner("two", one_piece()));
    assert_eq!(world.run(&one).await, Outcome::Done(1));
    assert_eq!(world.run(&one).await, Outcome::NotDue);
    assert_eq!(world.run(&two).await, Outcome::NotDue);
    world.clock.advance(Duration::from_mins(10));
    assert_eq!(world.run(&two).await, Outcome::Done(1));
    assert_eq!(world.run(&one).await, Outcome::NotDue);
}

#[tokio::test]
async fn job_of_a_node_that_died_is_taken_over_when_its_lease_ends() {
    let world = World::open().await;
    let (dead, other) = (world.runner("dead", one_piece()), world.runner("other", one_piece()));
    let turn = Turn::take(&dead.node, dead.name(), world.stop.subscribe()).await.unwrap();
    assert!(turn.is_some());
    assert_eq!(world.run(&other).await, Outcome::NotDue);
    world.clock.advance(Duration::from_mins(5));
    assert_eq!(world.run(&other).await, Outcome::Done(1));
    // The first one comes back to life.
    let turn = turn.unwrap();
    assert!(matches!(turn.go_on().await, Err(JobError::LeaseLost)));
    turn.end(world.now()).await.unwrap();
    assert_eq!(world.run(&dead).await, Outcome::NotDue, "a lost lease is not given back");
}

#[tokio::test]
async fn long_job_keeps_its_lease() {
    let world = World::open().await;
    let (clock, other) = (world.clock.clone(), Arc::new(world.runner("other", one_piece())));
    let stop = world.stop.subscribe();
    let slow = world.runner(
        "slow",
        scripted(move |turn| {
            let (clock, other, stop) = (clock.clone(), other.clone(), stop.clone());
            Box::pin(async move {
                for _ in 0..20 {
                    clock.advance(Duration::from_mins(2));
                    turn.go_on().await?;
                    assert_eq!(other.run_once(&stop).await, Outcome::NotDue);
                    turn.did(1);
                }
                Ok(())
            })
        }),
    );
    assert_eq!(world.run(&slow).await, Outcome::Done(20));
}

#[tokio::test]
async fn failing_and_panicking_jobs_are_tried_again() {
    let world = World::open().await;
    let failing =
        || scripted(|_| Box::pin(async { Err(StorageError::Unavailable("disk".to_owned()).into()) }));
    let panicking = || scripted(|_| Box::pin(async { panic!("defect") }));
    for (runner, expect) in [
        (world.runner("one", failing()), Outcome::Failed),
        (world.runner("one", panicking()), Outcome::Panicked),
    ] {
        assert_eq!(world.run(&runner).await, expect);
        assert_eq!(world.run(&runner).await, Outcome::NotDue, "not in a hurry");
        world.clock.advance(RETRY);
        assert_eq!(world.run(&runner).await, expect);
        world.clock.advance(RETRY);
    }
    assert_eq!(world.run(&world.runner("one", one_piece())).await, Outcome::Done(1));
}

#[tokio::test]
async fn node_that_ends_leaves_the_rest_to_another_at_once() {
    let world = World::open().await;
    let left = Arc::new(AtomicU64::new(5));
    let job = |stop_after: u64| {
        let (left, stop) = (left.clone(), world.stop.clone());
        scripted(move |turn| {
            let (left, stop) = (left.clone(), stop.clone());
            Box::pin(async move {
                while left.load(Ordering::SeqCst) > 0 {
                    turn.go_on().await?;
                    left.fetch_sub(1, Ordering::SeqCst);
                    turn.did(1);
                    if turn.done() == stop_after {
                        stop.send_replace(true);
                    }
                }
                Ok(())
            })
        })
    };
    assert_eq!(world.run(&world.runner("one", job(2))).await, Outcome::Stopped);
    assert_eq!(left.load(Ordering::SeqCst), 3);
    world.stop.send_replace(false);
    assert_eq!(world.run(&world.runner("two", job(0))).await, Outcome::Done(3));
}

#[tokio::test]
async fn running_jobs_end_when_asked_and_when_nobody_can_ask_any_more() {
    let world = World::open().await;
    let asked = world.runner("one", one_piece()).run_until(world.stop.subscribe());
    world.stop.send_replace(true);
    asked.await;
    let (sender, stop) = watch::channel(false);
    drop(sender);
    world.runner("one", one_piece()).run_until(stop).await;
    world.stop.send_replace(false);
    assert_eq!(world.run(&world.runner("two", one_piece())).await, Outcome::Done(1), "neither ran");
}

#[tokio::test]
async fn pause_between_two_pieces_ends_with_the_node() {
    let world = World::open().await;
    let runner = world.runner("one", one_piece());
    let turn = Turn::take(&runner.node, runner.name(), world.stop.subscribe()).await.unwrap().unwrap();
    let pause = turn.pause(Duration::from_hours(1));
    tokio::join!(pause, async { world.stop.send_replace(true) });
    assert!(matches!(turn.go_on().await, Err(JobError::Stopped)));
}

#[tokio::test]
async fn metrics_tell_how_each_job_went() {
    let world = World::open().await;
    let runner = world.runner("one", one_piece());
    world.run(&runner).await;
    world.run(&runner).await;
    let mut registry = Registry::default();
    world.metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        r#"portcullis_job_runs_total{job="rotation",outcome="done"} 1"#,
        r#"portcullis_job_pieces_total{job="rotation"} 1"#,
        r#"portcullis_job_last_run_time_seconds{job="rotation"} 1800000000"#,
        r#"portcullis_job_duration_seconds_count{job="rotation"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}
