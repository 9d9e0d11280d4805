//! What groups are made of.

use std::{collections::VecDeque, sync::Arc};

use anyhow::bail;
use domain::{
    bookings::{Booking, BookingStatus, Fingerprint, Hold, HoldStatus, IdempotencyKey, Item},
    ids::{AccountId, BookingId, EventId, HoldId, QuotaId, SeatId, SectionId, TicketTypeId},
    ledger::{Entry, EventBatch},
    money::{Currency, Money},
    seat_maps::Seat,
};
use jiff::{SignedDuration, Timestamp};
use onsale::{Scenario, fixture::Fixture};
use rust_decimal::Decimal;
use tokio_postgres::Client;
use uuid::Uuid;

/// A group and how many bookings it finishes.
pub(super) type Group = (Vec<EventBatch>, usize);

/// An event to write bookings of.
struct Stock {
    event: EventId,
    ticket_type: TicketTypeId,
    quota: QuotaId,
    version: i64,
    /// Seats that are free; `None` with general admission.
    seats: Option<VecDeque<Arc<Seat>>>,
}

/// What one connection writes.
pub(super) struct Target {
    scenario: Scenario,
    stocks: Vec<Stock>,
    /// Whose turn it is, of many.
    turn: usize,
    accounts: Arc<[AccountId]>,
    currency: Currency,
    /// Holds that the next group books.
    held: Vec<Arc<Hold>>,
    /// Entries so far; with the name it makes keys unique.
    number: usize,
    name: Uuid,
}

/// One target a connection, none with an event of another.
pub(super) async fn targets(
    client: &Client,
    scenario: Scenario,
    fixture: &Fixture,
    connections: usize,
) -> anyhow::Result<Vec<Target>> {
    let seated = matches!(scenario, Scenario::NamedSeats | Scenario::BestAvailable);
    let accounts = fixture.users.iter().map(|user| Ok(AccountId(user.id.parse()?)));
    let accounts: Arc<[AccountId]> = accounts.collect::<anyhow::Result<_>>()?;
    let mut targets: Vec<Target> = Vec::new();
    for _ in 0..connections {
        targets.push(Target {
            scenario,
            stocks: Vec::new(),
            turn: 0,
            accounts: Arc::clone(&accounts),
            currency: "EUR".parse()?,
            held: Vec::new(),
            number: 0,
            name: Uuid::now_v7(),
        });
    }
    let seats = if seated { seats(fixture)? } else { Vec::new() };
    for (index, (event, ticket_type)) in events(fixture, scenario)?.into_iter().enumerate() {
        let query = "SELECT q.id, q.version FROM quotas q JOIN ticket_types t ON t.quota_id = q.id WHERE t.id = $1";
        let row = client.query_one(query, &[&ticket_type]).await?;
        let stock = Stock {
            event: EventId(event),
            ticket_type: TicketTypeId(ticket_type),
            quota: QuotaId(row.get(0)),
            version: row.get(1),
            seats: seated.then(|| seats.iter().cloned().collect()),
        };
        targets[index % connections].stocks.push(stock);
    }
    Ok(targets)
}

/// Events and their ticket types.
fn events(fixture: &Fixture, scenario: Scenario) -> anyhow::Result<Vec<(Uuid, Uuid)>> {
    let kinds: &[&str] = match scenario {
        // Prices are nothing to the ledger: the second event with room for everybody will do.
        Scenario::HotGa | Scenario::HoldThenBook => &["hot-ga", "priced-ga"],
        Scenario::ManyEvents => &["lukewarm"],
        Scenario::NamedSeats | Scenario::BestAvailable => &["hot-seated"],
        Scenario::Priced => bail!("there is no ceiling of payments: the ledger is the least of what they take"),
    };
    let mut found = Vec::new();
    for kind in kinds {
        for house in fixture.of_kind(kind)? {
            found.push((house.id.parse()?, house.ticket_type_id.parse()?));
        }
    }
    Ok(found)
}

/// The seats of every house; without words, because the ledger writes ids only.
fn seats(fixture: &Fixture) -> anyhow::Result<Vec<Arc<Seat>>> {
    let seat = |id: &String| {
        let (id, section, row, label) = (id.parse()?, "".into(), "".into(), "".into());
        Ok(Arc::new(Seat { id: SeatId(id), section_id: SectionId(id), section, row, label, accessible: false }))
    };
    fixture.seats().iter().map(seat).collect()
}

