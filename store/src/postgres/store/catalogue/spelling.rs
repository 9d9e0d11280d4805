//! Spelling correction: words of the catalogue that are a typing error away from what was typed.
//!
//! The catalogue's words are a table with two indexes that find candidates: one of trigrams, and for short words, in which a slip leaves
//! few trigrams whole, one of what is left of a word without one of its letters. How many keys apart two words really are is counted here.

use std::{collections::BTreeMap, ops::Range};

use tokio_postgres::types::Type;

use crate::postgres::{connection::Statements, rows::StoreError};

/// Words of a text that are looked up; a text with more is no slip of the finger.
const WORDS_MAX: usize = 6;
/// Spellings that are tried beside the one that was typed.
const SPELLINGS_MAX: usize = 3;

const SIMILAR: &str = "SELECT w.place, w.word, s.term FROM ( \
        SELECT place, fold(word) AS word FROM unnest($1::text[]) WITH ORDINALITY AS typed (word, place) OFFSET 0 \
    ) AS w CROSS JOIN LATERAL ( \
        (SELECT term, similarity(term, w.word) AS alike FROM search_terms WHERE term % w.word \
        ORDER BY alike DESC, term LIMIT 20) \
        UNION \
        (SELECT term, similarity(term, w.word) AS alike FROM search_terms WHERE one_letter_less(term) && one_letter_less(w.word) \
        ORDER BY alike DESC, term LIMIT 20) \
    ) AS s ORDER BY w.place, s.alike DESC, s.term";

/// The text as it was typed and as it may have been meant. Nothing when no word of the catalogue is near.
pub(super) async fn spellings(client: &impl Statements, text: &str) -> Result<Option<Vec<String>>, StoreError> {
    let places = words(text);
    let typed: Vec<&str> = places.iter().map(|place| &text[place.clone()]).collect();
    if typed.is_empty() {
        return Ok(None);
    }
    let mut near = vec![Near::default(); typed.len()];
    for row in client.query_typed(SIMILAR, &[(&typed, Type::TEXT_ARRAY)]).await? {
        let (place, word, term): (i64, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if let Some(near) = usize::try_from(place).ok().and_then(|place| near.get_mut(place.saturating_sub(1))) {
            near.consider(word, term);
        }
    }
    let others = combine(text, &places, &near);
    Ok((!others.is_empty()).then(|| std::iter::once(text.to_owned()).chain(others).collect()))
}

/// What the catalogue has near a word.
#[derive(Clone, Debug, Default)]
struct Near {
    known: bool,
    /// By distance; among equals the more similar first.
    terms: BTreeMap<usize, Vec<String>>,
}

impl Near {
    fn consider(&mut self, word: &str, term: &str) {
        match strsim::osa_distance(word, term) {
            0 => self.known = true,
            distance if distance <= slips(word) => self.terms.entry(distance).or_default().push(term.to_owned()),
            _ => {}
        }
    }

    fn nth(&self, n: usize) -> Option<&str> {
        self.terms.values().flatten().nth(n).map(String::as_str)
    }
}

/// How many slips a word may have: the shorter, the fewer, or everything is near everything.
fn slips(word: &str) -> usize {
    match word.chars().count() {
        0..3 => 0,
        3..6 => 1,
        _ => 2,
    }
}

/// Other texts, the likeliest first. When some words are unknown, these are the ones that are wrong. When all are known, each may
/// be: somebody may have misspelt it in a title as well.
fn combine(text: &str, places: &[Range<usize>], near: &[Near]) -> Vec<String> {
    let mut others: Vec<String> = Vec::new();
    let unknown: Vec<usize> = (0..near.len()).filter(|index| !near[*index].known).collect();
    if unknown.is_empty() {
        for (index, near) in near.iter().enumerate() {
            others.extend(near.nth(0).map(|term| replaced(text, places, |at| (at == index).then_some(term))));
        }
    }
    for n in 0..SPELLINGS_MAX {
        if unknown.iter().any(|index| near[*index].nth(n).is_some()) {
            let choose = |index: usize| unknown.contains(&index).then(|| near[index].nth(n).or(near[index].nth(0)));
            others.push(replaced(text, places, |index| choose(index).flatten()));
        }
    }
    others.truncate(SPELLINGS_MAX);
    others
}

fn replaced<'a>(text: &str, places: &[Range<usize>], by: impl Fn(usize) -> Option<&'a str>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut end = 0;
    for (index, place) in places.iter().enumerate() {
        result.push_str(&text[end..place.start]);
        result.push_str(by(index).unwrap_or(&text[place.clone()]));
        end = place.end;
    }
    result + &text[end..]
}

/// Where the words are that should be in a title: not those after `-`, and not the `or` between two.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut begin = None;
    let ends = text.char_indices().chain(std::iter::once((text.len(), ' ')));
    for (at, letter) in ends {
        match (letter.is_alphanumeric(), begin) {
            (true, None) => begin = Some(at),
            (false, Some(start)) => {
                let word = &text[start..at];
                let before = text[..start].trim_end_matches('"').strip_suffix('-');
                let unwanted = before.is_some_and(|before| !before.ends_with(char::is_alphanumeric));
                let joint = word.eq_ignore_ascii_case("or") || word.chars().all(char::is_numeric);
                if !unwanted && !joint && slips(word) > 0 {
                    found.push(start..at);
                }
                begin = None;
            }
            _ => {}
        }
    }
    found.truncate(WORDS_MAX);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(word: &str, terms: &[&str]) -> Near {
        let mut near = Near::default();
        terms.iter().for_each(|term| near.consider(word, term));
        near
    }

    fn combined(text: &str, near: &[Near]) -> Vec<String> {
        combine(text, &words(text), near)
    }

    #[test]
    fn wanted_words_are_found_and_nothing_else() {
        let text = "\"Große Oper\" or jazz -rock 2026 ab hip-hop";
        let found: Vec<_> = words(text).into_iter().map(|place| &text[place]).collect();
        assert_eq!(found, ["Große", "Oper", "jazz", "hip", "hop"]);
    }

    #[test]
    fn unknown_words_are_replaced_and_known_ones_stay() {
        let words = [near("konzret", &["konzert", "konkret", "kontakt"]), near("berlin", &["berlin", "merlin"])];
        assert_eq!(combined("Konzret Berlin", &words), ["konzert Berlin", "konkret Berlin"]);
        assert_eq!(combined("-mozart Konzret Berlin", &words)[0], "-mozart konzert Berlin");
    }

    #[test]
    fn of_known_words_each_may_be_the_wrong_one() {
        let words = [near("jaz", &["jaz", "jazz"]), near("nacht", &["nacht", "macht"])];
        assert_eq!(combined("jaz nacht", &words), ["jazz nacht", "jaz macht"]);
    }

    #[test]
    fn short_words_have_fewer_slips() {
        assert!(near("ort", &["orgel", "mord"]).nth(0).is_none());
        assert_eq!(near("symfonie", &["symphonie"]).nth(0), Some("symphonie"));
        assert!(combined("zzz", &[near("zzz", &[])]).is_empty());
    }
}
