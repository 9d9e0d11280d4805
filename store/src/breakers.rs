//! Breakers that all nodes share, in Redis.
//!
//! `boxoffice:ID:breaker:SERVICE` holds the number of the last opening that a node told of, for as long as that node leaves the service
//! alone. `ID` is the installation's. Nodes ask for it a few times a second instead of being told on a channel: a node that starts, or comes
//! back to Redis, learns of it all the same.

use std::{sync::Arc, time::Duration};

use domain::{
    breakers::{Opening, SharedBreakers, WatchedService},
    cache::{Answering, Away},
};
use fred::{
    interfaces::ClientLike,
    types::{ClusterHash, CustomCommand},
};
use metrics::counter;
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    cache::RedisCache,
    rate_limits::SharedCounts,
    redis::{Purpose, RedisLink},
};

/// For Redis to answer. Nobody waits for it but the exchange itself.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(200);

pub struct RedisBreakers {
    link: Arc<RedisLink>,
    /// What begins every key: other installations may use the same Redis.
    prefix: String,
}

impl RedisBreakers {
    /// Begins to connect to the Redis at `url`, and waits for nothing. Fails on a URL that is not right.
    pub fn connect(url: &SecretString, installation: Uuid) -> anyhow::Result<Arc<Self>> {
        let purpose = Purpose {
            lost: "Redis does not answer; each node opens its breakers alone",
            back: "Redis answers; nodes open their breakers together",
            failures: counter!("boxoffice_breaker_redis_failures_total"),
        };
        Ok(Arc::new(Self {
            link: RedisLink::connect(url, ANSWER_TIMEOUT, purpose)?,
            prefix: format!("boxoffice:{}:breaker:", installation.simple()),
        }))
    }

    /// Goes back to a Redis that was given up once it answers. Runs for as long as the server does, and may be begun again.
    pub async fn tend(&self) {
        self.link.tend().await;
    }

    /// All connections of this node to Redis, as one service.
    pub fn connections(&self, cache: &RedisCache, counts: &SharedCounts) -> RedisConnections {
        RedisConnections([self.link.clone(), cache.link().clone(), counts.link().clone()])
    }

    fn key(&self, service: &str) -> String {
        format!("{}{service}", self.prefix)
    }
}

fn command(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, ClusterHash::FirstKey, false)
}

impl SharedBreakers for RedisBreakers {
    fn tell<'a>(&'a self, service: &'a str, opening: Opening) -> Answering<'a, ()> {
        Box::pin(async move {
            let rest = opening.rest.as_millis().max(1).to_string();
            let arguments = vec![self.key(service), opening.id.to_string(), "PX".to_owned(), rest];
            let question = self.link.client().custom::<(), _>(command("SET"), arguments);
            self.link.ask(question).await.map_err(|_| Away)
        })
    }

    fn latest<'a>(&'a self, service: &'a str) -> Answering<'a, Option<Opening>> {
        Box::pin(async move {
            let (client, key) = (self.link.client(), self.key(service));
            let question = async {
                let id: Option<String> = client.custom(command("GET"), vec![key.as_str()]).await?;
                // One that ends in between has none.
                let rest: i64 =
                    if id.is_some() { client.custom(command("PTTL"), vec![key.as_str()]).await? } else { 0 };
                Ok((id, rest))
            };
            let (id, rest) = self.link.ask(question).await.map_err(|_| Away)?;
            let rest = u64::try_from(rest).ok().map(Duration::from_millis);
            Ok(id.and_then(|id| id.parse().ok()).zip(rest).map(|(id, rest)| Opening { id, rest }))
        })
    }
}

/// Redis, as this node's clients see it: given up when one of them has given it up.
pub struct RedisConnections([Arc<RedisLink>; 3]);

impl WatchedService for RedisConnections {
    fn is_given_up(&self) -> bool {
        self.0.iter().any(|link| link.is_given_up())
    }

    fn failures(&self) -> u32 {
        self.0.iter().map(|link| link.failures()).max().unwrap_or(0)
    }
}
