//! `portcullis config`

use std::path::PathBuf;

use clap::Subcommand;
use config::Problems;
use serde_json::{Value, json};

use super::Common;
use crate::configuration::Place;
use crate::outcome::Failure;

/// The file that shows every section.
const EXAMPLE: &str = include_str!("../../../../config/example.toml");

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Checks a configuration file and says where it is wrong
    Check {
        /// The file, instead of `--config`
        file: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Prints the JSON Schema of the configuration, for editors
    Schema,
    /// Prints a configuration that shows every section
    Example,
}

pub(crate) fn run(place: &Place, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Check { file, common } => {
            let file = file.clone().or_else(|| place.file.clone());
            check(&Place { file, data_dir: place.data_dir.clone() }, common.json)
        }
        Command::Schema => {
            print!("{}", config::reference::schema_text());
            Ok(())
        }
        Command::Example => {
            print!("{EXAMPLE}");
            Ok(())
        }
    }
}

fn check(place: &Place, json: bool) -> Result<(), Failure> {
    let error = match place.read() {
        Ok(config) => {
            if json {
                println!("{}", json!({"problems": []}));
            } else {
                let shown =
                    place.file.as_deref().map_or("without a file".into(), |file| file.display().to_string());
                println!("{shown}: right, {} tenants", config.tenants.len());
            }
            return Ok(());
        }
        Err(error) => error,
    };
    match error.downcast::<Problems>() {
        Ok(problems) if json => {
            let each = problems.0.iter().map(|problem| {
                json!({
                    "file": problem.file, "line": problem.line, "column": problem.column,
                    "key": problem.key, "message": problem.message,
                })
            });
            println!("{:#}", json!({"problems": each.collect::<Vec<Value>>()}));
            Err(Failure::Reported(2))
        }
        Ok(problems) => {
            eprintln!("{problems}");
            Err(Failure::Reported(2))
        }
        Err(error) => Err(error.into()),
    }
}
