//! A load client for an on-sale.
//!
//! It shares the machine with what it measures, so it is made to cost little: one thread, requests written from
//! templates, answers read with `httparse`, no allocation a request.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`run`] | the two ways of asking, closed and open loop, and what is counted |
//! | [`workload`] | what is asked for: one hot event, named seats, many events, hold then book |
//! | [`connection`] | HTTP/1.1 over one kept connection |
//! | [`processes`] | what processes cost in CPU |
//! | [`report`] | what a run found |

pub mod connection;
pub mod fixture;
pub mod processes;
pub mod report;
pub mod run;
pub mod workload;
