//! Starting, adopting, watching and stopping the postmaster.

use std::{fs::File, future::Future, io, pin::pin, process::Stdio, time::Duration};

use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, Config, NoTls};

use super::{
    Postmaster, PrivatePostgres, PrivatePostgresError, ROLE,
    cluster::SUPERUSER,
    process::{self, PidFile},
    url,
};

/// How often a starting PostgreSQL is tried. Most starts take a tenth of a second.
const READY_POLL: Duration = Duration::from_millis(10);
/// How long one try to connect may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// How long a start may take. After a crash PostgreSQL replays up to `max_wal_size` of log.
const START_DEADLINE: Duration = Duration::from_secs(300);
/// How long an orphaned postmaster may take before it is taken for stuck.
const ADOPT_DEADLINE: Duration = Duration::from_secs(10);
/// How often the end of an adopted postmaster is looked for.
const WATCH_POLL: Duration = Duration::from_millis(100);
/// Patience with each way of stopping, kindest first: `SIGINT` ends sessions and writes a checkpoint, `SIGQUIT` stops
/// without one (the next start replays the log), `SIGKILL` is for a postmaster that is stuck.
const STOP_STEPS: [(Signal, Duration); 3] = [
    (Signal::SIGINT, Duration::from_secs(20)),
    (Signal::SIGQUIT, Duration::from_secs(5)),
    (Signal::SIGKILL, Duration::from_secs(5)),
];
/// Pause before the first restart and the longest one; doubled in between. Not longer: nothing is sold meanwhile, and a try
/// costs a process or two.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// A PostgreSQL that ran for this long was healthy: its end starts the back-off again.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// How often a start may lose the race against a postmaster that an earlier server was just starting.
const LAUNCH_TRIES: u32 = 3;

impl PrivatePostgres {
    /// Waits until the postmaster ends, for whatever reason. Returns at once if it has. May be cancelled.
    pub async fn wait_exit(&mut self) {
        match &mut self.postmaster {
            Postmaster::Gone => {}
            Postmaster::Child(child) => {
                if let Err(error) = child.wait().await {
                    tracing::warn!(%error, "can't wait for PostgreSQL");
                }
            }
            Postmaster::Adopted(pid) => {
                while process::is_postmaster_of(*pid, &self.layout.cluster) {
                    sleep(WATCH_POLL).await;
                }
            }
        }
        self.postmaster = Postmaster::Gone;
    }

    /// Starts PostgreSQL again after [`wait_exit`](Self::wait_exit) and waits until it is ready; one that still runs is
    /// stopped first. May be cancelled and repeated; back-off between tries is the caller's job.
    ///
    /// # Errors
    /// When PostgreSQL ends again or isn't ready in time.
    pub async fn restart(&mut self) -> Result<(), PrivatePostgresError> {
        let mut tries = 1;
        loop {
            match self.launch().await {
                Ok(()) => break,
                // It ended because a postmaster that was just starting beat it: that one is adopted now.
                Err(_) if tries < LAUNCH_TRIES && self.living_postmaster().is_some() => tries += 1,
                Err(error) => return Err(error),
            }
        }
        self.make_database().await?;
        let path = self.layout.url_file();
        std::fs::write(&path, format!("{}\n", self.url)).map_err(PrivatePostgresError::io("write", &path))
    }

    /// Stops PostgreSQL: fast first, then immediately, then by force. Committed work survives each.
    pub async fn stop(mut self) {
        self.stop_postmaster().await;
        let _ = std::fs::remove_file(self.layout.url_file());
        if self.layout.socket_dir.parent() != Some(self.layout.home()) {
            // In /tmp. Empty by now, unless PostgreSQL had to be killed.
            let _ = std::fs::remove_dir(&self.layout.socket_dir);
        }
    }

