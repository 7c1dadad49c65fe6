//! Writes to the node's log. Needs the capability `log`.

use crate::bindings::token::portcullis::host::log;

/// Writes a line that only somebody who looks for a fault wants.
pub fn debug(message: impl AsRef<str>) {
    write(log::Level::Debug, message.as_ref());
}

/// Writes a line that says what happened.
pub fn info(message: impl AsRef<str>) {
    write(log::Level::Info, message.as_ref());
}

/// Writes a line that an operator should look at some day.
pub fn warn(message: impl AsRef<str>) {
    write(log::Level::Warn, message.as_ref());
}

/// Writes a line that an operator should look at now.
pub fn error(message: impl AsRef<str>) {
    write(log::Level::Error, message.as_ref());
}

/// A call's lines are bounded; what is over the bound is lost, which is no reason to fail.
fn write(level: log::Level, message: &str) {
    let _ = log::write(level, message);
}
