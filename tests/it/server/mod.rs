//! The server itself: what it says of itself, and what hostile connections get.

mod answers;
mod api_document;
mod certificate;
mod refusals;
pub(crate) mod tls;
