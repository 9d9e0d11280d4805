//! Reads, edits and bookings at once while the database restarts, ends connections, keeps locks or is read-only: a client that is not served is
//! told to come back, and nobody is told that the server is broken.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use domain::accounts::Role;
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::signal;
use crate::support::{
    Api, ChildServer, EventBuilder, TestEvent, accounts::add_accounts, audit::audit, client::new_key,
    shared_postgres::connect, until,
};

/// What the load asks for, by name.
const OPERATIONS: [&str; 7] = ["list", "search", "own bookings", "edit", "profile", "tag", "book"];

struct Told {
    operation: &'static str,
    asked: Instant,
    answered: Instant,
    status: u16,
    text: String,
}

/// Somebody for each operation, who asks for it again and again.
pub(super) struct Load {
    told: Arc<Mutex<Vec<Told>>>,
    tasks: JoinSet<()>,
    /// From when to when the database was in trouble.
    troubles: Vec<(Instant, Instant)>,
}

#[derive(Clone)]
struct Callers {
    buyer: Api,
    organizer: Api,
    admin: Api,
    event: TestEvent,
}

impl Callers {
    async fn ask(&self, operation: &'static str) -> crate::support::Answer {
        let title = json!({ "title": format!("An Evening {}", rand::random::<u16>()) });
        let any = |api: &Api| api.with_header("if-match", "*");
        let send = async |api: &Api, method, path: &str, body: &Value| {
            api.send(method, path, Some(&new_key()), Some(body)).await
        };
        match operation {
            "list" => self.buyer.get("/api/v1/events?limit=5").await,
            "search" => self.buyer.get("/api/v1/events?q=evening&available=true").await,
            "own bookings" => self.buyer.get("/api/v1/bookings?limit=5").await,
            "edit" => any(&self.organizer).patch(&format!("/api/v1/organizer/events/{}", self.event.id), &title).await,
            "profile" => self.buyer.patch("/api/v1/profile", &json!({ "name": "Ada Byron" })).await,
            "tag" => {
                let slug = format!("tag-{}", rand::random::<u64>());
                send(&self.admin, Method::POST, "/api/v1/admin/tags", &json!({ "slug": slug, "name": slug })).await
            }
            "book" => self.buyer.book(&self.event, &self.event.places(1)).await,
            other => panic!("{other}?"),
        }
    }
}

impl Load {
    /// Begins, on the server at `api` whose database is reached by `client`, and waits until everything was done once.
    pub(super) async fn begin(api: &Api, client: &Client) -> Self {
        let organizer = add_accounts(client, 1, Role::Organizer).await.remove(0);
        let event = EventBuilder::ga(1_000_000).create(client).await;
        let own = "UPDATE events SET organizer_id = $2 WHERE id = $1";
        client.execute(own, &[&event.id, &organizer.id]).await.unwrap();
        let of = async |role| api.of(&add_accounts(client, 1, role).await.remove(0));
        let (buyer, admin) = (of(Role::User).await, of(Role::Admin).await);
        let callers = Callers { buyer, organizer: api.of(&organizer), admin, event };
        let mut load = Self { told: Arc::default(), tasks: JoinSet::new(), troubles: Vec::new() };
        for operation in OPERATIONS {
            let (callers, told) = (callers.clone(), load.told.clone());
            load.tasks.spawn(async move {
                loop {
                    let asked = Instant::now();
                    let answer = callers.ask(operation).await;
                    if answer.status == 503 {
                        assert!(answer.header("retry-after").is_some(), "{operation}: {answer:?}");
                    }
                    let text = String::from_utf8_lossy(&answer.body).into_owned();
                    let (answered, status) = (Instant::now(), answer.status);
                    told.lock().unwrap().push(Told { operation, asked, answered, status, text });
                }
            });
        }
        load.is_served(Instant::now()).await;
        load
    }

