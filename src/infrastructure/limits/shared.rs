//! What all nodes have counted, in Redis.
//!
//! Redis never fails a request and hardly delays one: an answer that takes longer than the time-out is not waited for, and
//! after a few of those nobody asks until Redis has answered a ping. Whether it does is found out in the background.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use domain::rate_limit::Gcra;
use fred::{
    error::ErrorKind,
    prelude::{Builder, Client, ClientLike, Config, ReconnectPolicy},
    types::{config::UnresponsiveConfig, scripts::Script},
};
use metrics::{Counter, counter};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep, timeout},
};

use super::table::Key;

/// Failures in a row after which nobody asks any more.
const FAILURES_MAX: u32 = 3;
/// Questions on their way at once; above it requests are decided in the process. What a Redis that hangs can hold up.
const QUESTIONS_MAX: usize = 256;
/// Commands that the client keeps while it has no connection.
const BUFFERED_MAX: usize = 1024;
/// Between two pings of a Redis that was given up. Longer when it comes and goes, so that requests do not find out again and
/// again.
const PING_EVERY_MIN: Duration = Duration::from_millis(100);
const PING_EVERY_MAX: Duration = Duration::from_secs(5);
/// It is well again when it has been so long.
const WELL_AFTER: Duration = Duration::from_secs(10);
/// A connection that answers nothing for so long is made anew.
const HUNG_AFTER: Duration = Duration::from_secs(2);

/// What a node has admitted, and one more that it would.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// The limit's name.
    pub(super) name: &'static str,
    pub(super) key: Key,
    /// Admitted before this one, and not told.
    pub(super) spent: u32,
    /// The arrival time that was last heard of, on Redis's clock.
    pub(super) known: u64,
    /// How far ahead of the present the arrival time may be.
    pub(super) most: u64,
    pub(super) gcra: Gcra,
}

/// What Redis says to it. In microseconds of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) admitted: bool,
    /// How far ahead of the present the arrival time is.
    pub(super) ahead: u64,
    pub(super) arrival: u64,
}

/// There is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Redis has not heard of it.
    NotCounted,
    /// Perhaps it has.
    Unknown,
}

/// See the module's page.
pub struct SharedCounts {
    client: Client,
    script: Script,
    timeout: Duration,
    questions: Semaphore,
    /// Nobody asks.
    is_open: AtomicBool,
    failures: AtomicU32,
    opened: Notify,
    failed: Counter,
}

impl std::fmt::Debug for SharedCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedCounts").field("reachable", &self.is_reachable()).finish_non_exhaustive()
    }
}

impl SharedCounts {
    /// Begins to connect to the Redis at `url`, and waits for nothing: until it answers, everything is decided in this
    /// process. `answer_timeout` is the longest that a request may be held up. Fails on a URL that is not right.
    pub fn connect(url: &SecretString, answer_timeout: Duration) -> anyhow::Result<Arc<Self>> {
        let mut config = Config::from_url(url.expose_secret())?;
        // Otherwise a Redis that is away at the start is never looked for again.
        config.fail_fast = false;
        let client = Builder::from_config(config)
            .with_performance_config(|config| config.default_command_timeout = answer_timeout)
            .with_connection_config(|config| {
                config.connection_timeout = HUNG_AFTER;
                config.internal_command_timeout = HUNG_AFTER;
                // Once more could count twice.
                config.max_command_attempts = 1;
                config.max_command_buffer_len = BUFFERED_MAX;
                config.unresponsive = UnresponsiveConfig { max_timeout: Some(HUNG_AFTER), interval: HUNG_AFTER / 4 };
            })
            .set_policy(ReconnectPolicy::new_exponential(0, 50, 2000, 2))
            .build()?;
        // Ends when the client is dropped.
        drop(client.connect());
        let failed = counter!("boxoffice_rate_limit_redis_failures_total");
        failed.increment(0);
        Ok(Arc::new(Self {
            client,
            script: Script::from_lua(include_str!("count.lua")),
            timeout: answer_timeout,
            questions: Semaphore::new(QUESTIONS_MAX),
            is_open: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            opened: Notify::new(),
            failed,
        }))
    }

    /// Whether it makes sense to ask.
    pub fn is_reachable(&self) -> bool {
        !self.is_open.load(Ordering::Relaxed)
    }

    /// Tells what was admitted, and asks for one more.
    pub(super) async fn tell(&self, report: &Report) -> Result<Told, Unanswered> {
        let Ok(_permit) = self.questions.try_acquire() else { return Err(Unanswered::NotCounted) };
        let Report { name, key, spent, known, most, gcra } = *report;
        // In braces is what decides about the node of a cluster.
        let key = format!("boxoffice:limit:{{{name}:{:x}:{:x}}}", key.space, key.subject);
        let numbers = [gcra.interval, gcra.tolerance, u64::from(spent), known, most];
        let arguments: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        // The client's own time-out does not cover everything that it does before it sends.
        let asked = self.script.evalsha_with_reload::<(u64, u64, u64), _, _>(&self.client, key, arguments);
        match timeout(self.timeout, asked).await {
            Ok(Ok((admitted, ahead, arrival))) => {
                if self.failures.load(Ordering::Relaxed) > 0 {
                    self.failures.store(0, Ordering::Relaxed);
                }
                Ok(Told { admitted: admitted == 1, ahead, arrival })
            }
            Ok(Err(error)) => {
                self.fail(&error.to_string());
                Err(if *error.kind() == ErrorKind::Timeout { Unanswered::Unknown } else { Unanswered::NotCounted })
            }
            Err(_) => {
                self.fail("no answer in time");
                Err(Unanswered::Unknown)
            }
        }
    }

    fn fail(&self, why: &str) {
        self.failed.increment(1);
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_MAX
            && !self.is_open.swap(true, Ordering::Relaxed)
        {
            self.opened.notify_one();
            tracing::warn!(error = why, "Redis does not answer; each node limits by itself");
        }
    }

    /// Pings a Redis that was given up, and goes back to it when it answers. Runs for as long as the server does.
    pub async fn tend(&self) {
        let mut pause = PING_EVERY_MIN;
        loop {
            while self.is_open.load(Ordering::Relaxed) {
                if matches!(timeout(self.timeout, self.client.ping::<()>(None)).await, Ok(Ok(()))) {
                    self.failures.store(0, Ordering::Relaxed);
                    self.is_open.store(false, Ordering::Relaxed);
                    tracing::info!("Redis answers; nodes limit together");
                } else {
                    sleep(pause).await;
                }
            }
            let back = Instant::now();
            self.opened.notified().await;
            pause = if back.elapsed() >= WELL_AFTER { PING_EVERY_MIN } else { (pause * 2).min(PING_EVERY_MAX) };
            sleep(pause).await;
        }
    }
}
