//! `poulpe submit`: hands a task to a running daemon, or many from standard input. Never checks a task; the daemon does.

use super::{ClientFlags, Link, Stop, print_json, refusal};
use clap::Args;
use serde_json::{Map, Value, json};
use std::io::BufRead;
use std::time::Duration;

/// So many tasks of standard input go in one request: what the daemon takes at most is 10,000.
const BATCH: usize = 1_000;
/// The most bytes of tasks in one request; the daemon takes 16 MiB.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// The flags of `submit`.
#[derive(Debug, Args)]
pub(crate) struct SubmitFlags {
    /// GET, POST, EXEC, MAIL_TO or the kind of a plugin; `-` alone reads tasks as JSON from standard input, one on each
    /// line or in an array.
    #[arg(value_name = "METHOD")]
    method: String,

    /// The URL, the command or the mail's name.
    name: Option<String>,

    /// GET: query string. POST: the body. EXEC: arguments. MAIL_TO: a JSON object as text.
    #[arg(long, short)]
    params: Option<String>,

    /// The task's unique name. [default: generated]
    #[arg(long)]
    id: Option<String>,

    /// Seconds until it is due.
    #[arg(long, conflicts_with = "at")]
    delay: Option<f64>,

    /// When it is due, such as 2027-01-31T08:00:00Z.
    #[arg(long)]
    at: Option<String>,

    /// The lanes it may run on, such as "1 3". [default: any]
    #[arg(long)]
    cc: Option<String>,

    /// Wait so many seconds for the result; the exit code then tells how the job ended.
    #[arg(long)]
    wait: Option<f64>,

    /// Seconds an attempt may take.
    #[arg(long)]
    timeout: Option<f64>,

    /// How many failed attempts are followed by another one.
    #[arg(long = "max_retry", alias = "max-retry")]
    max_retry: Option<u32>,

    /// Seconds between a failed attempt and the next.
    #[arg(long = "retry_interval", alias = "retry-interval")]
    retry_interval: Option<f64>,

    /// 0 goes first, 9 last.
    #[arg(long)]
    priority: Option<u8>,

    /// An extra header of GET and POST, such as 'X-Team: a'; may be repeated.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    #[command(flatten)]
    client: ClientFlags,
}

/// Does it.
pub(crate) fn run(flags: &SubmitFlags) -> Result<(), Stop> {
    let link = Link::new(&flags.client);
    match &flags.name {
        Some(name) => one(flags, &link, name),
        None if flags.method == "-" => many(&link, std::io::stdin().lock(), flags.client.json),
        None => Err(Stop::refused(
            "give the URL, the command or the mail's name after the method, or `-` alone to read tasks from standard input",
        )),
    }
}

fn one(flags: &SubmitFlags, link: &Link, name: &str) -> Result<(), Stop> {
    let mut task = Map::new();
    let fields = [
        ("method", Some(json!(flags.method))),
        ("name", Some(json!(name))),
        ("params", flags.params.as_ref().map(|text| json!(text))),
        ("id", flags.id.as_ref().map(|text| json!(text))),
        ("delay", flags.delay.map(|seconds| json!(seconds))),
        ("at", flags.at.as_ref().map(|text| json!(text))),
        ("cc", flags.cc.as_ref().map(|text| json!(text))),
        ("wait", flags.wait.map(|seconds| json!(seconds))),
        ("timeout", flags.timeout.map(|seconds| json!(seconds))),
        ("max_retry", flags.max_retry.map(|count| json!(count))),
        (
            "retry_interval",
            flags.retry_interval.map(|seconds| json!(seconds)),
        ),
        ("priority", flags.priority.map(|rank| json!(rank))),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            task.insert(name.into(), value);
        }
    }
    if !flags.headers.is_empty() {
        task.insert("headers".into(), Value::Object(headers(&flags.headers)?));
    }
    let wait = Duration::try_from_secs_f64(flags.wait.unwrap_or(0.0)).unwrap_or_default();
    let body = Value::Object(task).to_string();
    let (status, answer) = link.ask("POST", "/task_in_queue", Some(&body), wait)?;
    if flags.client.json {
        print_json(&answer);
    }
    if status != 200 {
        return Err(refusal(status, &answer));
    }
    if !flags.client.json {
        print_answer(&answer);
    }
    // A wait that was over first is no failure of the job, but the caller must be able to tell.
    match answer["result"].as_str() {
        Some("OK") => Ok(()),
        _ => Err(Stop::Refused(String::new())),
    }
}

