//! Events, commands and settings with sensible defaults.

use std::{sync::Arc, time::Duration};

use actors::{
    admission::AdmissionLimits, engine::EngineSettings, inventory::actor::InventorySettings, restart::RestartPolicy,
};
use domain::{
    bookings::{Attendees, Fingerprint, IdempotencyKey, Source},
    events::{EventStatus, PlannedCode, Quota, SalePlan, SaleWindow, TicketType},
    ids::{
        AccountId, BookingId, EventId, HoldId, PromoCodeId, QuotaId, SeatId, SeatMapVersionId, SectionId, TicketTypeId,
    },
    inventory::{Command, NewBooking, NewHold},
    money::Percentage,
    pricing::terms::SaleTerms,
    promo_codes::{CodeName, Discount, PromoCode},
    seat_maps::{Seat, SeatMap},
    selection::{RawLine, Selection},
    unpaid::UnpaidLimits,
};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

/// When the ledger's clock starts.
pub fn epoch() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// An event of one quota and one ticket type.
#[derive(Clone, Debug)]
pub struct EventSpec {
    pub id: EventId,
    pub quota: QuotaId,
    pub ticket_type: TicketTypeId,
    pub capacity: u32,
    pub price: Decimal,
    pub seats: Option<Arc<SeatMap>>,
    pub unpaid: Option<UnpaidLimits>,
    pub code: Option<PlannedCode>,
}

/// A free event of `capacity` places of general admission.
pub fn event(capacity: u32) -> EventSpec {
    EventSpec {
        id: EventId::generate(),
        quota: QuotaId::generate(),
        ticket_type: TicketTypeId::generate(),
        capacity,
        price: Decimal::ZERO,
        seats: None,
        unpaid: None,
        code: None,
    }
}

/// A free event that sells `count` seats.
pub fn seated_event(count: u32) -> EventSpec {
    let section_id = SectionId::generate();
    let seat = |label: u32| Seat {
        id: SeatId::generate(),
        section_id,
        section: "stalls".into(),
        row: "A".into(),
        label: label.to_string().into(),
        accessible: false,
    };
    let map = SeatMap::new(SeatMapVersionId::generate(), (0..count).map(seat).collect());
    EventSpec { seats: Some(Arc::new(map)), ..event(count) }
}

impl EventSpec {
    pub fn priced(self) -> Self {
        Self { price: Decimal::TEN, ..self }
    }

    /// With a code of so many uses that takes half off.
    pub fn with_code(self, uses: u32) -> Self {
        let half = Percentage::new(Decimal::new(5, 1)).unwrap();
        let code = PromoCode {
            code: CodeName::parse("code", "HALF").unwrap(),
            discount: Discount::Percent(half),
            uses: Some(uses),
            uses_per_account: Some(1),
            ticket_type_ids: Vec::new(),
            starts_at: None,
            ends_at: None,
        };
        Self { code: Some(PlannedCode { id: PromoCodeId::generate(), code }), ..self }
    }

    /// The name of its code.
    pub fn code_name(&self) -> Option<CodeName> {
        self.code.as_ref().map(|planned| planned.code.code.clone())
    }

    pub fn seat(&self, index: usize) -> SeatId {
        self.seats.as_ref().unwrap().seats()[index].id
    }

    pub fn plan(&self) -> SalePlan {
        SalePlan {
            event_id: self.id,
            status: EventStatus::Published,
            starts_at: epoch() + SignedDuration::from_hours(1_000),
            currency: "EUR".parse().unwrap(),
            max_per_account: None,
            ticket_types: vec![TicketType {
                id: self.ticket_type,
                quota_id: self.quota,
                name: "standard".to_owned(),
                description: String::new(),
                price: self.price,
                seated: self.seats.is_some(),
                sections: self.seats.iter().map(|map| map.seats()[0].section_id).collect(),
                min_per_booking: 1,
                max_per_booking: 100,
                sale: SaleWindow { starts_at: epoch(), ends_at: epoch() + SignedDuration::from_hours(900) },
                hidden: false,
                tax_rate: None,
            }],
            quotas: vec![Quota { id: self.quota, capacity: self.capacity }],
            seat_map: self.seats.clone(),
            hold_for: SignedDuration::from_secs(600),
            terms: SaleTerms {
                hold_cap: SignedDuration::from_secs(1800),
                payment_window: SignedDuration::from_secs(900),
                ..SaleTerms::default()
            },
            promo_codes: self.code.iter().cloned().collect(),
            minimum: None,
            unpaid: self.unpaid,
        }
    }

    pub fn places(&self, quantity: u32) -> Selection {
        one(RawLine::of_quantity(self.ticket_type, quantity))
    }

    pub fn seats(&self, indexes: &[usize]) -> Selection {
        one(RawLine::of_seats(self.ticket_type, indexes.iter().map(|index| self.seat(*index)).collect()))
    }

    /// Holds places for a new account.
    pub fn hold(&self, selection: Selection) -> NewHold {
        let fingerprint = Fingerprint::of(self.id, &Source::Selection(selection.clone()));
        let (account_id, key) = (AccountId::generate(), new_key());
        NewHold { id: HoldId::generate(), account_id, key, fingerprint, selection, promo_code: None }
    }

    /// Books places for a new account.
    pub fn book(&self, selection: Selection) -> NewBooking {
        self.book_from(Source::Selection(selection))
    }

    pub fn book_from(&self, source: Source) -> NewBooking {
        let fingerprint = Fingerprint::of(self.id, &source);
        let (account_id, key) = (AccountId::generate(), new_key());
        let (id, attendees) = (BookingId::generate(), Attendees::default());
        NewBooking { id, account_id, key, fingerprint, source, promo_code: None, attendees }
    }

    /// As many bookings of one place, each of another account.
    pub fn singles(&self, count: usize) -> Vec<Command> {
        (0..count).map(|_| Command::Book(self.book(self.places(1)))).collect()
    }
}

/// The request again, as a client sends it that got no answer: the server gives it another id.
pub fn again(booking: &NewBooking) -> Command {
    Command::Book(NewBooking { id: BookingId::generate(), ..booking.clone() })
}

pub fn new_key() -> IdempotencyKey {
    IdempotencyKey::parse(&Uuid::now_v7().to_string()).unwrap()
}

/// One writer, so that the order of commits is known.
pub fn settings() -> EngineSettings {
    EngineSettings {
        writers: 1,
        admission: AdmissionLimits { permits: 8192, stalled_after: Duration::from_secs(30) },
        inventory: InventorySettings { batch_max: 4096, idle_after: Duration::from_secs(300) },
        sample_every: Duration::from_secs(3_600),
        restart: RestartPolicy::default(),
    }
}

fn one(line: RawLine) -> Selection {
    Selection::parse(vec![line]).unwrap()
}
