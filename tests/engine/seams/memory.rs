//! Whether everybody is shown what the ledger has.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::stage::Stage;

/// For what was on its way when the operations had answered: one look at the database. Far below the ten seconds of the sampler, which
/// mends what nobody told the inventory.
const ON_ITS_WAY: Duration = Duration::from_secs(3);
/// The event as the answer of `GET /availability?seats=true` must show it.
const IN_LEDGER: &str = "SELECT e.status::text,
        (e.version_base + coalesce((SELECT sum(q.version) FROM quotas q WHERE q.event_id = e.id), 0))::bigint,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'capacity', q.capacity, 'held', q.held, 'sold', q.sold,
                'available', CASE WHEN e.status IN ('CANCELLED', 'ARCHIVED') THEN 0 ELSE sellable(
                    least(q.capacity - q.held - q.sold, CASE WHEN t.seated THEN (
                        SELECT count(*) FROM sections c JOIN seat_rows r ON r.section_id = c.id JOIN seats s ON s.row_id = r.id
                        WHERE c.seat_map_version_id = e.seat_map_version_id AND coalesce(c.first_id, c.id) IN (
                                SELECT x.section_id FROM ticket_type_sections x WHERE x.ticket_type_id = t.id)
                            AND NOT EXISTS (SELECT FROM seat_claims k
                                            WHERE k.event_id = e.id AND k.seat_id = coalesce(s.first_id, s.id))) END),
                    t.min_per_booking, least(t.max_per_booking, e.max_per_account)) END)
                ORDER BY t.position, t.id), '[]')::text
            FROM ticket_types t JOIN quotas q ON q.id = t.quota_id WHERE t.event_id = e.id),
        (SELECT coalesce(jsonb_object_agg(coalesce(s.first_id, s.id),
                CASE WHEN x.seat_id IS NULL THEN 'FREE' WHEN x.sold THEN 'SOLD' ELSE 'HELD' END), '{}')::text
            FROM sections c JOIN seat_rows r ON r.section_id = c.id JOIN seats s ON s.row_id = r.id
                LEFT JOIN seat_claims x ON x.event_id = e.id AND x.seat_id = coalesce(s.first_id, s.id)
            WHERE c.seat_map_version_id = e.seat_map_version_id)
    FROM events e WHERE e.id = $1";

/// What a picture says.
#[derive(PartialEq)]
struct Picture {
    status: String,
    version: i64,
    ticket_types: Value,
    /// The state of each seat by its id.
    seats: Value,
}

impl Picture {
    /// What is not the same in the other one, in both.
    fn difference(&self, other: &Self) -> String {
        let pairs = [
            (json!(self.status), json!(other.status)),
            (json!(self.version), json!(other.version)),
            (self.ticket_types.clone(), other.ticket_types.clone()),
            (self.seats.clone(), other.seats.clone()),
        ];
        let texts = pairs.iter().filter(|(of, other)| of != other).map(|(of, other)| format!("{of} and not {other}"));
        texts.collect::<Vec<_>>().join(", ")
    }
}

/// `None` when the event is gone.
async fn in_ledger(stage: &Stage) -> Option<Picture> {
    let row = stage.lane.watcher.query_opt(IN_LEDGER, &[&stage.event.id]).await.unwrap()?;
    let json = |column| serde_json::from_str(row.get(column)).unwrap();
    Some(Picture { status: row.get(0), version: row.get(1), ticket_types: json(2), seats: json(3) })
}

fn in_answer(answer: &Value) -> Picture {
    let seats = answer["seats"].as_array().into_iter().flatten();
    Picture {
        status: answer["status"].as_str().unwrap_or_default().to_owned(),
        version: answer["version"].as_i64().unwrap_or_default(),
        ticket_types: answer["ticketTypes"].clone(),
        seats: seats.map(|seat| (seat["id"].as_str().unwrap_or_default().to_owned(), seat["status"].clone())).collect(),
    }
}

/// What everybody is shown is what the ledger has: status, version, places and seats. An event that is not public, or gone, is not shown.
pub(crate) async fn memory_is_right(stage: &Stage) -> Option<String> {
    let began = Instant::now();
    loop {
        let answer = stage.buyer(Method::GET, stage.event.path("availability?seats=true"), None).send().await;
        let ledger = in_ledger(stage).await;
        let is_public = ledger.as_ref().is_some_and(|of| !["DRAFT", "SCHEDULED"].contains(&of.status.as_str()));
        let shown = match answer.status {
            200 => Some(in_answer(&answer.json())),
            404 => None,
            status => return Some(format!("availability: {status} {}", String::from_utf8_lossy(&answer.body))),
        };
        let wrong = match (shown, ledger.filter(|_| is_public)) {
            (shown, ledger) if shown == ledger => return None,
            (Some(shown), Some(ledger)) => format!("shown is {}", shown.difference(&ledger)),
            (Some(shown), None) => format!("an event is shown that is not public, as {}", shown.status),
            (None, _) => "a public event is not shown".to_owned(),
        };
        if began.elapsed() > ON_ITS_WAY {
            return Some(wrong);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// All places of the event are free, in the ledger and for everybody.
pub(crate) async fn all_is_free(stage: &Stage) -> Option<String> {
    let taken = "SELECT (SELECT coalesce(sum(held + sold), 0) FROM quotas WHERE event_id = $1)::bigint,
        (SELECT count(*) FROM seat_claims WHERE event_id = $1)";
    let row = stage.lane.watcher.query_one(taken, &[&stage.event.id]).await.unwrap();
    let (places, seats): (i64, i64) = (row.get(0), row.get(1));
    if places + seats > 0 {
        let left = json!({ "places": places, "seats": seats });
        return Some(format!("everything was given back, and yet taken are {left}"));
    }
    memory_is_right(stage).await.map(|text| format!("everything was given back: {text}"))
}
