//! The life of an event: from which status it may go to which, and what must hold for that.

use jiff::Timestamp;

use super::EventStatus;

/// A step in the life of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Becomes public at once.
    Publish,
    /// Becomes public at a later time.
    Schedule,
    /// Is nobody's business any more.
    Unpublish,
    /// Will not take place.
    Cancel,
    /// Is put away.
    Archive,
}

impl Step {
    pub const ALL: [Self; 5] = [Self::Publish, Self::Schedule, Self::Unpublish, Self::Cancel, Self::Archive];

    /// The name for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Publish => "published",
            Step::Schedule => "scheduled",
            Step::Unpublish => "unpublished",
            Step::Cancel => "cancelled",
            Step::Archive => "archived",
        }
    }
}

impl EventStatus {
    /// Where a step leads; nothing where it can't be taken. There is no way back from cancelled and archived events: people
    /// were told.
    pub fn after(self, step: Step) -> Option<EventStatus> {
        use EventStatus::{Archived, Cancelled, Draft, Published, Scheduled};
        Some(match (self, step) {
            (Draft | Scheduled, Step::Publish) => Published,
            (Draft | Scheduled, Step::Schedule) => Scheduled,
            (Scheduled | Published, Step::Unpublish) => Draft,
            (Scheduled | Published, Step::Cancel) => Cancelled,
            (Published | Cancelled, Step::Archive) => Archived,
            _ => return None,
        })
    }

    /// Whether what it says may still be changed.
    pub fn is_editable(self) -> bool {
        matches!(self, EventStatus::Draft | EventStatus::Scheduled | EventStatus::Published)
    }
}

/// What is known of an event that is about to take a step.
#[derive(Clone, Copy, Debug)]
pub struct Situation {
    pub status: EventStatus,
    pub ends_at: Timestamp,
    /// Whether something is sold: it has a ticket type.
    pub has_ticket_types: bool,
    /// Whether somebody has, or had, a booking, or holds places now.
    pub has_sales: bool,
    /// Whether bookings of it are still being cancelled.
    pub is_cancelling: bool,
}

/// Why an event can't take a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepRefused {
    #[error("an event that is {} can't be {}", .from.as_str(), .step.as_str())]
    NotFrom { from: EventStatus, step: Step },
    #[error("an event without ticket types can't be published")]
    NothingToSell,
    /// Its end has passed.
    #[error("the event is over")]
    Over,
    /// Its end has not come.
    #[error("an event that is not over can only be cancelled")]
    NotOver,
    /// Somebody has bought.
    #[error("the event has bookings or holds: it can only be cancelled")]
    HasSales,
    /// Its bookings are being cancelled.
    #[error("the bookings of the event are still being cancelled")]
    Cancelling,
}

impl Situation {
    /// Where the step leads at `now`.
    pub fn after(&self, step: Step, now: Timestamp) -> Result<EventStatus, StepRefused> {
        let to = self.status.after(step).ok_or(StepRefused::NotFrom { from: self.status, step })?;
        match step {
            Step::Publish | Step::Schedule if !self.has_ticket_types => Err(StepRefused::NothingToSell),
            Step::Publish | Step::Schedule if self.ends_at <= now => Err(StepRefused::Over),
            Step::Unpublish if self.has_sales => Err(StepRefused::HasSales),
            Step::Archive if self.status == EventStatus::Published && now < self.ends_at => Err(StepRefused::NotOver),
            Step::Archive if self.is_cancelling => Err(StepRefused::Cancelling),
            _ => Ok(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table: what is not in it is refused.
    #[test]
    fn every_status_takes_just_the_steps_of_the_table() {
        let table = [
            ("DRAFT", "published", "PUBLISHED"),
            ("DRAFT", "scheduled", "SCHEDULED"),
            ("SCHEDULED", "published", "PUBLISHED"),
            ("SCHEDULED", "scheduled", "SCHEDULED"),
            ("SCHEDULED", "unpublished", "DRAFT"),
            ("SCHEDULED", "cancelled", "CANCELLED"),
            ("PUBLISHED", "unpublished", "DRAFT"),
            ("PUBLISHED", "cancelled", "CANCELLED"),
            ("PUBLISHED", "archived", "ARCHIVED"),
            ("CANCELLED", "archived", "ARCHIVED"),
        ];
        for from in EventStatus::ALL {
            for step in Step::ALL {
                let row = table.iter().find(|row| (row.0, row.1) == (from.as_str(), step.as_str()));
                assert_eq!(from.after(step).map(EventStatus::as_str), row.map(|row| row.2), "{from:?} {step:?}");
            }
        }
    }

    #[test]
    fn what_must_hold_for_a_step() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let plain = Situation {
            status: EventStatus::Published,
            ends_at: at(100),
            has_ticket_types: true,
            has_sales: false,
            is_cancelling: false,
        };
        let draft = Situation { status: EventStatus::Draft, ..plain };
        let cancelled = Situation { status: EventStatus::Cancelled, ..plain };
        for (situation, step, now, expected) in [
            (draft, Step::Publish, 99, Ok(EventStatus::Published)),
            (draft, Step::Publish, 100, Err(StepRefused::Over)),
            (draft, Step::Schedule, 100, Err(StepRefused::Over)),
            (Situation { has_ticket_types: false, ..draft }, Step::Publish, 0, Err(StepRefused::NothingToSell)),
            (plain, Step::Unpublish, 0, Ok(EventStatus::Draft)),
            (Situation { has_sales: true, ..plain }, Step::Unpublish, 0, Err(StepRefused::HasSales)),
            (Situation { has_sales: true, ..plain }, Step::Cancel, 1000, Ok(EventStatus::Cancelled)),
            (plain, Step::Archive, 99, Err(StepRefused::NotOver)),
            (plain, Step::Archive, 100, Ok(EventStatus::Archived)),
            (cancelled, Step::Archive, 0, Ok(EventStatus::Archived)),
            (Situation { is_cancelling: true, ..cancelled }, Step::Archive, 0, Err(StepRefused::Cancelling)),
            (draft, Step::Cancel, 0, Err(StepRefused::NotFrom { from: EventStatus::Draft, step: Step::Cancel })),
        ] {
            assert_eq!(situation.after(step, at(now)), expected, "{situation:?} {step:?} {now}");
        }
    }
}
