//! Group commit: the entries of a group as the rows that `ledger_commit` takes.

use domain::{
    bookings::{self, BookingStatus, HoldStatus, Item},
    ids::EventId,
    ledger::{Entry, EventBatch},
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::{
    super::{connection::Typed, rows::StoredItem},
    composite::{ArrayTypes, composites},
    money::Money,
};

composites! {
    /// What a batch adds to one quota.
    Quota = "ledger_quota" {
        event_id: Uuid => UUID,
        id: Uuid => UUID,
        version: i64 => INT8,
        held: i32 => INT4,
        sold: i32 => INT4,
    }

    /// A new hold or block.
    Hold<'a> = "ledger_hold" {
        id: Uuid => UUID,
        event_id: Uuid => UUID,
        account_id: Uuid => UUID,
        kind: &'a str => TEXT,
        items: Json<Vec<StoredItem>> => JSONB,
        tax_included: bool => BOOL,
        total: Decimal => NUMERIC,
        currency: &'a str => TEXT,
        promo_code_id: Option<Uuid> => UUID,
        idempotency_key: &'a str => TEXT,
        fingerprint: Uuid => UUID,
        expires_at: Option<Timestamp> => TIMESTAMPTZ,
        created_at: Timestamp => TIMESTAMPTZ,
    }

    /// A new booking, without its items.
    Booking<'a> = "ledger_booking" {
        id: Uuid => UUID,
        event_id: Uuid => UUID,
        account_id: Uuid => UUID,
        status: &'a str => TEXT,
        quantity: i16 => INT2,
        tax_included: bool => BOOL,
        discount: Option<Decimal> => NUMERIC,
        fees: Decimal => NUMERIC,
        tax: Decimal => NUMERIC,
        total: Decimal => NUMERIC,
        currency: &'a str => TEXT,
        promo_code_id: Option<Uuid> => UUID,
        hold_id: Option<Uuid> => UUID,
        idempotency_key: &'a str => TEXT,
        fingerprint: Uuid => UUID,
        expires_at: Option<Timestamp> => TIMESTAMPTZ,
        created_at: Timestamp => TIMESTAMPTZ,
    }

    /// A place of a new booking.
    BookingItem = "ledger_item" {
        booking_id: Uuid => UUID,
        position: i16 => INT2,
        ticket_type_id: Uuid => UUID,
        seat_id: Option<Uuid> => UUID,
        price: Decimal => NUMERIC,
        discount: Option<Decimal> => NUMERIC,
        fee: Option<Decimal> => NUMERIC,
        tax: Option<Decimal> => NUMERIC,
    }

    /// A hold or a booking that changes its status, or is given more time.
    Change<'a> = "ledger_change" {
        id: Uuid => UUID,
        former: &'a str => TEXT,
        status: &'a str => TEXT,
        places: Option<i16> => INT2,
        extended_until: Option<Timestamp> => TIMESTAMPTZ,
        at: Timestamp => TIMESTAMPTZ,
    }

    /// A place of a booking that is cancelled, and others of it are not.
    CancelledItem = "ledger_cancelled_item" {
        booking_id: Uuid => UUID,
        position: i16 => INT2,
        at: Timestamp => TIMESTAMPTZ,
    }

    /// A seat that passes from one holder to another, or from or to nobody.
    Claim = "ledger_claim" {
        event_id: Uuid => UUID,
        seat_id: Uuid => UUID,
        former_holder_id: Option<Uuid> => UUID,
        holder_id: Option<Uuid> => UUID,
        sold: bool => BOOL,
    }
}

/// One member a parameter of `ledger_commit` after the session, in its order.
#[derive(Debug, Default)]
pub(super) struct Group<'a> {
    quotas: Vec<Quota>,
    holds: Vec<Hold<'a>>,
    changed_holds: Vec<Change<'a>>,
    bookings: Vec<Booking<'a>>,
    items: Vec<BookingItem>,
    changed_bookings: Vec<Change<'a>>,
    cancelled_items: Vec<CancelledItem>,
    freed: Vec<Claim>,
    moved: Vec<Claim>,
    taken: Vec<Claim>,
    money: Option<Json<Money<'a>>>,
}

impl<'a> Group<'a> {
    pub(super) fn of(batches: &'a [EventBatch]) -> Self {
        let mut group = Self::default();
        let mut money = Money::default();
        for entry in batches.iter().flat_map(|batch| &batch.entries) {
            group.add(entry);
            money.add(entry);
        }
        money.sort();
        group.money = (!money.is_empty()).then_some(Json(money));
        // In one order everywhere: who changes several quotas at once, as a change of a plan does, then never waits for a group
        // that waits for it.
        group.quotas = batches.iter().flat_map(quota_changes).collect();
        group.quotas.sort_unstable_by_key(|change| change.id);
        group
    }

