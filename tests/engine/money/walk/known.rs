//! What a walk knows from answers.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::requests::Request;
use crate::support::{Answer, client::uuid};

/// So many of the latest are remembered of each kind: older ones are over.
const LATEST: usize = 24;

#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownHold {
    pub(crate) id: Uuid,
    pub(crate) sale: usize,
    pub(crate) buyer: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct KnownBooking {
    pub(crate) id: Uuid,
    pub(crate) sale: usize,
    pub(crate) buyer: usize,
    pub(crate) items: Vec<Uuid>,
    pub(crate) payments: Vec<Uuid>,
    /// Refunds that have failed.
    pub(crate) failed: Vec<Uuid>,
}

/// See the module's page.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) holds: Vec<KnownHold>,
    pub(crate) bookings: Vec<KnownBooking>,
    /// Requests with a key that succeeded, and what they were told.
    pub(crate) done: Vec<(Request, Value)>,
    /// Events that were cancelled.
    pub(crate) cancelled: Vec<usize>,
    /// How often what was answered.
    told: BTreeMap<String, usize>,
}

fn keep_latest<T>(all: &mut Vec<T>) {
    if all.len() > LATEST {
        all.remove(0);
    }
}

impl Known {
    /// Counts an answer. Without one, the server was killed.
    pub(crate) fn note(&mut self, request: &Request, answer: &Answer) {
        let code = answer.status >= 400;
        let code = if code { answer.json()["code"].as_str().unwrap_or_default().to_owned() } else { String::new() };
        *self.told.entry(format!("{} {} {code}", request.kind(), answer.status)).or_default() += 1;
    }

    pub(crate) fn count(&mut self, what: &str) {
        *self.told.entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn summary(&self) -> String {
        let counts = self.told.iter().map(|(what, count)| format!("{what}: {count}"));
        counts.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn hold(&mut self, sale: usize, buyer: usize, told: &Value) {
        self.holds.push(KnownHold { id: uuid(&told["id"]), sale, buyer });
        keep_latest(&mut self.holds);
    }

    pub(crate) fn booking(&mut self, sale: usize, buyer: usize, told: &Value) {
        let id = uuid(&told["id"]);
        if self.bookings.iter().any(|booking| booking.id == id) {
            return;
        }
        let items = told["items"].as_array().unwrap().iter().map(|item| uuid(&item["id"])).collect();
        self.bookings.push(KnownBooking { id, sale, buyer, items, payments: Vec::new(), failed: Vec::new() });
        keep_latest(&mut self.bookings);
    }

    pub(crate) fn payment(&mut self, told: &Value) {
        let (id, of) = (uuid(&told["id"]), uuid(&told["bookingId"]));
        let booking = self.bookings.iter_mut().find(|booking| booking.id == of);
        if let Some(booking) = booking.filter(|booking| !booking.payments.contains(&id)) {
            booking.payments.push(id);
        }
    }

    /// Of a booking as its organizer sees it.
    pub(crate) fn refunds(&mut self, told: &Value) {
        let Some(refunds) = told["refunds"].as_array() else { return };
        let failed = refunds.iter().filter(|refund| refund["status"] == "FAILED" && refund.get("replacedBy").is_none());
        let booking = self.bookings.iter_mut().find(|booking| told["id"] == booking.id.to_string());
        if let Some(booking) = booking {
            booking.failed = failed.map(|refund| uuid(&refund["id"])).collect();
        }
    }

    pub(crate) fn remember(&mut self, request: &Request, told: Value) {
        self.done.push((request.clone(), told));
        keep_latest(&mut self.done);
    }
}
