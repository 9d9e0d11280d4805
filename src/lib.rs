//! boxoffice: an event-booking server for the minute when everyone wants the same seats.

pub mod infrastructure;