fn headers(texts: &[String]) -> Result<Map<String, Value>, Stop> {
    let header = |text: &String| {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| Stop::refused(format_args!("--header {text:?}: write NAME: VALUE")))?;
        Ok((name.trim().to_string(), json!(value.trim())))
    };
    texts.iter().map(header).collect()
}

/// Tells how a task did.
pub(crate) fn print_answer(answer: &Value) {
    let field = |name: &str| super::table::text(&answer[name]);
    let mut line = format!("{}  {}", field("id"), field("state"));
    for name in ["status", "attempts"] {
        if !answer[name].is_null() {
            line += &format!("  {name} {}", field(name));
        }
    }
    if !field("reason").is_empty() {
        line += &format!("  {}", field("reason"));
    }
    super::table::print(&(line + "\n"));
    let output = field("output");
    if !output.is_empty() {
        super::table::print(&output);
        if !output.ends_with('\n') {
            super::table::print("\n");
        }
    }
}

/// Tasks from standard input, in batches as they come; a line that is no JSON stops nothing but itself.
fn many(link: &Link, input: impl BufRead, is_json: bool) -> Result<(), Stop> {
    let mut told = Told {
        is_json,
        accepted: 0,
        refused: 0,
    };
    let mut batch: Vec<(usize, Value)> = Vec::new();
    let mut bytes = 0;
    for (at, line) in input.lines().enumerate() {
        let line = line.map_err(|error| Stop::refused(format_args!("standard input: {error}")))?;
        if line.trim().is_empty() {
            continue;
        }
        bytes += line.len();
        match serde_json::from_str(&line) {
            Ok(Value::Array(tasks)) => batch.extend(tasks.into_iter().map(|task| (at + 1, task))),
            Ok(task) => batch.push((at + 1, task)),
            Err(error) => told.refuse(at + 1, &format!("no JSON on this line: {error}")),
        }
        if batch.len() >= BATCH || bytes >= BATCH_BYTES {
            send(link, &mut batch, &mut told)?;
            bytes = 0;
        }
    }
    send(link, &mut batch, &mut told)?;
    eprintln!("{} accepted, {} refused", told.accepted, told.refused);
    match told.refused {
        0 => Ok(()),
        _ => Err(Stop::Refused(String::new())),
    }
}

struct Told {
    is_json: bool,
    accepted: u64,
    refused: u64,
}

impl Told {
    fn refuse(&mut self, line: usize, reason: &str) {
        self.refused += 1;
        eprintln!("line {line}: {reason}");
    }
}

fn send(link: &Link, batch: &mut Vec<(usize, Value)>, told: &mut Told) -> Result<(), Stop> {
    for part in batch.chunks(BATCH) {
        let tasks: Vec<&Value> = part.iter().map(|(_, task)| task).collect();
        let body = json!(tasks).to_string();
        // Tasks may wait for their results, an hour at most.
        let wait = Duration::from_secs(3_600);
        let (status, answers) = link.ask("POST", "/task_in_queue", Some(&body), wait)?;
        let Some(answers) = answers.as_array().filter(|_| status == 200) else {
            return Err(refusal(status, &answers));
        };
        for ((line, _), answer) in part.iter().zip(answers) {
            if told.is_json {
                super::table::print(&format!("{answer}\n"));
            }
            // An accepted task whose job failed has a state; a refused one has none.
            if answer["state"].is_string() {
                told.accepted += 1;
            } else {
                told.refuse(*line, answer["reason"].as_str().unwrap_or("refused"));
            }
        }
    }
    batch.clear();
    Ok(())
}
