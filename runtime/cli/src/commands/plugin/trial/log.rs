//! What plugins write to the node's log, kept for whoever asks.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// What the plugin host puts before a guest's words.
const SAYS: &str = "plugin says: ";

/// The lines of guests, each beginning with its level.
#[derive(Debug, Clone, Default)]
pub(in crate::commands::plugin) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Becomes this process's log.
    pub(in crate::commands::plugin) fn start() -> anyhow::Result<Self> {
        let log = Self::default();
        tracing_subscriber::registry().with(log.clone()).try_init().context("the log cannot be started")?;
        Ok(log)
    }

    /// Takes the lines that were written since it was asked last.
    pub(in crate::commands::plugin) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event()
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        if let Some(words) = message.0.strip_prefix(SAYS) {
            let level = event.metadata().level().as_str().to_ascii_lowercase();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{level}: {words}"));
        }
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
