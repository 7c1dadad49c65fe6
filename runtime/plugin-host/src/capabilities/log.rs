//! `log`: a guest's words in the node's log, a bounded number of lines per call.

use tenancy::plugin::{Capability, LineLevel};

use super::wit::log::{Host, Level};
use crate::state::CallState;

/// How many lines one call may log.
pub(crate) const LOG_LINES: u32 = 32;
/// How many bytes of a line are kept.
const LOG_LINE_BYTES: usize = 1024;

impl Host for CallState {
    fn write(&mut self, level: Level, message: String) -> wasmtime::Result<Result<(), String>> {
        Ok(self.answer(Capability::Log, |state| state.write_line(level, &message)))
    }
}

impl CallState {
    /// Writes what the guest wrote to its standard streams into the log.
    pub(crate) fn drain_streams(&mut self) {
        for (level, text) in self.wasi.take_output() {
            for line in text.lines().filter(|line| !line.trim().is_empty()) {
                if self.write_line(level, line).is_err() {
                    return;
                }
            }
        }
    }

    fn write_line(&mut self, level: Level, message: &str) -> Result<(), String> {
        self.log_lines = self
            .log_lines
            .checked_sub(1)
            .ok_or_else(|| format!("a call may write {LOG_LINES} lines of log"))?;
        if self.is_unheard {
            return Ok(());
        }
        let (plugin, tenant, request) = (&*self.plugin, &self.tenant, self.request);
        let message = printable(message);
        if let Some(gate) = &self.heard_by {
            gate.recent.write(plugin, (self.granted.clock.now(), request), level_of(level), &message);
        }
        match level {
            Level::Debug => tracing::debug!(plugin, %tenant, %request, "plugin says: {message}"),
            Level::Info => tracing::info!(plugin, %tenant, %request, "plugin says: {message}"),
            Level::Warn => tracing::warn!(plugin, %tenant, %request, "plugin says: {message}"),
            Level::Error => tracing::error!(plugin, %tenant, %request, "plugin says: {message}"),
        }
        Ok(())
    }
}

const fn level_of(level: Level) -> LineLevel {
    match level {
        Level::Debug => LineLevel::Debug,
        Level::Info => LineLevel::Info,
        Level::Warn => LineLevel::Warn,
        Level::Error => LineLevel::Error,
    }
}

/// A guest's words on one line: control characters would let it forge lines of its own.
pub(crate) fn printable(text: &str) -> String {
    let mut kept: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut end = kept.len().min(LOG_LINE_BYTES);
    while !kept.is_char_boundary(end) {
        end -= 1;
    }
    kept.truncate(end);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(printable("a\nlevel=ERROR\u{1b}[0m"), "a level=ERROR [0m");
        assert_eq!(printable(&"é".repeat(LOG_LINE_BYTES)).len(), LOG_LINE_BYTES);
    }
}
