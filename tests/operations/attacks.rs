//! Clients that mean harm, against the real program in a process of its own: what they can take is bounded, and everybody
//! else is served meanwhile.

pub(crate) mod frames;
mod http1;
mod http2;
mod slow_readers;
mod target;