impl Target {
    /// The next group of `size` entries. `None` when nothing is left.
    pub(super) fn group(&mut self, size: usize) -> Option<Group> {
        let now = Timestamp::now();
        // What was held is booked before anything else is held.
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            let booked = held.len();
            let entries = held.into_iter().map(|hold| self.book(hold, now)).collect();
            return Some((vec![self.stocks.first_mut()?.batch(entries)], booked));
        }
        let is_spread = self.scenario == Scenario::ManyEvents;
        let parts = if is_spread { self.stocks.len() } else { 1 };
        let mut batches = Vec::new();
        for share in shares(size, parts) {
            self.turn = if is_spread {
                (self.turn + 1) % self.stocks.len()
            } else {
                // A house that can't fill a group is as good as sold out.
                let is_roomy = |stock: &Stock| stock.seats.as_ref().is_none_or(|seats| seats.len() >= size);
                self.stocks.iter().position(is_roomy)?
            };
            let entries = (0..share).map(|_| self.sell(self.turn, now)).collect::<Option<Vec<_>>>()?;
            batches.push(self.stocks.get_mut(self.turn)?.batch(entries));
        }
        Some((batches, if self.held.is_empty() { size } else { 0 }))
    }

    /// The group will not be written.
    pub(super) fn take_back(&mut self, batches: &[EventBatch]) {
        self.held.clear();
        for batch in batches {
            for stock in self.stocks.iter_mut().filter(|stock| stock.event == batch.event_id) {
                stock.version -= 1;
            }
            // Their holds are in the ledger still, and are booked next time.
            for entry in &batch.entries {
                if let Entry::Book { from: Some(hold), .. } = entry {
                    self.held.push(Arc::clone(hold));
                }
            }
        }
    }

    /// A place of the stock with this index is booked, or held first.
    fn sell(&mut self, index: usize, now: Timestamp) -> Option<Entry> {
        let stock = self.stocks.get_mut(index)?;
        let (event, items) = (stock.event, [stock.item()?].into());
        let booking = self.booking(event, items, None, now);
        if self.scenario != Scenario::HoldThenBook {
            return Some(Entry::Book { booking: Arc::new(booking), from: None });
        }
        let hold = Arc::new(Hold {
            id: HoldId::generate(),
            event_id: event,
            account_id: booking.account_id,
            status: HoldStatus::Active,
            items: booking.items,
            tax_included: booking.tax_included,
            total: booking.total,
            promo_code: None,
            key: booking.key,
            fingerprint: booking.fingerprint,
            expires_at: Some(now.saturating_add(SignedDuration::from_mins(10)).unwrap_or(now)),
            extended_until: None,
            created_at: now,
            updated_at: now,
        });
        self.held.push(Arc::clone(&hold));
        Some(Entry::Hold(hold))
    }

    fn book(&mut self, hold: Arc<Hold>, now: Timestamp) -> Entry {
        let mut booking = self.booking(hold.event_id, Arc::clone(&hold.items), Some(hold.id), now);
        booking.account_id = hold.account_id;
        Entry::Book { booking: Arc::new(booking), from: Some(hold) }
    }

    #[expect(clippy::expect_used, reason = "digits and hyphens are a key")]
    fn booking(&mut self, event_id: EventId, items: Arc<[Item]>, hold_id: Option<HoldId>, now: Timestamp) -> Booking {
        // An account and what its client would send along.
        self.number += 1;
        let account_id = self.accounts[self.number * 31 % self.accounts.len()];
        let key = IdempotencyKey::parse(&format!("{}-{}", self.name.simple(), self.number)).expect("a key");
        let nothing = Money::new(Decimal::ZERO, self.currency);
        Booking {
            id: BookingId::generate(),
            event_id,
            account_id,
            status: BookingStatus::Confirmed,
            items,
            discount: nothing,
            fees: nothing,
            tax: nothing,
            tax_included: true,
            total: nothing,
            refunded: nothing,
            promo_code: None,
            attendees: Default::default(),
            hold_id,
            key,
            fingerprint: Fingerprint(self.name),
            expires_at: None,
            extended_until: None,
            cancelled: Default::default(),
            created_at: now,
            updated_at: now,
        }
    }
}

impl Stock {
    fn item(&mut self) -> Option<Item> {
        let seat = match &mut self.seats {
            None => None,
            Some(seats) => Some(seats.pop_front()?),
        };
        Some(Item::at_price(self.ticket_type, self.quota, seat, Decimal::ZERO))
    }

    /// On the version that the batch before it leaves.
    fn batch(&mut self, entries: Vec<Entry>) -> EventBatch {
        let version = self.version;
        self.version += 1;
        EventBatch { event_id: self.event, versions: vec![(self.quota, version)], entries }
    }
}

/// `size` in at most `parts` nearly equal parts.
fn shares(size: usize, parts: usize) -> impl Iterator<Item = usize> {
    let parts = parts.min(size).max(1);
    (0..parts).map(move |part| size / parts + usize::from(part < size % parts))
}
