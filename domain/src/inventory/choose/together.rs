//! Lines that want seats of the same sections, where to serve one after the other does not work: the first takes what only the next one
//! could use.
//!
//! Sections that are wanted by the same lines are alike, so they are counted as one group. How many seats each line takes of each group
//! is a flow: each line is put where there is room, and if there is none, those before it move on to where they find some (augmenting
//! paths). So the request is granted exactly if there is any way to grant it. Then each line gets the best seats of its groups.

use std::collections::{HashMap, VecDeque};

use super::{super::seats::Draft, Inventory, Places, item};
use crate::{bookings::Item, events::TicketType};

/// Sections that the same lines want.
struct Group {
    /// Which lines: a bit each.
    lines: u32,
    /// By their places on the map, the best first.
    sections: Vec<usize>,
    free: u32,
}

impl Inventory {
    /// One item a place, in the order of the lines; nothing when there is no way to serve all of them.
    pub(super) fn items_together(&self, lines: &[(&TicketType, Places)]) -> Option<Vec<Item>> {
        let mut draft = Draft::new(&self.seats);
        for (_, places) in lines {
            if let Places::Named(seats) = places {
                seats.iter().for_each(|seat| draft.give(*seat));
            }
        }
        let mut given = give_best(&mut draft, lines)?;
        // What is left of a whole section, once the lines that want a number of seats have them.
        for (line, (_, places)) in lines.iter().enumerate() {
            if let Places::Whole(sections) = places {
                given[line] = draft.give_free(sections);
                if given[line].is_empty() {
                    return None;
                }
            }
        }
        let mut items = Vec::new();
        for ((ticket_type, places), seats) in lines.iter().zip(&given) {
            match places {
                Places::Unseated(quantity) => items.extend((0..*quantity).map(|_| item(ticket_type, None))),
                Places::Named(seats) => items.extend(self.seated(ticket_type, seats)),
                Places::Best(..) | Places::Whole(_) => items.extend(self.seated(ticket_type, seats)),
            }
        }
        Some(items)
    }
}

/// The seats of each line that wants the best.
fn give_best(draft: &mut Draft<'_>, lines: &[(&TicketType, Places)]) -> Option<Vec<Vec<usize>>> {
    let groups = groups(draft, lines);
    let wanted: Vec<u32> =
        lines.iter().map(|(_, places)| if let Places::Best(asked, _) = places { *asked } else { 0 }).collect();
    let taken = allot(&wanted, &groups)?;
    let mut given = vec![Vec::new(); lines.len()];
    for (line, taken) in taken.iter().enumerate() {
        for (group, count) in groups.iter().zip(taken).filter(|(_, count)| **count > 0) {
            given[line].extend(draft.give_best(&group.sections, *count).ok()?);
        }
    }
    Some(given)
}

fn groups(draft: &mut Draft<'_>, lines: &[(&TicketType, Places)]) -> Vec<Group> {
    let mut wanted_by: HashMap<usize, u32> = HashMap::new();
    for (line, (_, places)) in lines.iter().enumerate() {
        if let Places::Best(_, sections) = places {
            sections.iter().for_each(|section| *wanted_by.entry(*section).or_default() |= 1 << line);
        }
    }
    let mut sections: Vec<_> = wanted_by.into_iter().collect();
    sections.sort_unstable();
    let mut groups: Vec<Group> = Vec::new();
    for (section, lines) in sections {
        let free = draft.free(section);
        match groups.iter_mut().find(|group| group.lines == lines) {
            Some(group) => {
                group.sections.push(section);
                group.free += free;
            }
            None => groups.push(Group { lines, sections: vec![section], free }),
        }
    }
    groups
}

/// How many seats each line takes of each group; nothing when there are too few, however they are shared out.
fn allot(wanted: &[u32], groups: &[Group]) -> Option<Vec<Vec<u32>>> {
    let mut taken = vec![vec![0; groups.len()]; wanted.len()];
    let mut free: Vec<u32> = groups.iter().map(|group| group.free).collect();
    // Those who have the least choice first, so that hardly anybody has to move.
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let choice =
        |line: &usize| groups.iter().filter(|group| group.lines >> line & 1 == 1).map(|group| group.free).sum::<u32>();
    order.sort_by_key(choice);
    for line in order {
        let mut left = wanted[line];
        // All of it in one group, if one has room: a line is not torn without need.
        let roomy = (0..groups.len()).find(|group| groups[*group].lines >> line & 1 == 1 && free[*group] >= left);
        if let Some(group) = roomy {
            (taken[line][group], free[group]) = (left, free[group] - left);
            continue;
        }
        while left > 0 {
            left -= augment(line, left, groups, &mut taken, &mut free)?;
        }
    }
    Some(taken)
}

/// Takes up to `left` more seats for a line along the shortest way to a group with room; how many these are.
fn augment(line: usize, left: u32, groups: &[Group], taken: &mut [Vec<u32>], free: &mut [u32]) -> Option<u32> {
    // By which line each group was reached, and by which group each line.
    let mut reached_by = vec![None; groups.len()];
    let mut moved_from = vec![None; taken.len()];
    let mut waiting = VecDeque::from([line]);
    while let Some(who) = waiting.pop_front() {
        for group in 0..groups.len() {
            if groups[group].lines >> who & 1 == 0 || reached_by[group].is_some() {
                continue;
            }
            reached_by[group] = Some(who);
            if free[group] > 0 {
                return Some(shift(line, (group, left), (&reached_by[..], &moved_from[..]), taken, free));
            }
            for other in 0..taken.len() {
                if taken[other][group] > 0 && other != line && moved_from[other].is_none() {
                    moved_from[other] = Some(group);
                    waiting.push_back(other);
                }
            }
        }
    }
    None
}

/// Moves as many as all steps of the way back from `group` to `line` allow.
fn shift(
    line: usize,
    (group, left): (usize, u32),
    (reached_by, moved_from): (&[Option<usize>], &[Option<usize>]),
    taken: &mut [Vec<u32>],
    free: &mut [u32],
) -> u32 {
    let mut way = Vec::new();
    let (mut to, mut count) = (group, left.min(free[group]));
    while let Some(who) = reached_by[to] {
        let from = if who == line { None } else { moved_from[who] };
        way.push((who, from, to));
        let Some(from) = from else { break };
        count = count.min(taken[who][from]);
        to = from;
    }
    free[group] -= count;
    for (who, from, to) in way {
        taken[who][to] += count;
        if let Some(from) = from {
            taken[who][from] -= count;
        }
    }
    count
}
