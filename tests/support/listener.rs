//! A client of a live stream, which keeps a model of the event by applying what it is told, and accepts no gap.

use std::{collections::BTreeMap, time::Duration};

use http::HeaderMap;
use serde_json::Value;
use uuid::Uuid;

use super::{PATIENCE, TestEvent, TestServer, client::uuid};

/// One event of a stream, or one comment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Comment(String),
    Event { name: String, id: String, data: Value },
}

/// See the module's page.
#[derive(Debug)]
pub(crate) struct Listener {
    response: Option<reqwest::Response>,
    buffer: String,
    /// What it knows: the last version, each ticket type's counters, each seat's state.
    pub(crate) version: Option<i64>,
    pub(crate) places: BTreeMap<Uuid, Value>,
    pub(crate) seats: BTreeMap<Uuid, String>,
    /// How it came to know.
    pub(crate) snapshots: usize,
    pub(crate) deltas: usize,
    pub(crate) comments: usize,
}

/// A client that has no deadline for a whole answer.
pub(crate) fn patient_client() -> reqwest::Client {
    reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(5)).build().unwrap()
}

impl Listener {
    /// Asks for a stream, and fails unless it begins.
    pub(crate) async fn open(server: &TestServer, event: &TestEvent, query: &str) -> Self {
        let path = event.path(&format!("availability{query}"));
        Self::of(Self::ask(&patient_client(), server, &path, None).await)
    }

    /// Goes on from what an earlier one knows.
    pub(crate) async fn resume(self, server: &TestServer, event: &TestEvent, query: &str) -> Self {
        let path = event.path(&format!("availability{query}"));
        let id = self.version.unwrap().to_string();
        let response = Self::ask(&patient_client(), server, &path, Some(&id)).await;
        assert_eq!(response.status(), 200);
        Self { response: Some(response), buffer: String::new(), snapshots: 0, deltas: 0, comments: 0, ..self }
    }

    /// The answer to a request for a stream.
    pub(crate) async fn ask(
        client: &reqwest::Client,
        server: &TestServer,
        path: &str,
        last_event_id: Option<&str>,
    ) -> reqwest::Response {
        let url = format!("http://{}{path}", server.running.address);
        let mut request = client.get(url).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        tokio::time::timeout(PATIENCE, request.send()).await.expect("an answer in time").unwrap()
    }

    pub(crate) fn of(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        let (places, seats) = (BTreeMap::new(), BTreeMap::new());
        Self {
            response: Some(response),
            buffer: String::new(),
            version: None,
            places,
            seats,
            snapshots: 0,
            deltas: 0,
            comments: 0,
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.response.as_ref().unwrap().headers()
    }

    /// Hangs up, and keeps what it knows.
    pub(crate) fn leave(&mut self) {
        self.response = None;
    }

    /// What comes next, applied to the model; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Told> {
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let told = parse(block);
                self.buffer = rest.to_owned();
                if let Some(told) = told {
                    self.apply(&told);
                    return Some(told);
                }
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.as_mut().unwrap().chunk())
                .await
                .expect("something in time");
            self.buffer.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }

    /// Reads on until it knows this version.
    pub(crate) async fn until_version(&mut self, version: i64) {
        while self.version != Some(version) {
            let told = self.next().await;
            assert!(told.is_some(), "the stream ends at {:?}, not at {version}", self.version);
            assert!(self.version <= Some(version), "{:?} is not in the ledger", self.version);
        }
    }

    /// The next event; comments are left out.
    pub(crate) async fn event(&mut self) -> (String, Value) {
        loop {
            if let Told::Event { name, data, .. } = self.next().await.expect("the stream goes on") {
                return (name, data);
            }
        }
    }

    fn apply(&mut self, told: &Told) {
        let Told::Event { name, id, data } = told else {
            self.comments += 1;
            return;
        };
        let version = data["version"].as_i64().unwrap();
        assert_eq!(*id, version.to_string(), "the id is the version");
        if name == "snapshot" {
            self.snapshots += 1;
            (self.places, self.seats) = (BTreeMap::new(), BTreeMap::new());
        } else {
            assert_eq!(name, "delta");
            self.deltas += 1;
            assert_eq!(data["previousVersion"].as_i64(), self.version, "a gap: {data}");
            assert!(Some(version) > self.version, "{data}");
        }
        self.version = Some(version);
        for places in data["ticketTypes"].as_array().unwrap() {
            self.places.insert(uuid(&places["id"]), places.clone());
        }
        for seat in data["seats"].as_array().into_iter().flatten() {
            self.seats.insert(uuid(&seat["id"]), seat["status"].as_str().unwrap().to_owned());
        }
    }

    /// Fails unless the model is what the plain answer shows.
    #[track_caller]
    pub(crate) fn assert_knows(&self, shown: &Value) {
        assert_eq!(self.version, shown["version"].as_i64());
        let places = shown["ticketTypes"].as_array().unwrap().iter().map(|of| (uuid(&of["id"]), of.clone()));
        assert_eq!(self.places, places.collect());
        let seat = |seat: &Value| (uuid(&seat["id"]), seat["status"].as_str().unwrap().to_owned());
        let seats = shown["seats"].as_array().into_iter().flatten().map(seat);
        assert_eq!(self.seats, seats.collect());
    }
}

/// `None` for a block that sets the time of the next try only.
fn parse(block: &str) -> Option<Told> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    if let Some(comment) = block.strip_prefix(':') {
        return Some(Told::Comment(comment.trim().to_owned()));
    }
    if let Some(retry) = field("retry") {
        let retry: u32 = retry.parse().unwrap();
        assert!((1_000..=5_000).contains(&retry), "{retry}");
        return None;
    }
    let data = serde_json::from_str(field("data").unwrap()).unwrap();
    Some(Told::Event { name: field("event").unwrap().to_owned(), id: field("id").unwrap().to_owned(), data })
}
