//! A database of a test's own, on the shared PostgreSQL; deleted when dropped.

use boxoffice_store::postgres::{
    pool::{PoolSettings, pool_of_requests},
    store::PgStore,
};
use tokio_postgres::{Client, types::ToSql};
use uuid::Uuid;

use super::{
    PATIENCE,
    shared_postgres::{SharedPostgres, blocking, connect},
};

/// See the module's page.
#[derive(Debug)]
pub(crate) struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// The repositories, over connections of their own.
    pub(crate) fn store(&self, connections: usize) -> PgStore {
        let settings = PoolSettings {
            url: self.url().into(),
            max_connections: connections,
            connect_timeout: PATIENCE,
            statement_timeout: PATIENCE,
        };
        PgStore::new(pool_of_requests(&settings).unwrap())
    }

    /// With every migration applied: a copy of the template.
    pub(crate) async fn migrated() -> Self {
        Self::make(true).await
    }

    /// With nothing in it.
    pub(crate) async fn empty() -> Self {
        Self::make(false).await
    }

    async fn make(migrated: bool) -> Self {
        let name = format!("test_{}", Uuid::now_v7().simple());
        SharedPostgres::get().create_database(&name, migrated).await;
        Self { name }
    }

    /// Where to connect.
    pub(crate) fn url(&self) -> String {
        SharedPostgres::get().url(&self.name)
    }

    /// One more connection.
    pub(crate) async fn connect(&self) -> Client {
        connect(&self.url()).await
    }

    /// A connection of the cluster's superuser.
    pub(crate) async fn connect_as_superuser(&self) -> Client {
        connect(&SharedPostgres::get().superuser_url(&self.name)).await
    }

    /// The one number that a query answers.
    pub(crate) async fn number(&self, query: &str, parameters: &[&(dyn ToSql + Sync)]) -> i64 {
        self.connect().await.query_one(query, parameters).await.unwrap().get(0)
    }

    /// Whether new connections are refused. Those that there are go on.
    pub(crate) async fn refuse_connections(&self, refuse: bool) {
        // From another database: none can be told to refuse from within.
        let elsewhere = connect(&SharedPostgres::get().url("postgres")).await;
        let statement = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}", self.name, !refuse);
        elsewhere.batch_execute(&statement).await.unwrap();
    }

    /// Statements without parameters.
    pub(crate) async fn execute(&self, statements: &str) {
        self.connect().await.batch_execute(statements).await.unwrap();
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // A test that failed leaves its database to look at; it is deleted with the cluster.
        if !std::thread::panicking() {
            blocking(SharedPostgres::get().drop_database(&self.name));
        }
    }
}
