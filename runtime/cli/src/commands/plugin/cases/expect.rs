//! What a case expects: an answer or a named failure, and lines of log.

use std::collections::BTreeMap;

use primitives::hooks::HookFailureKind;
use serde::{Deserialize, Serialize};

/// What must come of a case.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written<A>", bound = "A: serde::de::DeserializeOwned")]
pub(in crate::commands::plugin) struct Expect<A> {
    pub(in crate::commands::plugin) outcome: Outcome<A>,
    /// Each is a part of a line, which begins with its level.
    pub(in crate::commands::plugin) log: Vec<String>,
    /// What the plugin keeps then, and nothing else; anything, where nothing is said.
    pub(in crate::commands::plugin) kv: Option<BTreeMap<String, String>>,
}

/// What the call must end with.
#[derive(Debug, Clone)]
pub(in crate::commands::plugin) enum Outcome<A> {
    /// This answer.
    Answer(A),
    /// An answer with at least this in it.
    Includes(A),
    /// A failure, with these words in its detail.
    Failure(FailureName, Option<String>),
}

/// The kinds of failure, as cases name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::commands::plugin) enum FailureName {
    Trap,
    CpuLimit,
    WallLimit,
    MemoryLimit,
    OutputLimit,
    Concurrency,
    CircuitOpen,
    BadAnswer,
    GuestError,
    Unavailable,
    /// It is not called at all: its schema, or it itself, finds the settings of the case wrong.
    SettingsRefused,
}

impl From<HookFailureKind> for FailureName {
    fn from(kind: HookFailureKind) -> Self {
        match kind {
            HookFailureKind::Trap => Self::Trap,
            HookFailureKind::CpuLimit => Self::CpuLimit,
            HookFailureKind::WallLimit => Self::WallLimit,
            HookFailureKind::MemoryLimit => Self::MemoryLimit,
            HookFailureKind::OutputLimit => Self::OutputLimit,
            HookFailureKind::Concurrency => Self::Concurrency,
            HookFailureKind::CircuitOpen => Self::CircuitOpen,
            HookFailureKind::BadAnswer => Self::BadAnswer,
            HookFailureKind::GuestError => Self::GuestError,
            HookFailureKind::Unavailable | HookFailureKind::Upstream | HookFailureKind::UpstreamTimeout => {
                Self::Unavailable
            }
        }
    }
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", bound = "A: serde::de::DeserializeOwned")]
struct Written<A> {
    answer: Option<A>,
    answer_includes: Option<A>,
    failure: Option<FailureName>,
    detail: Option<String>,
    #[serde(default)]
    log: Vec<String>,
    kv: Option<BTreeMap<String, String>>,
}

impl<A> TryFrom<Written<A>> for Expect<A> {
    type Error = &'static str;

    fn try_from(written: Written<A>) -> Result<Self, Self::Error> {
        let Written { answer, answer_includes, failure, detail, log, kv } = written;
        let outcome = match (answer, answer_includes, failure) {
            (None, None, Some(failure)) => {
                return Ok(Self { outcome: Outcome::Failure(failure, detail), log, kv });
            }
            (Some(answer), None, None) => Outcome::Answer(answer),
            (None, Some(answer), None) => Outcome::Includes(answer),
            _ => {
                return Err(
                    "one of `answer`, `answer-includes` and `failure` must be expected, and only one",
                );
            }
        };
        if detail.is_some() {
            return Err("`detail` belongs to a `failure`");
        }
        Ok(Self { outcome, log, kv })
    }
}

impl<A> Expect<A> {
    /// The same, of another type of answer.
    pub(super) fn map<B>(self, change: impl FnOnce(A) -> B) -> Expect<B> {
        let outcome = match self.outcome {
            Outcome::Answer(answer) => Outcome::Answer(change(answer)),
            Outcome::Includes(answer) => Outcome::Includes(change(answer)),
            Outcome::Failure(name, detail) => Outcome::Failure(name, detail),
        };
        Expect { outcome, log: self.log, kv: self.kv }
    }
}
