//! Rate limiting of requests that take places: counted by their result.
//!
//! One costs its account one of the tier `bookings` if it takes places, or may have: when its outcome is open. One that takes
//! none, because it was refused, costs one of the tier `api` instead: so nobody has to pay for what they did not get, and nobody
//! asks without bound. A repetition costs nothing. An account that has none left in `bookings` still gets the answers that it was given before, by their keys.

use std::time::Instant;

use application::limits::{Client, Tier};
use http::StatusCode;

use super::{Dispatcher, Target};
use crate::{
    problem::Problem,
    problem_codes::Code,
    rate_limits::{Asker, Fields, Limits},
    reply::{IDEMPOTENT_REPLAYED, Reply},
    request::Request,
};

impl Dispatcher {
    /// Runs the handler of a row that takes places, for an account.
    pub(super) async fn serve_places<'a>(
        &'a self,
        limits: &'a Limits,
        target: &Target,
        mut request: Request,
        client: Client,
    ) -> (Option<Fields<'a>>, Result<Reply, Problem>) {
        let mut refused = None;
        if limits.has_left(Tier::Bookings, client, request.arrived) {
            let counted = limits.count(Tier::Bookings, client, request.arrived);
            match limits.settle(|| Asker::of(&request, client.account), Tier::Bookings, counted).await {
                (fields, Ok(())) => {
                    let result = self.run(target, request).await;
                    if took_places(&result) {
                        return (fields, result);
                    }
                    if is_replay(&result) {
                        return (limits.give_back(Tier::Bookings, client).await.unwrap_or(fields), result);
                    }
                    return (limits.exchange(client).await.unwrap_or(fields), result);
                }
                (fields, Err(problem)) => refused = Some((fields, Err(problem))),
            }
        }
        let asker = Asker::of(&request, client.account);
        if limits.admits(Tier::Api, client, request.arrived).await {
            request.may_take_places = false;
            let result = self.run(target, request).await;
            if is_replay(&result) {
                limits.give_back(Tier::Api, client).await;
            }
            if !matches!(&result, Err(problem) if problem.code() == Code::RateLimited) {
                return (limits.standing(Tier::Bookings, client), result);
            }
        } else {
            Box::pin(request.discard_body()).await;
        }
        match refused {
            Some(refused) => refused,
            None => {
                let counted = limits.count(Tier::Bookings, client, Instant::now());
                let (fields, outcome) = limits.settle(|| asker, Tier::Bookings, counted).await;
                // Admitted in the last moment, when the request has been refused: it may come again at once.
                (fields, Err(outcome.err().unwrap_or_else(|| Problem::new(Code::RateLimited))))
            }
        }
    }
}

/// Whether places were taken, or may have been.
fn took_places(result: &Result<Reply, Problem>) -> bool {
    match result {
        Ok(reply) => reply.status() == StatusCode::CREATED && !is_replay(result),
        Err(problem) => match problem.code() {
            Code::DeadlineExceeded | Code::Internal => true,
            // The commit may be on its way, or the answer was lost after it.
            Code::Unavailable => !problem.is_unbegun(),
            _ => false,
        },
    }
}

/// Whether the answer was given before, to the same key.
pub(super) fn is_replay(result: &Result<Reply, Problem>) -> bool {
    result.as_ref().is_ok_and(|reply| reply.headers().contains_key(&IDEMPOTENT_REPLAYED))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actors::{inventories::AskError, inventory::Denial};
    use domain::refusal::Refusal;

    use super::*;
    use application::bookings::BookingError;

    const WAIT: Duration = Duration::from_secs(1);

    /// Watches that only who was sent away at the door gets an allowance back: behind it a commit may be on its way.
    #[test]
    fn an_open_outcome_may_have_taken_places_and_a_refusal_has_not() {
        let late = AskError::Unavailable { reason: "no answer in time".to_owned(), retry_after: WAIT };
        for (error, may_have) in [
            (AskError::Overloaded { retry_after: WAIT }, false),
            (late, true),
            (Denial::Unavailable("the ledger is away".to_owned()).into(), true),
            (Denial::TooLate.into(), true),
            (Denial::Refused(Refusal::HoldGone).into(), false),
        ] {
            let text = error.to_string();
            assert_eq!(took_places(&Err(BookingError::from(error).into())), may_have, "{text}");
        }
        let created = || Reply::empty(StatusCode::CREATED);
        assert!(took_places(&Ok(created())) && !took_places(&Ok(created().replayed())));
    }
}
