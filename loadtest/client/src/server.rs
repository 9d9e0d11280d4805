//! Servers as processes on data of their own: started, loaded, checked, stopped.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    connection::{Connection, connect, get},
    on_sale::{Load, OnSale},
    processes::{Process, complete, free_addresses},
    requests::Scenario,
    scratch::{Scratch, postmaster},
    usage::Watched,
    verdict::Verdict,
};

/// How long a server may take to start.
const START_MAX: Duration = Duration::from_secs(60);

/// How long it may take until a payment without an answer is asked about, and some more.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// What the ledger holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ledger {
    pub(crate) bookings: u64,
    pub(crate) money: Money,
    /// What contradicts itself: nothing, or the measurement fails.
    pub(crate) faults: Vec<String>,
    /// The versions of events that anything was done with.
    pub(crate) versions: BTreeMap<String, i64>,
    server_version: String,
}

/// Payments.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Money {
    /// Bookings that are confirmed because they are paid.
    pub(crate) paid_bookings: u64,
    /// Payments of which nobody knows yet what becomes of them.
    pub(crate) open: u64,
}

impl Ledger {
    /// What a scenario was to sell: bookings, or paid ones.
    pub(crate) fn sold(&self, scenario: Scenario) -> u64 {
        if scenario == Scenario::Priced { self.money.paid_bookings } else { self.bookings }
    }

    pub(crate) fn judge(&self, verdict: &mut Verdict) {
        verdict.require(self.faults.is_empty(), || format!("the ledger is wrong: {}", self.faults.join("; ")));
        verdict.none("payments without an end", self.money.open);
    }
}

/// A server that was started.
pub(crate) struct Server<'a> {
    scratch: &'a Scratch,
    name: String,
    pub(crate) address: SocketAddr,
    /// `None` for one without a database of its own.
    data: Option<PathBuf>,
    process: Process,
}

impl<'a> Server<'a> {
    /// Starts boxoffice on fresh data.
    pub(crate) async fn boxoffice(scratch: &'a Scratch, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let data = scratch.copy().await?;
        Self::start(scratch, "boxoffice", boxoffice(scratch), Some(data), settings).await
    }

