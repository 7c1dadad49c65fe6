//! The server itself: what it says of itself, and what hostile connections get.

mod answers;
mod certificate;
mod refusals;
mod tls;
