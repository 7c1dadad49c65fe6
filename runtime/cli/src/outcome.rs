//! How a command ends, as a script can tell.

use std::fmt;
use std::process::ExitCode;

/// What every `--help` says about it.
pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  done
  1  failed: something is broken or cannot be reached
  2  wrong usage: the command line or the configuration is not right
  3  refused: the node does not have it or does not allow it";

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is broken or cannot be reached.
    Failed(anyhow::Error),
    /// The command line or the configuration is not right.
    Usage(anyhow::Error),
    /// The node answered that it does not have it or does not allow it.
    Refused(String),
    /// What is wrong has been printed already; the exit code.
    Reported(u8),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) | Self::Usage(error) => write!(f, "{error:#}"),
            Self::Refused(reason) => f.write_str(reason),
            Self::Reported(_) => f.write_str("see above"),
        }
    }
}

impl Failure {
    /// Says why on standard error; gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let code = match self {
            Self::Reported(code) => return ExitCode::from(*code),
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
        };
        eprintln!("portcullis: {self}");
        ExitCode::from(code)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        if error.is::<config::Problems>() { Self::Usage(error) } else { Self::Failed(error) }
    }
}