    /// Starts any program that takes boxoffice's settings, with these beside the usual ones, and waits until it is ready.
    pub(crate) async fn start(
        scratch: &'a Scratch,
        name: &str,
        program: Command,
        data: Option<PathBuf>,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let [address, operations] = free_addresses()?;
        let program = program.as_std();
        let folder = data.as_deref().unwrap_or(Path::new("none"));
        let mut command = scratch.command(Path::new(program.get_program()), folder)?;
        let log = std::fs::File::create(scratch.log(name))?;
        command
            .args(program.get_args())
            .env("BOXOFFICE__HTTP__LISTEN", address.to_string())
            .env("BOXOFFICE__OPS__LISTEN", operations.to_string())
            // One client with thousands of requests a second is what limits are against.
            .env("BOXOFFICE__RATE_LIMIT__TRUSTED", "127.0.0.0/8,::1/128")
            .envs(settings.iter().copied())
            .stdout(log.try_clone()?)
            .stderr(log);
        let process = Process::start(name, command)?;
        let mut server = Self { scratch, name: name.to_owned(), address, data, process };
        server.ready().await?;
        Ok(server)
    }

    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        self.process.pid().with_context(|| self.last_words())
    }

    /// The postmaster on its data.
    pub(crate) fn postmaster(&self) -> Option<u32> {
        self.data.as_deref().and_then(postmaster)
    }

    /// It, its PostgreSQL, and this program.
    pub(crate) fn watched(&self) -> anyhow::Result<Vec<Watched>> {
        let mut watched = vec![Watched { name: "server", pid: self.pid()?, family: false }, Watched::client()];
        watched.extend(self.postmaster().map(|pid| Watched { name: "postgres", pid, family: true }));
        Ok(watched)
    }

    /// Fails when it has ended by itself.
    pub(crate) fn alive(&mut self) -> anyhow::Result<()> {
        match self.process.ended()? {
            Some(status) => bail!("{} ended with {status}: {}", self.name, self.last_words()),
            None => Ok(()),
        }
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_MAX;
        let request = get(self.address, "/health/ready", "");
        while Instant::now() < deadline {
            self.alive()?;
            if let Ok(stream) = connect(self.address).await {
                let answer = Connection::new(stream).ask(request.as_bytes()).await.map(|answer| answer.status);
                // What always answers the same may answer 304.
                if matches!(answer, Ok(200 | 201 | 304)) {
                    return Ok(());
                }
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("{} is not ready after {START_MAX:?}: {}", self.name, self.last_words());
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.scratch.log(&self.name)).unwrap_or_default()
    }

    pub(crate) fn last_words(&self) -> String {
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        format!("its log ends with {}", lines[lines.len().saturating_sub(8)..].join("\n"))
    }

    /// An on-sale on it.
    pub(crate) async fn load(&mut self, load: &Load) -> anyhow::Result<OnSale> {
        let done = load.ask(&self.name, self.address, self.scratch.fixture(), self.watched()?).await?;
        self.alive()?;
        Ok(done)
    }

    /// Asks its database what was written.
    pub(crate) async fn check(&self) -> anyhow::Result<Ledger> {
        let data = self.data.as_ref().context("no database")?;
        let mut check = self.scratch.command(&self.scratch.programs.baseline, data)?;
        check.arg("check");
        let output = complete(check, "checking the ledger").await?;
        let ledger: Ledger = serde_json::from_slice(&output).context("the check printed no result")?;
        *self.scratch.postgres.borrow_mut() = Some(ledger.server_version.clone());
        Ok(ledger)
    }

    /// What its database says once it is known of all payments what became of them, or after a while.
    pub(crate) async fn settled(&mut self) -> anyhow::Result<Ledger> {
        let deadline = Instant::now() + SETTLE_MAX;
        loop {
            let ledger = self.check().await?;
            if ledger.money.open == 0 || Instant::now() > deadline {
                return Ok(ledger);
            }
            self.alive()?;
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Stops it, and leaves its data.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }

    /// Stops it, and removes its data.
    pub(crate) async fn remove(self) -> anyhow::Result<()> {
        self.process.stop().await?;
        self.data.map_or(Ok(()), |data| remove(&data))
    }
}

pub(crate) fn remove(data: &Path) -> anyhow::Result<()> {
    std::fs::remove_dir_all(data).with_context(|| format!("{} can't be removed", data.display()))
}

/// The command that serves.
pub(crate) fn boxoffice(scratch: &Scratch) -> Command {
    let mut command = Command::new(&scratch.programs.binary);
    command.arg("serve");
    command
}

/// A PostgreSQL that is not the server's.
pub(crate) struct Keeper {
    data: PathBuf,
    process: Process,
    /// The same after each start.
    pub(crate) url: String,
}

impl Keeper {
    /// Starts it on these data, and waits until it takes connections.
    pub(crate) async fn start(scratch: &Scratch, data: PathBuf) -> anyhow::Result<Self> {
        let mut command = scratch.command(&scratch.programs.baseline, &data)?;
        command.arg("postgres").stdout(Stdio::piped());
        let mut process = Process::start("PostgreSQL", command)?;
        let output = process.child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let line = timeout(START_MAX, lines.next_line()).await.context("PostgreSQL takes too long to start")??;
        Ok(Self { data, process, url: line.context("PostgreSQL has ended")? })
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.process.stop().await
    }

    /// Shuts it down, and starts it again at this moment.
    pub(crate) async fn rest_until(self, scratch: &Scratch, back: Instant) -> anyhow::Result<Self> {
        self.process.stop().await?;
        sleep_until(back).await;
        Self::start(scratch, self.data).await
    }
}
