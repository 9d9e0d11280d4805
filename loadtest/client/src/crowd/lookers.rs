//! Those who do not buy at this moment: connections that are open and say nothing, and streams that listen.

use std::{cell::RefCell, collections::BTreeMap, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{bail, ensure};
use serde::Serialize;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::stream::{Following, follow};
use crate::{
    connection::{Connection, connect},
    load::{self, OPENING_MAX},
};

/// How long a connection may take to open and to be answered.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Between two looks at whether something has come true.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Connections that are kept open; each has made a request.
pub(super) struct Idle {
    open: Vec<Connection<TcpStream>>,
    request: String,
}

impl Idle {
    /// Opens `count` connections and sends `request` over each. Call it inside of a `LocalSet`.
    pub(super) async fn open(address: SocketAddr, count: usize, request: String) -> anyhow::Result<Self> {
        let opened = load::open(count, &Rc::new(move || connect(address)), Some(request.clone())).await;
        let open: Vec<_> = opened.into_iter().flatten().collect();
        ensure!(open.len() == count, "of {count} connections {} could not be opened", count - open.len());
        Ok(Self { open, request })
    }

    /// Sends the request over each once more; how many are not answered, because the server has closed them.
    pub(super) async fn ask_again(self) -> usize {
        let (count, request): (usize, Rc<str>) = (self.open.len(), self.request.into());
        let (mut asking, turns) = (JoinSet::new(), Rc::new(Semaphore::new(OPENING_MAX)));
        for mut connection in self.open {
            let (request, turns) = (Rc::clone(&request), Rc::clone(&turns));
            asking.spawn_local(async move {
                let _turn = turns.acquire().await;
                let answer = timeout(ANSWER_MAX, connection.ask(request.as_bytes())).await;
                answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status == 200))
            });
        }
        count - asking.join_all().await.into_iter().filter(|answered| *answered).count()
    }
}

/// Open live streams of one event.
#[derive(Debug)]
pub(super) struct Listeners {
    states: Vec<Rc<RefCell<Following>>>,
    // Ends the tasks that read when it is dropped.
    _reading: JoinSet<()>,
}

/// What all streams together have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Followed {
    /// Streams that are open.
    pub(super) open: usize,
    /// Snapshots and deltas of all of them.
    pub(super) events: u64,
    /// Why others are not open, and how many.
    pub(super) ended: BTreeMap<String, usize>,
}

impl Listeners {
    /// Opens `count` streams with `request`, and waits until each has its first event. Call it inside of a `LocalSet`.
    pub(super) async fn open(address: SocketAddr, count: usize, request: &str) -> anyhow::Result<Self> {
        let (request, opening): (Rc<str>, _) = (request.into(), Rc::new(Semaphore::new(OPENING_MAX)));
        let mut reading = JoinSet::new();
        let mut states = Vec::with_capacity(count);
        for _ in 0..count {
            let (state, request, opening) = (Rc::default(), Rc::clone(&request), Rc::clone(&opening));
            states.push(Rc::<RefCell<Following>>::clone(&state));
            reading.spawn_local(async move {
                let ended = async {
                    let turn = opening.acquire().await;
                    let mut stream = connect(address).await?;
                    stream.write_all(request.as_bytes()).await?;
                    drop(turn);
                    follow(stream, &state).await
                };
                let why = ended.await.map_or_else(|fault| fault.to_string(), |()| "ended by the server".to_owned());
                state.borrow_mut().ended = Some(why);
            });
        }
        let listeners = Self { states, _reading: reading };
        let begun = |state: &Following| state.version.is_some() || state.ended.is_some();
        let waiting = listeners.wait(ANSWER_MAX, begun).await;
        let ended = listeners.followed().ended;
        if waiting > 0 || !ended.is_empty() {
            bail!("of {count} streams {waiting} have no snapshot, and these ended: {ended:?}");
        }
        Ok(listeners)
    }

    /// What they have come to.
    pub(super) fn followed(&self) -> Followed {
        let mut followed = Followed::default();
        for state in &self.states {
            let state = state.borrow();
            followed.events += state.events;
            match &state.ended {
                None => followed.open += 1,
                Some(why) => *followed.ended.entry(why.clone()).or_default() += 1,
            }
        }
        followed
    }

    /// Waits until all streams show `version`; how many do not after `patience`.
    pub(super) async fn not_at(&self, version: i64, patience: Duration) -> usize {
        self.wait(patience, |state| state.version == Some(version)).await
    }

    /// Waits until `is_so` of all, or for `patience`; of how many it is not.
    async fn wait(&self, patience: Duration, is_so: impl Fn(&Following) -> bool) -> usize {
        let deadline = Instant::now() + patience;
        loop {
            let others = self.states.iter().filter(|state| !is_so(&state.borrow())).count();
            if others == 0 || Instant::now() >= deadline {
                return others;
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}

#[cfg(test)]
mod tests;
