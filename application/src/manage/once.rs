//! Idempotency keys of requests that create something: each is done once, and answered the same each time.

use std::future::Future;

use domain::{
    bookings::{Fingerprint, IdempotencyKey},
    ids::AccountId,
    management::requests::{Creation, FirstAnswer, Standing},
};
use uuid::Uuid;

use super::ManageError;
use crate::app::App;

/// A request that creates something, as its client names it.
#[derive(Clone, Debug)]
pub struct NamedRequest {
    pub key: IdempotencyKey,
    /// What it asks for.
    pub fingerprint: Fingerprint,
}

/// What was made; [`told`] gives the answer.
#[derive(Debug)]
pub struct Made {
    pub id: Uuid,
    /// Whether an earlier request with the same key has made it.
    pub replayed: bool,
    /// What that one was answered.
    answer: Option<FirstAnswer>,
    /// Under which the answer is to be kept.
    key: Option<IdempotencyKey>,
}

/// Makes something once. The key is looked up before anything that time or state can change, such as whether a time is in the future: so
/// `make` judges that, and a repetition is answered as the first time. Behind the look-up `owned` judges whether there is what it is made for, and
/// whose: before that nothing is noted. `make` is given the id, and must do nothing if there is such a thing already: a request that broke off
/// after its commit is repeated with the same id. Until it is [`told`], the request is under way.
pub async fn once<F>(
    app: &App,
    account: AccountId,
    request: Option<NamedRequest>,
    creates: Creation,
    owned: impl Future<Output = Result<(), ManageError>> + Send,
    make: impl FnOnce(Uuid) -> F + Send,
) -> Result<Made, ManageError>
where
    F: Future<Output = Result<(), ManageError>> + Send,
{
    let new = Uuid::now_v7();
    let Some(NamedRequest { key, fingerprint }) = request else {
        make(new).await?;
        return Ok(Made { id: new, replayed: false, answer: None, key: None });
    };
    let standing = match app.store.find_request(account, &key, fingerprint, creates).await? {
        Some(standing) => standing,
        None => {
            owned.await?;
            app.store.begin_request(account, &key, fingerprint, new).await?
        }
    };
    let id = match standing {
        Standing::Begun(id) => id,
        Standing::Done(id, answer) => return Ok(Made { id, replayed: true, answer, key: Some(key) }),
        Standing::InProgress => return Err(ManageError::InProgress),
        Standing::Reused => return Err(ManageError::KeyReused),
    };
    match make(id).await {
        Ok(()) => Ok(Made { id, replayed: false, answer: None, key: Some(key) }),
        Err(error) => {
            // An answer that said nothing about the outcome leaves the key: its repetition finds out, with the same id. So does a refusal,
            // or a roll-back, of a try that is not the first: it is an outcome of this one, and that of the earlier one is still open.
            if id == new && error.says_that_nothing_was_made() {
                noted(app.store.forget_request(account, &key).await);
            }
            Err(error)
        }
    }
}

/// The answer: the first one, if that is known. Otherwise it is what `show` reads, and is kept.
pub async fn told<E>(
    app: &App,
    account: AccountId,
    made: Made,
    show: impl Future<Output = Result<FirstAnswer, E>> + Send,
) -> Result<FirstAnswer, E> {
    let Made { answer, key, .. } = made;
    if let Some(answer) = answer {
        return Ok(answer);
    }
    let shown = show.await;
    if let Some(key) = key {
        let kept = shown.as_ref().ok().filter(|answer| answer.body.len() <= FirstAnswer::BODY_MAX);
        noted(app.store.finish_request(account, &key, kept).await);
    }
    shown
}

fn noted(end: domain::repositories::Found<()>) {
    if let Err(error) = end {
        tracing::warn!(%error, "the end of a request can't be noted; a repetition within a minute has to wait");
    }
}