    pub(super) fn parameters<'b>(&'b self, session: &'b i32, types: &ArrayTypes) -> [Typed<'b>; 12] {
        [
            (session, Type::INT4),
            types.typed(&self.quotas),
            types.typed(&self.holds),
            types.typed(&self.changed_holds),
            types.typed(&self.bookings),
            types.typed(&self.items),
            types.typed(&self.changed_bookings),
            types.typed(&self.cancelled_items),
            types.typed(&self.freed),
            types.typed(&self.moved),
            types.typed(&self.taken),
            (&self.money, Type::JSONB),
        ]
    }

    fn add(&mut self, entry: &'a Entry) {
        match entry {
            Entry::Hold(hold) => {
                self.holds.push(Hold::of(hold));
                self.taken.extend(claims(hold.event_id, &hold.items, None, Some(hold.id.0), false));
            }
            Entry::ExtendHold { hold, at } => {
                let change = Change::of_hold(hold, HoldStatus::Active, *at);
                self.changed_holds.push(Change { extended_until: hold.extended_until, ..change });
            }
            Entry::CloseHold { hold, to, at } => {
                self.changed_holds.push(Change::of_hold(hold, *to, *at));
                self.freed.extend(claims(hold.event_id, &hold.items, Some(hold.id.0), None, false));
            }
            Entry::Book { booking, from } => {
                self.bookings.push(Booking::of(booking));
                self.items.extend(booking.items.iter().zip(0..).map(|(item, position)| BookingItem {
                    booking_id: booking.id.0,
                    position,
                    ticket_type_id: item.ticket_type_id.0,
                    seat_id: item.seat.as_ref().map(|seat| seat.id.0),
                    price: item.price,
                    discount: unless_zero(item.discount),
                    fee: unless_zero(item.fee),
                    tax: unless_zero(item.tax),
                }));
                let sold = booking.status == BookingStatus::Confirmed;
                let former = from.as_ref().map(|hold| hold.id.0);
                let claims = claims(booking.event_id, &booking.items, former, Some(booking.id.0), sold);
                match from {
                    None => self.taken.extend(claims),
                    Some(hold) => {
                        self.changed_holds.push(Change::of_hold(hold, HoldStatus::Converted, booking.created_at));
                        self.moved.extend(claims);
                    }
                }
            }
            Entry::Confirm { booking, at, .. } => {
                self.changed_bookings.push(Change::of_booking(booking, BookingStatus::Confirmed, *at));
                let holder = Some(booking.id.0);
                let former = holder.filter(|_| !entry.is_late());
                let claims = claims(booking.event_id, &booking.items, former, holder, true);
                if entry.is_late() { self.taken.extend(claims) } else { self.moved.extend(claims) }
            }
            Entry::ExtendBooking { booking, at } => {
                let change = Change::of_booking(booking, booking.status, *at);
                self.changed_bookings.push(Change { extended_until: booking.extended_until, ..change });
            }
            Entry::CancelItems { booking, positions, items, at, .. } => {
                self.changed_bookings.push(Change::of_booking(booking, booking.status, *at));
                let of = |position| CancelledItem { booking_id: booking.id.0, position: i16::from(position), at: *at };
                self.cancelled_items.extend(positions.iter().map(of));
                self.freed.extend(claims(booking.event_id, items, Some(booking.id.0), None, false));
            }
            Entry::CloseBooking { booking, items, to, at, .. } => {
                self.changed_bookings.push(Change::of_booking(booking, *to, *at));
                self.freed.extend(claims(booking.event_id, items, Some(booking.id.0), None, false));
            }
        }
    }
}

impl<'a> Hold<'a> {
    fn of(hold: &'a bookings::Hold) -> Self {
        Self {
            id: hold.id.0,
            event_id: hold.event_id.0,
            account_id: hold.account_id.0,
            kind: if hold.is_block() { "BLOCK" } else { "HOLD" },
            items: Json(hold.items.iter().map(StoredItem::from).collect()),
            tax_included: hold.tax_included,
            promo_code_id: hold.promo_code.as_ref().map(|code| code.id.0),
            total: hold.total.amount,
            currency: hold.total.currency.as_str(),
            idempotency_key: hold.key.as_str(),
            fingerprint: hold.fingerprint.0,
            expires_at: hold.expires_at,
            created_at: hold.created_at,
        }
    }
}

impl<'a> Booking<'a> {
    fn of(booking: &'a bookings::Booking) -> Self {
        Self {
            id: booking.id.0,
            event_id: booking.event_id.0,
            account_id: booking.account_id.0,
            status: booking.status.as_str(),
            quantity: booking.items.len() as i16,
            tax_included: booking.tax_included,
            discount: unless_zero(booking.discount.amount),
            promo_code_id: booking.promo_code.as_ref().map(|code| code.id.0),
            fees: booking.fees.amount,
            tax: booking.tax.amount,
            total: booking.total.amount,
            currency: booking.total.currency.as_str(),
            hold_id: booking.hold_id.map(|hold| hold.0),
            idempotency_key: booking.key.as_str(),
            fingerprint: booking.fingerprint.0,
            expires_at: booking.expires_at,
            created_at: booking.created_at,
        }
    }
}

impl Change<'_> {
    fn of_hold(hold: &bookings::Hold, to: HoldStatus, at: Timestamp) -> Self {
        let former = HoldStatus::Active.as_str();
        Self { id: hold.id.0, former, status: to.as_str(), places: None, extended_until: None, at }
    }

    fn of_booking(booking: &bookings::Booking, to: BookingStatus, at: Timestamp) -> Self {
        let former = booking.status.as_str();
        let places = Some(booking.places() as i16);
        Self { id: booking.id.0, former, status: to.as_str(), places, extended_until: None, at }
    }
}

fn claims(
    event: EventId,
    items: &[Item],
    former_holder_id: Option<Uuid>,
    holder_id: Option<Uuid>,
    sold: bool,
) -> impl Iterator<Item = Claim> {
    let seats = items.iter().filter_map(|item| item.seat.as_ref());
    seats.map(move |seat| Claim { event_id: event.0, seat_id: seat.id.0, former_holder_id, holder_id, sold })
}

/// Nothing is stored for it.
fn unless_zero(amount: Decimal) -> Option<Decimal> {
    (!amount.is_zero()).then_some(amount)
}

fn quota_changes(batch: &EventBatch) -> Vec<Quota> {
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
        .map(|((quota, version), (held, sold))| Quota {
            event_id: batch.event_id.0,
            id: quota.0,
            version: *version,
            held,
            sold,
        })
        .collect()
}
