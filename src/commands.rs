//! The command line.

mod create_admin;
mod migrate;
mod seed;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use telemetry::{
    logs::{self, Format, LogGuard},
    metrics,
};

use crate::{
    config::{Config, Environment, Sources},
    serve,
};

/// Exit code for a configuration that is wrong (`EX_CONFIG` is 78; 64 is what operators of this server rely on).
const EXIT_USAGE: u8 = 64;

/// An event-booking server for the minute when everyone wants the same seats.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server. Without DATABASE_URL it starts and owns a private PostgreSQL in its data folder, with demo data
    Serve,
    /// Apply, take back or list migrations
    Migrate {
        #[command(subcommand)]
        action: MigrateAction,
    },
    /// Fill the database with realistic data; the same arguments give the same ids
    Seed(SeedArgs),
    /// Make an account of an administrator; the password is asked for, or read from standard input
    CreateAdmin {
        /// Its e-mail address
        #[arg(long)]
        email: String,
        /// Its name
        #[arg(long, default_value = "Administrator")]
        name: String,
    },
    /// Print the OpenAPI 3.1 document of the API
    #[command(name = "openapi")]
    OpenApi,
    /// Check the configuration and print it, secrets masked; exit code 64 and one line a fault when it is wrong
    CheckConfig,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum MigrateAction {
    /// Apply all pending migrations
    Up,
    /// Take back the newest migrations
    Down {
        /// How many
        #[arg(long, default_value_t = 1)]
        steps: u32,
        /// Also when bookings, or other things that somebody relies on, are lost with them
        #[arg(long)]
        lose_data: bool,
    },
    /// List all migrations and their states
    Status,
}

#[derive(Debug, Args)]
struct SeedArgs {
    /// What to load
    #[arg(long, value_enum, default_value_t = Scenario::Demo)]
    scenario: Scenario,
    /// loadtest: how many buyers
    #[arg(long, default_value_t = 1000)]
    users: u32,
    /// loadtest: how many lukewarm events; catalogue: how many events
    #[arg(long, default_value_t = 1000)]
    events: u32,
    /// loadtest: the house of the hot event with seats
    #[arg(long, value_enum, default_value_t = HouseSize::Arena)]
    house: HouseSize,
    /// demo: give its accounts another password and end their sessions, and load nothing if they are there
    #[arg(long)]
    reset_passwords: bool,
    /// loadtest: where to write ids and access tokens as JSON; standard output when not given
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// 60 events in 12 venues, and accounts to try them with
    Demo,
    /// Events that never run out of places, and tokens of many buyers
    Loadtest,
    /// Events in three languages, as many as you like, to search and to browse
    Catalogue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum HouseSize {
    /// 20,000 seats
    Arena,
    /// 100,000 seats
    Stadium,
}

/// Runs one command and says how it ended.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its terminal")]
pub fn run(cli: Cli) -> ExitCode {
    // Says the same whatever the configuration is.
    if matches!(cli.command, Command::OpenApi) {
        println!("{:#}", serve::api_document());
        return ExitCode::SUCCESS;
    }
    let config = match Sources::of_process().and_then(|sources| Config::load(&sources)) {
        Ok(config) => config,
        Err(faults) => {
            faults.iter().for_each(|fault| eprintln!("{fault}"));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    if let Some(fault) = serve::database::address_fault(&config) {
        eprintln!("{fault}");
        return ExitCode::from(EXIT_USAGE);
    }
    if matches!(cli.command, Command::CheckConfig) {
        if let Some(missing) = missing_file(&config) {
            eprintln!("{missing}");
        }
        print!("{config}");
        return ExitCode::SUCCESS;
    }
    match start(cli.command, config) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("boxoffice: {error:#}");
            serve::exit_code(&error)
        }
    }
}

/// Names the file that the environment should have, when it is not there. It is no fault: variables alone are enough.
fn missing_file(config: &Config) -> Option<String> {
    let path = config.missing_file.as_ref()?;
    let listen = config.http.listen;
    Some(format!(
        "{} is not there: what is not set by variables is as in the code, such as http.listen = {listen}",
        path.display()
    ))
}

fn start(command: Command, config: Config) -> anyhow::Result<ExitCode> {
    // Kept until the end: it writes out what is still waiting.
    let _guard = logs(&command, &config)?;
    if let Some(missing) = missing_file(&config) {
        tracing::warn!("{missing}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no async runtime")?;
    runtime.block_on(async move {
        match command {
            Command::Serve => return serve::serve(config).await,
            Command::Migrate { action } => migrate::run(&config, action).await?,
            Command::Seed(args) => seed::run(&config, &args).await?,
            Command::CreateAdmin { email, name } => create_admin::run(&config, &email, &name).await?,
            Command::CheckConfig | Command::OpenApi => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The server logs by its configuration. Other commands print their results, so only what goes wrong is logged.
fn logs(command: &Command, config: &Config) -> anyhow::Result<Option<LogGuard>> {
    if !matches!(command, Command::Serve) {
        return Ok(None);
    }
    // First: the log counts the lines it drops, and a counter made before the recorder counts nothing.
    metrics::install().context("metrics can't be set up")?;
    let format = Format::asked(config.log.format, config.environment == Environment::Production);
    Ok(Some(logs::install(&config.log.filter, format).context("logging can't be set up")?))
}
