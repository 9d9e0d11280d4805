//! Contenders as processes: started, loaded, checked, stopped.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use onsale::{connection::Connection, workload::Scenario};
use serde::{Deserialize, Serialize};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{
    BenchArgs, Contender,
    scratch::{Scratch, complete, postmaster},
};
use crate::load::Loaded;

/// How long a server may take to start, and to stop: a checkpoint after minutes of writing takes its time.
const START_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(90);

/// What the database says after a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    /// Bookings in the ledger.
    pub(crate) bookings: u64,
    /// What contradicts itself: nothing, or the benchmark fails.
    pub(crate) faults: Vec<String>,
    /// The versions of events that anything was done with.
    #[serde(default, skip_serializing)]
    pub(crate) versions: BTreeMap<String, i64>,
    /// Of PostgreSQL.
    pub(crate) server_version: String,
}

/// What the database alone does with groups of one size.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) scenario: Scenario,
    /// Bookings a group.
    pub(super) size: usize,
    pub(super) connections: usize,
    pub(super) bookings_per_second: f64,
    /// Of one call.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Of PostgreSQL.
    pub(super) cores: Option<f64>,
}

/// One run of the load client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) scenario: Scenario,
    pub(crate) connections: usize,
    /// Requests a second; `None` for a closed loop.
    pub(crate) rate: Option<f64>,
    /// Seconds before measuring, and of it.
    pub(crate) warmup: f64,
    pub(crate) seconds: f64,
    /// Houses that earlier runs sold out.
    pub(crate) skip_houses: usize,
    /// Connections that read meanwhile, and their reads a second in total.
    pub(crate) reads: Option<(usize, f64)>,
}

/// A contender that serves.
pub(crate) struct Served<'a> {
    scratch: &'a Scratch,
    name: String,
    address: SocketAddr,
    /// `None` for a contender without a database.
    data: Option<PathBuf>,
    process: Child,
}

impl<'a> Served<'a> {
    /// Starts it on fresh data, with these settings beside the usual ones, and waits until it is ready.
    pub(crate) async fn start(scratch: &'a Scratch, who: Contender, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let data = if who == Contender::Empty { None } else { Some(scratch.copy().await?) };
        Self::start_on(scratch, who, data, settings).await
    }

    /// Starts it on these data.
    pub(crate) async fn start_on(
        scratch: &'a Scratch,
        who: Contender,
        data: Option<PathBuf>,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let program = if who == Contender::Boxoffice { &scratch.setup().binary } else { &scratch.setup().baseline };
        let argument = if who == Contender::Empty { "empty" } else { "serve" };
        let mut command = Command::new(program);
        command.arg(argument);
        Self::launch(scratch, format!("{who:?}").to_lowercase(), command, data, settings).await
    }

    /// Starts any program that takes boxoffice's settings, and waits until it is ready.
    pub(crate) async fn launch(
        scratch: &'a Scratch,
        name: String,
        program: Command,
        data: Option<PathBuf>,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let (address, operations) = free_addresses()?;
        let program = program.as_std();
        let folder = data.as_deref().unwrap_or(Path::new("none"));
        let mut command = scratch.command(Path::new(program.get_program()), folder)?;
        let log = std::fs::File::create(scratch.log(&name))?;
        command
            .args(program.get_args())
            .env("BOXOFFICE__HTTP__LISTEN", address.to_string())
            .env("BOXOFFICE__OPS__LISTEN", operations.to_string())
            // One client with thousands of requests a second is what limits are against.
            .env("BOXOFFICE__RATE_LIMIT__TRUSTED", "127.0.0.0/8,::1/128")
            .envs(settings.iter().copied())
            .stdout(log.try_clone()?)
            .stderr(log);
        let process = command.spawn().with_context(|| format!("{name} doesn't start"))?;
        let mut served = Self { scratch, name, address, data, process };
        served.ready().await?;
        Ok(served)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process, while it runs.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.process.id().with_context(|| format!("{} has ended: {}", self.name, self.last_words()))
    }

    /// The postmaster on its data.
    pub(crate) fn postmaster(&self) -> Option<u32> {
        self.data.as_deref().and_then(postmaster)
    }

