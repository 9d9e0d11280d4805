//! A Redis of a test's own, which can be stopped, killed, emptied and started again.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::PATIENCE;

/// See the module's page. Killed when dropped.
pub(crate) struct TestRedis {
    address: SocketAddr,
    child: Option<Child>,
    folder: TempDir,
}

impl TestRedis {
    pub(crate) fn start() -> Self {
        // Free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut redis = Self { address, child: None, folder: tempfile::tempdir().unwrap() };
        redis.launch();
        redis
    }

    /// Starts it at the same address, and waits until it answers: empty, unless it was told to save what it had.
    pub(crate) fn launch(&mut self) {
        let port = self.address.port().to_string();
        let child = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn();
        self.child = Some(child.expect("redis-server is missing: run scripts/setup"));
        let deadline = Instant::now() + PATIENCE;
        while self.try_ask("PING").as_deref() != Some("+PONG\r\n") {
            assert!(Instant::now() < deadline, "Redis does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// SIGKILL, and the end of it.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// It keeps its connections and says nothing any more.
    pub(crate) fn hang(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// It goes on.
    pub(crate) fn go_on(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// It forgets everything, scripts included.
    pub(crate) fn flush(&self) {
        assert_eq!(self.ask("FLUSHALL"), "+OK\r\n");
        assert_eq!(self.ask("SCRIPT FLUSH"), "+OK\r\n");
    }

    /// How many keys it has.
    pub(crate) fn keys(&self) -> usize {
        self.ask("DBSIZE").trim().trim_start_matches(':').parse().unwrap()
    }

    /// How many keys it has that match a pattern.
    pub(crate) fn keys_like(&self, pattern: &str) -> usize {
        let counted = self.ask(&format!("EVAL \"return #redis.call('KEYS', ARGV[1])\" 0 {pattern}"));
        counted.trim().trim_start_matches(':').parse().unwrap()
    }

    /// How many scripts it has run since its start.
    pub(crate) fn scripts_run(&self) -> u64 {
        let stats = self.ask("INFO commandstats");
        let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
        calls.map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
    }

    /// One command, and the first part of the answer.
    #[track_caller]
    pub(crate) fn ask(&self, command: &str) -> String {
        self.try_ask(command).expect("an answer of Redis")
    }

    fn try_ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(stream, "{command}\r\n").ok()?;
        let mut answer = vec![0; 64 << 10];
        let length = stream.read(&mut answer).ok()?;
        String::from_utf8(answer[..length].to_vec()).ok()
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.as_ref().unwrap().id();
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
