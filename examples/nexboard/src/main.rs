//! The command `nexboard`: serves the app, or checks that one sign-in works.

#![expect(clippy::print_stdout, reason = "a command that talks to a terminal")]

use anyhow::Context;
use clap::Parser;
use nexboard::{Account, Clock, HttpClient, Provider, PublicUrl, Settings};
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long the provider may take to come up beside us.
const WAIT_FOR_PROVIDER: Duration = Duration::from_secs(10);
const BETWEEN_TRIES: Duration = Duration::from_millis(200);

/// The dashboard of a fictional company, whose users sign in with OpenID Connect.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:4490")]
    listen: SocketAddr,
    /// What browsers call this app, if it is not the address above
    #[arg(long)]
    public_url: Option<PublicUrl>,
    /// The OpenID provider that signs users in
    #[arg(long, default_value = "http://127.0.0.1:4480/t/acme")]
    issuer: String,
    /// The name of this app at the provider
    #[arg(long, default_value = "nexboard")]
    client_id: String,
    /// A file with the client secret; without one this is a public client
    #[arg(long)]
    client_secret_file: Option<PathBuf>,
    /// The scopes to ask for
    #[arg(long, default_value = "openid profile email offline_access")]
    scopes: String,
    /// Signs in and out once by itself, prints the verified claims as JSON, and ends
    #[arg(long, requires = "email", requires = "password_file")]
    check: bool,
    /// Whom to sign in
    #[arg(long, requires = "check")]
    email: Option<String>,
    /// A file with the password
    #[arg(long, requires = "check")]
    password_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = if arguments.check { tracing::Level::WARN } else { tracing::Level::INFO };
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(ansi).with_max_level(level).init();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("nexboard: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let here = listener.local_addr()?;
    let public_url = match &arguments.public_url {
        Some(url) => url.clone(),
        None => PublicUrl::of_listener(here).with_context(|| format!("{here} needs a --public-url"))?,
    };
    let settings = Settings {
        public_url,
        issuer: arguments.issuer.clone(),
        client_id: arguments.client_id.clone(),
        client_secret: arguments.client_secret_file.as_deref().map(read_secret).transpose()?,
        scopes: arguments.scopes.split_whitespace().map(str::to_owned).collect(),
    };
    let (http, clock) = (HttpClient::new()?, Clock::system());
    let provider = wait_for_provider(&settings, &http, &clock).await?;
    let server = axum::serve(listener, nexboard::router(&settings, provider, clock));

    if let (true, Some(email), Some(file)) = (arguments.check, arguments.email, &arguments.password_file) {
        let account = Account { email, password: read_secret(file)? };
        let app = settings.public_url.page("/").parse()?;
        let claims = tokio::select! {
            claims = nexboard::check(&app, http, &account) => claims?,
            served = server => return served.context("the server ended"),
        };
        println!("{claims:#}");
        return Ok(());
    }
    println!(
        "Nexboard is at {} and signs its users in at {}",
        settings.public_url.page("/"),
        settings.issuer
    );
    server.with_graceful_shutdown(asked_to_stop()).await.context("the server ended")
}

/// Waits for the discovery document, since a provider that was started beside us may need a moment.
async fn wait_for_provider(
    settings: &Settings,
    http: &HttpClient,
    clock: &Clock,
) -> anyhow::Result<Provider> {
    let started = tokio::time::Instant::now();
    loop {
        match Provider::discover(settings, http.clone(), clock.clone()).await {
            Ok(provider) => return Ok(provider),
            Err(error) if started.elapsed() >= WAIT_FOR_PROVIDER => {
                let issuer = settings.issuer.trim_end_matches('/');
                return Err(error).with_context(|| {
                    format!(
                        "{issuer}/.well-known/openid-configuration is not there; is the provider running?"
                    )
                });
            }
            Err(_) => tokio::time::sleep(BETWEEN_TRIES).await,
        }
    }
}

fn read_secret(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!secret.is_empty(), "{} is empty", file.display());
    Ok(secret.to_owned())
}

/// Ends at Ctrl-C or SIGTERM.
async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return drop(interrupt.await);
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}
