//! A server in the test's own process, on free ports and a database of its own.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use boxoffice::{
    config::{Config, Sources},
    serve::{self, Running},
};
use boxoffice_store::postgres::store::PgStore;
use domain::accounts::Role;
use tokio_postgres::Client;
use uuid::Uuid;

use super::{Api, Buyer, EventBuilder, PATIENCE, TestDatabase, TestEvent, accounts, audit::audit, proxy::Proxy};

/// What a server is told: the environment variables of a real one.
#[derive(Clone, Debug)]
pub(crate) struct Settings(pub(crate) BTreeMap<String, String>);

impl Default for Settings {
    fn default() -> Self {
        let node = format!("test-{}", Uuid::now_v7().simple());
        let settings = [
            ("BOXOFFICE__HTTP__LISTEN", "127.0.0.1:0"),
            ("BOXOFFICE__OPS__LISTEN", "127.0.0.1:0"),
            ("BOXOFFICE__NODE__NAME", &node),
            ("BOXOFFICE__AUTH__JWT_SECRET", accounts::JWT_SECRET),
            // As cheap as argon2 allows.
            ("BOXOFFICE__AUTH__ARGON2_MEMORY_KIB", "8"),
            ("BOXOFFICE__AUTH__ARGON2_PASSES", "1"),
            ("BOXOFFICE__DATABASE__MAX_CONNECTIONS", "8"),
            ("BOXOFFICE__DATABASE__MIN_IDLE", "1"),
            // Debug builds on busy machines are slow, and no test is about being late.
            ("BOXOFFICE__INVENTORY__REQUEST_DEADLINE", "30s"),
            ("BOXOFFICE__INVENTORY__STALLED_AFTER", "30s"),
            ("BOXOFFICE__HTTP__REQUEST_TIMEOUT", "40s"),
            ("BOXOFFICE__HTTP__DRAIN_TIMEOUT", "5s"),
            ("BOXOFFICE__LOG__FILTER", "warn"),
            // Tests change tables behind the server's back; those of the cache say otherwise.
            ("BOXOFFICE__CACHE__ENABLED", "false"),
            // Few tests are about them.
            ("BOXOFFICE__MAIL__BOOKINGS", "false"),
            // Tests ask as often as they like; those of the limits say otherwise.
            ("BOXOFFICE__RATE_LIMIT__TRUSTED", "127.0.0.0/8,::1/128"),
        ];
        Self(settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

impl Settings {
    /// A variable as an operator would set it.
    pub(crate) fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    /// How long a hold lasts; at least a second.
    pub(crate) fn hold(self, lasts: Duration) -> Self {
        self.set("BOXOFFICE__INVENTORY__HOLD", format!("{}ms", lasts.as_millis()))
    }

    /// How long a priced booking waits for its payment; at least a second.
    pub(crate) fn payment(self, lasts: Duration) -> Self {
        self.set("BOXOFFICE__INVENTORY__PAYMENT", format!("{}ms", lasts.as_millis()))
    }

    /// How long an unused inventory stays loaded.
    pub(crate) fn idle_after(self, idle: Duration) -> Self {
        self.set("BOXOFFICE__INVENTORY__IDLE_AFTER", format!("{}ms", idle.as_millis()))
    }

    /// Most commands under way for one event.
    pub(crate) fn permits(self, permits: usize) -> Self {
        self.set("BOXOFFICE__INVENTORY__PERMITS_PER_EVENT", permits)
    }

    /// By what the node is known.
    pub(crate) fn node(self, name: &str) -> Self {
        self.set("BOXOFFICE__NODE__NAME", name)
    }

    /// Reaches the database through a proxy.
    pub(crate) fn through(self, proxy: &Proxy) -> Self {
        self.set("DATABASE_URL", proxy.url())
    }

    /// The configuration of a server on `database`.
    pub(crate) fn config(&self, database: &TestDatabase) -> Config {
        let mut variables = self.0.clone();
        variables.entry("DATABASE_URL".to_owned()).or_insert_with(|| database.url());
        // No files: what a developer has put there must not change a test.
        Config::load(&Sources { variables, folder: PathBuf::from("/nonexistent") }).unwrap()
    }

    /// Starts a server in this process, on a new database.
    pub(crate) async fn start(self) -> TestServer {
        TestServer::on(TestDatabase::migrated().await, &self).await
    }
}

/// See the module's page. Whatever is not waited for ends with the test's runtime.
pub(crate) struct TestServer {
    pub(crate) running: Running,
    pub(crate) api: Api,
    /// For the test's own look at the database.
    pub(crate) client: Client,
    pub(crate) db: TestDatabase,
}

impl TestServer {
    /// With the settings of most tests.
    pub(crate) async fn start() -> Self {
        Settings::default().start().await
    }

    /// On a database that exists.
    pub(crate) async fn on(db: TestDatabase, settings: &Settings) -> Self {
        let running = serve::start(settings.config(&db)).await.unwrap();
        let api = Api::new(running.address);
        Self { running, api, client: db.connect().await, db }
    }

    /// Ends the server, and starts another on the same database.
    pub(crate) async fn restart(self, settings: &Settings) -> Self {
        self.running.stop().await;
        Self::on(self.db, settings).await
    }

    /// Another server on the same database.
    pub(crate) async fn neighbour(&self) -> (Running, Api) {
        let running = serve::start(Settings::default().config(&self.db)).await.unwrap();
        let api = Api::new(running.address);
        (running, api)
    }

    /// The repositories, over connections of their own.
    pub(crate) fn store(&self, connections: usize) -> PgStore {
        self.db.store(connections)
    }

    /// A client that is signed in as a new account of this role.
    pub(crate) async fn signed_in_as(&self, role: Role) -> Api {
        self.api.of(&accounts::add_accounts(&self.client, 1, role).await.remove(0))
    }

    /// A buyer, signed in.
    pub(crate) async fn buyer(&self) -> Buyer {
        self.buyers(1).await.remove(0)
    }

    /// Many buyers, signed in.
    pub(crate) async fn buyers(&self, count: usize) -> Vec<Buyer> {
        accounts::add_accounts(&self.client, count, Role::User).await
    }

    /// A client that is signed in as a new buyer.
    pub(crate) async fn signed_in(&self) -> Api {
        self.signed_in_as(Role::User).await
    }

    /// Makes the event.
    pub(crate) async fn event(&self, builder: EventBuilder) -> TestEvent {
        builder.create(&self.client).await
    }

    /// Fails when the tables of the ledger contradict each other.
    pub(crate) async fn audit(&self) {
        audit(&self.client).await;
    }
}