    /// Starts PostgreSQL again whenever it ends, until `shutdown` resolves; then stops it.
    pub async fn keep_alive(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let mut backoff = BACKOFF_MIN;
        let mut started = Instant::now();
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                () = self.wait_exit() => {}
            }
            if started.elapsed() > HEALTHY_AFTER {
                backoff = BACKOFF_MIN;
            }
            // Between half and the whole of it, so that nothing else that restarts falls into step with us.
            let pause = backoff.mul_f64(rand::random_range(0.5..1.0));
            backoff = (backoff * 2).min(BACKOFF_MAX);
            tracing::error!(pauseMs = pause.as_millis() as u64, "PostgreSQL ended; starting it again");
            let again = async {
                sleep(pause).await;
                self.restart().await
            };
            tokio::select! {
                () = &mut shutdown => break,
                restarted = again => match restarted {
                    Ok(()) => tracing::info!("PostgreSQL is back"),
                    Err(error) => tracing::error!(%error, "PostgreSQL did not start"),
                },
            }
            started = Instant::now();
        }
        self.stop().await;
    }

    /// One try: adopts a living postmaster that is fit, or clears away what is left and starts one.
    async fn launch(&mut self) -> Result<(), PrivatePostgresError> {
        // An earlier try may have been cancelled or have failed with its child still there.
        self.stop_postmaster().await;
        if let Some(found) = self.living_postmaster()
            && self.adopt(found).await
        {
            return Ok(());
        }
        process::sweep_leftovers(&self.layout.cluster_name).await;
        self.remove_misleading_lock_files();
        let spawned = self.spawn();
        self.postmaster = spawned.map_err(PrivatePostgresError::io("run", &self.binaries.postgres))?;
        let ready = self.wait_ready(START_DEADLINE).await;
        if ready.is_err() {
            self.stop_postmaster().await;
        }
        ready
    }

    fn spawn(&self) -> io::Result<Postmaster> {
        let output = File::create(self.layout.output_file())?;
        let mut command = self.account.command(&self.binaries.postgres);
        command.arg("-D").arg(&self.layout.cluster);
        command.stdout(Stdio::from(output.try_clone()?)).stderr(Stdio::from(output));
        Ok(Postmaster::Child(command.spawn()?))
    }

    /// The postmaster of our cluster that somebody else started and that still runs.
    fn living_postmaster(&self) -> Option<PidFile> {
        PidFile::read(&self.layout.cluster).filter(|file| process::is_postmaster_of(file.pid, &self.layout.cluster))
    }

    /// Takes over a postmaster that a killed server left. One that listens elsewhere, is stuck, or is on its way out
    /// is ended instead; false then.
    async fn adopt(&mut self, found: PidFile) -> bool {
        self.postmaster = Postmaster::Adopted(found.pid);
        let stopping = found.status == "stopping";
        let ours = found.status.is_empty() || found.socket_dir == self.layout.socket_dir;
        if ours && !stopping && self.wait_ready(ADOPT_DEADLINE).await.is_ok() {
            tracing::info!(pid = found.pid, "adopted the PostgreSQL that an earlier server left running");
            // The settings file was just rewritten; what can change while running does.
            process::send(found.pid, Signal::SIGHUP);
            return true;
        }
        tracing::warn!(pid = found.pid, "ending the PostgreSQL that an earlier server left: it can't be adopted");
        self.stop_postmaster().await;
        false
    }

    /// PostgreSQL takes any process with the number in one of its two stale lock files for a postmaster and refuses to
    /// start: one that got the number later, or a dead one that nobody reaped yet. We hold the server's lock, know
    /// that the process is no postmaster of ours, and that no backend is left.
    fn remove_misleading_lock_files(&self) {
        let files = [self.layout.cluster.join("postmaster.pid"), self.layout.socket_dir.join(".s.PGSQL.5432.lock")];
        for file in files {
            let Some(pid) = process::locked_by(&file) else { continue };
            if process::exists(pid) && !process::is_postmaster_of(pid, &self.layout.cluster) {
                tracing::warn!(pid, file = %file.display(), "removing a lock whose number is no postmaster's any more");
                let _ = std::fs::remove_file(file);
            }
        }
    }

    /// Waits until the postmaster takes connections, ends, or runs out of time.
    async fn wait_ready(&mut self, patience: Duration) -> Result<(), PrivatePostgresError> {
        let started = Instant::now();
        let failed = |this: &Self, what: String| {
            Err(PrivatePostgresError::DidNotStart { what, output: this.layout.last_output() })
        };
        loop {
            let ended = match &mut self.postmaster {
                Postmaster::Child(child) => child.try_wait().ok().flatten().map(|status| status.to_string()),
                Postmaster::Adopted(pid) if process::is_postmaster_of(*pid, &self.layout.cluster) => None,
                Postmaster::Adopted(_) | Postmaster::Gone => Some("gone".into()),
            };
            if let Some(status) = ended {
                return failed(self, format!("ended at once ({status})"));
            }
            if self.connect("postgres").await.is_ok() {
                return Ok(());
            }
            if started.elapsed() > patience {
                return failed(self, format!("was not ready after {} s", patience.as_secs()));
            }
            sleep(READY_POLL).await;
        }
    }

    /// Connects as the superuser.
    async fn connect(&self, database: &str) -> Result<Client, PrivatePostgresError> {
        let mut config: Config = url(&self.layout.socket_dir, SUPERUSER, database).parse()?;
        config.application_name("boxoffice-start").connect_timeout(CONNECT_DEADLINE);
        let connecting = timeout(CONNECT_DEADLINE, config.connect(NoTls)).await;
        let (client, connection) = connecting.map_err(|_| PrivatePostgresError::DidNotStart {
            what: "did not answer".into(),
            output: String::new(),
        })??;
        // Ends when the client is dropped.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(client)
    }

    /// Makes the role and the database unless they are there.
    async fn make_database(&self) -> Result<(), PrivatePostgresError> {
        let client = self.connect("postgres").await?;
        if client.query_opt("SELECT 1 FROM pg_roles WHERE rolname = $1", &[&ROLE]).await?.is_none() {
            client.batch_execute(&format!("CREATE ROLE {ROLE} LOGIN CREATEDB; GRANT pg_monitor TO {ROLE}")).await?;
        }
        let known = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&self.database]).await?;
        if known.is_none() {
            let quoted = self.database.replace('"', "\"\"");
            client.batch_execute(&format!("CREATE DATABASE \"{quoted}\" OWNER {ROLE}")).await?;
        }
        Ok(())
    }

    /// Stops whatever postmaster we have and forgets it. Bounded by [`STOP_STEPS`].
    async fn stop_postmaster(&mut self) {
        let Some(pid) = self.pid().and_then(|pid| i32::try_from(pid).ok()) else {
            self.postmaster = Postmaster::Gone;
            return;
        };
        for (signal, patience) in STOP_STEPS {
            process::send(pid, signal);
            if timeout(patience, self.wait_exit()).await.is_ok() {
                return;
            }
            tracing::warn!(pid, %signal, "PostgreSQL has not stopped yet");
        }
        self.postmaster = Postmaster::Gone;
    }
}
