//! What operators see of how the database is used.

use crate::support::{Api, TestServer, until};

/// Guards the count of each index: one that nobody reads is found by it.
#[tokio::test]
async fn every_index_says_how_often_it_is_read() {
    let server = TestServer::start().await;
    let indexes = "SELECT tablename::text, indexname::text FROM pg_indexes WHERE schemaname = current_schema()";
    let rows = server.client.query(indexes, &[]).await.unwrap();
    assert!(rows.len() > 50, "{}", rows.len());
    let operations = Api::of_operators(server.running.operations_address);
    let shown = async || String::from_utf8(operations.get("/metrics").await.body.to_vec()).unwrap();
    let wanted = r#"boxoffice_table_scans{table="events"} "#;
    until("the database is asked", async || shown().await.contains(wanted)).await;
    let shown = shown().await;
    for row in rows {
        let (table, index): (String, String) = (row.get(0), row.get(1));
        let series = format!(r#"boxoffice_index_scans{{table="{table}",index="{index}"}} "#);
        assert!(shown.contains(&series), "{series} is not in\n{shown}");
    }
}
