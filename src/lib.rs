//! boxoffice: an event-booking server for the minute when everyone wants the same seats.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`serve`] | the composition root: configuration, stores, actors, HTTP, drain |
//! | [`config`] | layered configuration, checked at start |
//! | [`commands`] | what else the program does: migrations, seed, accounts |

pub mod commands;
pub mod config;
pub mod serve;
