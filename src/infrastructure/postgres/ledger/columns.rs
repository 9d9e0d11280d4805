//! Entries of a group as the columns that `ledger_commit` takes.

use domain::{
    bookings::{Booking, BookingStatus, Hold, HoldStatus, Item},
    ids::EventId,
    ledger::{Entry, EventBatch},
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::types::{Json, ToSql, Type};
use uuid::Uuid;

use super::super::rows::StoredItem;

/// Declares the columns once: their types for the statement, their names for the code, their order for both.
macro_rules! columns {
    ($($name:ident: $rust:ty => $sql:ident),+ $(,)?) => {
        /// One vector a parameter of `ledger_commit` after the session, in its order.
        #[derive(Default)]
        pub(super) struct Columns<'a> {
            $(pub(super) $name: Vec<$rust>,)+
            lifetime: std::marker::PhantomData<&'a ()>,
        }

        impl Columns<'_> {
            /// With the types of the parameters, so that no prepared statement is needed.
            pub(super) fn parameters<'b>(&'b self, session: &'b i32) -> Vec<(&'b (dyn ToSql + Sync), Type)> {
                vec![(session as &(dyn ToSql + Sync), Type::INT4), $((&self.$name as &(dyn ToSql + Sync), Type::$sql)),+]
            }
        }
    };
}

columns! {
    quota_event: Uuid => UUID_ARRAY,
    quota_id: Uuid => UUID_ARRAY,
    quota_version: i64 => INT8_ARRAY,
    quota_held: i32 => INT4_ARRAY,
    quota_sold: i32 => INT4_ARRAY,
    hold_id: Uuid => UUID_ARRAY,
    hold_event: Uuid => UUID_ARRAY,
    hold_account: Uuid => UUID_ARRAY,
    hold_kind: &'a str => TEXT_ARRAY,
    hold_items: Json<Vec<StoredItem>> => JSONB_ARRAY,
    hold_total: Decimal => NUMERIC_ARRAY,
    hold_currency: &'a str => TEXT_ARRAY,
    hold_key: &'a str => TEXT_ARRAY,
    hold_fingerprint: Uuid => UUID_ARRAY,
    hold_expires: Option<Timestamp> => TIMESTAMPTZ_ARRAY,
    hold_created: Timestamp => TIMESTAMPTZ_ARRAY,
    closed_hold_id: Uuid => UUID_ARRAY,
    closed_hold_to: &'a str => TEXT_ARRAY,
    closed_hold_at: Timestamp => TIMESTAMPTZ_ARRAY,
    booking_id: Uuid => UUID_ARRAY,
    booking_event: Uuid => UUID_ARRAY,
    booking_account: Uuid => UUID_ARRAY,
    booking_status: &'a str => TEXT_ARRAY,
    booking_quantity: i16 => INT2_ARRAY,
    booking_fees: Decimal => NUMERIC_ARRAY,
    booking_tax: Decimal => NUMERIC_ARRAY,
    booking_total: Decimal => NUMERIC_ARRAY,
    booking_currency: &'a str => TEXT_ARRAY,
    booking_hold: Option<Uuid> => UUID_ARRAY,
    booking_key: &'a str => TEXT_ARRAY,
    booking_fingerprint: Uuid => UUID_ARRAY,
    booking_expires: Option<Timestamp> => TIMESTAMPTZ_ARRAY,
    booking_created: Timestamp => TIMESTAMPTZ_ARRAY,
    item_booking: Uuid => UUID_ARRAY,
    item_position: i16 => INT2_ARRAY,
    item_ticket_type: Uuid => UUID_ARRAY,
    item_seat: Option<Uuid> => UUID_ARRAY,
    item_price: Decimal => NUMERIC_ARRAY,
    closed_booking_id: Uuid => UUID_ARRAY,
    closed_booking_from: &'a str => TEXT_ARRAY,
    closed_booking_to: &'a str => TEXT_ARRAY,
    closed_booking_at: Timestamp => TIMESTAMPTZ_ARRAY,
    freed_event: Uuid => UUID_ARRAY,
    freed_seat: Uuid => UUID_ARRAY,
    freed_holder: Uuid => UUID_ARRAY,
    moved_event: Uuid => UUID_ARRAY,
    moved_seat: Uuid => UUID_ARRAY,
    moved_from: Uuid => UUID_ARRAY,
    moved_to: Uuid => UUID_ARRAY,
    moved_sold: bool => BOOL_ARRAY,
    taken_event: Uuid => UUID_ARRAY,
    taken_seat: Uuid => UUID_ARRAY,
    taken_holder: Uuid => UUID_ARRAY,
    taken_sold: bool => BOOL_ARRAY,
}

/// What a batch adds to one quota.
struct QuotaTotal {
    event: Uuid,
    quota: Uuid,
    version: i64,
    held: i32,
    sold: i32,
}

fn quota_changes(batch: &EventBatch) -> Vec<QuotaTotal> {
    // A batch has few quotas: looking through them beats hashing.
    let mut totals: Vec<Option<(i32, i32)>> = vec![None; batch.versions.len()];
    for change in batch.entries.iter().flat_map(Entry::quota_changes) {
        if let Some(index) = batch.versions.iter().position(|(quota, _)| *quota == change.quota_id) {
            let (held, sold) = totals[index].get_or_insert_default();
            *held += change.held;
            *sold += change.sold;
        }
    }
    let changed = batch.versions.iter().zip(totals).filter_map(|(version, total)| Some((version, total?)));
    changed
        .map(|((quota, version), (held, sold))| QuotaTotal {
            event: batch.event_id.0,
            quota: quota.0,
            version: *version,
            held,
            sold,
        })
        .collect()
}

