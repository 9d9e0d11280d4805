//! Rate limits shared by all nodes, in Redis.

use std::{sync::Arc, time::Duration};

use domain::rate_limit::Gcra;
use fred::types::scripts::Script;
use metrics::counter;
use secrecy::SecretString;
use uuid::Uuid;

use super::table::Key;
use crate::redis::{Purpose, RedisLink, Unanswered};

/// What a node has admitted, and one more that it would.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
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

pub struct SharedCounts {
    link: Arc<RedisLink>,
    /// What begins every key: other installations may use the same Redis.
    prefix: String,
    script: Script,
    give_back: Script,
}

impl std::fmt::Debug for SharedCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedCounts").field("reachable", &self.is_reachable()).finish_non_exhaustive()
    }
}

impl SharedCounts {
    /// Begins to connect to the Redis at `url`, and waits for nothing: until it answers, everything is decided in this
    /// process. `answer_timeout` is the longest that a request may be held up. Counted are requests to this `installation`. Fails on a
    /// URL that is not right.
    pub fn connect(url: &SecretString, answer_timeout: Duration, installation: Uuid) -> anyhow::Result<Arc<Self>> {
        let purpose = Purpose {
            lost: "Redis does not answer; each node limits by itself",
            back: "Redis answers; nodes limit together",
            failures: counter!("boxoffice_rate_limit_redis_failures_total"),
        };
        let link = RedisLink::connect(url, answer_timeout, purpose)?;
        let script = Script::from_lua(include_str!("count.lua"));
        let prefix = format!("boxoffice:{}:limit:", installation.simple());
        Ok(Arc::new(Self { link, prefix, script, give_back: Script::from_lua(include_str!("give_back.lua")) }))
    }

    pub(crate) fn link(&self) -> &Arc<RedisLink> {
        &self.link
    }

    /// Whether it makes sense to ask.
    pub fn is_reachable(&self) -> bool {
        self.link.is_reachable()
    }

    /// Tells what was admitted, and asks for one more.
    pub(super) async fn tell(&self, report: &Report) -> Result<Told, Unanswered> {
        let Report { name, key, spent, known, most, gcra } = *report;
        let key = self.name_of(name, key);
        let numbers = [gcra.interval, gcra.tolerance, u64::from(spent), known, most];
        let arguments: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let question = self.script.evalsha_with_reload::<(u64, u64, u64), _, _>(self.link.client(), key, arguments);
        let (admitted, ahead, arrival) = self.link.ask(question).await?;
        Ok(Told { admitted: admitted == 1, ahead, arrival })
    }

    /// Whether Redis answers on this connection; the error says why not.
    pub async fn ping(&self) -> Result<(), String> {
        self.link.ping().await
    }

    /// Gives one back that was told.
    pub(super) async fn give_back(&self, name: &'static str, key: Key, interval: u64) -> Result<(), Unanswered> {
        let (key, arguments) = (self.name_of(name, key), vec![interval.to_string()]);
        let question = self.give_back.evalsha_with_reload::<u64, _, _>(self.link.client(), key, arguments);
        self.link.ask(question).await.map(drop)
    }

    /// Goes back to a Redis that was given up once it answers. Runs for as long as the server does, and may be begun again.
    pub async fn tend(&self) {
        self.link.tend().await;
    }

    fn name_of(&self, name: &str, key: Key) -> String {
        // In braces is what decides about the node of a cluster.
        format!("{}{{{name}:{:x}:{:x}}}", self.prefix, key.space, key.subject)
    }
}
