//! What was acknowledged is there, whatever happens to the process, the machine or the disk.
//!
//! Each test starts this binary again as a [`writer`] that says which of its writes were acknowledged,
//! does something to it, and then opens what is left. That the harness can see a loss is shown by a
//! writer that does not sync.

#![expect(clippy::unwrap_used, reason = "a test says by panicking that it failed")]

mod faults;
mod power;
mod writer;
