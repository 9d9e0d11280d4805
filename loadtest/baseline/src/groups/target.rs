//! What groups are made of.

use std::{collections::VecDeque, sync::Arc};

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
    let word: Arc<str> = "".into();
    let seat = |id: &String| {
        let (id, section, row) = (id.parse()?, Arc::clone(&word), Arc::clone(&word));
        let section_id = SectionId(id);
        Ok(Arc::new(Seat { id: SeatId(id), section_id, section, row, label: "".into(), accessible: false }))
    };
    fixture.seats().iter().map(seat).collect()
}

impl Target {
    /// The next group of `size` entries. `None` when nothing is left.
    pub(super) fn group(&mut self, size: usize) -> Option<Group> {
        let now = Timestamp::now();
        match self.scenario {
            Scenario::HoldThenBook => {
                let held = std::mem::take(&mut self.held);
                let booked = held.len();
                let entries = if held.is_empty() {
                    (0..size).map(|_| self.hold(now)).collect::<Option<Vec<_>>>()?
                } else {
                    held.into_iter().map(|hold| self.book(hold, now)).collect()
                };
                Some((vec![self.stocks.first_mut()?.batch(entries)], booked))
            }
            Scenario::ManyEvents => {
                let mut batches = Vec::with_capacity(size.min(self.stocks.len()));
                for share in shares(size, self.stocks.len()) {
                    self.turn = (self.turn + 1) % self.stocks.len();
                    let entries = (0..share).map(|_| self.sell(self.turn, now)).collect::<Option<Vec<_>>>()?;
                    batches.push(self.stocks.get_mut(self.turn)?.batch(entries));
                }
                Some((batches, size))
            }
            Scenario::HotGa | Scenario::NamedSeats | Scenario::BestAvailable => {
                // A house that can't fill a group is as good as sold out.
                let roomy = |stock: &Stock| stock.seats.as_ref().is_none_or(|seats| seats.len() >= size);
                let index = self.stocks.iter().position(roomy)?;
                let entries = (0..size).map(|_| self.sell(index, now)).collect::<Option<Vec<_>>>()?;
                Some((vec![self.stocks.get_mut(index)?.batch(entries)], size))
            }
        }
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

    fn sell(&mut self, index: usize, now: Timestamp) -> Option<Entry> {
        let stock = self.stocks.get_mut(index)?;
        let (event, item) = (stock.event, stock.item()?);
        Some(Entry::Book { booking: Arc::new(self.booking(event, [item].into(), None, now)), from: None })
    }

    fn hold(&mut self, now: Timestamp) -> Option<Entry> {
        let stock = self.stocks.first_mut()?;
        let (event_id, items) = (stock.event, [stock.item()?].into());
        let (account_id, key, fingerprint) = self.request();
        let hold = Arc::new(Hold {
            id: HoldId::generate(),
            event_id,
            account_id,
            status: HoldStatus::Active,
            items,
            total: Money::new(Decimal::ZERO, self.currency),
            key,
            fingerprint,
            expires_at: now.saturating_add(SignedDuration::from_mins(10)).unwrap_or(now),
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

    fn booking(&mut self, event_id: EventId, items: Arc<[Item]>, hold_id: Option<HoldId>, now: Timestamp) -> Booking {
        let (account_id, key, fingerprint) = self.request();
        let nothing = Money::new(Decimal::ZERO, self.currency);
        Booking {
            id: BookingId::generate(),
            event_id,
            account_id,
            status: BookingStatus::Confirmed,
            items,
            fees: nothing,
            tax: nothing,
            total: nothing,
            hold_id,
            key,
            fingerprint,
            expires_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// An account and what its client would send along.
    #[expect(clippy::expect_used, reason = "digits and hyphens are a key")]
    fn request(&mut self) -> (AccountId, IdempotencyKey, Fingerprint) {
        self.number += 1;
        let account = self.accounts[self.number * 31 % self.accounts.len()];
        let key = IdempotencyKey::parse(&format!("{}-{}", self.name.simple(), self.number)).expect("a key");
        (account, key, Fingerprint(self.name))
    }
}

impl Stock {
    fn item(&mut self) -> Option<Item> {
        let seat = match &mut self.seats {
            None => None,
            Some(seats) => Some(seats.pop_front()?),
        };
        Some(Item { ticket_type_id: self.ticket_type, quota_id: self.quota, seat, price: Decimal::ZERO })
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
