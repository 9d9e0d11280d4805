//! Redis connection with a circuit breaker: it holds nobody up.
//!
//! This is a breaker of its own and none of `actors/src/breakers.rs`: see docs/design/circuit-breakers.md.
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

use fred::{
    error::{Error, ErrorKind},
    prelude::{Builder, Client, ClientLike, Config, EventInterface, ReconnectPolicy},
    types::config::{Server, UnresponsiveConfig},
};
use metrics::Counter;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{
        Notify, Semaphore,
        broadcast::{Receiver, error::TryRecvError},
    },
    time::{Instant, sleep, timeout},
};

/// Failures in a row after which nobody asks any more.
const FAILURES_MAX: u32 = 3;
/// Questions on their way at once; above it nobody waits for Redis. What a Redis that hangs can hold up.
const QUESTIONS_MAX: usize = 256;
/// Commands that the client keeps while it has no connection.
const BUFFERED_MAX: usize = 1024;
/// Between two pings of a Redis that was given up. Longer when it comes and goes, so that requests do not find out again and
/// again.
const PING_EVERY_MIN: Duration = Duration::from_millis(100);
const PING_EVERY_MAX: Duration = Duration::from_secs(5);
/// It is well again when it has been so long.
const WELL_AFTER: Duration = Duration::from_secs(10);
/// How long a check waits for an answer.
const PING_MAX: Duration = Duration::from_millis(500);
/// A Redis that has not answered since the start is mentioned after so long: an address that leads nowhere would never be.
const NEVER_AFTER: Duration = Duration::from_secs(2);
/// A connection that answers nothing for so long is made again.
pub(super) const HUNG_AFTER: Duration = Duration::from_secs(2);

/// There is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// Redis has not heard of it.
    NotHeard,
    /// Perhaps it has.
    Unknown,
}

/// What a connection is for.
pub(super) struct Purpose {
    /// Said when Redis is given up.
    pub(super) lost: &'static str,
    /// Said when it is back.
    pub(super) back: &'static str,
    /// Counts questions without an answer.
    pub(super) failures: Counter,
}

pub(super) struct RedisLink {
    client: Client,
    purpose: Purpose,
    timeout: Duration,
    questions: Semaphore,
    is_open: AtomicBool,
    failures: AtomicU32,
    opened: Notify,
    /// Whether Redis was found to be there, or not, since the start.
    is_known: AtomicBool,
}

/// How every client of ours connects to the Redis at `url`, and for how long it waits for an answer. Fails on a URL that is not
/// right.
pub(super) fn builder(url: &SecretString, answer_timeout: Duration) -> Result<Builder, Error> {
    let mut config = Config::from_url(url.expose_secret())?;
    // Otherwise a Redis that is away at the start is never looked for again.
    config.fail_fast = false;
    let mut builder = Builder::from_config(config);
    builder
        .with_performance_config(|config| config.default_command_timeout = answer_timeout)
        .with_connection_config(|config| {
            config.connection_timeout = HUNG_AFTER;
            config.internal_command_timeout = HUNG_AFTER;
            // Once more could count twice.
            config.max_command_attempts = 1;
            config.max_command_buffer_len = BUFFERED_MAX;
            config.unresponsive = UnresponsiveConfig { max_timeout: Some(HUNG_AFTER), interval: HUNG_AFTER / 4 };
        })
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 2000, 2));
    Ok(builder)
}

/// Whether a URL is right.
pub(super) fn check(url: &SecretString) -> anyhow::Result<()> {
    Config::from_url(url.expose_secret())?;
    Ok(())
}

impl RedisLink {
    /// Begins to connect, and waits for nothing: until Redis answers, nobody asks it. `answer_timeout` is the longest that
    /// anybody may be held up. Fails on a URL that is not right.
    pub(super) fn connect(url: &SecretString, answer_timeout: Duration, purpose: Purpose) -> Result<Arc<Self>, Error> {
        let client = builder(url, answer_timeout)?.build()?;
        // Ends when the client is dropped.
        drop(client.connect());
        purpose.failures.increment(0);
        Ok(Arc::new(Self {
            client,
            purpose,
            timeout: answer_timeout,
            questions: Semaphore::new(QUESTIONS_MAX),
            is_open: AtomicBool::new(true),
            failures: AtomicU32::new(0),
            opened: Notify::new(),
            is_known: AtomicBool::new(false),
        }))
    }

    /// What to put questions with, for [`RedisLink::ask`].
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it makes sense to ask.
    pub(super) fn is_reachable(&self) -> bool {
        !self.is_open.load(Ordering::Relaxed)
    }

