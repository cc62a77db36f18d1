//! What is wrong with a line of a cron file, and how it is shown. Decides nothing; the reader of files makes them.

use std::ops::Range;

/// How much of a long line is shown on either side of what is wrong, in characters.
const SIDE: usize = 70;

/// What is wrong with a line, or with a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 when the file as a whole is to blame.
    pub line: usize,
    /// The first character that is to blame, from 1; 0 when the file as a whole is.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
    /// The line, or what is around the column if it is long.
    excerpt: String,
    /// Characters of the excerpt before those to blame.
    before: usize,
    /// How many characters are to blame.
    length: usize,
}

impl Problem {
    /// The file as a whole.
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self {
            line: 0,
            column: 0,
            message: message.into(),
            excerpt: String::new(),
            before: 0,
            length: 0,
        }
    }

    /// Some bytes of a line.
    pub(crate) fn at(
        line: usize,
        text: &str,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        let count = |range: Range<usize>| text.get(range).map_or(0, |part| part.chars().count());
        let start = span.start.min(text.len());
        let column = count(0..start);
        let length = count(start..span.end.clamp(start, text.len())).max(1);
        let first = column.saturating_sub(SIDE);
        let mut excerpt: String = text.chars().skip(first).take(2 * SIDE).collect();
        if text.chars().nth(first + 2 * SIDE).is_some() {
            excerpt.push('…');
        }
        let mut before = column - first;
        if first > 0 {
            excerpt.insert(0, '…');
            before += 1;
        }
        Self {
            line,
            column: column + 1,
            message: message.into(),
            before,
            length: length.min(2 * SIDE),
            excerpt,
        }
    }

    /// `file:line:column: message`, then the line and a caret below what is to blame. Ends with a line break.
    pub fn render(&self, file: &str) -> String {
        if self.line == 0 {
            return format!("{file}: {}\n", self.message);
        }
        // A terminal is not to be steered by a file; a tab keeps its width in both lines.
        let shown = |character: char| match character {
            '\t' => '\t',
            control if control.is_control() => '\u{fffd}',
            other => other,
        };
        let text: String = self.excerpt.chars().map(shown).collect();
        let padding: String = text
            .chars()
            .take(self.before)
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        let carets = "^".repeat(
            self.length
                .min(text.chars().count().saturating_sub(self.before))
                .max(1),
        );
        format!(
            "{file}:{}:{}: {}\n    {text}\n    {padding}{carets}\n",
            self.line, self.column, self.message
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_what_is_to_blame() {
        let problem = Problem::at(7, "é\t60 * *", &(3..5), "60 is no second");
        assert_eq!(
            problem.render("a.cron"),
            "a.cron:7:3: 60 is no second\n    é\t60 * *\n     \t^^\n"
        );
    }

    #[test]
    fn what_is_missing_at_the_end_has_a_caret_behind_the_line() {
        let problem = Problem::at(1, "a b", &(3..3), "more");
        assert_eq!(problem.render("f"), "f:1:4: more\n    a b\n       ^\n");
    }

    #[test]
    fn a_long_line_is_cut_around_the_column() {
        let line = format!("{}X{}", "a".repeat(10_000), "b".repeat(10_000));
        let shown = Problem::at(1, &line, &(10_000..10_001), "m").render("f");
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].len() < 200, "{shown}");
        assert_eq!(
            lines[1].chars().nth(lines[2].chars().count() - 1),
            Some('X')
        );
    }

    #[test]
    fn a_file_does_not_steer_the_terminal() {
        assert!(
            !Problem::at(1, "\u{1b}[2J", &(0..1), "m")
                .render("f")
                .contains('\u{1b}')
        );
    }
}
