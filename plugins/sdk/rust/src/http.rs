//! Sends HTTP requests to the servers that the operator named. Needs the capability `http`.

use crate::host::portcullis::host::http;

pub use http::{ErrorKind, HttpError, Method, Response};

/// A request. Nothing of it is sent before [`send`](Self::send).
#[derive(Debug, Clone)]
pub struct Request(http::Request);

impl Request {
    /// A request to an absolute URL.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self(http::Request {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout_ms: None,
            extensions: Vec::new(),
        })
    }

    /// Asks for what is at a URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// Sends this with it.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// Gives up after so many milliseconds, or when the call's time is nearly over.
    #[must_use]
    pub fn timeout_ms(mut self, milliseconds: u32) -> Self {
        self.0.timeout_ms = Some(milliseconds);
        self
    }

    /// Sends it and waits for the whole answer.
    pub fn send(self) -> Result<Response, HttpError> {
        http::send(&self.0)
    }
}

impl From<HttpError> for crate::token::HookError {
    fn from(error: HttpError) -> Self {
        Self::new(error.message)
    }
}
