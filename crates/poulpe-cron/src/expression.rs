//! Reads the seven fields of an expression, or a name such as `@hourly`, and says what is wrong with those that can't be
//! read, and where. Evaluates nothing; schedules and files are built on it.

use crate::explain::explain;
use crate::field::Field;
use crate::part::{self, Part};
use crate::problem::Problem;
use std::ops::Range;

/// Why an expression is refused: a sentence, and the bytes of the text that are to blame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadSchedule {
    /// The bytes of the text that are to blame.
    pub span: Range<usize>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl BadSchedule {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        // Some messages quote what was written.
        let message = message.into().replace(char::is_control, "\u{fffd}");
        Self { span, message }
    }

    /// `name:1:column: message`, then the text and a caret below what is to blame, as of a file's line.
    pub fn render(&self, name: &str, text: &str) -> String {
        Problem::at(1, text, &self.span, self.message.as_str()).render(name)
    }
}

/// A word of a line, and where it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'a> {
    pub(crate) start: usize,
    pub(crate) text: &'a str,
}

impl Word<'_> {
    pub(crate) fn span(&self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }
}

/// The words of a text that lies `base` bytes into its line: what blanks and tabs separate.
pub(crate) fn words(text: &str, base: usize) -> impl Iterator<Item = Word<'_>> {
    let mut start = 0;
    text.split([' ', '\t']).filter_map(move |word| {
        let at = start;
        start += word.len() + 1;
        let is_word = !word.is_empty();
        is_word.then_some(Word {
            start: base + at,
            text: word,
        })
    })
}

/// What the seven fields are, each as the parts of its list.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    /// The seven lists, in the order of [`Field::ALL`].
    pub(crate) parts: [Vec<Part>; 7],
    /// The fields in their one form: capitals, single blanks, `*` for `?`, no leading zeros.
    pub(crate) normal: String,
}

/// The most items in one list: more than there are years.
const MAX_ITEMS: usize = 200;

impl Expression {
    /// Reads an expression that stands alone.
    pub(crate) fn parse(text: &str) -> Result<Self, BadSchedule> {
        let words: Vec<Word> = words(text, 0).take(9).collect();
        let whole = 0..text.len();
        match words.as_slice() {
            [] => Err(BadSchedule::new(whole, format!("no fields; {FORM}"))),
            [name] if name.text.starts_with('@') => Self::named(*name),
            [a, b, c, d, e, f, g] => Self::fields(&[*a, *b, *c, *d, *e, *f, *g]),
            [first, .., last] if words.len() == 5 || words.len() == 6 => {
                let span = first.start..last.span().end;
                Err(BadSchedule::new(span, short_form(&words)))
            }
            [.., last] => {
                let count = if words.len() > 8 {
                    "more than eight".into()
                } else {
                    words.len().to_string()
                };
                Err(BadSchedule::new(
                    last.span(),
                    format!("{count} fields instead of seven; {FORM}"),
                ))
            }
        }
    }

    /// Reads a name such as `@hourly`.
    pub(crate) fn named(word: Word) -> Result<Self, BadSchedule> {
        let name = word.text.to_ascii_lowercase();
        let Some((_, fields)) = NAMES.iter().find(|(known, _)| *known == name) else {
            let advice = match name.as_str() {
                "@reboot" => "poulpe has no @reboot: a fire time is a point in time".into(),
                "@every" => {
                    "write an interval as a step, such as `*/5 * * * * * *` for every five seconds"
                        .into()
                }
                _ => {
                    let known: Vec<&str> = NAMES.iter().map(|(known, _)| *known).collect();
                    format!("names are {}", known.join(", "))
                }
            };
            return Err(BadSchedule::new(
                word.span(),
                format!("{:?} is no name of a schedule; {advice}", short(word.text)),
            ));
        };
        Self::parse(fields)
    }

    /// Reads seven fields.
    pub(crate) fn fields(words: &[Word; 7]) -> Result<Self, BadSchedule> {
        let mut parts: [Vec<Part>; 7] = Default::default();
        let mut normal = String::new();
        for ((field, word), parts) in Field::ALL.into_iter().zip(words).zip(&mut parts) {
            let form = normal_form(word.text);
            let mut start = word.start;
            for (number, item) in word.text.split(',').enumerate() {
                let span = start..start + item.len();
                start = span.end + 1;
                if number >= MAX_ITEMS {
                    return Err(BadSchedule::new(
                        span,
                        format!("more than {MAX_ITEMS} items in one list"),
                    ));
                }
                let is_any = item == "?" && word.text == "?" && field.is_of_days();
                let upper = if is_any {
                    "*".into()
                } else {
                    item.to_ascii_uppercase()
                };
                match part::read(field, &upper) {
                    Some(part) => parts.push(part),
                    None => return Err(explain(field, item, span)),
                }
            }
            if !normal.is_empty() {
                normal.push(' ');
            }
            normal += &form;
        }
        Ok(Self { parts, normal })
    }
}

/// What an error shows as the right form.
pub(crate) const FORM: &str =
    "write seven: `sec min hour day month weekday year`, such as `0 30 2 * * MON-FRI *`";

/// The names, and the fields that they stand for.
const NAMES: [(&str, &str); 9] = [
    ("@secondly", "* * * * * * *"),
    ("@minutely", "0 * * * * * *"),
    ("@hourly", "0 0 * * * * *"),
    ("@daily", "0 0 0 * * * *"),
    ("@midnight", "0 0 0 * * * *"),
    ("@weekly", "0 0 0 * * SUN *"),
    ("@monthly", "0 0 0 1 * * *"),
    ("@yearly", "0 0 0 1 1 * *"),
    ("@annually", "0 0 0 1 1 * *"),
];

/// What five or six fields would be as seven.
pub(crate) fn short_form(words: &[Word]) -> String {
    match words {
        [minute, hour, day, month, weekday] => {
            let [minute, hour, day, month] =
                [minute, hour, day, month].map(|word| short(word.text));
            let weekday = short(&renamed(weekday.text));
            format!(
                "five fields, as of a classic crontab; poulpe takes seven: `0 {minute} {hour} {day} {month} {weekday} *` \
                 (sec min hour day month weekday year; weekday 1 is Sunday)"
            )
        }
        _ => {
            let fields: Vec<String> = words.iter().map(|word| short(word.text)).collect();
            format!(
                "six fields; poulpe takes seven, the last is the year: `{} *` (sec min hour day month weekday year)",
                fields.join(" ")
            )
        }
    }
}

/// The weekdays of a classic crontab, where 0 and 7 are Sunday, by their names.
fn renamed(weekdays: &str) -> String {
    const SHORT: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];
    let mut named = String::new();
    let mut is_step = false;
    for character in weekdays.chars() {
        let name = character
            .to_digit(10)
            .and_then(|digit| SHORT.get(digit as usize));
        match name {
            Some(name) if !is_step => named += name,
            _ => named.push(character),
        }
        is_step = matches!(character, '/' | '#') || (is_step && character != ',');
    }
    named
}

/// One way to write each field: it is what a schedule's id is made of.
fn normal_form(field: &str) -> String {
    let mut form = String::with_capacity(field.len());
    let mut rest = field;
    while let Some(character) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (run, after) = rest.split_at(digits.max(character.len_utf8()));
        let is_any = field == "?";
        match (digits, is_any) {
            (0, true) => form.push('*'),
            (0, false) => form += &run.to_ascii_uppercase(),
            _ => {
                form += match run.trim_start_matches('0') {
                    "" => "0",
                    number => number,
                }
            }
        }
        rest = after;
    }
    form
}

/// The beginning of a text that may be long.
pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}
