//! People, their proofs and their sessions.
//!
//! This room decides who may sign in and why, what a self-service form shows, and what a session is
//! worth. It never speaks HTTP or SQL: it reads through the traits in [`ports`], and every decision
//! that writes is a [`primitives::Change`] of [`Write`]s, which storage applies whole or not at all.
//! It does not know OAuth: a session turns into a [`primitives::AuthenticatedSubject`], and that is
//! what passes.
//!
//! Start with [`flow::next_step`], the one dispatcher of every submitted form.

pub mod administration;
pub mod captcha;
pub mod courier;
pub mod deletion;
pub mod factor;
pub mod flow;
pub mod flow_error;
pub mod hooks;
pub mod identifier;
pub mod identity;
pub mod limiter;
pub mod organisation;
pub mod password;
pub mod ports;
pub mod problem;
pub mod profile;
pub mod providers;
pub mod return_to;
pub mod schema;
pub mod search;
pub mod session;
pub mod settings;
pub mod trusted_device;
mod ways;
pub mod webauthn;
mod write;

pub use flow::{Flow, Step, Submission, next_step};
pub use flow_error::BrowserError;
pub use identifier::Identifier;
pub use identity::{Identity, IdentityState};
pub use problem::Problem;
pub use profile::{Profile, Profiles};
pub use session::{Session, SessionToken};
pub use settings::Settings;
pub use write::{NewLink, Write};
