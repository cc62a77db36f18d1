//! Says why an item of a field can't be read. Reads nothing itself: it is asked once the parser has refused.

use crate::expression::{BadSchedule, short};
use crate::field::Field;
use std::ops::Range;

/// Why an item can't be read, and the piece of it that is to blame.
pub(crate) fn explain(field: Field, item: &str, span: Range<usize>) -> BadSchedule {
    let (label, values) = (field.label(), field.values());
    if item.is_empty() {
        return BadSchedule::new(
            span,
            format!("an item of the list is empty: a comma too many in the {label}; {values}"),
        );
    }
    if item.contains('?') {
        let reason = match field.is_of_days() {
            true => "`?` stands alone",
            false => "`?` is for day and weekday only; write `*`",
        };
        return BadSchedule::new(span, format!("{:?} is no {label}: {reason}", short(item)));
    }
    let (low, high) = field.bounds();
    let mut start = span.start;
    let mut is_step = false;
    for piece in item.split_inclusive(['-', '/', '#']) {
        let word = piece.trim_end_matches(['-', '/', '#']);
        let at = start..start + word.len();
        start += piece.len();
        let number = word.parse::<u32>().ok();
        let is_digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let is_bad_step = is_step
            && is_digits
            && !number.is_some_and(|step| (1..=field.longest_step()).contains(&step));
        if is_bad_step {
            let longest = field.longest_step();
            return BadSchedule::new(
                at,
                format!(
                    "{} is no step for the {label}: steps are 1 to {longest}",
                    short(word)
                ),
            );
        }
        // What stands behind `L-` or `#` counts something else.
        let counts_values = !is_step
            && !item[..at.start - span.start].ends_with('#')
            && !item.starts_with(['L', 'l']);
        let is_bad_value = is_digits
            && counts_values
            && !number.is_some_and(|value| (low..=high).contains(&value));
        if is_bad_value {
            return BadSchedule::new(at, format!("{} is no {label}: {values}", short(word)));
        }
        let is_word = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
        let is_known =
            word.eq_ignore_ascii_case("LW") || field.has_name(&word.to_ascii_uppercase());
        if is_word && !is_known {
            return BadSchedule::new(at, format!("{:?} is no {label}: {values}", short(word)));
        }
        is_step = piece.ends_with('/');
    }
    let reversed = match item.split_once('-') {
        Some((from, to)) if field == Field::Year => {
            from.parse::<u32>().ok() > to.parse::<u32>().ok()
        }
        _ => false,
    };
    if reversed {
        return BadSchedule::new(
            span,
            format!(
                "{:?} goes backwards; a range of years can't go round the end",
                short(item)
            ),
        );
    }
    let article = if field == Field::Hour { "an" } else { "a" };
    let forms = match field {
        Field::Day => "`*`, `5`, `5-9`, `*/3`, `5/3`, `L`, `L-3`, `LW` or `15W`",
        Field::Weekday => "`*`, `2`, `MON-FRI`, `*/3`, `L`, `6L` or `6#3`",
        _ => "`*`, a number, a range such as `5-9` or a step such as `*/3`",
    };
    BadSchedule::new(
        span,
        format!(
            "{:?} can't be read as {article} {label}: write {forms}; {values}",
            short(item)
        ),
    )
}
