//! One event for one race, with what its operations need to find.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use domain::ids::{BookingId, HoldId};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{lane::Lane, operations::Needs};
use crate::support::{Api, EventBuilder, TestEvent, events::in_seconds};

/// The ticket types of a stage, in their order.
pub(crate) const FLOOR: usize = 0;
/// The one that costs something.
pub(crate) const LATE: usize = 1;
/// With seats, in a section of their own; behind it is another one of the kind.
pub(crate) const STALLS: usize = 2;
/// The quota that no ticket type draws on, behind those of the four ticket types.
pub(crate) const EXTRA: usize = 4;
/// The seat that the second version of the map does not have.
pub(crate) const LAST_SEAT: usize = 3;

/// See the module's page. Ids of what is not there are of nothing.
pub(crate) struct Stage {
    pub(crate) lane: Arc<Lane>,
    pub(crate) event: TestEvent,
    pub(crate) map: Uuid,
    /// Of the ticket types, and `EXTRA`.
    pub(crate) quotas: Vec<Uuid>,
    /// A promo code that nobody has used, `STAGE`: half off everything.
    pub(crate) code: Uuid,
    /// Of the two ticket types with seats.
    pub(crate) sections: Vec<Uuid>,
    pub(crate) series: Uuid,
    pub(crate) has_types: bool,
    /// The buyer's hold that was released before nothing was for sale any more.
    pub(crate) released: Uuid,
    /// The buyer's hold.
    pub(crate) hold: Uuid,
    /// The buyer's confirmed booking.
    pub(crate) booking: Uuid,
    /// The buyer's booking that was paid.
    pub(crate) paid: Uuid,
    /// The buyer's booking that waits for its payment.
    pub(crate) unpaid: Uuid,
    /// The buyer's booking that was not paid in time, of a place and a seat.
    pub(crate) lapsed: Uuid,
    pub(crate) block: Uuid,
    /// The attempt to pay the buyer's unpaid booking.
    pub(crate) payment: Uuid,
    /// The attempt to pay the one that was not paid in time.
    pub(crate) late_payment: Uuid,
    /// Whether the organizer asks another node.
    pub(crate) is_elsewhere: AtomicBool,
    /// Of the booking that is asked for again.
    pub(crate) repeated_key: String,
}

/// The status that the event has: what is needed, `choice` when two are.
fn status(needs: &[Needs], choice: usize) -> &'static str {
    let wanted: Vec<_> = needs.iter().filter_map(|need| need.status()).collect();
    if wanted.is_empty() { "PUBLISHED" } else { wanted[choice % wanted.len()] }
}

impl Stage {
    /// An event with what is needed, as far as that fits together. Nothing of it is loaded, unless something must be asked for over HTTP.
    pub(crate) async fn set(lane: &Arc<Lane>, needs: &[Needs], choice: usize) -> Self {
        let builder =
            EventBuilder::ga(4).and_ga("Late", 3).price("5").and_seated("Stalls", 1, 4).and_seated("Spare", 1, 2);
        let status = status(needs, choice);
        let event = builder.create(&lane.server.client).await;
        let mut stage = Self {
            lane: lane.clone(),
            map: Uuid::nil(),
            quotas: Vec::new(),
            code: Uuid::now_v7(),
            sections: Vec::new(),
            series: Uuid::now_v7(),
            has_types: !needs.iter().any(|need| matches!(need, Needs::NoTypes | Needs::NoMap)),
            released: Uuid::nil(),
            hold: Uuid::nil(),
            booking: Uuid::nil(),
            paid: Uuid::nil(),
            unpaid: Uuid::nil(),
            lapsed: Uuid::nil(),
            block: Uuid::nil(),
            payment: Uuid::nil(),
            late_payment: Uuid::nil(),
            is_elsewhere: AtomicBool::new(false),
            repeated_key: Uuid::now_v7().to_string(),
            event,
        };
        stage.dress(needs, status).await;
        let may_be_sold = stage.has_types && ["PUBLISHED", "CANCELLED"].contains(&status);
        for need in needs.iter().filter(|_| may_be_sold) {
            stage.take(*need).await;
        }
        if needs.contains(&Needs::Repeatable) && may_be_sold && status == "PUBLISHED" {
            stage.repeated().send().await;
        }
        stage
    }

