//! Where one group is seated.

use domain::refusal::Refusal;

use super::house::{House, best, gives};
use crate::support::builders::type_id;

/// Guards: the order of sections and rows in a search.
#[test]
fn the_best_row_with_enough_neighbours_is_taken() {
    gives(&["......", "......"], 6, &["######", "......"]);
    gives(&["..xx..", "......"], 4, &["..xx..", "####.."]);
    gives(&["xxx", "...", "", "..."], 3, &["xxx", "###", "", "..."]);
    gives(&["xxx", "..x", "", "x..", "..."], 3, &["xxx", "..x", "", "x..", "###"]);
}

/// Guards: `min_by_key` of `in_row`.
#[test]
fn within_a_row_the_middle_is_nearest_and_the_left_goes_first() {
    gives(&[".........."], 2, &["....##...."]);
    gives(&["..........."], 2, &["....##....."]);
    gives(&["..........."], 3, &["....###...."]);
    gives(&["...xxxxx......"], 2, &["...xxxxx##...."]);
}

/// Guards: `Run::is_clean` on both sides, and that clean places of other rows go before.
#[test]
fn no_single_seat_is_left_when_another_place_avoids_it() {
    gives(&["....."], 3, &["###.."]);
    gives(&["x....x"], 2, &["x##..x"]);
    gives(&["x.....x"], 2, &["x##...x"]);
    gives(&["x......x"], 2, &["x..##..x"]);
    // In the row's other run, in another row, in another section.
    gives(&["x...x..x"], 2, &["x...x##x"]);
    gives(&["...", "...."], 2, &["...", "##.."]);
    gives(&["...", "", "..."], 3, &["###", "", "..."]);
    gives(&["...", "", ".."], 2, &["...", "", "##"]);
    // One place may be asked for too.
    gives(&["...x", "..xx", "x.xx"], 1, &["..#x", "..xx", "x.xx"]);
    gives(&["..xx", "x.xx"], 1, &["..xx", "x#xx"]);
}

/// Guards: the second round of `best_group`.
#[test]
fn a_single_seat_is_left_when_every_place_does() {
    gives(&["...", "x...x"], 2, &["##.", "x...x"]);
    gives(&["x..x"], 1, &["x#.x"]);
}

/// Guards: the gap that `columns` keeps, in `runs` and for singles.
#[test]
fn nobody_sits_together_across_an_aisle() {
    gives(&["..|..", "xx|.."], 2, &["##|..", "xx|.."]);
    gives(&["..|..", "...|x"], 3, &["..|..", "###|x"]);
    gives(&["....|..x"], 3, &[".###|..x"]);
    gives(&[".A|...."], 4, &[".A|####"]);
}

/// Guards: the order of pools. Beside an accessible seat sits its guest's company.
#[test]
fn accessible_seats_and_those_beside_them_are_given_last() {
    gives(&["..A..", "....."], 3, &["..A..", "###.."]);
    gives(&["...A.", "x.xxx"], 2, &["##.A.", "x.xxx"]);
    gives(&[".A.", "..x"], 2, &[".A.", "##x"]);
    // One ordinary seat is left for two: the company's go before the accessible one.
    gives(&[".A..", "xxxx"], 1, &[".A.#", "xxxx"]);
    gives(&[".A..", "xxxx"], 2, &[".A##", "xxxx"]);
    gives(&["xA.x"], 1, &["xA#x"]);
    gives(&["xA.x"], 2, &["x##x"]);
    gives(&["xAxx"], 1, &["x#xx"]);
    // Being together is no reason: ordinary seats apart go before accessible ones side by side.
    gives(&["AA.x", ".x.x"], 2, &["AA.x", "#x#x"]);
    // A seat beside an accessible one that is taken stays what it is.
    gives(&[".Xx.."], 2, &[".Xx##"]);
    gives(&[".Xx.."], 3, &["#Xx##"]);
}

/// Guards: that a single seat is one without any free neighbour, whatever neighbour that is.
#[test]
fn a_seat_beside_a_free_accessible_one_is_not_alone() {
    gives(&["x...A.x"], 1, &["x#..A.x"]);
    gives(&["x....A.x"], 2, &["x##..A.x"]);
}

/// Guards: the largest group first in `give_best`, and that each next one sees what the first was given.
#[test]
fn a_group_that_fits_nowhere_is_split_over_as_few_places_as_possible() {
    gives(&["..x.", "...x"], 4, &["..x#", "###x"]);
    gives(&["..x..x.", "x....xx"], 6, &["..x##x.", "x####xx"]);
    gives(&[".x.x."], 2, &["#x#x."]);
    gives(&["..x..", "", "..x.."], 8, &["##x##", "", "##x##"]);
}

/// Guards: the counts of `Room`, and that a refusal takes nothing.
#[test]
fn too_few_seats_are_refused_as_a_whole() {
    let mut house = House::draw(&["..x.", "xxA."]);
    for _ in 0..2 {
        let refused = house.ask([best(0, 6)]).unwrap_err();
        assert_eq!(refused, Refusal::SoldOut { ticket_type_id: type_id(0), left: 5, asked: 6 });
    }
    assert_eq!(house.ask([best(0, 5)]).unwrap().items().len(), 5);
    let refused = house.ask([best(0, 1)]).unwrap_err();
    assert_eq!(refused, Refusal::SoldOut { ticket_type_id: type_id(0), left: 0, asked: 1 });
}

/// Guards: runs across words, groups above 64, and rows beyond the first block.
#[test]
fn wide_rows_and_tall_houses_are_houses_too() {
    let (wide, full) = (".".repeat(150), "x".repeat(150));
    let middle = format!("{}{}{}", ".".repeat(25), "#".repeat(100), ".".repeat(25));
    gives(&[&full, &wide], 100, &[&full, &middle]);
    let broken = format!("{}x{}", ".".repeat(70), ".".repeat(71));
    let beside = format!("{}x{}", ".".repeat(70), "#".repeat(71));
    gives(&[&broken], 71, &[&beside]);
    let mut rows = vec!["x.x.x"; 200];
    rows[150] = "x..xx";
    let mut after = rows.clone();
    after[150] = "x##xx";
    gives(&rows, 2, &after);
}

/// Guards: what a row's summary can count. Blocks are larger than bookings, and rows longer than 255 seats.
#[test]
fn a_row_that_has_room_for_a_large_block_is_given_to_it() {
    let row = ".".repeat(300);
    for (quantity, left, right) in [(250, 25, 25), (256, 22, 22), (290, 5, 5), (298, 1, 1), (300, 0, 0)] {
        let mut house = House::draw(&[&row, &row, &row]);
        let entry = house.keep_back(quantity).unwrap();
        let given = format!("{}{}{}", ".".repeat(left), "#".repeat(quantity as usize), ".".repeat(right));
        // 298 in the middle leave a single seat at each end, and there is no place that leaves none.
        let expected = if quantity == 298 { format!("{}..", "#".repeat(298)) } else { given };
        assert_eq!(house.with(entry.items()), [expected.as_str(), &row, &row], "{quantity}");
    }
    let mut house = House::draw(&[&row, &row]);
    let entry = house.keep_back(310).unwrap();
    let rest = format!("{}{}{}", ".".repeat(145), "#".repeat(10), ".".repeat(145));
    assert_eq!(house.with(entry.items()), ["#".repeat(300), rest]);
}
