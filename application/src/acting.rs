//! Audit trail of administrators: that one of them acts is known to everything done for their request, down to the
//! transaction of the change, which leaves an entry in the audit log.

use std::{future::Future, time::Duration};

use actors::inventory::{CommandAnswer, Outcome};
use domain::{
    audit::{
        Action, Actor, Deed,
        changes::{AuditedChange, AuditedChanges, Values},
    },
    bookings::{Booking, Hold},
    ids::EventId,
    repositories::Found,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::app::App;

/// Waits before an entry is tried again that could not be written: a quarter of an hour in all.
const LATER: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(120),
    Duration::from_secs(240),
    Duration::from_secs(480),
];

tokio::task_local! {
    static ADMINISTRATOR: Actor;
}

/// Does `work` for an administrator. What it spawns is nobody's.
pub async fn as_administrator<F: Future>(actor: Actor, work: F) -> F::Output {
    ADMINISTRATOR.scope(actor, work).await
}

/// The administrator for whom this task works, if it does for one.
pub fn administrator() -> Option<Actor> {
    ADMINISTRATOR.try_with(Clone::clone).ok()
}

/// Writes down that an administrator is about to see (or take with them) what is known of people. Called before they do; anyone who else
/// asks is not written down.
pub async fn looks_at(
    app: &App,
    action: Action,
    (target_kind, target_id): (&'static str, String),
    details: Value,
) -> Found<()> {
    let Some(actor) = administrator() else { return Ok(()) };
    let target_kind = target_kind.to_owned();
    app.store.write_down(Deed { at: Timestamp::now(), actor, action, target_kind, target_id, details }).await
}

/// Writes down what an inventory has done for an administrator: places that are taken. The ledger commits for many at once and waits for
/// no log, so this comes after its commit and before the answer. It may be asked for once more when the answer was lost, and is written
/// once. When it can't be written, the deed is done all the same: the entry is in the log of errors then, and is tried again.
pub async fn took(app: &App, answer: &CommandAnswer) {
    let Some(actor) = administrator() else { return };
    let (kind, id, event, values) = match &answer.outcome {
        Outcome::Held(hold) => (kind_of(hold), hold.id.to_string(), hold.event_id, of_hold(hold)),
        Outcome::Booked(booking) => ("booking", booking.id.to_string(), booking.event_id, of_booking(booking)),
        Outcome::Changed => return,
    };
    places(app, actor, (kind, id), event, (None, Some(values))).await;
}

/// The same of a hold, a block or a booking that is closed: its places are free again.
pub async fn gave_back(app: &App, closed: Closed<'_>) {
    let Some(actor) = administrator() else { return };
    let (kind, id, event, values) = match closed {
        Closed::Hold(hold) => (kind_of(hold), hold.id.to_string(), hold.event_id, of_hold(hold)),
        Closed::Booking(booking) => ("booking", booking.id.to_string(), booking.event_id, of_booking(booking)),
    };
    places(app, actor, (kind, id), event, (Some(values), None)).await;
}

/// The same of a hold that lasts longer.
pub async fn extended(app: &App, before: &Hold, after: &Hold) {
    let Some(actor) = administrator() else { return };
    let ends_at = |hold: &Hold| Some(values(json!({ "expiresAt": hold.ends_at() })));
    let target = (kind_of(after), after.id.to_string());
    let deed = deed(actor, target, after.event_id, (ends_at(before), ends_at(after)));
    // It may be extended again.
    note(app, deed.clone(), app.store.write_down(deed).await);
}

/// The same of a booking that has lost some of its places.
pub async fn lost_places(app: &App, before: &Booking, after: &Booking) {
    let Some(actor) = administrator() else { return };
    let states = (Some(of_booking(before)), Some(of_booking(after)));
    let deed = deed(actor, ("booking", after.id.to_string()), after.event_id, states);
    // It may lose others.
    note(app, deed.clone(), app.store.write_down(deed).await);
}

/// What was closed, as it was before.
#[derive(Clone, Copy, Debug)]
pub enum Closed<'a> {
    /// A hold or a block.
    Hold(&'a Hold),
    Booking(&'a Booking),
}

async fn places(
    app: &App,
    actor: Actor,
    target: (&'static str, String),
    event: EventId,
    states: (Option<Values>, Option<Values>),
) {
    let deed = deed(actor, target, event, states);
    note(app, deed.clone(), app.store.write_down_once(deed).await);
}

fn deed(
    actor: Actor,
    (target_kind, target_id): (&'static str, String),
    event: EventId,
    (before, after): (Option<Values>, Option<Values>),
) -> Deed {
    let target_kind = target_kind.to_owned();
    let change = AuditedChange { kind: target_kind.clone(), id: target_id.clone(), before, after };
    let (action, details) = (change.action(), json!({ "event": event }));
    let deed = Deed { at: Timestamp::now(), actor, action, target_kind, target_id, details };
    deed.with(&AuditedChanges::of([change], 0))
}

fn note(app: &App, deed: Deed, written: Found<()>) {
    if let Err(error) = written {
        // The deed is done, and a caller that is told so does not ask for it again: nobody else would bring the entry.
        tracing::error!(%error, entry = ?deed, "a deed of an administrator is not in the audit log yet");
        write_down_later(app, deed);
    }
}

/// Tries again until the entry is there, or for as long as most failures last; then only the log has it.
fn write_down_later(app: &App, deed: Deed) {
    let store = app.store.clone();
    tokio::spawn(async move {
        for wait in LATER {
            tokio::time::sleep(wait).await;
            match store.write_down_once(deed.clone()).await {
                Ok(()) => {
                    let (action, target) = (deed.action.as_str(), deed.target_id);
                    tracing::info!(action, target, "a deed of an administrator is in the audit log now");
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, entry = ?deed, "a deed of an administrator is not in the audit log")
                }
            }
        }
    });
}

fn kind_of(hold: &Hold) -> &'static str {
    if hold.is_block() { "block" } else { "hold" }
}

fn of_hold(hold: &Hold) -> Values {
    values(json!({ "account": hold.account_id, "places": hold.items.len() }))
}

fn of_booking(booking: &Booking) -> Values {
    values(json!({ "account": booking.account_id, "places": booking.places(), "total": booking.total.to_string() }))
}

fn values(of: Value) -> Values {
    match of {
        Value::Object(values) => values,
        _ => Values::new(),
    }
}
