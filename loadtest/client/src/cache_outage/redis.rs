//! A Redis of the measurement's own, and what is done to it.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use crate::processes::{Process, Stopped, free_addresses, stop_all};

/// How long Redis may take to answer when nothing is wrong with it.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// See the module's page. Killed when dropped.
pub(super) struct Redis {
    program: String,
    address: SocketAddr,
    folder: TempDir,
    process: Option<Process>,
    stopped: Option<Stopped>,
}

impl Redis {
    /// Starts it, on a port that is free now.
    pub(super) fn start(program: &str) -> anyhow::Result<Self> {
        let [address, _] = free_addresses()?;
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
        command.stdout(Stdio::null());
        self.process = Some(Process::start("Redis", command)?);
        Ok(())
    }

    /// Stops it: it keeps its connections and answers nothing.
    pub(super) fn hang(&mut self) -> anyhow::Result<()> {
        let process = self.process.as_ref().context("Redis was killed")?;
        self.stopped = Some(stop_all(process.pid()?)?);
        Ok(())
    }

    pub(super) fn go_on(&mut self) {
        self.stopped = None;
    }

    /// SIGKILL, and the end of it.
    pub(super) async fn kill(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// A command, which is answered OK.
    pub(super) async fn tell(&self, command: &str) -> anyhow::Result<()> {
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