    /// Whose the event is, its status, its map and its series.
    async fn dress(&mut self, needs: &[Needs], status: &str) {
        let client = &self.lane.server.client;
        let extra = Uuid::now_v7();
        let statement = "INSERT INTO quotas (id, event_id, name, capacity) VALUES ($1, $2, 'Extra', 3)";
        client.execute(statement, &[&extra, &self.event.id]).await.unwrap();
        let statement =
            "SELECT t.quota_id, s.section_id, e.seat_map_version_id FROM ticket_types t JOIN events e ON e.id = t.event_id
            LEFT JOIN ticket_type_sections s ON s.ticket_type_id = t.id WHERE t.event_id = $1 ORDER BY t.position";
        let rows = client.query(statement, &[&self.event.id]).await.unwrap();
        self.map = rows[0].get(2);
        self.quotas = rows.iter().map(|row| row.get(0)).chain([extra]).collect();
        self.sections = rows.iter().filter_map(|row| row.get(1)).collect();
        let statement = "INSERT INTO promo_codes (id, event_id, code, kind, value, uses) VALUES ($1, $2, 'STAGE', 'PERCENT', 0.5, 9)";
        client.execute(statement, &[&self.code, &self.event.id]).await.unwrap();
        client.execute("SELECT seams.offer_code($1)", &[&self.event.id]).await.unwrap();
        if !self.has_types {
            self.released = HoldId::generate().0;
            let (kind, seat) = (self.event.types[STALLS], self.event.seats[STALLS][0]);
            let statement = "SELECT seams.give_up($1, $2, $3, $4, $5)";
            let buyer = self.lane.buyer.id;
            client.execute(statement, &[&self.released, &self.event.id, &buyer, &kind, &seat]).await.unwrap();
        }
        if needs.contains(&Needs::SecondVersion) {
            client.execute("SELECT seams.redraw($1)", &[&self.map]).await.unwrap();
        }
        let (is_mapped, is_repeated) = (!needs.contains(&Needs::NoMap), needs.contains(&Needs::Series));
        // Long enough for the other operation to be on its way, too.
        let statement = "UPDATE events SET organizer_id = $2, status = $3::text::event_status,
                seat_map_version_id = CASE WHEN $4 THEN seat_map_version_id END, series_id = CASE WHEN $5 THEN $6::uuid END,
                publish_at = CASE WHEN $3::text = 'SCHEDULED' THEN now() + interval '150 milliseconds' END
            WHERE id = $1";
        let organizer = self.lane.organizer.id;
        client
            .execute(statement, &[&self.event.id, &organizer, &status, &is_mapped, &is_repeated, &self.series])
            .await
            .unwrap();
    }

