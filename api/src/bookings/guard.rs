//! The guard against guessing promo codes, at requests that take places.

use std::net::IpAddr;

use application::{app::App, bookings::BookingError, limits::Limited, promo_codes};
use boxoffice_http::{problem::Problem, request::Request};
use domain::{
    promo_codes::{CodeName, PromoCodeError},
    refusal::Refusal,
};

use super::refusals;

/// How a client stands who may name a code.
pub(super) struct Guard {
    from: IpAddr,
    standing: Result<(), Limited>,
}

impl Guard {
    /// Of a request that names this code, or none.
    pub(super) fn of(app: &App, request: &Request, code: Option<&CodeName>) -> Self {
        let from = request.client_address();
        let standing = if code.is_some() { promo_codes::may_name(app, from) } else { Ok(()) };
        Self { from, standing }
    }

    /// Whether places may be taken. Otherwise the request is asked all the same, because a known key comes before any limit.
    pub(super) fn admits(&self) -> bool {
        self.standing.is_ok()
    }

    /// What the client is told when nothing was taken. A code that there is not is counted.
    pub(super) async fn told(self, app: &App, error: BookingError) -> Problem {
        match (&error, self.standing) {
            (BookingError::Refused(Refusal::TooOften { retry_after: None }), Err(limited)) => limited.into(),
            (BookingError::Refused(Refusal::PromoCode(PromoCodeError::Unknown)), _) => {
                match promo_codes::missed(app, self.from).await {
                    Ok(()) => error.into(),
                    Err(limited) => limited.into(),
                }
            }
            _ => refusals::told(app, error).await,
        }
    }
}