    /// Whether it did not answer, after it has had the time to.
    pub(super) fn is_given_up(&self) -> bool {
        self.is_known.load(Ordering::Relaxed) && !self.is_reachable()
    }

    /// Questions in a row without an answer.
    pub(super) fn failures(&self) -> u32 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Asks whether Redis answers, also one that was given up, and counts nothing.
    pub(super) async fn ping(&self) -> Result<(), String> {
        match timeout(PING_MAX, self.client.ping::<()>(None)).await {
            Ok(Ok(())) if self.is_reachable() => Ok(()),
            Ok(Ok(())) => Err("it answers, and is asked again in a moment".to_owned()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it does not answer".to_owned()),
        }
    }

    /// Waits for the answer to a question, not for long.
    pub(super) async fn ask<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, Unanswered> {
        if !self.is_reachable() {
            return Err(Unanswered::NotHeard);
        }
        let Ok(_permit) = self.questions.try_acquire() else { return Err(Unanswered::NotHeard) };
        // The client's own time-out does not cover everything that it does before it sends.
        match timeout(self.timeout, question).await {
            Ok(Ok(answer)) => {
                if self.failures.load(Ordering::Relaxed) > 0 {
                    self.failures.store(0, Ordering::Relaxed);
                }
                Ok(answer)
            }
            Ok(Err(error)) => {
                self.fail(&error.to_string());
                Err(if *error.kind() == ErrorKind::Timeout { Unanswered::Unknown } else { Unanswered::NotHeard })
            }
            Err(_) => {
                self.fail("no answer in time");
                Err(Unanswered::Unknown)
            }
        }
    }

    fn fail(&self, why: &str) {
        self.purpose.failures.increment(1);
        if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= FAILURES_MAX
            && !self.is_open.swap(true, Ordering::Relaxed)
        {
            self.opened.notify_one();
            tracing::warn!(error = why, "{}", self.purpose.lost);
        }
    }

    /// Pings a Redis that was given up, and goes back to it when it answers. Runs for as long as the server does.
    pub(super) async fn tend(&self) {
        let mut pause = PING_EVERY_MIN;
        let mut never = Some((Instant::now(), self.client.error_rx()));
        loop {
            let mut silent_since = Instant::now();
            while self.is_open.load(Ordering::Relaxed) {
                if let Some((_, errors)) = never.take_if(|(since, _)| since.elapsed() >= NEVER_AFTER) {
                    self.is_known.store(true, Ordering::Relaxed);
                    tracing::warn!(error = last_of(errors), "{}", self.purpose.lost);
                }
                if matches!(timeout(self.timeout, self.client.ping::<()>(None)).await, Ok(Ok(()))) {
                    never = None;
                    self.failures.store(0, Ordering::Relaxed);
                    self.is_known.store(true, Ordering::Relaxed);
                    self.is_open.store(false, Ordering::Relaxed);
                    tracing::info!("{}", self.purpose.back);
                } else {
                    if silent_since.elapsed() >= HUNG_AFTER && self.client.is_connected() {
                        // The client itself waits until nothing was written for so long, and each ping is written.
                        let _ = timeout(self.timeout, self.client.force_reconnection()).await;
                        silent_since = Instant::now();
                    }
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

/// The last of what went wrong with a connection.
fn last_of(mut errors: Receiver<(Error, Option<Server>)>) -> String {
    let mut last = "no answer".to_owned();
    loop {
        match errors.try_recv() {
            Ok((error, _)) => last = error.to_string(),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return last,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Mutex, PoisonError},
    };

    use super::*;

    /// A log that can be read.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap()
        }
    }

    impl Write for Log {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Guards: `NEVER_AFTER`. An address that leads nowhere is no secret of the server's.
    #[tokio::test]
    async fn a_redis_that_was_never_there_is_mentioned_once_with_the_reason() {
        let log = Log::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        // Nobody listens at this port.
        let url = SecretString::from("redis://127.0.0.1:1/0");
        let purpose = Purpose { lost: "Redis is not there", back: "Redis is back", failures: Counter::noop() };
        let link = RedisLink::connect(&url, Duration::from_millis(50), purpose).unwrap();
        let wait = |so_long| timeout(so_long, link.tend());
        wait(NEVER_AFTER.saturating_sub(Duration::from_millis(500))).await.unwrap_err();
        assert_eq!(log.text().matches("Redis is not there").count(), 0, "not at once");
        wait(NEVER_AFTER + Duration::from_secs(2)).await.unwrap_err();
        let text = log.text();
        assert_eq!(text.matches("Redis is not there").count(), 1, "{text}");
        assert!(text.contains("WARN") && text.contains("refused"), "{text}");
    }
}
