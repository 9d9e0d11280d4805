//! A change whose outcome nobody knows ends what was shown before it, as one does that is known to be made.

use domain::accounts::Role;
use reqwest::Method;
use serde_json::json;

use super::freshness::settings;
use crate::support::{EventBuilder, accounts, until};

/// The connection is lost at COMMIT, after the statements of a change.
const CUT_AT_COMMIT: &str = "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER cut AFTER UPDATE ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()";

/// Guards: `invalidated`. What really became of the change is read again, for words as for what is sold.
#[tokio::test]
async fn a_change_whose_answer_was_lost_is_looked_up_again() {
    let server = settings().start().await;
    let event = server.event(EventBuilder::ga(10).title("Before")).await;
    let organizer = server.client.query_one("SELECT organizer_id FROM events", &[]).await.unwrap().get(0);
    let api = server.api.with_token(&accounts::token(organizer, Role::Organizer, std::time::Duration::ZERO));
    let (shown, path) = (format!("/api/v1/events/{}", event.id), format!("/api/v1/organizer/events/{}", event.id));
    let title = async || server.api.get(&shown).await.ok()["title"].clone();
    for (round, change) in [json!({ "summary": "Shorter" }), json!({ "maxPerAccount": 3 })].into_iter().enumerate() {
        let (before, after) = (title().await, format!("After {round}"));
        server.client.execute("UPDATE events SET title = $1", &[&after]).await.unwrap();
        assert_eq!(title().await, before, "it is shown from memory");
        server.db.execute(CUT_AT_COMMIT).await;
        let lost = api.send_with(Method::PATCH, &path, &[("if-match", "*")], Some(&change)).await;
        lost.problem(503, "SERVICE_001");
        server.db.execute("DROP TRIGGER cut ON events; DROP FUNCTION cut").await;
        until("it is read again", async || title().await == after).await;
    }
}
