//! Payment gateways: adapters of the port `PaymentGateway`.

pub mod sandbox;
pub mod stripe;
