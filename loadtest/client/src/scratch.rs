//! The temporary folder: seeded data, copies of it for each contender, and the end of both.

use std::{
    cell::{Cell, RefCell},
    fs::OpenOptions,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use nix::sys::signal::Signal;
use serde::Serialize;
use tempfile::TempDir;
use tokio::process::Command;

use crate::processes::{complete, is_alive, send};

/// How long a PostgreSQL may take to end.
const END_MAX: Duration = Duration::from_secs(20);

/// What every measurement is told.
#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct Programs {
    /// The server that is measured
    #[arg(long)]
    pub(crate) binary: PathBuf,
    /// The program of the baseline and of the ceilings, which also prepares and checks data
    #[arg(long)]
    pub(crate) baseline: PathBuf,
    /// Buyers
    #[arg(long, default_value_t = 1000)]
    pub(crate) users: u32,
    /// A setting of the server as an environment variable, NAME=VALUE; may be given several times
    #[arg(long = "set", value_parser = setting)]
    settings: Vec<(String, String)>,
    /// Where the JSON goes
    #[arg(long, default_value = "loadtest/results")]
    pub(crate) out: PathBuf,
}

impl Programs {
    /// The settings that were given, and these.
    pub(crate) fn settings<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let given = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        more.iter().copied().chain(given).collect()
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// How much is in the database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data {
    /// Lukewarm events.
    pub(crate) events: u32,
    /// Houses beside the first.
    pub(crate) houses: u32,
}

pub(crate) struct Scratch {
    pub(crate) programs: Programs,
    folder: TempDir,
    copies: Cell<u32>,
    /// The version of PostgreSQL, once a check has told it.
    pub(crate) postgres: RefCell<Option<String>>,
}

impl Scratch {
    pub(crate) fn new(programs: Programs) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("onsale-").tempdir().context("no temporary folder")?;
        // The private PostgreSQL runs as an ordinary user and must be able to pass.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { programs, folder, copies: Cell::new(0), postgres: RefCell::default() })
    }

    pub(crate) fn fixture(&self) -> PathBuf {
        self.folder.path().join("fixture.json")
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.log"))
    }

    fn template(&self) -> PathBuf {
        self.folder.path().join("template")
    }

    /// A program that sees this benchmark's settings and nothing of the caller's.
    pub(crate) fn command(&self, program: &Path, data: &Path) -> anyhow::Result<Command> {
        let program = std::fs::canonicalize(program).with_context(|| format!("{} is missing", program.display()))?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("BOXOFFICE") || name.ends_with("_URL") || name == "RUST_LOG" {
                command.env_remove(&*name);
            }
        }
        command
            // Where no `.env` and no `config/` is.
            .current_dir(self.folder.path())
            .env("RUST_LOG", "warn")
            .env("BOXOFFICE__DATABASE__DATA_DIR", data);
        Ok(command)
    }

    /// Seeds once; every contender gets a copy, tokens and all.
    pub(crate) async fn seed(&self, Data { events, houses }: Data) -> anyhow::Result<()> {
        let Programs { binary, baseline, users, .. } = &self.programs;
        let (data, fixture) = (self.template(), self.fixture());
        let mut seed = self.command(binary, &data)?;
        seed.args(["seed", "--scenario", "loadtest", "--users", &users.to_string()]);
        seed.args(["--events", &events.to_string(), "--out"]).arg(&fixture);
        complete(seed, "seeding").await?;
        let mut prepare = self.command(baseline, &data)?;
        prepare.args(["prepare", "--houses", &houses.to_string(), "--fixture"]).arg(&fixture);
        complete(prepare, "adding houses").await?;
        if data.join("postgres").is_symlink() {
            bail!("PostgreSQL's account can't enter {}: set TMPDIR to a folder that it can", data.display());
        }
        Ok(())
    }

    /// Makes each write to PostgreSQL's log take so many milliseconds longer, in all copies made from now on.
    pub(crate) fn slow_disk(&self, delay_ms: u32) -> anyhow::Result<()> {
        let path = self.template().join("postgres").join("postgresql.auto.conf");
        let mut settings =
            OpenOptions::new().append(true).open(&path).with_context(|| format!("{}", path.display()))?;
        // Also for a commit that is alone.
        writeln!(settings, "commit_delay = {}\ncommit_siblings = 0", delay_ms * 1000)?;
        Ok(())
    }

    /// Fresh data.
    pub(crate) async fn copy(&self) -> anyhow::Result<PathBuf> {
        self.copies.set(self.copies.get() + 1);
        let data = self.folder.path().join(format!("data-{}", self.copies.get()));
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(self.template()).arg(&data);
        complete(copy, "copying the data").await?;
        // Its pages are not to be written back while somebody is measured.
        complete(Command::new("sync"), "sync").await?;
        Ok(data)
    }

    /// Ends what still runs on a data folder, then removes everything.
    pub(crate) async fn clean(&self, with: Signal) {
        for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            end(&entry.path(), with).await;
        }
        // The rest is removed with the folder itself, when this is dropped.
    }
}

/// The postmaster of a data folder, if it has one that lives.
pub(crate) fn postmaster(data: &Path) -> Option<u32> {
    let cluster = data.join("postgres");
    let text = std::fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    let pid: u32 = text.lines().next()?.trim().parse().ok()?;
    // A number that was given to another process since is not ours to end.
    let works_in = std::fs::read_link(format!("/proc/{pid}/cwd"));
    let ours = works_in.is_ok_and(|folder| std::fs::canonicalize(&cluster).is_ok_and(|cluster| folder == cluster));
    (ours || !Path::new("/proc/self").exists()).then_some(pid)
}

async fn end(data: &Path, with: Signal) {
    let Some(pid) = postmaster(data) else { return };
    let _ = send(pid, with);
    let gone = async {
        while is_alive(pid) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(END_MAX, gone).await.is_err() {
        let _ = send(pid, Signal::SIGKILL);
    }
}
