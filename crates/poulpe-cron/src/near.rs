//! What may have been meant by a misspelt name. Only makes errors more helpful.

/// The name nearest to what was written, if it is near enough.
pub(crate) fn nearest(written: &str, names: impl Iterator<Item = String>) -> Option<String> {
    const MAX: usize = 64;
    if written.len() > MAX {
        return None;
    }
    let written = written.to_ascii_lowercase();
    let limit = 1 + written.len() / 6;
    names
        .filter(|name| name.len() <= MAX)
        .filter_map(|name| {
            let lower = name.to_ascii_lowercase();
            // A city without its continent is the usual mistake.
            let is_tail = lower.rsplit('/').next() == Some(written.as_str());
            let distance = if is_tail {
                0
            } else {
                distance(&written, &lower)
            };
            (distance <= limit).then_some((distance, name))
        })
        .min()
        .map(|(_, name)| name)
}

/// How many bytes must be changed, added or left out.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.bytes()) {
            let changed = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = changed.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood_and_other_words_are_not() {
        let names = || {
            ["Asia/Shanghai", "Europe/Berlin", "UTC"]
                .map(String::from)
                .into_iter()
        };
        for (written, meant) in [
            ("Asia/Shangai", Some("Asia/Shanghai")),
            ("europe/berlni", Some("Europe/Berlin")),
            ("Berlin", Some("Europe/Berlin")),
            ("UCT", None),
            ("Mars/Olympus", None),
        ] {
            assert_eq!(nearest(written, names()).as_deref(), meant, "{written}");
        }
    }
}
