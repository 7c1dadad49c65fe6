//! The node that a command speaks to: the one that runs, or one that the command itself starts.
//!
//! Both are asked through the same API, so that there is one way in which things are done. Without a
//! running node the command takes the data directory for itself, as the node does at its start, and
//! listens on nothing but the directory's socket until it is done.

use std::io;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::api::Api;
use crate::configuration::Place;
use crate::data_directory::DataDirectory;
use crate::outcome::Failure;
use crate::serve;

/// Runs a command against the node that runs at this place, for what only such a one has in its memory.
pub(crate) fn with_running_node<T>(
    place: &Place,
    command: impl AsyncFnOnce(Api) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = place.read()?;
        let directory = DataDirectory::find(config.server.data_dir.clone())?;
        match Api::connect(&directory.socket()).await {
            Ok(api) => command(api).await,
            Err(error) if nobody_is_there(&error) => Err(Failure::Refused("no node runs here".to_owned())),
            Err(error) => Err(error).context("the node's socket cannot be used").map_err(Failure::from),
        }
    })
}

/// Whether nobody answers at the socket, or nobody any more.
fn nobody_is_there(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// Runs a command against the node of this place.
pub(crate) fn with_node<T>(
    place: &Place,
    command: impl AsyncFnOnce(Api) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let config = place.read()?;
        let directory = DataDirectory::find(config.server.data_dir.clone())?;
        match Api::connect(&directory.socket()).await {
            Ok(api) => return command(api).await,
            Err(error) if nobody_is_there(&error) => {}
            Err(error) => {
                return Err(error).context("the node's socket cannot be used").map_err(Failure::from);
            }
        }
        let lock = directory.lock()?;
        let node = serve::assemble(&config, &directory, false).await?;
        let socket = portcullis_http::command_socket(directory.socket());
        let server = node.open(&[socket], &config).await?;
        let (stop, stopping) = watch::channel(false);
        let serving = tokio::spawn(server.serve(stopping));
        let done = match Api::connect(&directory.socket()).await {
            Ok(api) => command(api).await,
            Err(error) => Err(error.into()),
        };
        stop.send(true).ok();
        serving.await.context("the node ended badly")?;
        node.storage.flush_audit().await.context("the last audit records")?;
        drop(lock);
        done
    })
}
