//! Reads the line of an entry: its time, name, METHOD and params. Knows no line above it; the reader of files does.

use crate::expression::{BadSchedule, FORM, Word, short, short_form, words};
use crate::field::Field;
use crate::part;
use crate::schedule::Schedule;
use poulpe_job::{Kind, Params};
use std::ops::Range;

/// What an entry's own line says.
pub(crate) struct Line<'a> {
    pub(crate) schedule: Schedule,
    /// Where the fields stand.
    pub(crate) fields: Range<usize>,
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) params: Params,
}

/// Reads the line of an entry.
pub(crate) fn read(text: &str) -> Result<Line<'_>, BadSchedule> {
    let words: Vec<Word> = words(text, 0).take(9).collect();
    let (schedule, fields, rest) = match words.as_slice() {
        [name, rest @ ..] if name.text.starts_with('@') => {
            (Schedule::from_name(*name)?, name.span(), rest)
        }
        [a, b, c, d, e, f, g, rest @ ..] => {
            let read = Schedule::from_fields(&[*a, *b, *c, *d, *e, *f, *g]);
            let schedule = read.map_err(|bad| too_short(&words).unwrap_or(bad))?;
            (schedule, a.start..g.span().end, rest)
        }
        _ => {
            let reason = format!("this is no entry: {FORM}, then name, METHOD and params");
            let bad = BadSchedule::new(0..text.len(), reason);
            return Err(too_short(&words).unwrap_or(bad));
        }
    };
    let missing = |what: &str| {
        let reason =
            format!("the {what} is missing: behind the time stand name, METHOD and params");
        BadSchedule::new(text.len()..text.len(), reason)
    };
    let name = rest.first().ok_or_else(|| missing("name"))?;
    let method = rest.get(1).ok_or_else(|| missing("METHOD"))?;
    if !is_kind(method.text) {
        let advice = match is_known_kind(name.text) {
            true => "the name stands before the METHOD",
            false => "write GET, POST, EXEC, MAIL_TO or the kind of a plugin",
        };
        let reason = format!("{:?} is no METHOD: {advice}", short(method.text));
        return Err(BadSchedule::new(method.span(), reason));
    }
    let kind = Kind::new(method.text);
    // Blanks before the params only align columns; everything from their first character on is exact.
    let params = text.get(method.span().end..).unwrap_or_default();
    let params = params.trim_start_matches([' ', '\t']);
    let params_span = text.len() - params.len()..text.len();
    Ok(Line {
        schedule,
        fields,
        params: read_params(&kind, params)
            .map_err(|reason| BadSchedule::new(params_span, reason))?,
        kind,
        name: name.text,
    })
}

/// As in a task: the arguments of a command may be an array, where exact words matter.
fn read_params(kind: &Kind, params: &str) -> Result<Params, String> {
    let is_array = *kind == Kind::EXEC && params.starts_with('[');
    if !is_array {
        return Ok(Params::Text(params.into()));
    }
    match serde_json::from_str::<Vec<String>>(params.trim_end()) {
        Ok(words) => Ok(Params::List(words)),
        Err(error) if params.starts_with("[\"") => {
            Err(format!("this is no JSON array of strings: {error}"))
        }
        Err(_) => Ok(Params::Text(params.into())),
    }
}

fn is_known_kind(word: &str) -> bool {
    [Kind::GET, Kind::POST, Kind::EXEC, Kind::MAIL_TO].contains(&Kind::new(word))
}

fn is_kind(word: &str) -> bool {
    const MAX: usize = 64;
    word.len() <= MAX
        && word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}

/// Whether a line that can't be read has five or six fields: where its method stands tells, or where its words stop
/// being fields.
fn too_short(words: &[Word]) -> Option<BadSchedule> {
    let count = [5, 6].into_iter().find(|count| {
        let has_method_there = words
            .get(count + 1)
            .is_some_and(|word| is_known_kind(word.text));
        let is_field = |word: &Word| {
            Field::ALL
                .iter()
                .any(|field| word.text.split(',').all(|item| is_item(*field, item)))
        };
        let fields = words.iter().take_while(|word| is_field(word)).count();
        has_method_there || (fields == *count && words.len() > *count)
    })?;
    let fields = words.get(..count)?;
    let span = fields.first()?.start..fields.last()?.span().end;
    Some(BadSchedule::new(span, short_form(fields)))
}

fn is_item(field: Field, item: &str) -> bool {
    item == "?" || part::read(field, &item.to_ascii_uppercase()).is_some()
}
