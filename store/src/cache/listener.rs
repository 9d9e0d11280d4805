//! Cache invalidation, receiving: subscribes to the changes of other nodes.

use std::{sync::Arc, time::Duration};

use domain::cache::HearChanges;
use fred::{
    clients::SubscriberClient,
    interfaces::{ClientLike, EventInterface, PubsubInterface},
    prelude::Builder,
    types::Message,
};
use secrecy::SecretString;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{MissedTickBehavior, interval},
};
use uuid::Uuid;

use super::{RedisCache, message};
use crate::redis::{HUNG_AFTER, builder};

/// Between two pings: a connection that was cut off without a word would stay silent for ever, and look well.
const PING_EVERY: Duration = Duration::from_secs(1);

/// Who listens, on a connection of its own.
pub struct Listener {
    builder: Builder,
    channel: String,
    node: Uuid,
}

impl Listener {
    /// Of the changes that others than `cache` make. Fails on a URL that is not right.
    pub fn new(url: &SecretString, cache: &RedisCache) -> anyhow::Result<Self> {
        Ok(Self { builder: builder(url, HUNG_AFTER)?, channel: cache.names.channel.clone(), node: cache.node })
    }

    /// Listens for as long as the server runs, and may be begun again. Whenever it begins to, also after the connection was lost, it says
    /// that changes may have been missed.
    pub async fn listen(&self, to: Arc<dyn HearChanges>) {
        let client = match self.builder.build_subscriber_client() {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(%error, "what other nodes change can't be heard");
                return;
            }
        };
        let (mut messages, mut connections) = (client.message_rx(), client.reconnect_rx());
        // Ends when the client is dropped.
        drop(client.connect());
        let mut pings = interval(PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut listens = false;
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Ok(message) => self.heard(&message, &*to),
                    Err(RecvError::Lagged(_)) => to.may_have_missed(),
                    Err(RecvError::Closed) => return,
                },
                connected = connections.recv() => {
                    if matches!(connected, Err(RecvError::Closed)) {
                        return;
                    }
                    listens = self.subscribe(&client, &*to).await;
                }
                _ = pings.tick() => {
                    if !listens {
                        listens = client.is_connected() && self.subscribe(&client, &*to).await;
                    } else if client.ping::<()>(None).await.is_err() {
                        // Whatever is wrong, a subscription says when everything is right again.
                        listens = false;
                    }
                }
            }
        }
    }

    async fn subscribe(&self, client: &SubscriberClient, to: &dyn HearChanges) -> bool {
        match client.subscribe(self.channel.as_str()).await {
            Ok(()) => {
                // After the subscription: nothing is missed from now on.
                to.may_have_missed();
                true
            }
            Err(error) => {
                tracing::debug!(%error, "what other nodes change can't be heard now");
                false
            }
        }
    }

    fn heard(&self, message: &Message, to: &dyn HearChanges) {
        let text = message.value.as_str();
        if let Some(change) = text.and_then(|text| message::decode(self.node, &text)) {
            to.heard(&change);
        }
    }
}
