//! What is looked at: some names all the time, most of them hardly ever.

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
    /// Up to which part of all asking each one's share goes.
    up_to: Vec<f64>,
}

impl Questions {
    /// About these events, the first of which are edited.
    pub(super) fn new(events: Vec<String>) -> Self {
        let edited: Vec<String> = events.iter().take(EDITED).cloned().collect();
        let mut all = Self { edited, questions: Vec::new(), up_to: Vec::new() };
        let details = events.iter().enumerate().map(|(place, id)| {
            let shows = if place < EDITED { Shows::Event(place) } else { Shows::Anything };
            Question { path: format!("/api/v1/events/{id}"), shows }
        });
        all.add(0.60, details);
        let list = |limit| Question { path: format!("/api/v1/events?sort=title&limit={limit}"), shows: Shows::All };
        all.add(0.15, LIMITS.map(list));
        let others = ["startsAt", "-startsAt", "price", "-createdAt"].into_iter().flat_map(|sort| {
            LIMITS.map(move |limit| Question {
                path: format!("/api/v1/events?sort={sort}&limit={limit}"),
                shows: Shows::Anything,
            })
        });
        all.add(0.10, others);
        let anything = |path: String| Question { path, shows: Shows::Anything };
        all.add(0.05, (1..=50).map(|limit| anything(format!("/api/v1/venues?limit={limit}"))));
        // Kept in the process only, and not kept at all.
        all.add(0.05, (1..=100).map(|limit| anything(format!("/api/v1/events?q=edited&limit={limit}"))));
        all.add(0.05, (1..=50).map(|limit| anything(format!("/api/v1/events?available=true&limit={limit}"))));
        all
    }

    /// Adds questions which together have this share; the first one is asked most often, the second half as often, and so on.
    fn add(&mut self, share: f64, questions: impl Iterator<Item = Question>) {
        let before = self.up_to.last().copied().unwrap_or_default();
        let first = self.questions.len();
        self.questions.extend(questions);
        let weights: Vec<f64> = (1..=self.questions.len() - first).map(|rank| 1.0 / rank as f64).collect();
        let whole: f64 = weights.iter().sum();
        let mut sum = 0.0;
        for weight in weights {
            sum += weight;
            self.up_to.push(before + share * sum / whole);
        }
    }

    /// The question with this number; the same one each time.
    pub(super) fn of(&self, number: u64) -> &Question {
        let place = (scattered(number) >> 11) as f64 / (1u64 << 53) as f64 * self.up_to.last().copied().unwrap_or(1.0);
        let found = self.up_to.partition_point(|up_to| *up_to <= place);
        &self.questions[found.min(self.questions.len() - 1)]
    }

    /// The events that are edited.
    pub(super) fn edited(&self) -> &[String] {
        &self.edited
    }
}

/// SplitMix64: neighbours become strangers.
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn few_are_asked_often_and_most_hardly_ever() {
        let questions = Questions::new((0..2000).map(|number| number.to_string()).collect());
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
