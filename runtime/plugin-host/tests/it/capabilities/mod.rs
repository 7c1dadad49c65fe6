//! What guests may ask of the host: each capability, used well and badly.

pub(crate) mod http;
pub(crate) mod identities;
pub(crate) mod kv;
pub(crate) mod permissions;
pub(crate) mod secrets;
