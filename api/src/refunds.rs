//! Money that goes back: of a booking for its buyer, and for those who run its event.

pub(crate) mod endpoints;

use std::sync::Arc;

use application::{app::App, bookings, manage::event_of};
use boxoffice_http::{lists::ListRequest, problem::Problem, reply::Reply, request::Request};
use domain::{
    ids::{AccountId, BookingId, CancellationId, EventId, PaymentId, RefundId},
    lists::declared,
    money::Money,
    payments::{
        books::Refund,
        refund::{RefundCause, RefundState},
    },
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::manage::manager;

/// Money that goes back, or has gone back.
#[derive(Serialize, ToSchema)]
#[schema(as = Refund)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundJson<'a> {
    id: RefundId,
    booking_id: BookingId,
    /// The payment that is given back, or a part of it.
    payment_id: PaymentId,
    amount: Money,
    status: RefundStatusJson,
    reason: &'a str,
    created_at: Timestamp,
    /// When its status last changed.
    updated_at: Timestamp,
}

/// Where a refund is. One that has `SUCCEEDED` may still be `FAILED` days later, when the bank returns the money.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = RefundStatus)]
#[serde(rename_all = "UPPERCASE")]
enum RefundStatusJson {
    Pending,
    Succeeded,
    Failed,
}

impl From<RefundState> for RefundStatusJson {
    fn from(state: RefundState) -> Self {
        match state {
            RefundState::Pending => Self::Pending,
            RefundState::Succeeded => Self::Succeeded,
            RefundState::Failed => Self::Failed,
        }
    }
}

impl<'a> From<&'a Refund> for RefundJson<'a> {
    fn from(refund: &'a Refund) -> Self {
        Self {
            id: refund.id,
            booking_id: refund.booking_id,
            payment_id: refund.payment_id,
            amount: refund.amount,
            status: refund.state.into(),
            reason: &refund.reason,
            created_at: refund.created_at,
            updated_at: refund.updated_at,
        }
    }
}

/// The refunds of a booking, the oldest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Refunds)]
pub(super) struct RefundsJson<'a> {
    data: Vec<RefundJson<'a>>,
}

/// What a refund is for.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = RefundCause)]
#[serde(rename_all = "UPPERCASE")]
enum CauseJson {
    /// Places were cancelled.
    Tickets,
    /// An amount, and nothing was cancelled.
    Amount,
    /// The money paid for nothing: it came too late, or twice.
    Unneeded,
}

/// A refund as those see it who run the event.
#[derive(Serialize, ToSchema)]
#[schema(as = ManagedRefund)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ManagedRefundJson<'a> {
    #[serde(flatten)]
    refund: RefundJson<'a>,
    event_id: EventId,
    cause: CauseJson,
    /// Paid back without the payment gateway.
    by_hand: bool,
    /// The cancellation that it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancellation_id: Option<CancellationId>,
    /// Who asked for it. Left out when it follows from something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    requested_by: Option<AccountId>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    failure: Option<&'a str>,
    /// The refund that was made in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    replaced_by: Option<RefundId>,
}

impl<'a> From<&'a Refund> for ManagedRefundJson<'a> {
    fn from(refund: &'a Refund) -> Self {
        Self {
            refund: refund.into(),
            event_id: refund.event_id,
            cause: match refund.cause {
                RefundCause::Tickets => CauseJson::Tickets,
                RefundCause::Amount => CauseJson::Amount,
                RefundCause::Unneeded => CauseJson::Unneeded,
            },
            by_hand: refund.by_hand,
            cancellation_id: refund.cancellation_id,
            requested_by: refund.account_id,
            failure: refund.failure.as_deref(),
            replaced_by: refund.replaced_by,
        }
    }
}

/// `GET /bookings/{id}/refunds`
async fn list(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let booking = bookings::own_booking(&app, request.caller()?.account, request.id::<BookingId>("id")?).await?;
    let refunds = app.store.refunds_of(booking.id).await?;
    Reply::ok(&RefundsJson { data: refunds.iter().map(RefundJson::from).collect() })
}

/// `GET …/events/{id}/refunds`
async fn list_of_event(app: Arc<App>, request: Request) -> Result<Reply, Problem> {
    let (by, event) = (manager(&request)?, request.id::<EventId>("id")?);
    let list = ListRequest::read(&request, &declared::REFUNDS)?;
    event_of(&app, &by, event).await?;
    let page = app.store.refunds_of_event(event, &list.query).await?;
    list.reply(&page, ManagedRefundJson::from)
}
