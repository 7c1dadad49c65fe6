//! What a plugin said lately, and why calls of it failed.

use primitives::{RequestId, Timestamp};
use serde::Serialize;

/// The lines of a plugin after some cursor, oldest first, as one node has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PluginLines {
    /// The lines.
    pub lines: Vec<PluginLine>,
    /// The cursor after which the next ones are.
    pub next: u64,
    /// Whether there were others after the cursor that was asked for, which are no longer kept.
    pub missed: bool,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PluginLine {
    /// Its place among the plugin's lines. It grows with time, also from one start of a node to the next.
    pub cursor: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What kind of line it is.
    pub level: LineLevel,
    /// The request in which it was written, as it stands in the log.
    pub request: RequestId,
    /// The words, without control characters.
    pub message: String,
}

/// What kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineLevel {
    /// The plugin's own words.
    Debug,
    /// The plugin's own words.
    Info,
    /// The plugin's own words.
    Warn,
    /// The plugin's own words.
    Error,
    /// The node's: why a call gave no answer.
    Failure,
}