    async fn take(&mut self, need: Needs) {
        let floor = self.event.types[FLOOR];
        let mut kinds = vec![floor];
        let mut seats: Vec<Option<Uuid>> = vec![None];
        let (kind, id, lasts) = match need {
            Needs::Hold => ("HOLD", HoldId::generate().0, "10 minutes"),
            Needs::ExpiringHold => ("HOLD", HoldId::generate().0, "250 milliseconds"),
            Needs::Block => ("BLOCK", HoldId::generate().0, ""),
            Needs::Booking | Needs::CancelledBooking => ("CONFIRMED", BookingId::generate().0, ""),
            Needs::Paid => ("CONFIRMED", BookingId::generate().0, ""),
            Needs::Unpaid => ("PENDING_PAYMENT", BookingId::generate().0, "10 minutes"),
            Needs::ExpiringUnpaid => ("PENDING_PAYMENT", BookingId::generate().0, "250 milliseconds"),
            Needs::Lapsed => ("EXPIRED", BookingId::generate().0, "-1 seconds"),
            _ => return,
        };
        // The other of two that need one: it is the same.
        let place = match need {
            Needs::Hold | Needs::ExpiringHold => &mut self.hold,
            Needs::Booking | Needs::CancelledBooking => &mut self.booking,
            Needs::Paid => &mut self.paid,
            Needs::Unpaid | Needs::ExpiringUnpaid => &mut self.unpaid,
            Needs::Lapsed => &mut self.lapsed,
            _ => &mut self.block,
        };
        if !place.is_nil() {
            return;
        }
        *place = id;
        if need == Needs::Paid {
            kinds = vec![self.event.types[LATE]; 2];
            seats.push(None);
        } else if kind == "PENDING_PAYMENT" {
            kinds = vec![self.event.types[LATE]];
        } else if need == Needs::Lapsed {
            kinds = vec![self.event.types[LATE], self.event.types[STALLS]];
            seats.push(Some(self.event.seats[STALLS][LAST_SEAT]));
        } else if self.has_types && matches!(need, Needs::Hold | Needs::ExpiringHold | Needs::Booking) {
            kinds.push(self.event.types[STALLS]);
            // The last seat is what a booking made during the race wants, too.
            seats.push(Some(self.event.seats[STALLS][if need == Needs::Booking { 1 } else { LAST_SEAT }]));
        }
        let account = if need == Needs::Block { self.lane.organizer.id } else { self.lane.buyer.id };
        let statement = "SELECT seams.take($1, $2, $3, $4,
            CASE $5 WHEN '' THEN NULL ELSE now() + $5::text::interval END,
            $6, $7)";
        let client = &self.lane.server.client;
        client.execute(statement, &[&id, &kind, &self.event.id, &account, &lasts, &kinds, &seats]).await.unwrap();
        let attempt = Uuid::now_v7();
        match need {
            Needs::Hold | Needs::ExpiringHold => {
                client.execute("SELECT seams.use_code($1, $2)", &[&self.event.id, &id]).await.unwrap();
            }
            Needs::Unpaid | Needs::ExpiringUnpaid => self.payment = attempt,
            Needs::Lapsed => self.late_payment = attempt,
            _ => {}
        }
        if [self.payment, self.late_payment].contains(&attempt) {
            client.execute("SELECT seams.attempt($1, $2)", &[&attempt, &id]).await.unwrap();
        }
        if need == Needs::Paid {
            client.execute("SELECT seams.pay($1)", &[&id]).await.unwrap();
        }
    }

    /// What a buyer with a code wants: a place that costs something, for which the code has one use left.
    pub(crate) fn wish_with_code(&self) -> Value {
        let kind = self.event.types[if self.has_types { LATE } else { FLOOR }];
        json!({ "items": [{ "ticketTypeId": kind, "quantity": 1 }], "promoCode": "last" })
    }

    /// What a buyer wants: a place, and the last seat.
    pub(crate) fn wish(&self) -> Value {
        let mut items = vec![json!({ "ticketTypeId": self.event.types[FLOOR], "quantity": 1 })];
        if self.has_types {
            let seat = self.event.seats[STALLS][LAST_SEAT];
            items.push(json!({ "ticketTypeId": self.event.types[STALLS], "seatIds": [seat] }));
        }
        json!({ "items": items })
    }

    /// A buyer's request.
    pub(crate) fn buyer(&self, method: Method, path: String, body: Option<Value>) -> Call {
        let key = (method == Method::POST).then(|| Uuid::now_v7().to_string());
        Call { api: self.lane.buyer_api.clone(), method, path, body, key, revision: false }
    }

    /// The booking that is asked for again and again.
    pub(crate) fn repeated(&self) -> Call {
        let body = json!({ "items": [{ "ticketTypeId": self.event.types[FLOOR], "quantity": 1 }] });
        let call = self.buyer(Method::POST, self.event.path("bookings"), Some(body));
        Call { key: Some(self.repeated_key.clone()), ..call }
    }

    /// The organizer's request about something of the event.
    pub(crate) fn organizer(&self, method: Method, rest: &str, body: Option<Value>) -> Call {
        let path = format!("/api/v1/organizer/events/{}{rest}", self.event.id);
        // Blocks are the inventory's business, which is on one node.
        let api = if rest.starts_with("/blocks") { &self.lane.organizer_api } else { self.organizer_api() };
        Call { api: api.clone(), method, path, body, key: None, revision: false }
    }

    fn organizer_api(&self) -> &Api {
        if self.is_elsewhere.load(Ordering::Relaxed) { &self.lane.elsewhere_api } else { &self.lane.organizer_api }
    }

    /// The same about a path of one's own.
    pub(crate) fn organizer_at(&self, method: Method, path: String, body: Option<Value>) -> Call {
        Call { api: self.organizer_api().clone(), method, path, body, key: None, revision: false }
    }

    /// The organizer's request about a booking, with a key.
    pub(crate) fn organizer_of(&self, booking: Uuid, rest: &str, body: Value) -> Call {
        let path = format!("/api/v1/organizer/bookings/{booking}{rest}");
        // The inventory is on one node.
        let (api, key) = (self.lane.organizer_api.clone(), Some(Uuid::now_v7().to_string()));
        Call { api, method: Method::POST, path, body: Some(body), key, revision: false }
    }

    /// An administrator's request: the maps of stages are the house's.
    pub(crate) fn admin(&self, method: Method, path: String) -> Call {
        Call { api: self.lane.admin_api.clone(), method, path, body: None, key: None, revision: false }
    }

    /// The event said again.
    pub(crate) fn said_anew(&self) -> Value {
        json!({
            "title": "Another Evening", "category": "concert", "venueId": self.event.venue, "timeZone": "Europe/Berlin",
            "currency": "EUR", "startsAt": in_seconds(30 * 86_400), "endsAt": in_seconds(30 * 86_400 + 7200),
            "saleStartsAt": in_seconds(-3600), "seatMapId": if self.has_types { json!(self.map) } else { Value::Null },
        })
    }
}

/// A request that is not sent yet.
pub(crate) struct Call {
    api: Api,
    method: Method,
    path: String,
    body: Option<Value>,
    key: Option<String>,
    revision: bool,
}

impl Call {
    /// Based on whatever revision there is.
    pub(crate) fn of_any_revision(self) -> Self {
        Self { revision: true, ..self }
    }

    /// Sends it.
    pub(crate) async fn send(&self) -> crate::support::Answer {
        let key = self.key.as_deref().map(|key| ("idempotency-key", key));
        let headers: Vec<_> = key.into_iter().chain(self.revision.then_some(("if-match", "*"))).collect();
        self.api.send_with(self.method.clone(), &self.path, &headers, self.body.as_ref()).await
    }
}
