//! Which cores a measurement runs on.

use anyhow::{Context, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Runs `start` on one core and `measure` on all others, with what they start.
///
/// What is measured then loses its core to nobody, least of all to the load generator.
pub(super) fn apart<S, T>(
    start: impl FnOnce() -> anyhow::Result<S>,
    measure: impl FnOnce(S) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let all = sched_getaffinity(None).context("the cores of this process")?;
    ensure!(all.count() >= 2, "one core cannot be divided");
    let first = (0..CpuSet::MAX_CPU).find(|core| all.is_set(*core)).context("no core")?;
    let (mut one, mut others) = (CpuSet::new(), all);
    one.set(first);
    others.unset(first);
    sched_setaffinity(None, &one)?;
    let started = start();
    sched_setaffinity(None, &others)?;
    let measured = started.and_then(measure);
    sched_setaffinity(None, &all)?;
    measured
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_and_what_measures_share_no_core() {
        let cores = || sched_getaffinity(None).map_err(anyhow::Error::from);
        let before = cores().unwrap();
        if before.count() < 2 {
            apart(cores, |_| Ok(())).unwrap_err();
            return;
        }
        let (one, others) = apart(cores, |one| Ok((one, cores()?))).unwrap();
        assert_eq!((one.count(), others.count()), (1, before.count() - 1));
        assert!((0..CpuSet::MAX_CPU).all(|core| !(one.is_set(core) && others.is_set(core))));
        assert_eq!(cores().unwrap(), before);
        apart(|| Err::<(), _>(anyhow::anyhow!("it does not start")), |()| Ok(())).unwrap_err();
        assert_eq!(cores().unwrap(), before);
    }
}
