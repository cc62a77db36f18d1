//! `GET /v1/stats`: every figure there is. Never lists jobs. For tools and dashboards.

use crate::app::App;
use crate::daemons::Daemon;
use crate::respond::{self, Answered};
use crate::view::{Lane, Numbers};
use hyper::StatusCode;
use poulpe_core::wire::rfc3339;
use poulpe_core::{FeedPart, FeedView, Histogram, KindFigures, StoreStats};
use serde::Serialize;
use std::collections::BTreeMap;

/// The store and its own figures.
#[derive(Serialize)]
pub(crate) struct Store<'a> {
    name: &'static str,
    place: &'a str,
    durable: bool,
    figures: BTreeMap<&'static str, u64>,
    histograms: BTreeMap<&'static str, Spread<'a>>,
}

/// How a measurement is spread: `counts[i]` values were at most `bounds[i]` and more than the bound before, the last of
/// them more than all.
#[derive(Serialize)]
struct Spread<'a> {
    bounds: &'static [u64],
    counts: &'a [u64],
    sum: u64,
}

impl<'a> Store<'a> {
    pub(crate) fn new(stats: &'a StoreStats) -> Self {
        Self {
            name: stats.name,
            place: &stats.place,
            durable: stats.durable,
            figures: stats.figures.iter().copied().collect(),
            histograms: stats
                .histograms
                .iter()
                .map(|histogram| (histogram.name, Spread::of(histogram)))
                .collect(),
        }
    }
}

impl<'a> Spread<'a> {
    fn of(histogram: &'a Histogram) -> Self {
        Self {
            bounds: histogram.bounds,
            counts: &histogram.counts,
            sum: histogram.sum,
        }
    }
}

#[derive(Serialize)]
struct Stats<'a> {
    counts: Numbers,
    next_due: Option<String>,
    waiting: Vec<Waiting>,
    outbox: u64,
    unsent: u64,
    lanes: Vec<Lane<'a>>,
    daemons: Vec<Daemon<'a>>,
    prefetched: u64,
    admitting: u64,
    kinds: &'a [String],
    unrunnable: BTreeMap<&'a str, u64>,
    ended: Ended,
    retried: u64,
    lost: u64,
    start_lag_micros: Spread<'a>,
    by_kind: BTreeMap<&'a str, Kind<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka: Option<Log<'a>>,
    store: Store<'a>,
    version: &'static str,
    uptime: f64,
}

/// Ready jobs that are confined to the same lanes.
#[derive(Serialize)]
struct Waiting {
    cc: String,
    jobs: u64,
}

/// Jobs ended since the start.
#[derive(Serialize)]
struct Ended {
    succeeded: u64,
    buried: u64,
    cancelled: u64,
}

/// What became of the jobs of a kind.
#[derive(Serialize)]
struct Kind<'a> {
    accepted: BTreeMap<&'static str, u64>,
    succeeded: u64,
    buried: u64,
    cancelled: u64,
    retried: u64,
    run_micros: Spread<'a>,
}

impl<'a> Kind<'a> {
    fn new(figures: &'a KindFigures) -> Self {
        let accepted = figures.accepted.iter();
        Self {
            accepted: accepted
                .map(|(door, count)| (door.as_str(), *count))
                .collect(),
            succeeded: figures.succeeded,
            buried: figures.buried,
            cancelled: figures.cancelled,
            retried: figures.retried,
            run_micros: Spread::of(&figures.run_time),
        }
    }
}

/// The way in that reads a log.
#[derive(Serialize)]
struct Log<'a> {
    place: &'a str,
    troubles: &'a [String],
    partitions: Vec<Partition<'a>>,
    accepted: u64,
    duplicates: u64,
    dead_letters: u64,
    results_sent: u64,
    results_cut: u64,
    paused: bool,
}

#[derive(Serialize)]
struct Partition<'a> {
    partition: i32,
    offset: Option<i64>,
    end: Option<i64>,
    lag: Option<i64>,
    owner: &'a str,
}

impl<'a> Log<'a> {
    fn new(view: &'a FeedView) -> Self {
        let partition = |part: &'a FeedPart| Partition {
            partition: part.part,
            offset: part.offset,
            end: part.end,
            lag: part.lag(),
            owner: &part.owner,
        };
        Self {
            place: &view.place,
            troubles: &view.troubles,
            partitions: view.parts.iter().map(partition).collect(),
            accepted: view.taken.accepted,
            duplicates: view.taken.duplicates,
            dead_letters: view.taken.letters,
            results_sent: view.sent,
            results_cut: view.cut,
            paused: view.paused,
        }
    }
}

/// Every figure.
pub(crate) async fn get(app: &App) -> Answered {
    let overview = match app.operate.overview().await {
        Ok(overview) => overview,
        Err(error) => return respond::unavailable(&error),
    };
    let waiting = overview.counts.waiting.iter().map(|(lanes, jobs)| Waiting {
        cc: lanes.to_text(),
        jobs: *jobs,
    });
    let unrunnable = overview.unrunnable.iter();
    let (succeeded, buried, cancelled) = overview.ended;
    let stats = Stats {
        counts: Numbers::new(&overview.counts),
        next_due: overview.counts.next_due.map(rfc3339),
        waiting: waiting.collect(),
        outbox: overview.counts.outbox,
        unsent: overview.counts.unsent,
        lanes: overview.lanes.iter().map(Lane::new).collect(),
        daemons: Daemon::all(&overview),
        prefetched: overview.prefetched,
        admitting: overview.admitting,
        kinds: &overview.kinds,
        unrunnable: unrunnable
            .map(|(kind, jobs)| (kind.as_str(), *jobs))
            .collect(),
        ended: Ended {
            succeeded,
            buried,
            cancelled,
        },
        retried: overview.retried,
        lost: overview.lost,
        start_lag_micros: Spread::of(&overview.start_lag),
        by_kind: overview
            .by_kind
            .iter()
            .map(|figures| (figures.kind.as_str(), Kind::new(figures)))
            .collect(),
        kafka: overview.feed.as_ref().map(Log::new),
        store: Store::new(&overview.store),
        version: app.config.version,
        uptime: overview.uptime.as_secs_f64(),
    };
    respond::json(StatusCode::OK, &stats)
}
