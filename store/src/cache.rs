//! Shared cache in Redis, for all nodes.
//!
//! An answer is a hash: its body, compressed; what it shows, as numbers of tags' slots; and the moment from which on it was read.
//! Beside the answers lies one hash with the moments of the last changes, on Redis's clock. An answer is given only when nothing
//! that it shows has changed since it was read, so a change writes a few numbers however many answers it concerns.
//!
//! That hash is a memory that Redis may lose, or have lost a part of without anybody's notice: a snapshot or a replica that was promoted
//! brings answers and changes of some time ago back, and they agree. So it has a random name, its *life*, and the name of the process of
//! Redis that it began in. A process that finds another's begins a new one, and what was kept in an earlier life is never given.
//!
//! | key | what |
//! | --- | --- |
//! | `boxoffice:{ID:cache}:BUILD:KEY` | an answer; builds do not share them, for each may show a thing in another way |
//! | `boxoffice:{ID:cache}:changes` | `life`, `run`, `last`, `some` and one field a slot; shared by all builds |
//! | `boxoffice:{ID:cache}:index` | the answers by their end, with their sizes: what is not in here is not given |
//! | `boxoffice:{ID:cache}:bytes` | how many bytes they take together |
//!
//! `ID` is the installation's. Changes go to the channel `boxoffice:ID:cache`, to nodes of all builds: see `listener.rs`.

mod codec;
mod listener;
mod message;
mod names;

use std::{sync::Arc, time::Duration};

use domain::cache::{Answering, Away, Change, HearChanges, Look, Moment, SharedAnswer, SharedCache};
use fred::{
    interfaces::EventInterface,
    prelude::{FromValue, Value},
    types::scripts::Script,
};
use metrics::counter;
use secrecy::SecretString;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use self::names::Names;
use super::redis::{self, Purpose, RedisLink};
pub use listener::Listener;

/// Pages of a walk over all answers. One that is longer is given up, and everything is forgotten instead.
const PAGES_MAX: u32 = 5_000;
/// Where nodes of the release before keep their changes, and where they hear of others'. To be removed with the next release.
const FORMER_CHANGES: &str = "boxoffice:{cache}:changes";
const FORMER_CHANNEL: &str = "boxoffice:cache";

macro_rules! script {
    ($file:literal) => {
        Script::from_lua(concat!(include_str!("cache/present.lua"), include_str!($file)))
    };
}

pub struct RedisCache {
    link: Arc<RedisLink>,
    names: Names,
    /// What all answers together may take.
    bytes_max: u64,
    /// Tells this process from others.
    node: Uuid,
    look: Script,
    keep: Script,
    tell: Script,
    delete: Script,
    former: Script,
}

impl RedisCache {
    /// Fails on a URL that is not right.
    pub fn check(url: &SecretString) -> anyhow::Result<()> {
        redis::check(url)
    }

    /// Begins to connect to the Redis at `url`, and waits for nothing. `answer_timeout` is the longest that a request may be held
    /// up by each question; the answers of this `installation` take at most `bytes_max` there. Fails on a URL that is not right.
    pub fn connect(
        url: &SecretString,
        answer_timeout: Duration,
        installation: Uuid,
        bytes_max: u64,
    ) -> anyhow::Result<Arc<Self>> {
        let purpose = Purpose {
            lost: "Redis does not answer; each node caches by itself",
            back: "Redis answers; nodes share cached answers",
            failures: counter!("boxoffice_cache_redis_failures_total"),
        };
        Ok(Arc::new(Self {
            link: RedisLink::connect(url, answer_timeout, purpose)?,
            names: Names::of(installation),
            bytes_max,
            node: Uuid::now_v7(),
            look: script!("cache/look.lua"),
            keep: script!("cache/keep.lua"),
            tell: script!("cache/tell.lua"),
            delete: script!("cache/delete.lua"),
            former: Script::from_lua(include_str!("cache/former.lua")),
        }))
    }

    /// Whether Redis answers on this connection; the error says why not.
    pub async fn ping(&self) -> Result<(), String> {
        self.link.ping().await
    }

    pub(crate) fn link(&self) -> &Arc<RedisLink> {
        &self.link
    }

    /// Goes back to a Redis that was given up once it answers. Runs for as long as the server does, and may be begun again.
    pub async fn tend(&self) {
        self.link.tend().await;
    }

