//! Hostile components and hostile values against the host's boundary, from seeds that a failure names.
//!
//! `PORTCULLIS_FUZZ_CASES=20` makes so many times as many cases, `PORTCULLIS_FUZZ_SEED` others than usual.

mod answers;
mod asks;
mod components;
mod dice;
mod guest;
mod hooks;
mod image;
mod wit;

pub(crate) use dice::{Dice, Repeat, cases};
