//! Ports to the catalogue as organizers and admins change it. Everything that is changed has a revision, which grows with each
//! change, so that nobody overwrites what they have not seen.
//!
//! Implementations check in one transaction whose event it is, the revision and the rules, and write; what an admin does is to be
//! noted in the audit log in the same transaction.

pub mod catalogue;
pub mod events;
pub mod pricing;
pub mod requests;
pub mod seat_maps;
pub mod series;

use crate::{
    audit::Actor,
    events::{lifecycle::StepRefused, offering::BrokenRule, sales::BelowTaken},
    ids::AccountId,
    repository_error::RepositoryError,
    validation::FieldError,
};

/// Whose events somebody may see and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Their own. Another organizer's event does not exist for them.
    Own,
    All,
}

/// Who manages, and from where.
#[derive(Clone, Debug)]
pub struct Manager {
    pub account: AccountId,
    pub reach: Reach,
    /// For the audit log.
    pub actor: Actor,
}

impl Manager {
    /// The organizer whose events it must be; nothing for those who manage everybody's.
    pub fn only(&self) -> Option<AccountId> {
        (self.reach == Reach::Own).then_some(self.account)
    }
}

/// The revisions that a change may be based on; `None` for anyone who wants to change whatever is there.
pub type Expected = Option<Revisions>;

/// Some revisions, any of which will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revisions {
    /// Those that are there come first; a revision is never negative.
    any: [i32; Self::MAX],
}

impl Revisions {
    /// Most that are told apart. A client has seen one, or perhaps two that it can't tell which of is the latest.
    pub const MAX: usize = 8;
    const NONE: i32 = -1;

    /// These; nothing if there are none, or too many.
    pub fn new(revisions: impl IntoIterator<Item = i32>) -> Option<Self> {
        let mut any = [Self::NONE; Self::MAX];
        let mut places = any.iter_mut();
        for revision in revisions {
            *places.next()? = revision;
        }
        (any[0] != Self::NONE).then_some(Self { any })
    }

    /// This one and no other.
    pub fn only(revision: i32) -> Self {
        let mut any = [Self::NONE; Self::MAX];
        any[0] = revision;
        Self { any }
    }

    pub fn has(&self, revision: i32) -> bool {
        revision != Self::NONE && self.any.contains(&revision)
    }
}

/// What stands against a change. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The event can't take the step.
    #[error(transparent)]
    Step(#[from] StepRefused),
    /// It would be published at a time at which it may not be.
    #[error("{0}")]
    Schedule(BrokenRule),
    /// What is published, or will be, would break rules between the event and what it sells; at least one.
    #[error("{}", in_words(.0))]
    Broken(Vec<BrokenRule>),
    /// The event, as it is, can't be changed so.
    #[error("{0}")]
    Event(&'static str),
    /// Fewer places than are taken.
    #[error(transparent)]
    BelowTaken(#[from] BelowTaken),
    /// Something else needs it.
    #[error("{0}")]
    InUse(&'static str),
    /// Occurrences of the series begin at these times already.
    #[error("the series has an occurrence that begins then")]
    Repeated(Vec<jiff::Timestamp>),
    /// Another one has this slug.
    #[error("the slug {0:?} is taken")]
    SlugTaken(String),
    /// The event has another promo code of this name.
    #[error("the event has another code {0:?}")]
    CodeTaken(String),
    /// A ticket type sells sections that there would be no more.
    #[error("ticket type {0:?} would have no section left to sell: give it another one, or delete it, first")]
    NoSectionLeft(String),
    /// Somebody has a seat that would not stay where it is.
    #[error(transparent)]
    SeatsMoved(#[from] seat_maps::SeatsMoved),
}

fn in_words(broken: &[BrokenRule]) -> String {
    broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Conflict {
    /// Of a ticket type that was ever taken.
    pub const PLACES_STAY: Self =
        Self::InUse("places of the ticket type are or were taken: its quota and its sections stay");
    /// The same, when it is to be deleted.
    pub const TYPE_STAYS: Self = Self::InUse("places of the ticket type are or were taken");
    /// Of a ticket type that is to be deleted: a code that names no other one would be for all of them.
    pub const TYPE_IS_NAMED: Self = Self::InUse("a promo code names the ticket type");
    /// Of a promo code that is to be called otherwise, or deleted.
    pub const CODE_STAYS: Self = Self::InUse("the code is or was used: it keeps its name, and can only be ended");
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such thing, or it is somebody else's.
    #[error("not found")]
    NotFound,
    /// It may be seen and used, but it is for others to change.
    #[error("{0}")]
    Forbidden(&'static str),
    /// It was changed since it was read.
    #[error("changed meanwhile")]
    Stale,
    /// Something stands against it.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// It refers to what there is not.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl From<FieldError> for ChangeError {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}

/// What a change has led to.
pub type Changed<T = ()> = Result<T, ChangeError>;
