//! The seams between the parts: each operation that changes places, or what is sold, is raced with each other one and with itself on the
//! real ledger, with fail points between the statements of either. `make races` runs many rounds of it.

mod complete;
mod judge;
mod lane;
mod memory;
mod operations;
mod points;
mod race;
mod report;
mod returns;
mod stage;

/// Guards everything between the parts: no matter who wins a race, counters are rows, nothing is sold twice, no draft is booked, everything
/// can be given back, no inventory dies, and no answer is a failure of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pair_of_operations_leaves_the_ledger_exact() {
    lane::race_all(0, 2).await;
}

/// The other half of the pairs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_pair_of_operations_leaves_the_ledger_exact() {
    lane::race_all(1, 2).await;
}

/// Pairs that are what the matrix is for: an organizer's look at sales against a buyer's booking, and two decisions about one thing.
const CLOSEST: [[&str; 2]; 17] = [
    ["book", "type_move_quota"],
    ["book", "type_move_sections"],
    ["hold", "type_delete"],
    ["book", "unpublish"],
    ["book", "quota_less"],
    ["hold", "map_move"],
    ["hold_release", "hold_book"],
    ["hold_release", "hold_release"],
    ["hold_expires", "hold_book"],
    ["booking_cancel", "booking_cancel"],
    ["booking_cancel", "cancel"],
    ["unpaid_expires", "unpaid_cancel"],
    ["scheduled_publish", "block"],
    ["pay", "unpaid_cancel"],
    ["pay", "unpaid_expires"],
    ["pay", "cancel"],
    ["pay", "pay"],
];

/// The same, at many points and in every state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_closest_pairs_are_exact_at_every_point() {
    lane::race_named(&CLOSEST, 16).await;
}
