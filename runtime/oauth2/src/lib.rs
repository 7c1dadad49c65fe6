//! The authorization server: who may get which token, and why.

pub mod hooks;
