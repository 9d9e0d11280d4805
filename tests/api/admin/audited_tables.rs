//! Which tables the audit log knows: all, but for those that have a reason.

use crate::support::TestServer;

/// Tables whose changes no entry tells of, and why. All others have the trigger.
const NOT_NOTED: [(&str, &str); 34] = [
    ("audit_log", "the log itself"),
    ("booking_items", "the ledger's, written for many at once: the application writes such deeds down"),
    ("cancelled_items", "the ledger's, written for many at once: the application writes such deeds down"),
    ("bookings", "the ledger's"),
    ("attendees", "the ledger's, a part of bookings"),
    ("holds", "the ledger's"),
    ("seat_claims", "the ledger's"),
    ("node_sessions", "nodes, not people"),
    ("inventory_owners", "nodes, not people"),
    ("outbox", "follows from what is changed; retries are written down by themselves"),
    ("refresh_tokens", "hashes of secrets, of sessions that are noted"),
    ("one_time_tokens", "hashes of secrets"),
    ("request_keys", "names of requests"),
    ("jobs", "follow from what is changed; a retry is noted by itself"),
    ("booking_mails", "how far mails are queued"),
    ("booking_mails_since", "follows from the configuration"),
    ("event_cancellations", "how far a step is done that is noted"),
    ("event_listings", "made of others"),
    ("search_terms", "made of others"),
    ("former_event_slugs", "made of others"),
    ("former_venue_slugs", "made of others"),
    ("former_names", "made of others"),
    ("setting_changes", "is a log"),
    ("settings_revision", "a number"),
    ("sections", "thousands of rows of a version that is noted and never changes"),
    ("seat_rows", "the same"),
    ("seats", "the same"),
    ("schema_migrations", "the migrator's own"),
    ("installation", "one row: which database this is"),
    ("untold_changes", "follows from what is changed"),
    ("gateway_messages", "what a payment gateway tells"),
    ("disputes", "what a payment gateway tells"),
    ("sandbox_documents", "the sandbox's own, which stands for a payment gateway"),
    ("known_devices", "hashes of secrets"),
];

/// Guards the entries' values: a new table has the trigger, or a reason here.
#[tokio::test]
async fn every_table_is_noted_or_has_a_reason() {
    let server = TestServer::start().await;
    let tables = "SELECT c.relname::text, EXISTS (
            SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'note_change')
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')";
    let has_reason = |table: &str| NOT_NOTED.iter().any(|(name, _)| *name == table);
    let mut wrong = Vec::new();
    for row in server.client.query(tables, &[]).await.unwrap() {
        let (table, is_noted): (String, bool) = (row.get(0), row.get(1));
        if is_noted == has_reason(&table) {
            wrong.push(format!("{table}: has the trigger: {is_noted}"));
        }
    }
    assert!(wrong.is_empty(), "give a table the trigger note_change (see migrations), or a reason here: {wrong:#?}");
}
