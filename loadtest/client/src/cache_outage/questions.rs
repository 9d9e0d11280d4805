//! What is looked at: some names all the time, most of them hardly ever.

use rand::{
    SeedableRng,
    distr::{Distribution, weighted::WeightedIndex},
    rngs::StdRng,
};

/// Events that are edited: the ones that most look at.
const EDITED: usize = 10;
/// Their titles begin with this, so that they are the first of all lists by title.
pub(super) const TITLE: &str = "0 edited ";
/// Pages that a list by title has, from as many entries as are edited to one page's most.
const LIMITS: std::ops::RangeInclusive<usize> = EDITED..=50;

/// What an answer must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// This one of the edited events.
    Event(usize),
    /// All edited events.
    All,
    /// Whatever there is.
    Anything,
}

/// One question.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) path: String,
    pub(super) shows: Shows,
}

/// All questions, and how often each one is asked.
pub(super) struct Questions {
    edited: Vec<String>,
    questions: Vec<Question>,
    shares: WeightedIndex<f64>,
}

impl Questions {
    /// About these events, the first of which are edited.
    pub(super) fn new(events: Vec<String>) -> anyhow::Result<Self> {
        let (mut questions, mut weights) = (Vec::new(), Vec::new());
        // Questions which together have this share; the first one is asked most often, the second half as often, and so on.
        let mut add = |share: f64, more: Vec<Question>| {
            let whole: f64 = (1..=more.len()).map(|rank| 1.0 / rank as f64).sum();
            weights.extend((1..=more.len()).map(|rank| share / rank as f64 / whole));
            questions.extend(more);
        };
        let question = |path: String, shows| Question { path, shows };
        let shows = |place| if place < EDITED { Shows::Event(place) } else { Shows::Anything };
        let details = events.iter().zip(0..).map(|(id, place)| question(format!("/api/v1/events/{id}"), shows(place)));
        add(0.60, details.collect());
        let list = |sort, limit| format!("/api/v1/events?sort={sort}&limit={limit}");
        add(0.15, LIMITS.map(|limit| question(list("title", limit), Shows::All)).collect());
        let others = ["startsAt", "-startsAt", "price", "-createdAt"].into_iter();
        let others = others.flat_map(|sort| LIMITS.map(move |limit| question(list(sort, limit), Shows::Anything)));
        add(0.10, others.collect());
        // Venues; what is kept in the process only; what is not kept at all.
        for (what, most) in [("venues?", 50), ("events?q=edited&", 100), ("events?available=true&", 50)] {
            let all = (1..=most).map(|limit| question(format!("/api/v1/{what}limit={limit}"), Shows::Anything));
            add(0.05, all.collect());
        }
        let edited = events.into_iter().take(EDITED).collect();
        Ok(Self { edited, questions, shares: WeightedIndex::new(weights)? })
    }

    /// The question with this number; the same one each time.
    pub(super) fn of(&self, number: u64) -> &Question {
        &self.questions[self.shares.sample(&mut StdRng::seed_from_u64(number))]
    }

    /// The events that are edited.
    pub(super) fn edited(&self) -> &[String] {
        &self.edited
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn few_are_asked_often_and_most_hardly_ever() {
        let questions = Questions::new((0..2000).map(|number| number.to_string()).collect()).unwrap();
        let mut asked: HashMap<&str, u32> = HashMap::new();
        for number in 0..100_000 {
            *asked.entry(&questions.of(number).path).or_default() += 1;
        }
        let of = |path: &str| asked.get(path).copied().unwrap_or_default();
        assert!((6_500..8_000).contains(&of("/api/v1/events/0")), "{}", of("/api/v1/events/0"));
        assert!((1..20).contains(&of("/api/v1/events/1500")), "{}", of("/api/v1/events/1500"));
        let lists: u32 = asked.iter().filter(|(path, _)| path.contains("sort=title")).map(|(_, count)| count).sum();
        assert!((14_500..15_500).contains(&lists), "{lists}");
    }
}
