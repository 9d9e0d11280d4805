//! What of the database's changes is written down, for the node that tells it.

use std::collections::BTreeSet;

use domain::cache::Change;
use tokio_postgres::Client;

use crate::support::{EventBuilder, Settings, TestDatabase, TestServer, until};

/// What was written down since the last look.
async fn written(client: &Client) -> BTreeSet<String> {
    let found = client.query("DELETE FROM untold_changes RETURNING tags", &[]).await.unwrap();
    found.iter().flat_map(|row| row.get::<_, Vec<String>>(0)).collect()
}

/// Watches each trigger, by what an administrator could type: what everybody may see is written down no matter who changes it, and nothing
/// else is, above all not what a booking changes.
#[tokio::test]
async fn whoever_changes_what_everybody_sees_writes_it_down() {
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    let event = EventBuilder::ga(10).tag("jazz").create(&client).await;
    let (id, venue, series) = (event.id, event.venue, uuid::Uuid::now_v7());
    client.batch_execute("INSERT INTO categories (slug, name) VALUES ('fair', 'Fair')").await.unwrap();
    written(&client).await;
    let (shown, listed, serial) = (format!("event:{id}"), "events".to_owned(), format!("series:{series}"));
    let both = [shown.as_str(), &listed];
    let place = format!("venue:{venue}");
    for (statement, tags) in [
        (format!("UPDATE events SET title = 'New' WHERE id = '{id}'"), &both[..]),
        (format!("UPDATE events SET title = 'New' WHERE id = '{id}'"), &[]),
        (format!("UPDATE events SET series_id = '{series}' WHERE id = '{id}'"), &[&shown, &listed, &serial]),
        (format!("UPDATE events SET series_id = NULL WHERE id = '{id}'"), &[&shown, &listed, &serial]),
        ("UPDATE ticket_types SET price = price + 1".to_owned(), &both),
        ("UPDATE ticket_types SET hidden = true".to_owned(), &both),
        ("UPDATE ticket_types SET ever_taken = true".to_owned(), &[]),
        // Nothing that is kept shows what these say.
        (
            format!(
                "INSERT INTO promo_codes (id, event_id, code, kind) VALUES (gen_random_uuid(), '{id}', 'A', 'ACCESS')"
            ),
            &[],
        ),
        ("UPDATE promo_codes SET used = 1, ever_used = true".to_owned(), &[]),
        ("UPDATE quotas SET sold = 1, version = version + 1".to_owned(), &[]),
        ("UPDATE tags SET name = 'Jazz!'".to_owned(), &["vocabulary"]),
        ("DELETE FROM event_tags".to_owned(), &both),
        ("INSERT INTO event_tags SELECT e.id, t.id FROM events e, tags t".to_owned(), &both),
        ("INSERT INTO tags (id, slug, name) VALUES (gen_random_uuid(), 'new', 'New')".to_owned(), &[]),
        ("DELETE FROM tags WHERE slug = 'new'".to_owned(), &["vocabulary"]),
        ("INSERT INTO categories (slug, name) VALUES ('new', 'New')".to_owned(), &["vocabulary"]),
        ("UPDATE categories SET name = 'Newer' WHERE slug = 'new'".to_owned(), &["vocabulary"]),
        ("UPDATE categories SET name = 'Newer' WHERE slug = 'new'".to_owned(), &[]),
        ("DELETE FROM categories WHERE slug = 'new'".to_owned(), &["vocabulary"]),
        ("UPDATE venues SET description = 'New'".to_owned(), &[&place, "venues", "events"]),
        ("INSERT INTO settings (key, value) VALUES ('siteName', '\"New\"')".to_owned(), &["settings"]),
        ("UPDATE settings SET value = '\"Newer\"'".to_owned(), &["settings"]),
        ("DELETE FROM settings".to_owned(), &["settings"]),
    ] {
        client.batch_execute(&statement).await.unwrap();
        let expected: BTreeSet<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        assert_eq!(written(&client).await, expected, "{statement}");
        for tag in tags {
            assert_ne!(Change::of_names([*tag]), Change::Everything, "{tag} is a tag");
        }
    }
    let many = "INSERT INTO venues (id, slug, name, address, city, country, time_zone, capacity)
        SELECT gen_random_uuid(), 'many-' || n, 'Many', 'Here', 'Paris', 'FR', 'Europe/Paris', 10 FROM generate_series(1, 300) n";
    client.batch_execute(many).await.unwrap();
    assert_eq!(written(&client).await, BTreeSet::from(["venues".to_owned()]));
    client.batch_execute("DELETE FROM venues WHERE slug LIKE 'many-%'").await.unwrap();
    let many = written(&client).await;
    assert_eq!(many, BTreeSet::from(["everything".to_owned()]), "more than anybody wants to read");
    assert_eq!(Change::of_names(many.iter().map(String::as_str)), Change::Everything);
}

/// A rolled-back transaction has changed nothing. Watches that a note is part of its transaction.
#[tokio::test]
async fn what_is_not_committed_is_not_written_down() {
    let database = TestDatabase::migrated().await;
    let client = database.connect().await;
    EventBuilder::ga(10).create(&client).await;
    written(&client).await;
    client.batch_execute("BEGIN; UPDATE events SET title = 'New'; ROLLBACK").await.unwrap();
    assert_eq!(written(&client).await, BTreeSet::new());
}

/// Without Redis nobody tells. Watches that what is written down does not pile up, and does not go too soon.
#[tokio::test]
async fn what_nobody_can_tell_is_forgotten_after_a_while() {
    let database = TestDatabase::migrated().await;
    let notes = "INSERT INTO untold_changes (at, tags)
        VALUES (now() - interval '2 hours', '{venues}'), (now() - interval '50 minutes', '{settings}')";
    database.execute(notes).await;
    let server = TestServer::on(database, &Settings::default()).await;
    let count = async |tag: &str| {
        let query = format!("SELECT count(*) FROM untold_changes WHERE tags = '{{{tag}}}'");
        server.db.number(&query, &[]).await
    };
    until("the old one is gone", async || count("venues").await == 0).await;
    assert_eq!(count("settings").await, 1);
}
