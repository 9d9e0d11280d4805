//! How somebody wants to pay.

use std::collections::BTreeSet;

use serde_json::json;

use super::{PaymentMethod, payment::BANK_TRANSFER};
use crate::{
    bookings::Fingerprint, ids::BookingId, request_fingerprint::of_request, settings::is_web_address,
    validation::FieldError,
};

/// Where it is said that nothing else is: the gateway's page asks.
const CARD: &str = "card";

/// A request to pay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentWish {
    pub method: Option<String>,
    /// Where the payer goes on after an action elsewhere.
    pub return_url: Option<String>,
}

/// A method that the booking's event and the gateway have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChosenMethod {
    /// Through the gateway, in its words.
    Gateway(String),
    BankTransfer(&'static str),
}

impl PaymentWish {
    pub fn parse(method: Option<String>, return_url: Option<String>) -> Result<Self, FieldError> {
        if return_url.as_deref().is_some_and(|url| !is_web_address(url)) {
            let message = "must be an http or https address";
            return Err(FieldError::new("returnUrl", "INVALID_URL", message));
        }
        Ok(Self { method, return_url })
    }

    /// Two requests with one key must agree in it.
    pub fn fingerprint(&self, booking: BookingId) -> Fingerprint {
        of_request(&format!("payments of {booking}"), json!({ "method": self.method, "returnUrl": self.return_url }))
    }

    /// The method, of those that the event has, and of those that the gateway has beside `card`.
    pub fn choose(&self, of_event: &BTreeSet<PaymentMethod>, of_gateway: &[&str]) -> Result<ChosenMethod, FieldError> {
        let (chosen, needed) = match self.method.as_deref() {
            None | Some(CARD) => (ChosenMethod::Gateway(CARD.to_owned()), PaymentMethod::Card),
            Some(BANK_TRANSFER) => (ChosenMethod::BankTransfer(BANK_TRANSFER), PaymentMethod::BankTransfer),
            Some(own) if of_gateway.contains(&own) => (ChosenMethod::Gateway(own.to_owned()), PaymentMethod::Card),
            Some(_) => return Err(FieldError::new("method", "UNKNOWN", "must be a method such as card")),
        };
        if !of_event.contains(&needed) {
            let known: Vec<&str> = of_event.iter().map(|method| method.as_str()).collect();
            let message = format!("the event takes {}", known.join(" and "));
            return Err(FieldError::new("method", "NOT_ALLOWED", message));
        }
        Ok(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(method: &str) -> PaymentWish {
        PaymentWish { method: Some(method.to_owned()), return_url: None }
    }

    #[test]
    fn a_method_is_one_of_the_event_and_of_the_gateway() {
        let (card, both) = ([PaymentMethod::Card].into(), [PaymentMethod::Card, PaymentMethod::BankTransfer].into());
        let transfer = [PaymentMethod::BankTransfer].into();
        let own = ["sandbox_slow"];
        let gateway = |name: &str| Ok(ChosenMethod::Gateway(name.to_owned()));
        assert_eq!(PaymentWish::default().choose(&card, &own), gateway("card"));
        assert_eq!(wish("card").choose(&both, &own), gateway("card"));
        assert_eq!(wish("sandbox_slow").choose(&card, &own), gateway("sandbox_slow"));
        assert_eq!(wish("bank_transfer").choose(&both, &own), Ok(ChosenMethod::BankTransfer("bank_transfer")));
        let code = |wish: PaymentWish, methods| wish.choose(methods, &own).map_err(|fault| (fault.field, fault.code));
        for (method, of_event, wrong) in [
            ("bank_transfer", &card, "NOT_ALLOWED"),
            ("sandbox_slow", &transfer, "NOT_ALLOWED"),
            ("sandbox_other", &card, "UNKNOWN"),
            ("", &card, "UNKNOWN"),
        ] {
            assert_eq!(code(wish(method), of_event), Err(("method".into(), wrong)), "{method}");
        }
        assert!(wish("sandbox_slow").choose(&card, &[]).is_err(), "another gateway does not have it");
    }

    #[test]
    fn a_payer_is_sent_to_pages_only() {
        let parse = |url: &str| PaymentWish::parse(None, Some(url.to_owned()));
        assert!(parse("https://shop.example/paid?booking=1").is_ok());
        for wrong in
            ["", "/paid", "javascript:alert(1)", "ftp://shop.example", "https://a@shop.example", "https://x\ny"]
        {
            assert_eq!(parse(wrong).map_err(|fault| fault.code), Err("INVALID_URL"), "{wrong:?}");
        }
    }

    #[test]
    fn a_request_is_known_by_what_it_asks_for() {
        let booking = BookingId::generate();
        let first = wish("card").fingerprint(booking);
        assert_eq!(first, wish("card").fingerprint(booking));
        for other in [wish("sandbox_slow").fingerprint(booking), wish("card").fingerprint(BookingId::generate())] {
            assert_ne!(first, other);
        }
        // Said or not, it is a card; but it is another request.
        assert_ne!(first, PaymentWish::default().fingerprint(booking));
    }
}
