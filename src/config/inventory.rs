//! The inventory actors.

use std::time::Duration;

use domain::unpaid::UnpaidLimits;

use super::{
    declare::{days, minutes, ms, s},
    sources::{Layers, Section},
};

settings! {
    /// Inventories
    "inventory" InventoryConfig(request_timeout: Duration) {
        [unpaid: UnpaidLimits = unpaid]
        /// Commands one event may have under way; further ones get a 503 with Retry-After. Too high: the last in the queue waits longer
        /// than its deadline. Too low: bursts are refused that one batch would have served.
        permits_per_event: u32 = number(8192, 1..=1_000_000);
        /// For a command to be decided and durable, then 503. Too high: buyers stare at a spinner. Too low: a slow commit becomes a
        /// refusal whose outcome is known only by a retry.
        request_deadline: Duration =
            duration_within(s(5), ms(100)..=minutes(1), (request_timeout, "http.request_timeout"));
        /// How long the ledger may owe an answer before commands are refused at once instead of after their deadline. Too high: buyers
        /// wait for a database that is away, and memory fills with them. Too low: one slow commit closes the event for its duration.
        stalled_after: Duration = duration(s(1), ms(100)..=minutes(1));
        /// Threads that decide and write, apart from those that serve HTTP. Too high: they wake each other instead of working. Too low:
        /// all events wait while one large one is loaded.
        threads: usize = number(1, 1..=64);
        /// How long an unused inventory stays in memory. Too high: memory for events nobody books. Too low: each booking of a quiet event
        /// loads it again.
        idle_after: Duration = duration(minutes(5), ms(100)..=days(1));
        /// How long a hold keeps its places. Too high: places are blocked by people who have left. Too low: people lose them while they
        /// pay.
        hold: Duration = duration(minutes(10), s(1)..=days(1));
        /// How long a priced booking waits for its payment. Too high and too low: as with a hold.
        payment: Duration = duration(minutes(15), s(1)..=days(1));
        /// Decisions of one event in one commit. Too high: a failed commit concerns many buyers, and an event in a storm makes all others
        /// wait for its long ones. Too low: more commits for the same bookings.
        max_batch: usize = number(512, 1..=65_536);
    }
}

settings! {
    unpaid -> UnpaidLimits {
        /// Most places of an event that one account has in holds and unpaid bookings. Too high: throw-away accounts keep a house for
        /// nothing. Too low: groups can't buy together.
        per_account "unpaid_per_account": u32 = number(20, 1..=1_000_000);
        /// The same for all accounts of one network; trusted networks and proxies are exempt. Too high: as above. Too low: those who share
        /// an address, such as a mobile network's customers, keep each other from buying.
        per_network "unpaid_per_network": u32 = number(1000, 1..=100_000_000);
        /// How often an account may let a hold or an unpaid booking of an event run out; then it waits. Too high: places are kept by
        /// holding them again and again. Too low: people who hesitate are locked out.
        expiries: domain::rate_limit::Rate = rate(3, minutes(30));
    }
}
