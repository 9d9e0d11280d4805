//! Those who do not buy at this moment: connections that are open and say nothing, and streams that listen.

use std::{cell::RefCell, collections::BTreeMap, future::Future, io, net::SocketAddr, rc::Rc, time::Duration};

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{connection::Connection, event_stream::EventStream};

/// Connections that are being opened at once: fewer than any backlog of a listener.
const OPENING_AT_ONCE: usize = 64;
/// How long a connection may take to open and to be answered.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Between two looks at whether something has come true.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Connections that are kept open; each has made a request.
#[derive(Debug)]
pub struct Idle {
    streams: Vec<TcpStream>,
    request: Rc<str>,
}

impl Idle {
    /// Opens `count` connections and sends `request` over each. Call it inside of a `LocalSet`.
    pub async fn open(address: SocketAddr, count: usize, request: &str) -> anyhow::Result<Self> {
        let request: Rc<str> = request.into();
        let each = (0..count).map(|_| {
            let request = Rc::clone(&request);
            async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                ask(&mut stream, &request).await?;
                anyhow::Ok(stream)
            }
        });
        let streams = at_once(each).await?;
        Ok(Self { streams, request })
    }

    /// Sends the request over each once more; how many are not answered, because the server has closed them.
    pub async fn ask_again(&mut self) -> anyhow::Result<usize> {
        let count = self.streams.len();
        let each = std::mem::take(&mut self.streams).into_iter().map(|mut stream| {
            let request = Rc::clone(&self.request);
            async move { anyhow::Ok(ask(&mut stream, &request).await.ok().map(|()| stream)) }
        });
        self.streams = at_once(each).await?.into_iter().flatten().collect();
        Ok(count - self.streams.len())
    }
}

async fn ask(stream: &mut TcpStream, request: &str) -> anyhow::Result<()> {
    let mut connection = Connection::new(stream);
    let status = connection.ask(request.as_bytes()).await?.status;
    if status != 200 {
        bail!("answered {status}");
    }
    Ok(())
}

/// Open live streams of one event.
#[derive(Debug)]
pub struct Listeners {
    states: Vec<Rc<RefCell<State>>>,
    // Ends the tasks that read when it is dropped.
    _reading: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    stream: EventStream,
    /// Why nothing more will come.
    ended: Option<String>,
}

/// What all streams together have come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Heard {
    /// Streams that are open.
    pub open: usize,
    /// Snapshots and deltas of all of them.
    pub events: u64,
    /// Why others are not open, and how many.
    pub ended: BTreeMap<String, usize>,
}

impl Listeners {
    /// Opens `count` streams with `request`, and waits until each has its first event. Call it inside of a `LocalSet`.
    pub async fn open(address: SocketAddr, count: usize, request: &str) -> anyhow::Result<Self> {
        let request: Rc<str> = request.into();
        let each = (0..count).map(|_| {
            let request = Rc::clone(&request);
            async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.write_all(request.as_bytes()).await?;
                anyhow::Ok(stream)
            }
        });
        let opened = at_once(each).await?;
        let mut reading = JoinSet::new();
        let buffer = Rc::new(RefCell::new(vec![0; 64 << 10]));
        let mut states = Vec::with_capacity(count);
        for stream in opened {
            let state = Rc::new(RefCell::new(State::default()));
            states.push(Rc::clone(&state));
            let buffer = Rc::clone(&buffer);
            reading.spawn_local(async move {
                let ended = read(stream, &state, &buffer).await;
                state.borrow_mut().ended = Some(ended);
            });
        }
        let listeners = Self { states, _reading: reading };
        let begun = |state: &State| state.stream.version().is_some() || state.ended.is_some();
        listeners.wait(ANSWER_MAX, begun).await;
        let waiting = listeners.states.iter().filter(|state| !begun(&state.borrow())).count();
        let heard = listeners.heard();
        if waiting > 0 || !heard.ended.is_empty() {
            bail!("of {count} streams {waiting} have no snapshot, and these ended: {:?}", heard.ended);
        }
        Ok(listeners)
    }

    /// What they have come to.
    pub fn heard(&self) -> Heard {
        let mut heard = Heard::default();
        for state in &self.states {
            let state = state.borrow();
            heard.events += state.stream.events();
            match &state.ended {
                None => heard.open += 1,
                Some(why) => *heard.ended.entry(why.clone()).or_default() += 1,
            }
        }
        heard
    }

    /// Waits until all streams show `version`; how many do not after `patience`.
    pub async fn not_at(&self, version: i64, patience: Duration) -> usize {
        self.wait(patience, |state| state.stream.version() == Some(version)).await
    }

    /// Waits until `is_so` of all, or for `patience`; of how many it is not.
    async fn wait(&self, patience: Duration, is_so: impl Fn(&State) -> bool) -> usize {
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

/// Reads a stream to its end; why it ended. All share one buffer, because only one of them runs at a time.
async fn read(stream: TcpStream, state: &RefCell<State>, buffer: &RefCell<Vec<u8>>) -> String {
    loop {
        if let Err(error) = stream.readable().await {
            return error.to_string();
        }
        let mut buffer = buffer.borrow_mut();
        match stream.try_read(&mut buffer) {
            Ok(0) => return "closed".to_owned(),
            Ok(length) => {
                let mut state = state.borrow_mut();
                if let Err(fault) = state.stream.take(&buffer[..length]) {
                    return fault.to_string();
                }
                if state.stream.is_over() {
                    return "ended by the server".to_owned();
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return error.to_string(),
        }
    }
}

/// Does all of this, some at once, and gives what came of it; or the first failure.
async fn at_once<T, F>(mut work: impl Iterator<Item = F>) -> anyhow::Result<Vec<T>>
where
    T: 'static,
    F: Future<Output = anyhow::Result<T>> + 'static,
{
    let mut doing = JoinSet::new();
    let mut done = Vec::new();
    loop {
        while doing.len() < OPENING_AT_ONCE {
            let Some(next) = work.next() else { break };
            doing.spawn_local(timeout(ANSWER_MAX, next));
        }
        let Some(ended) = doing.join_next().await else { return Ok(done) };
        done.push(ended?.with_context(|| format!("no answer within {ANSWER_MAX:?}"))??);
    }
}

#[cfg(test)]
mod tests;
