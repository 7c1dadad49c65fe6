//! The load generator for requests of which each needs the answer to the one before: one thread, a connection for each
//! chain, the same for everybody who is measured.
//!
//! `wrk` sends the same request again and again. A refresh token is good for one request, and a sign-in is three; so
//! these are sent here, over connections that stay open, with as little work as parsing leaves.

mod app;
mod jar;
mod threads;
mod wire;

use anyhow::Context;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::load::{Measured, per_second};
use super::open_loop::Latencies;

pub(super) use self::app::{App, Browser, NONCE, REDIRECT_URI};
pub(super) use self::jar::Jar;
pub(super) use self::threads::{each_on_wires, paced};
pub(super) use self::wire::{Reply, Wire};

/// How much longer than its time a run may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of so many chains an answer is kept.
const KEPT: usize = 20;

/// Requests that hang on each other.
#[derive(Debug)]
pub(super) enum Chain {
    /// Sign-ins of one browser, each from the pushed request to the tokens.
    Flow(Browser),
    /// The same request each time.
    Same {
        /// Address and port.
        authority: String,
        /// The whole of it.
        request: Vec<u8>,
        /// What is in every answer.
        says: &'static str,
    },
    /// One grant whose refresh token is used and rotated.
    Refresh {
        /// Whose it is.
        app: Arc<App>,
        /// The newest.
        token: String,
    },
}

impl Chain {
    /// Begins one of refresh tokens with a sign-in.
    pub(super) async fn begin_refresh(mut browser: Browser, wire: &mut Wire) -> anyhow::Result<Self> {
        let token = browser.flow(wire).await?.text("refresh_token")?.to_owned();
        Ok(Self::Refresh { app: browser.app, token })
    }

    fn authority(&self) -> &str {
        match self {
            Self::Flow(browser) => &browser.app.authority,
            Self::Same { authority, .. } => authority,
            Self::Refresh { app, .. } => &app.authority,
        }
    }

    /// Does it once, and returns the token response, or what is answered.
    pub(super) async fn step<'w>(&mut self, wire: &'w mut Wire) -> anyhow::Result<Reply<'w>> {
        match self {
            Self::Flow(browser) => browser.flow(wire).await,
            Self::Same { request, says, .. } => {
                let reply = wire.exchange(request).await?.expect(200)?;
                let text = std::str::from_utf8(reply.body)?;
                anyhow::ensure!(text.contains(*says), "no {says} in {text}");
                Ok(reply)
            }
            Self::Refresh { app, token } => {
                let reply = app.refresh(wire, token).await?;
                let successor = reply.text("refresh_token")?;
                anyhow::ensure!(successor != token, "the refresh token was not rotated");
                successor.clone_into(token);
                Ok(reply)
            }
        }
    }
}

/// One thread for everything that is sent here.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// What one chain did in a run.
struct Done {
    chain: Chain,
    latencies: Vec<Duration>,
    /// The token response of its second step, when all others were under way, too.
    sample: Vec<u8>,
}

/// Goes on with every chain for some seconds, each on a connection of its own; whatever is not as it should be ends it.
///
/// `samples` receives some of the token responses that were given under load, one a line.
pub(super) fn run(chains: &mut Vec<Chain>, seconds: u32, samples: Option<&Path>) -> anyhow::Result<Measured> {
    let time = Duration::from_secs(seconds.into());
    let (took, done) = runtime()?.block_on(async {
        let all = go_on(std::mem::take(chains), time);
        tokio::time::timeout(time + PATIENCE, all).await.context("an answer never came")?
    })?;
    let mut latencies = Vec::new();
    let mut text = String::new();
    for (number, one) in done.into_iter().enumerate() {
        if number < KEPT {
            writeln!(text, "{}", String::from_utf8_lossy(&one.sample))?;
        }
        latencies.extend(one.latencies);
        chains.push(one.chain);
    }
    if let Some(file) = samples {
        std::fs::write(file, text)?;
    }
    let latencies = Latencies::of(latencies);
    let answers = latencies.count() as u64;
    let microseconds = |percent| u64::try_from(latencies.percentile(percent).as_micros());
    Ok(Measured {
        answers,
        rate: per_second(answers, u64::try_from(took.as_micros())?),
        p50: microseconds(50)?,
        p99: microseconds(99)?,
    })
}

async fn go_on(chains: Vec<Chain>, time: Duration) -> anyhow::Result<(Duration, Vec<Done>)> {
    let mut ready = Vec::with_capacity(chains.len());
    for chain in chains {
        let wire = Wire::open(chain.authority()).await?;
        ready.push((chain, wire));
    }
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for (mut chain, mut wire) in ready {
        tasks.spawn(async move {
            let (mut latencies, mut sample) = (Vec::new(), Vec::new());
            let mut now = Instant::now();
            while now < began + time || latencies.len() < 2 {
                let reply =
                    chain.step(&mut wire).await.with_context(|| format!("step {}", latencies.len()))?;
                if latencies.len() == 1 {
                    reply.body.clone_into(&mut sample);
                }
                let answered = Instant::now();
                latencies.push(answered - now);
                now = answered;
            }
            anyhow::Ok(Done { chain, latencies, sample })
        });
    }
    let mut done = Vec::with_capacity(tasks.len());
    while let Some(one) = tasks.join_next().await {
        done.push(one.context("a chain of the bench panicked")??);
    }
    Ok((began.elapsed(), done))
}

#[cfg(test)]
mod tests;
