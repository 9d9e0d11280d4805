//! The inventory actors.

use std::time::Duration;

use domain::rate_limit::Rate;

use super::{
    rate_limit::{default, rate},
    sources::Section,
};

const EXPIRIES: Rate = default(3, 30 * 60);

/// What an event's inventory accepts and how long it waits.
#[derive(Clone, Debug)]
pub struct InventoryConfig {
    /// Commands one event may have under way; further ones get a 503 with `Retry-After`. Too high: the last in the queue
    /// waits longer than its deadline. Too low: bursts are refused that one batch would have served.
    pub permits_per_event: usize,
    /// For a command to be decided and durable, then 503. Too high: buyers stare at a spinner. Too low: a slow commit
    /// becomes a refusal whose outcome is known only by a retry.
    pub request_deadline: Duration,
    /// How long the ledger may owe an answer; while it does for longer, commands are refused at once instead of after their
    /// deadline. Too high: buyers wait for a database that is away, and memory fills with them. Too low: one slow commit
    /// closes the event for its duration.
    pub stalled_after: Duration,
    /// Threads that decide and write, apart from those that serve HTTP. Too high: they wake each other instead of working.
    /// Too low: all events wait while one large one is loaded.
    pub threads: usize,
    /// How long an unused inventory stays in memory. Too high: memory for events nobody books. Too low: each booking of a
    /// quiet event loads it again.
    pub idle_after: Duration,
    /// How long a hold keeps its places. Too high: places are blocked by people who have left. Too low: people lose
    /// them while they pay.
    pub hold: Duration,
    /// How long a priced booking waits for its payment. Too high and too low: as with a hold.
    pub payment: Duration,
    /// Most places of an event that one account has in holds and unpaid bookings. Too high: throw-away accounts keep a house
    /// for nothing. Too low: groups can't buy together.
    pub unpaid_per_account: u32,
    /// The same for all accounts of one network; trusted networks and proxies are exempt. Too high: as above. Too low: those who
    /// share an address, such as a mobile network's customers, keep each other from buying.
    pub unpaid_per_network: u32,
    /// How often an account may let a hold or an unpaid booking of an event run out; then it waits. Too high: places are kept by
    /// holding them again and again. Too low: people who hesitate are locked out.
    pub expiries: Rate,
    /// Decisions of one event in one commit. Too high: a failed commit concerns many buyers, and an event in a storm makes
    /// all others wait for its long ones. Too low: more commits for the same bookings.
    pub max_batch: usize,
}

impl InventoryConfig {
    pub(super) fn read(section: &mut Section<'_, '_>, request_timeout: Duration) -> Self {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        Self {
            permits_per_event: section.number("permits_per_event", 8192, 1..=1_000_000),
            request_deadline: section.duration_within(
                "request_deadline",
                s(5),
                ms(100)..=s(60),
                (request_timeout, "http.request_timeout"),
            ),
            stalled_after: section.duration("stalled_after", s(1), ms(100)..=s(60)),
            threads: section.number("threads", 1, 1..=64),
            idle_after: section.duration("idle_after", s(300), ms(100)..=s(86_400)),
            hold: section.duration("hold", s(600), s(1)..=s(86_400)),
            payment: section.duration("payment", s(900), s(1)..=s(86_400)),
            unpaid_per_account: section.number("unpaid_per_account", 20, 1..=1_000_000),
            unpaid_per_network: section.number("unpaid_per_network", 1000, 1..=100_000_000),
            expiries: rate(section, "expiries", EXPIRIES),
            max_batch: section.number("max_batch", 512, 1..=65_536),
        }
    }
}
