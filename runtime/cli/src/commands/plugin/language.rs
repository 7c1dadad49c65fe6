//! The languages that a plugin's project can be in.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A language with templates and a way to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub(super) enum Language {
    /// With cargo and the target wasm32-wasip2
    Rust,
    /// With clang, without a C library
    C,
    /// With npm's componentize-qjs, which puts in the QuickJS engine
    JavaScript,
    /// With PyPI's componentize-py, which puts in an interpreter: large and slow
    Python,
}

impl Language {
    /// As it stands in manifests and in the paths of templates.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }

    /// As people write it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
        }
    }

    /// What has to be run once in a new project, for people to copy.
    pub(super) const fn before_the_first_build(self) -> &'static [&'static str] {
        match self {
            Self::Rust | Self::C => &[],
            Self::JavaScript => &["npm install"],
            Self::Python => &["python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"],
        }
    }
}
