//! Faults between the server and its database, and of those who ask: what must not happen. Pauses and restarts are counted, no other event
//! refuses anybody, nothing is lost. `make bench-faults` reports the times with the same tests.

mod clicks;
mod cold_start;
mod locked_row;
mod lost_answers;
mod second_server;
mod silence;
mod strangers;
mod watch;
