//! Limits from the outside: one server, two that share a Redis, and a Redis that hangs, dies or forgets.

mod clients;
mod given_up;
mod outages;
mod places;
mod shared;
mod single;
