//! The same rules without any memory: every place of every group is looked at, every time.

/// Section, row, column.
pub type Place = (usize, usize, usize);

type Drawing = Vec<Vec<Vec<char>>>;

fn is_free(row: &[char], column: Option<usize>) -> bool {
    column.and_then(|column| row.get(column)).is_some_and(|sign| ".A".contains(*sign))
}

/// 0 for an ordinary seat, 1 beside an accessible one, 2 for an accessible one.
fn class(row: &[char], column: usize) -> usize {
    let accessible = |column: Option<usize>| column.and_then(|at| row.get(at)).is_some_and(|sign| "AX".contains(*sign));
    if accessible(Some(column)) {
        2
    } else {
        usize::from(accessible(column.checked_sub(1)) || accessible(Some(column + 1)))
    }
}

/// Whether the group leaves a free seat alone.
fn orphans(row: &[char], at: usize, group: usize) -> bool {
    let left = is_free(row, at.checked_sub(1)) && !is_free(row, at.checked_sub(2));
    let right = is_free(row, Some(at + group)) && !is_free(row, Some(at + group + 1));
    left || right
}

fn free(drawing: &Drawing, sections: &[usize], pool: usize) -> usize {
    let rows = sections.iter().flat_map(|section| &drawing[*section]);
    let of = |row: &Vec<char>| {
        (0..row.len()).filter(|column| is_free(row, Some(*column)) && class(row, *column) <= pool).count()
    };
    rows.map(of).sum()
}

fn best_group(drawing: &Drawing, sections: &[usize], group: usize, pool: usize) -> Option<Place> {
    let mut places = Vec::new();
    for section in sections {
        for (number, row) in drawing[*section].iter().enumerate() {
            for at in 0..(row.len() + 1).saturating_sub(group) {
                if (at..at + group).all(|column| is_free(row, Some(column)) && class(row, column) <= pool) {
                    let from_middle = (2 * at + group).abs_diff(row.len());
                    places.push((orphans(row, at, group), *section, number, from_middle, at));
                }
            }
        }
    }
    places.into_iter().min().map(|(_, section, row, _, at)| (section, row, at))
}

/// Takes the best seats from the drawing and tells them; or how many are left, and takes none.
pub fn take_best(drawing: &mut Drawing, sections: &[usize], quantity: usize) -> Result<Vec<Place>, usize> {
    let pool = (0..=2).find(|pool| free(drawing, sections, *pool) >= quantity);
    let pool = pool.ok_or_else(|| free(drawing, sections, 2))?;
    let mut places = Vec::new();
    while places.len() < quantity {
        let left = quantity - places.len();
        let group = (1..=left).rev().find_map(|group| Some((group, best_group(drawing, sections, group, pool)?)));
        let (group, (section, row, at)) = group.unwrap();
        for sign in &mut drawing[section][row][at..at + group] {
            *sign = if *sign == 'A' { 'X' } else { 'x' };
        }
        places.extend((at..at + group).map(|column| (section, row, column)));
    }
    Ok(places)
}
