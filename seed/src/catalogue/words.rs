//! What events are called, in three languages.

use serde::Deserialize;

use super::dice::Dice;
use crate::{
    SeedError,
    data::{Choices, DataFile},
};

static WORDS: DataFile<Words> = DataFile::new("words.json", include_str!("../../data/words.json"));

/// A language that events are written in.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Language {
    English,
    German,
    French,
}

/// The same in each language.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ByLanguage<T> {
    english: T,
    german: T,
    french: T,
}

impl<T> ByLanguage<T> {
    pub(super) fn of(&self, language: Language) -> &T {
        match language {
            Language::English => &self.english,
            Language::German => &self.german,
            Language::French => &self.french,
        }
    }
}

/// What titles and texts are put together from.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// The commonest first.
    pub(super) categories: Choices<Category>,
    /// Of any category.
    pub(super) tags: Choices<String>,
    first_names: Choices<String>,
    last_names: Choices<String>,
    summaries: ByLanguage<Choices<String>>,
    /// How descriptions begin.
    openings: ByLanguage<Choices<String>>,
    /// How descriptions end.
    closings: ByLanguage<Choices<String>>,
}

/// A kind of event, with what it is found by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Category {
    pub(super) slug: String,
    pub(super) tags: Choices<String>,
    /// From the cheapest to the dearest seat, in the currency's main unit.
    pub(super) prices: (u32, u32),
    /// `{}` is the name of who is on stage.
    titles: ByLanguage<Choices<String>>,
}

impl Words {
    pub(super) fn read() -> Result<&'static Self, SeedError> {
        WORDS.get()
    }

    /// A title.
    pub(super) fn title(&self, category: &Category, language: Language, dice: &mut Dice) -> String {
        dice.any(category.titles.of(language)).replace("{}", &self.artist(dice))
    }

    /// One sentence on an event.
    pub(super) fn summary(&self, language: Language, dice: &mut Dice) -> &str {
        dice.any(self.summaries.of(language)).as_str()
    }

    /// All there is to say on an event.
    pub(super) fn description(&self, language: Language, dice: &mut Dice) -> String {
        let (openings, closings) = (self.openings.of(language), self.closings.of(language));
        format!("{} {} {}", dice.any(openings), self.artist(dice), dice.any(closings))
    }

    fn artist(&self, dice: &mut Dice) -> String {
        format!("{} {}", dice.common(&self.first_names), dice.common(&self.last_names))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn categories_have_names_of_their_own_and_titles_a_gap_for_one() {
        let words = Words::read().unwrap();
        let slugs: HashSet<_> = words.categories.iter().map(|category| &category.slug).collect();
        assert_eq!(slugs.len(), words.categories.len());
        for category in words.categories.iter() {
            let ByLanguage { english, german, french } = &category.titles;
            let without: Vec<_> = [english, german, french].into_iter().flat_map(|titles| titles.iter()).collect();
            let without: Vec<_> = without.into_iter().filter(|title| !title.contains("{}")).collect();
            assert!(without.is_empty() && category.prices.0 <= category.prices.1, "{}: {without:?}", category.slug);
        }
    }
}