    fn all(&self, is: impl Fn(&Told) -> bool) -> bool {
        let told = self.told.lock().unwrap();
        OPERATIONS.iter().all(|operation| told.iter().any(|told| told.operation == *operation && is(told)))
    }

    /// Waits until everything was done that was asked for after `since`.
    async fn is_served(&self, since: Instant) {
        let is_done = |told: &Told| told.asked > since && told.status < 300;
        until("everything is done again", async || self.all(is_done)).await;
    }

    /// Waits until somebody who asked for this after `since` was told to come back.
    pub(super) async fn is_refused(&self, operation: &str, since: Instant) {
        let is_refused = |told: &Told| told.operation == operation && told.asked >= since && told.status == 503;
        let told = format!("{operation} is refused");
        until(&told, async || self.told.lock().unwrap().iter().any(is_refused)).await;
    }

    /// Makes trouble, and waits until everything is done again.
    pub(super) async fn during(&mut self, trouble: impl AsyncFnOnce(&Self)) {
        let from = Instant::now();
        trouble(self).await;
        self.is_served(Instant::now()).await;
        self.troubles.push((from, Instant::now()));
    }

    /// Ends, and judges all answers: nobody was told that the server is broken, and nobody to come back without a trouble.
    pub(super) async fn judge(mut self) {
        self.is_served(Instant::now()).await;
        self.tasks.abort_all();
        while let Some(ended) = self.tasks.join_next().await {
            assert!(ended.is_err_and(|error| error.is_cancelled()), "an operation had no answer");
        }
        let told = self.told.lock().unwrap();
        assert!(told.iter().any(|told| told.status == 503), "nobody noticed the trouble");
        for told in told.iter().filter(|told| told.status >= 300) {
            assert_eq!(told.status, 503, "{}: {}", told.operation, told.text);
            let met_trouble = self.troubles.iter().any(|(from, to)| told.asked <= *to && told.answered >= *from);
            assert!(met_trouble, "refused without a reason: {} {}", told.operation, told.text);
        }
    }
}

const TERMINATE: &str =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'boxoffice'";

/// The guards: `errors::classify`, which says of each of these that it passes, and `RequestPool::transaction`, which says so of locks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_trouble_is_no_defect_of_the_server() {
    let server = ChildServer::start(super::settings().set("BOXOFFICE_ENV", "staging")).await;
    let superuser = async || {
        let client = connect(&server.private_url().replacen("//boxoffice@", "//postgres@", 1)).await;
        client.batch_execute("SET default_transaction_read_only = off").await.unwrap();
        client
    };
    let mut load = Load::begin(&server.api, &connect(&server.private_url()).await).await;
    for _ in 0..3 {
        load.during(async |_| drop(superuser().await.query(TERMINATE, &[]).await.unwrap())).await;
    }
    load.during(async |load| {
        let console = superuser().await;
        console.batch_execute("BEGIN; LOCK TABLE events, profiles IN ACCESS EXCLUSIVE MODE").await.unwrap();
        let since = Instant::now();
        load.is_refused("edit", since).await;
        load.is_refused("profile", since).await;
        console.batch_execute("ROLLBACK").await.unwrap();
    })
    .await;
    load.during(async |load| {
        let read_only = async |on: bool| {
            let console = superuser().await;
            let statement = format!("ALTER DATABASE boxoffice SET default_transaction_read_only = {on}");
            console.batch_execute(&statement).await.unwrap();
            console.query(TERMINATE, &[]).await.unwrap();
        };
        read_only(true).await;
        let since = Instant::now();
        for operation in ["edit", "profile", "tag", "book"] {
            load.is_refused(operation, since).await;
        }
        read_only(false).await;
    })
    .await;
    for how in [Signal::SIGINT, Signal::SIGQUIT] {
        load.during(async |load| {
            let since = Instant::now();
            signal(server.postmaster().unwrap(), how);
            load.is_refused("list", since).await;
        })
        .await;
    }
    load.judge().await;
    audit(&connect(&server.private_url()).await).await;
}
