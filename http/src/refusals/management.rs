//! Error mapping of changes to the catalogue.

use std::time::Duration;

use application::{bookings::BookingError, manage::ManageError};
use domain::{
    events::offering::BrokenRule,
    management::{ChangeError, Conflict, seat_maps::SeatsMoved},
    seat_maps::Seat,
    validation::FieldError,
};

use super::bookings;
use crate::{authorization::forbidden, problem::Problem, problem_codes::Code};

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::Change(error) => error.into(),
            // Who manages an event may know how many places are left, whatever the site shows.
            ManageError::Inventory(BookingError::Refused(refusal)) => bookings::told_exactly(refusal),
            ManageError::Inventory(error) | ManageError::NotPaused(error) => error.into(),
            ManageError::KeyReused => Problem::new(Code::IdempotencyKeyReused),
            ManageError::InProgress => Problem::new(Code::IdempotencyInProgress).retry_after(Duration::from_secs(1)),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => Problem::not_found(),
            ChangeError::Forbidden(reason) => forbidden().detail(reason),
            ChangeError::Stale => Problem::new(Code::ChangedMeanwhile),
            ChangeError::Conflict(conflict) => conflict.into(),
            ChangeError::Invalid(errors) => Problem::invalid(errors),
            ChangeError::Repository(error) => error.into(),
        }
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        let detail = conflict.to_string();
        match conflict {
            Conflict::Schedule(_) => Problem::invalid(vec![FieldError::new("at", "OUT_OF_RANGE", detail)]),
            Conflict::Broken(broken) => {
                let errors = broken.iter().map(|of| FieldError::new(field_of(of), of.rule.code(), of.to_string()));
                Problem::new(Code::EventState).detail(detail).errors(errors.collect())
            }
            Conflict::Step(_) | Conflict::Event(_) | Conflict::NoSectionLeft(_) => {
                Problem::new(Code::EventState).detail(detail)
            }
            Conflict::BelowTaken(taken) => {
                let number = |code, message: String| FieldError::new("capacity", code, message);
                let errors = vec![number("HELD", taken.held.to_string()), number("SOLD", taken.sold.to_string())];
                Problem::new(Code::CapacityTaken).detail(detail).errors(errors)
            }
            Conflict::Repeated(starts) => {
                let named = |at: jiff::Timestamp| FieldError::new("startsAt", "REPEATED", at.to_string());
                let errors = starts.into_iter().map(named).collect();
                Problem::new(Code::OccurrenceThere).detail(detail).errors(errors)
            }
            Conflict::InUse(_) => Problem::new(Code::InUse).detail(detail),
            Conflict::SlugTaken(_) => Problem::new(Code::SlugTaken).detail(detail),
            Conflict::CodeTaken(_) => {
                let errors = vec![FieldError::new("code", "TAKEN", detail.clone())];
                Problem::new(Code::SlugTaken).detail(detail).errors(errors)
            }
            Conflict::SeatsMoved(SeatsMoved { seats, .. }) => {
                let fault = |seat: &Seat| {
                    let words = format!("{}, row {}, seat {} ({})", seat.section, seat.row, seat.label, seat.id);
                    FieldError::new("version", "SEAT_TAKEN", words)
                };
                Problem::new(Code::SeatsMoved).detail(detail).errors(seats.iter().map(fault).collect())
            }
        }
    }
}

/// What of the event it is about: one of its ticket types, by its id.
fn field_of(broken: &BrokenRule) -> String {
    broken.ticket_type.as_ref().map_or_else(|| "event".to_owned(), |(id, _)| format!("ticketTypes[{id}]"))
}
