//! Installation id of a database.

use tokio_postgres::{Client, types::Type};
use uuid::Uuid;

use super::errors::StoreError;

/// The cluster, as it was made by initdb.
const CLUSTER: &str = "SELECT system_identifier::text FROM pg_control_system()";
const DATABASE: &str = "SELECT oid::text FROM pg_database WHERE datname = current_database()";
/// A copy of another database comes with the id and the place of that one. Also of one in which no server has started.
const SETTLE: &str = "UPDATE installation SET place = $1, id = gen_random_uuid() WHERE place IS DISTINCT FROM $1";
const ID: &str = "SELECT id FROM installation";

/// The id of the installation that this database is of: the same for all servers on it, and another one in each copy that was made by
/// pg_dump or as a template. What is shared with strangers, such as a Redis, is named by it.
pub async fn id(client: &Client) -> Result<Uuid, StoreError> {
    let cluster: String = match client.query_typed_one(CLUSTER, &[]).await {
        Ok(row) => row.try_get(0)?,
        // A service that hides its files.
        Err(error) if error.as_db_error().is_some() => String::new(),
        Err(error) => return Err(error.into()),
    };
    let database: String = client.query_typed_one(DATABASE, &[]).await?.try_get(0)?;
    client.execute_typed(SETTLE, &[(&format!("{cluster}/{database}"), Type::TEXT)]).await?;
    Ok(client.query_typed_one(ID, &[]).await?.try_get(0)?)
}