impl<'a> Columns<'a> {
    pub(super) fn of(batches: &'a [EventBatch]) -> Self {
        let mut columns = Self::default();
        batches.iter().flat_map(|batch| &batch.entries).for_each(|entry| columns.add(entry));
        // In one order everywhere: who changes several quotas at once, as a change of a plan does, then never waits for a group
        // that waits for it.
        let mut changes: Vec<_> = batches.iter().flat_map(quota_changes).collect();
        changes.sort_unstable_by_key(|change| change.quota);
        for change in changes {
            columns.quota_event.push(change.event);
            columns.quota_id.push(change.quota);
            columns.quota_version.push(change.version);
            columns.quota_held.push(change.held);
            columns.quota_sold.push(change.sold);
        }
        columns
    }

    fn add(&mut self, entry: &'a Entry) {
        match entry {
            Entry::Hold(hold) => {
                self.add_hold(hold);
                self.take_seats(hold.event_id, &hold.items, hold.id.0, false);
            }
            Entry::CloseHold { hold, to, at } => {
                self.close_hold(hold, *to, *at);
                self.free_seats(hold.event_id, &hold.items, hold.id.0);
            }
            Entry::Book { booking, from } => {
                self.add_booking(booking);
                let sold = booking.status == BookingStatus::Confirmed;
                match from {
                    None => self.take_seats(booking.event_id, &booking.items, booking.id.0, sold),
                    Some(hold) => {
                        self.close_hold(hold, HoldStatus::Converted, booking.created_at);
                        self.move_seats(booking, hold.id.0, sold);
                    }
                }
            }
            Entry::CloseBooking { booking, to, at } => {
                self.closed_booking_id.push(booking.id.0);
                self.closed_booking_from.push(booking.status.as_str());
                self.closed_booking_to.push(to.as_str());
                self.closed_booking_at.push(*at);
                self.free_seats(booking.event_id, &booking.items, booking.id.0);
            }
        }
    }

    fn add_hold(&mut self, hold: &'a Hold) {
        self.hold_id.push(hold.id.0);
        self.hold_event.push(hold.event_id.0);
        self.hold_account.push(hold.account_id.0);
        self.hold_kind.push(if hold.is_block() { "BLOCK" } else { "HOLD" });
        self.hold_items.push(Json(hold.items.iter().map(StoredItem::from).collect()));
        self.hold_total.push(hold.total.amount);
        self.hold_currency.push(hold.total.currency.as_str());
        self.hold_key.push(hold.key.as_str());
        self.hold_fingerprint.push(hold.fingerprint.0);
        self.hold_expires.push(hold.expires_at);
        self.hold_created.push(hold.created_at);
    }

    fn close_hold(&mut self, hold: &Hold, to: HoldStatus, at: Timestamp) {
        self.closed_hold_id.push(hold.id.0);
        self.closed_hold_to.push(to.as_str());
        self.closed_hold_at.push(at);
    }

    fn add_booking(&mut self, booking: &'a Booking) {
        self.booking_id.push(booking.id.0);
        self.booking_event.push(booking.event_id.0);
        self.booking_account.push(booking.account_id.0);
        self.booking_status.push(booking.status.as_str());
        self.booking_quantity.push(booking.items.len() as i16);
        self.booking_fees.push(booking.fees.amount);
        self.booking_tax.push(booking.tax.amount);
        self.booking_total.push(booking.total.amount);
        self.booking_currency.push(booking.total.currency.as_str());
        self.booking_hold.push(booking.hold_id.map(|hold| hold.0));
        self.booking_key.push(booking.key.as_str());
        self.booking_fingerprint.push(booking.fingerprint.0);
        self.booking_expires.push(booking.expires_at);
        self.booking_created.push(booking.created_at);
        for (item, position) in booking.items.iter().zip(0..) {
            self.item_booking.push(booking.id.0);
            self.item_position.push(position);
            self.item_ticket_type.push(item.ticket_type_id.0);
            self.item_seat.push(item.seat.as_ref().map(|seat| seat.id.0));
            self.item_price.push(item.price);
        }
    }

    fn take_seats(&mut self, event: EventId, items: &[Item], holder: Uuid, sold: bool) {
        for seat in items.iter().filter_map(|item| item.seat.as_ref()) {
            self.taken_event.push(event.0);
            self.taken_seat.push(seat.id.0);
            self.taken_holder.push(holder);
            self.taken_sold.push(sold);
        }
    }

    fn free_seats(&mut self, event: EventId, items: &[Item], holder: Uuid) {
        for seat in items.iter().filter_map(|item| item.seat.as_ref()) {
            self.freed_event.push(event.0);
            self.freed_seat.push(seat.id.0);
            self.freed_holder.push(holder);
        }
    }

    fn move_seats(&mut self, booking: &Booking, from: Uuid, sold: bool) {
        for seat in booking.items.iter().filter_map(|item| item.seat.as_ref()) {
            self.moved_event.push(booking.event_id.0);
            self.moved_seat.push(seat.id.0);
            self.moved_from.push(from);
            self.moved_to.push(booking.id.0);
            self.moved_sold.push(sold);
        }
    }
}
