//! Error mapping of holds and bookings.

use application::bookings::BookingError;
use domain::{
    refusal::{Refusal, TakenSeat},
    validation::FieldError,
};

use crate::{problem::Problem, problem_codes::Code};

/// What those are told who may know how many places are left.
pub fn told_exactly(refusal: Refusal) -> Problem {
    let detail = refusal.exactly();
    problem(refusal, detail)
}

impl From<BookingError> for Problem {
    fn from(error: BookingError) -> Self {
        match error {
            BookingError::NotFound => Problem::not_found(),
            BookingError::Unverified => Problem::new(Code::Unverified),
            BookingError::Refused(refusal) => refusal.into(),
            BookingError::Overloaded { reason, retry_after } => Problem::unavailable(retry_after, reason).unbegun(),
            BookingError::Unavailable { reason, retry_after } => Problem::unavailable(retry_after, reason),
            BookingError::Repository(error) => error.into(),
        }
    }
}

/// Without numbers of places: anyone who may know them asks for [`told_exactly`].
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.to_string();
        problem(refusal, detail)
    }
}

fn problem(refusal: Refusal, detail: String) -> Problem {
    let of = |code| Problem::new(code).detail(detail.clone());
    match refusal {
        Refusal::NoSuchEvent => Problem::not_found(),
        Refusal::Invalid(errors) => Problem::invalid(errors),
        Refusal::SoldOut { ticket_type_id, .. } => {
            let message = format!("ticket type {ticket_type_id}: {detail}");
            of(Code::SoldOut).errors(vec![FieldError::new("items", "SOLD_OUT", message)])
        }
        Refusal::SeatsTaken(seats) => {
            let fault = |TakenSeat { id, line, at }: &TakenSeat| {
                FieldError::new(format!("items[{line}].seatIds[{at}]"), "SEAT_TAKEN", id.to_string())
            };
            of(Code::SeatTaken).errors(seats.iter().map(fault).collect())
        }
        Refusal::NotOnSale(_) => of(Code::NotOnSale),
        Refusal::Limit(_) => of(Code::LimitExceeded),
        Refusal::TooOften { retry_after: None } => of(Code::RateLimited),
        Refusal::TooOften { retry_after: Some(wait) } => of(Code::RateLimited).retry_after(wait),
        Refusal::PromoCode(error) => {
            of(Code::PromoCode).errors(vec![FieldError::new("promoCode", error.code(), error.to_string())])
        }
        Refusal::BelowMinimum(_) => of(Code::BelowMinimum),
        Refusal::HoldGone => of(Code::HoldGone),
        Refusal::HoldAtCap => of(Code::HoldAtCap),
        // Of payments, which no request brings yet.
        Refusal::NotConfirmable(_) => Problem::internal(detail),
        Refusal::NotCancellable(_) => of(Code::NotCancellable),
        Refusal::KeyReused => of(Code::IdempotencyKeyReused),
        // A genuine token of an account that was deleted since.
        Refusal::AccountGone => Problem::new(Code::BadToken),
    }
}
