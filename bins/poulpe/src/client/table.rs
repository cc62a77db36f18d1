//! How answers are shown to people: tables, moments, JSON. Asks nobody.

use comfy_table::{ContentArrangement, Table, presets};
use poulpe_core::{Timestamp, wire};
use serde_json::Value;

pub(crate) use crate::output::print;

/// The text of a control character is no business of a terminal: a job's name may hold what moves its cursor.
fn harmless(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Prints rows under a heading; nothing but the heading if there are none.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    // Through a pipe every row is one line.
    if let Ok(size) = rustix::termios::tcgetwinsize(std::io::stdout()) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(size.ws_col);
    }
    table.set_header(heads.map(str::to_uppercase));
    for row in rows {
        table.add_row(row.map(|cell| harmless(&cell)));
    }
    print(&format!("{table}\n"));
}

/// Prints the daemon's answer for scripts.
pub(crate) fn print_json(value: &Value) {
    print(&format!("{value:#}\n"));
}

/// A field as text: nothing for what isn't there.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A moment to the second, and how far it is from now.
pub(crate) fn moment(value: &Value, now: Timestamp) -> String {
    let Some(text) = value.as_str() else {
        return String::new();
    };
    let Ok(at) = wire::parse_rfc3339(text) else {
        return text.to_string();
    };
    let seconds = (at.as_millis() - now.as_millis()) / 1_000;
    let day = text.get(..19).unwrap_or(text).replace('T', " ");
    match seconds {
        0 => day,
        1.. => format!("{day} (in {})", span(seconds)),
        _ => format!("{day} ({} ago)", span(-seconds)),
    }
}

/// Seconds in their two largest units.
pub(crate) fn span(seconds: i64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|(size, _)| seconds >= *size);
    let Some(first) = first else {
        return "0 s".into();
    };
    let mut rest = seconds;
    let parts = units[first..].iter().take(2).map(|(size, unit)| {
        let count = rest / size;
        rest -= count * size;
        (count, unit)
    });
    let parts: Vec<_> = parts.collect();
    let shown = parts.iter().filter(|(count, _)| *count > 0);
    let shown: Vec<String> = shown
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_two_largest_units() {
        assert_eq!(span(0), "0 s");
        assert_eq!(span(59), "59 s");
        assert_eq!(span(3_661), "1 h 1 min");
        assert_eq!(span(3_600), "1 h");
        assert_eq!(span(90_061), "1 d 1 h");
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(harmless("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
