//! What guests may ask of the host: each capability, used well and badly.

pub(crate) mod http;
pub(crate) mod kv;
pub(crate) mod secrets;
