//! Table `job_leases`: on several nodes, one does a job at a time.
//!
//! A lease ends by itself, so that a node that dies holds nothing up. A node that is cut off and comes
//! back may therefore overlap with its successor for a moment: each write of a job is guarded, so that
//! doing it twice does nothing twice.

use primitives::Timestamp;

use super::held;
use crate::apply::Prepared;
use crate::statement::Statement;
use crate::{Storage, StorageError, values};

impl Storage {
    /// Takes a job until `until`, if it is free by `now`; whether it was.
    pub async fn take_lease(
        &self,
        job: &'static str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StorageError> {
        let statement = Statement::one(
            "INSERT INTO job_leases (job, holder, free_at) VALUES ($1, $2, $3)
             ON CONFLICT (job) DO UPDATE SET holder = excluded.holder, free_at = excluded.free_at
             WHERE job_leases.free_at <= $4",
            values![job, holder, until, now],
        );
        held(self.apply_prepared(Prepared::of_storage(vec![statement])).await)
    }

    /// Says when a job that one holds is free again: later, because it takes longer, or when it is due
    /// next, because it is done. Whether one still held it by `now`.
    pub async fn move_lease(
        &self,
        job: &'static str,
        holder: &str,
        now: Timestamp,
        free_at: Timestamp,
    ) -> Result<bool, StorageError> {
        let statement = Statement::one(
            "UPDATE job_leases SET free_at = $3 WHERE job = $1 AND holder = $2 AND free_at > $4",
            values![job, holder, free_at, now],
        );
        held(self.apply_prepared(Prepared::of_storage(vec![statement])).await)
    }
}
