//! A Redis of the measurement's own, and what is done to it.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

use crate::outage::database::{Stopped, stop_all};

/// How long Redis may take to answer when nothing is wrong with it.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// See the module's page. Killed when dropped.
pub(super) struct Redis {
    program: String,
    address: SocketAddr,
    folder: TempDir,
    process: Option<Child>,
    stopped: Option<Stopped>,
}

impl Redis {
    /// Starts it, on a port that is free now.
    pub(super) fn start(program: &str) -> anyhow::Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let folder = tempfile::Builder::new().prefix("onsale-redis-").tempdir()?;
        let mut redis = Self { program: program.to_owned(), address, folder, process: None, stopped: None };
        redis.launch()?;
        Ok(redis)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// Starts it at the same address, empty or with what it saved. Whoever wants it finds out when it is there.
    pub(super) fn launch(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(&self.program);
        command.args(["--port", &self.address.port().to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "no", "--dir"]).arg(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let process = command.spawn().with_context(|| format!("{} does not start", self.program))?;
        self.process = Some(process);
        Ok(())
    }

    /// Stops it: it keeps its connections and answers nothing.
    pub(super) fn hang(&mut self) -> anyhow::Result<()> {
        let pid = self.process.as_ref().and_then(Child::id).context("Redis has ended")?;
        self.stopped = Some(stop_all(pid)?);
        Ok(())
    }

    pub(super) fn go_on(&mut self) {
        self.stopped = None;
    }

    /// SIGKILL, and the end of it.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    /// It forgets everything.
    pub(super) async fn flush(&self) -> anyhow::Result<()> {
        self.tell("FLUSHALL").await
    }

    /// It writes its snapshot, from which it starts from then on.
    pub(super) async fn save(&self) -> anyhow::Result<()> {
        self.tell("SAVE").await
    }

    /// It has no memory left, or as much as it likes.
    pub(super) async fn fill(&self, is_full: bool) -> anyhow::Result<()> {
        self.tell(if is_full { "CONFIG SET maxmemory 1" } else { "CONFIG SET maxmemory 0" }).await
    }

    async fn tell(&self, command: &str) -> anyhow::Result<()> {
        let ask = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(format!("{command}\r\n").as_bytes()).await?;
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).await?;
            anyhow::Ok(answer)
        };
        let answer = timeout(ANSWER_MAX, ask).await.context("Redis does not answer")??;
        if &answer != b"+OK\r\n" {
            bail!("Redis refuses {command}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(())
    }
}