    /// Fails when it has ended by itself.
    pub(crate) fn alive(&mut self) -> anyhow::Result<()> {
        match self.process.try_wait()? {
            Some(status) => bail!("{} ended with {status}: {}", self.name, self.last_words()),
            None => Ok(()),
        }
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + START_MAX;
        while tokio::time::Instant::now() < deadline {
            self.alive()?;
            if let Ok(stream) = TcpStream::connect(self.address).await {
                let request = format!("GET /health/ready HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
                let answer = Connection::new(stream).ask(request.as_bytes()).await.map(|answer| answer.status);
                // What always answers the same may answer 304.
                if matches!(answer, Ok(200 | 201 | 304)) {
                    return Ok(());
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("{} is not ready after {START_MAX:?}: {}", self.name, self.last_words());
    }

    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.scratch.log(&self.name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }

    /// One run of the load client, in a process of its own.
    pub(crate) async fn load(&mut self, load: Load) -> anyhow::Result<Loaded> {
        let Load { scenario, connections, rate, warmup, seconds, skip_houses, reads } = load;
        let mut client = self.scratch.command(&std::env::current_exe()?, self.scratch.fixture().as_path())?;
        let scenario = clap::ValueEnum::to_possible_value(&scenario).map(|value| value.get_name().to_owned());
        client.args(["load", "--address", &self.address.to_string()]);
        client.arg("--fixture").arg(self.scratch.fixture());
        client.args(["--scenario", &scenario.unwrap_or_default(), "--connections", &connections.to_string()]);
        client.args(["--warmup", &warmup.to_string(), "--seconds", &seconds.to_string()]);
        client.args(["--skip-houses", &skip_houses.to_string()]);
        if let Some(rate) = rate {
            client.args(["--rate", &rate.to_string()]);
        }
        if let Some((readers, rate)) = reads {
            client.args(["--readers", &readers.to_string(), "--read-rate", &rate.to_string()]);
        }
        if let Some(pid) = self.process.id() {
            client.args(["--watch", &format!("server={pid}")]);
        }
        if let Some(pid) = self.postmaster() {
            client.args(["--watch", &format!("postgres={pid}+")]);
        }
        let output = complete(client, "the load client").await?;
        self.alive()?;
        serde_json::from_slice(&output).context("the load client printed no result")
    }

    /// Asks the database what was written. `None` for a contender without one.
    pub(crate) async fn check(&self) -> anyhow::Result<Option<Check>> {
        let Some(data) = &self.data else { return Ok(None) };
        let mut check = self.scratch.command(&self.scratch.setup().baseline, data)?;
        check.arg("check");
        let output = complete(check, "checking the ledger").await?;
        serde_json::from_slice(&output).context("the check printed no result").map(Some)
    }

    /// Stops it, and removes its data.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        if let Some(data) = self.end().await? {
            std::fs::remove_dir_all(&data).with_context(|| format!("{} can't be removed", data.display()))?;
        }
        Ok(())
    }

    /// Stops it, and leaves its data.
    pub(crate) async fn end(mut self) -> anyhow::Result<Option<PathBuf>> {
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let ended = tokio::time::timeout(STOP_MAX, self.process.wait()).await;
        ended.with_context(|| format!("{} does not stop", self.name))??;
        Ok(self.data)
    }
}

/// The database ceiling of a scenario, with fresh data.
pub(super) async fn groups(scratch: &Scratch, args: &BenchArgs, scenario: Scenario) -> anyhow::Result<Vec<Group>> {
    let data = scratch.copy().await?;
    let mut command = scratch.command(&args.baseline, &data)?;
    let name = clap::ValueEnum::to_possible_value(&scenario).map(|value| value.get_name().to_owned());
    let sizes: Vec<String> = args.group_sizes.iter().map(usize::to_string).collect();
    command.args(["groups", "--scenario", &name.unwrap_or_default(), "--sizes", &sizes.join(",")]);
    command.args(["--seconds", &args.group_seconds.to_string(), "--fixture"]).arg(scratch.fixture());
    let output = complete(command, "the database ceiling").await?;
    std::fs::remove_dir_all(&data)?;
    serde_json::from_slice(&output).context("the database ceiling printed no result")
}

/// Two ports that are free now, held together so that they differ. Somebody else may take one first; then the start
/// fails and says so.
fn free_addresses() -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let both = (bind()?, bind()?);
    Ok((both.0.local_addr()?, both.1.local_addr()?))
}
