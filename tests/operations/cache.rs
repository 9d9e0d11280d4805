//! The cache of answers from the outside: one server, two that share a Redis, and a Redis that hangs, dies or forgets.

mod admin;
mod ailing;
mod forms;
mod freshness;
mod gate;
mod going_back;
mod hearing;
mod metrics;
mod nodes;
mod outages;
mod races;
mod redis;
mod repeats;
mod unknown;
mod visibility;
mod written;
