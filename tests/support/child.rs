//! The real program as a child process: it can be killed at any moment and started again.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::{Api, PATIENCE, Settings, until};

/// The program with these variables and no others, in a folder of its own.
pub(crate) fn program(settings: &Settings, folder: &Path) -> Command {
    alone(Command::new(env!("CARGO_BIN_EXE_boxoffice")), settings, folder)
}

fn alone(mut command: Command, settings: &Settings, folder: &Path) -> Command {
    command.env_clear().envs(&settings.0).current_dir(folder).stdin(Stdio::null());
    // To find PostgreSQL, and to write coverage.
    for name in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command
}

/// Runs a command of the program to its end.
pub(crate) fn run(settings: &Settings, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    program(settings, folder.path()).args(arguments).output().unwrap()
}

/// A port that was free a moment ago.
fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// See the module's page. Killed when dropped, its private PostgreSQL included.
pub(crate) struct ChildServer {
    pub(crate) address: SocketAddr,
    pub(crate) api: Api,
    settings: Settings,
    child: Option<Child>,
    folder: TempDir,
}

impl ChildServer {
    /// Describes a server with a port of its own; [`ChildServer::launch`] starts it. Without `DATABASE_URL` in the
    /// settings it keeps a private PostgreSQL in its folder.
    pub(crate) fn new(settings: Settings) -> Self {
        let address = free_port();
        let settings = settings.set("BOXOFFICE__HTTP__LISTEN", address).set("BOXOFFICE__DATABASE__DATA_DIR", "data");
        let folder = tempfile::tempdir().unwrap();
        // The account that runs PostgreSQL must be able to pass.
        fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self { address, api: Api::new(address), settings, child: None, folder }
    }

    /// Starts it, and waits until it is ready.
    pub(crate) async fn start(settings: Settings) -> Self {
        let mut server = Self::new(settings);
        server.launch();
        server.ready().await;
        server
    }

    /// Starts it, and returns at once.
    pub(crate) fn launch(&mut self) {
        let mut command = program(&self.settings, self.folder.path());
        command.arg("serve");
        self.spawn(command);
    }

    /// As [`ChildServer::launch`], from a shell that has done `first`.
    pub(crate) fn launch_after(&mut self, first: &str) {
        let mut command = alone(Command::new("sh"), &self.settings, self.folder.path());
        command.args(["-c", &format!("{first} && exec \"$0\" serve"), env!("CARGO_BIN_EXE_boxoffice")]);
        self.spawn(command);
    }

    fn spawn(&mut self, mut command: Command) {
        let output = File::options().create(true).append(true).open(self.log_file()).unwrap();
        command.stdout(output.try_clone().unwrap()).stderr(output);
        self.child = Some(command.spawn().unwrap());
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits until the server says that it is ready, and returns after how long.
    pub(crate) async fn ready(&mut self) -> Duration {
        let started = Instant::now();
        loop {
            if self.is_ready().await {
                return started.elapsed();
            }
            let ended = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(ended.is_none() && started.elapsed() < PATIENCE, "not ready ({ended:?}):\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn is_ready(&self) -> bool {
        let answer = self.api.try_send(reqwest::Method::GET, "/health/ready", None, None).await;
        answer.is_some_and(|answer| answer.status == 200)
    }

    /// SIGKILL, and the end of it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// SIGTERM, as a supervisor of processes sends it.
    pub(crate) fn terminate(&self) {
        kill(Pid::from_raw(i32::try_from(self.pid()).unwrap()), Signal::SIGTERM).unwrap();
    }

    /// Starts a second one with the same settings, and waits for its end.
    pub(crate) fn again(&self) -> Output {
        program(&self.settings, self.folder.path()).arg("serve").output().unwrap()
    }

    /// What it was told.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where it runs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let child = self.child.as_mut().unwrap();
        let mut status = None;
        until("the server ends", async || {
            status = child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }

    /// Where its private PostgreSQL is.
    pub(crate) fn private_url(&self) -> String {
        fs::read_to_string(self.folder.path().join("data/postgres.url")).unwrap().trim().to_owned()
    }

    /// Its private PostgreSQL's process.
    pub(crate) fn postmaster(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.path().join("data/postgres/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok().map(Pid::from_raw)
    }

    /// All it wrote so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for ChildServer {
    fn drop(&mut self) {
        self.kill();
        if let Some(postmaster) = self.postmaster() {
            let _ = kill(postmaster, Signal::SIGQUIT);
        }
    }
}
