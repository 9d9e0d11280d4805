//! Lines of one request that want seats of the same sections: whether there is any way to share them out. Which seats each line then gets,
//! the reference does not say.

use domain::ledger::Entry;

use super::{
    plans::SECTIONS,
    reference::{Reference, Taken, section_of},
    steps::{LineSpec, Places},
};
use crate::support::builders::seat_id;

/// A free seat, whichever it is: see [`Reference::told`].
const ANY_SEAT: usize = usize::MAX;

impl Reference<'_> {
    /// The same where one line was given what another needs: some seats of each, if there is any way to share them out.
    pub fn shared_out(&self, lines: &[LineSpec], named: &[Taken]) -> Option<Vec<Taken>> {
        let is_named = |seat| named.iter().any(|(_, of)| *of == Some(seat));
        let is_free = |seat: &usize| self.keepers(*seat).is_empty() && !is_named(*seat);
        let mut free: Vec<u32> = SECTIONS.iter().map(|_| 0).collect();
        (0..SECTIONS.iter().sum()).filter(is_free).for_each(|seat| free[section_of(seat).unwrap()] += 1);
        let asked = lines.iter().filter_map(|line| match &line.places {
            Places::Best(asked) => Some((*asked, self.spec.types[line.ticket_type].sections.clone().unwrap_or(0..0))),
            _ => None,
        });
        // Seat by seat, every way.
        fn fits(wanted: &[(u32, std::ops::Range<usize>)], free: &mut [u32]) -> bool {
            let Some(((asked, sections), rest)) = wanted.split_first() else { return true };
            if *asked == 0 {
                return fits(rest, free);
            }
            let less = [&[(*asked - 1, sections.clone())], rest].concat();
            sections.clone().filter(|section| *section < SECTIONS.len()).any(|section| {
                if free[section] == 0 {
                    return false;
                }
                free[section] -= 1;
                let fits = fits(&less, free);
                free[section] += 1;
                fits
            })
        }
        let places = lines.iter().flat_map(|line| match &line.places {
            Places::Best(asked) => vec![(line.ticket_type, Some(ANY_SEAT)); *asked as usize],
            _ => named.iter().filter(|(kind, _)| *kind == line.ticket_type).copied().collect(),
        });
        fits(&asked.collect::<Vec<_>>(), &mut free).then(|| places.collect())
    }

    /// The places with the seats of the entry, where any would do. Fails for one that is not free, or not of the ticket type.
    pub fn told(&self, entry: &Entry, places: Vec<Taken>) -> Result<Vec<Taken>, String> {
        let mut told: Vec<Taken> = Vec::with_capacity(places.len());
        for ((kind, seat), item) in places.into_iter().zip(entry.items().iter()) {
            if seat != Some(ANY_SEAT) {
                told.push((kind, seat));
                continue;
            }
            let id = item.seat.as_ref().map(|seat| seat.id);
            let given = (0..SECTIONS.iter().sum()).find(|seat| Some(seat_id(*seat)) == id).ok_or("no seat")?;
            let sections = self.spec.types[kind].sections.clone().unwrap_or(0..0);
            let is_sold = section_of(given).is_some_and(|section| sections.contains(&section));
            if !is_sold || !self.keepers(given).is_empty() || told.iter().any(|(_, of)| *of == Some(given)) {
                return Err(format!("ticket type {kind} was given seat {given}"));
            }
            told.push((kind, Some(given)));
        }
        Ok(told)
    }
}
