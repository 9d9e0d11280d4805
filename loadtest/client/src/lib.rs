//! A load client for an on-sale.
//!
//! It shares the machine with what it measures, so it is made to cost little: one thread, requests written from
//! templates, answers read with `httparse`, no allocation a request.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`run`] | the two ways of asking, closed and open loop, and what is counted |
//! | [`workload`] | what is asked for: one hot event, named seats, many events, hold then book |
//! | [`flow`] | requests at a rate through overloads and outages, each answer with its times |
//! | [`orders`] | requests that can be asked again by their numbers |
//! | [`tally`] | answers by kind and by second |
//! | [`connection`] | HTTP/1.1 over one kept connection |
//! | [`event_stream`] | a live stream of availability, read as it arrives |
//! | [`visitors`] | those who do not buy: idle connections and live streams |
//! | [`processes`] | what processes cost in CPU and memory |
//! | [`limits`] | how many connections this machine lets one process have |
//! | [`report`] | what a run found |

pub mod connection;
pub mod event_stream;
pub mod fixture;
pub mod flow;
pub mod limits;
pub mod orders;
pub mod processes;
pub mod report;
pub mod run;
pub mod tally;
pub mod visitors;
pub mod workload;