    /// Says to `whom` whenever the way to Redis was lost and found again: behind it may be one that lacks what it was told last. Runs
    /// for as long as the server does, and may be begun again.
    pub async fn watch(&self, whom: Arc<dyn HearChanges>) {
        let mut connections = self.link.client().reconnect_rx();
        loop {
            match connections.recv().await {
                Ok(_) | Err(RecvError::Lagged(_)) => whom.may_have_gone_back(),
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn ask<T: FromValue>(&self, script: &Script, keys: Vec<&str>, arguments: Vec<Value>) -> Result<T, Away> {
        self.link.ask(script.evalsha_with_reload(self.link.client(), keys, arguments)).await.map_err(|_| Away)
    }

    /// The keys that are looked at with an answer.
    fn keys<'a>(&'a self, answer: &'a str) -> Vec<&'a str> {
        vec![answer, &self.names.changes, &self.names.index, &self.names.bytes]
    }

    async fn look_up(&self, key: &str) -> Result<Look, Away> {
        // The part of it that is random.
        let (_, life) = Uuid::now_v7().as_u64_pair();
        let arguments = vec![Names::member(key).into(), life.to_string().into()];
        let found: Vec<Value> = self.ask(&self.look, self.keys(&self.names.answer(key)), arguments).await?;
        let [life, at, found @ ..] = &found[..] else { return Err(Away) };
        // Where no life could begin nothing can be kept: no life has the name 0.
        let moment = Moment { life: life.as_u64().unwrap_or(0), at: at.as_u64().ok_or(Away)? };
        // What this build does not understand is as good as nothing, and makes room for what it reads.
        Ok(shared(found).map_or(Look::Missing(moment), Look::Found))
    }

    async fn keep_up(&self, key: &str, answer: &SharedAnswer, read_at: Moment, ttl: Duration) -> Result<bool, Away> {
        let body = codec::pack(&answer.body, answer.links.as_deref());
        let Some(body) = body.filter(|_| read_at.life != 0) else { return Ok(false) };
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let arguments = vec![
            read_at.life.to_string().into(),
            read_at.at.to_string().into(),
            message::text(&answer.slots).into(),
            Value::Bytes(body.into()),
            millis(ttl).into(),
            Names::member(key).into(),
            self.names.prefix.as_str().into(),
            self.bytes_max.to_string().into(),
            answer.valid_for.map_or_else(String::new, |rest| millis(rest).max(1).to_string()).into(),
        ];
        let kept: u64 = self.ask(&self.keep, self.keys(&self.names.answer(key)), arguments).await?;
        Ok(kept == 1)
    }

    /// Walks over all answers that this installation has in Redis, a page at a time, and says how many were deleted; `None` for a walk
    /// without an end.
    async fn delete_all(&self, pattern: &str, key: &str, slots: &str) -> Result<Option<u64>, Away> {
        let (mut cursor, mut deleted) = ("0".to_owned(), 0);
        let pattern = Names::members(pattern);
        for _ in 0..PAGES_MAX {
            let prefix = self.names.prefix.as_str();
            let arguments = vec![cursor.into(), pattern.as_str().into(), key.into(), slots.into(), prefix.into()];
            let keys = vec![self.names.index.as_str(), &self.names.bytes];
            let (next, count): (String, u64) = self.ask(&self.delete, keys, arguments).await?;
            deleted += count;
            if next == "0" {
                return Ok(Some(deleted));
            }
            cursor = next;
        }
        Ok(None)
    }

    async fn delete_those(&self, change: &Change) -> Result<Option<u64>, Away> {
        match change {
            Change::Tags(slots) => self.delete_all("*", "", &message::text(slots)).await,
            // No answer has no key.
            Change::Key(key) if key.is_empty() => Ok(Some(0)),
            Change::Key(key) => self.delete_all("*", key, "").await,
            Change::Pattern(pattern) => self.delete_all(pattern, "", "").await,
            Change::Everything => self.delete_all("*", "", "").await,
        }
    }

    async fn tell_of(&self, change: &Change) -> Result<(), Away> {
        let what = match change {
            Change::Tags(slots) => message::text(slots),
            Change::Key(_) | Change::Pattern(_) => "some".to_owned(),
            Change::Everything => "everything".to_owned(),
        };
        let message = message::encode(self.node, change);
        let arguments = vec![what.into(), self.names.channel.as_str().into(), message.into()];
        let _: u64 = self.ask(&self.tell, vec![&self.names.changes], arguments).await?;
        Ok(())
    }

    /// Nodes of the release before know neither this installation nor what is written down.
    async fn tell_former(&self) -> Result<(), Away> {
        let everything = message::encode(self.node, &Change::Everything);
        let arguments = vec![FORMER_CHANNEL.into(), everything.into()];
        let _: u64 = self.ask(&self.former, vec![FORMER_CHANGES], arguments).await?;
        Ok(())
    }
}

/// What a look has found, as far as this build understands it.
fn shared(found: &[Value]) -> Option<SharedAnswer> {
    let [slots, body, rest] = found else { return None };
    let (body, links) = codec::unpack(body.as_bytes()?)?;
    let valid_for = match &*rest.as_str()? {
        "" => None,
        micros => Some(Duration::from_micros(micros.parse().ok()?)),
    };
    Some(SharedAnswer { body, links, slots: message::slots(&slots.as_str()?)?, valid_for })
}

impl SharedCache for RedisCache {
    fn look<'a>(&'a self, key: &'a str) -> Answering<'a, Look> {
        Box::pin(self.look_up(key))
    }

    fn keep<'a>(
        &'a self,
        key: &'a str,
        answer: &'a SharedAnswer,
        read_at: Moment,
        ttl: Duration,
    ) -> Answering<'a, bool> {
        Box::pin(self.keep_up(key, answer, read_at, ttl))
    }

    fn tell<'a>(&'a self, change: &'a Change) -> Answering<'a, ()> {
        Box::pin(async move {
            self.tell_of(change).await?;
            self.tell_former().await?;
            // In this order: what is kept after the walk was read after the change.
            if matches!(change, Change::Key(_) | Change::Pattern(_)) && self.delete_those(change).await?.is_none() {
                self.tell_of(&Change::Everything).await?;
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, change: &'a Change) -> Answering<'a, u64> {
        Box::pin(async move { self.delete_those(change).await?.ok_or(Away) })
    }

    fn is_reachable(&self) -> bool {
        self.link.is_reachable()
    }
}
