//! `GET /metrics`: the figures of this daemon in Prometheus' text form. Counts nothing itself. No id and no URL is a label:
//! a label's values are few and known.

use crate::app::App;
use crate::respond::{self, Answered};
use hyper::StatusCode;
use hyper::header::HeaderValue;
use poulpe_core::{Histogram, LaneState, Overview};
use prometheus::TextEncoder;
use prometheus::proto::{self, Metric, MetricFamily, MetricType};

const KIND: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// Bounds and sums are kept in microseconds; Prometheus wants seconds.
const MICROS: f64 = 1e6;

/// Every figure.
pub(crate) async fn get(app: &App) -> Answered {
    let overview = match app.operate.overview().await {
        Ok(overview) => overview,
        Err(error) => return respond::unavailable(&error),
    };
    let mut families = of_jobs(&overview);
    families.extend(of_attempts(&overview));
    families.extend(of_kafka(&overview));
    families.extend(of_store(&overview));
    families.extend(of_daemon(app, &overview));
    families.extend(crate::process::families());
    families.retain(|family| !family.get_metric().is_empty());
    match TextEncoder::new().encode_to_string(&families) {
        Ok(text) => respond::text_of(KIND, text),
        Err(error) => {
            let reason = format!("the figures can't be written: {error}");
            respond::refuse(StatusCode::INTERNAL_SERVER_ERROR, reason)
        }
    }
}

fn of_jobs(overview: &Overview) -> Vec<MetricFamily> {
    let counts = &overview.counts;
    let by_state = [
        ("delayed", counts.delayed),
        ("ready", counts.ready),
        ("running", counts.running),
        ("retrying", counts.retrying),
        ("dead", counts.dead),
        ("done", counts.done),
    ];
    let accepted = overview.by_kind.iter().flat_map(|figures| {
        let doors = figures.accepted.iter();
        doors.map(|(door, count)| {
            counter(&[("kind", &figures.kind), ("door", door.as_str())], *count)
        })
    });
    let (succeeded, buried, cancelled) = overview.ended;
    let ended = [
        ("succeeded", succeeded),
        ("buried", buried),
        ("cancelled", cancelled),
    ];
    let unrunnable = overview.unrunnable.iter();
    vec![
        family(
            "poulpe_jobs",
            "Jobs in the store by state; done ones as long as their results are kept.",
            MetricType::GAUGE,
            by_state.map(|(state, count)| gauge(&[("state", state)], count as f64)),
        ),
        family(
            "poulpe_jobs_accepted_total",
            "Jobs accepted by this daemon, by kind and door.",
            MetricType::COUNTER,
            accepted,
        ),
        family(
            "poulpe_jobs_ended_total",
            "Jobs that this daemon ended, by outcome.",
            MetricType::COUNTER,
            ended.map(|(outcome, count)| counter(&[("outcome", outcome)], count)),
        ),
        family(
            "poulpe_jobs_unrunnable_total",
            "Jobs given back because no executor here runs their kind.",
            MetricType::COUNTER,
            unrunnable.map(|(kind, count)| counter(&[("kind", kind)], *count)),
        ),
        family(
            "poulpe_jobs_at_hand",
            "Jobs that this daemon has claimed and not started.",
            MetricType::GAUGE,
            [gauge(&[], overview.prefetched as f64)],
        ),
        family(
            "poulpe_tasks_admitting",
            "Tasks handed in and not yet durable.",
            MetricType::GAUGE,
            [gauge(&[], overview.admitting as f64)],
        ),
        family(
            "poulpe_dead_letters_without_file",
            "Dead letters that are not yet copied to their file.",
            MetricType::GAUGE,
            [gauge(&[], overview.counts.outbox as f64)],
        ),
        family(
            "poulpe_fire_times_given_up_total",
            "Fire times of schedules that gave no job, by reason.",
            MetricType::COUNTER,
            overview
                .fires_given_up
                .iter()
                .map(|(reason, count)| counter(&[("reason", reason)], *count)),
        ),
    ]
}

fn of_attempts(overview: &Overview) -> Vec<MetricFamily> {
    let by_kind = &overview.by_kind;
    let attempts = by_kind.iter().flat_map(|figures| {
        [
            ("succeeded", figures.succeeded),
            ("retried", figures.retried),
            ("buried", figures.buried),
            ("cancelled", figures.cancelled),
        ]
        .map(|(outcome, count)| counter(&[("kind", &figures.kind), ("outcome", outcome)], count))
    });
    let run_time = by_kind
        .iter()
        .map(|figures| histogram(&[("kind", &figures.kind)], &figures.run_time, MICROS));
    vec![
        family(
            "poulpe_attempts_total",
            "Attempts that this daemon ran, by kind and what they led to.",
            MetricType::COUNTER,
            attempts,
        ),
        family(
            "poulpe_start_lag_seconds",
            "How long after their due time attempts started.",
            MetricType::HISTOGRAM,
            [histogram(&[], &overview.start_lag, MICROS)],
        ),
        family(
            "poulpe_run_seconds",
            "How long attempts ran, by kind.",
            MetricType::HISTOGRAM,
            run_time,
        ),
        family(
            "poulpe_leases_lost_total",
            "Leases that ended before their job was settled.",
            MetricType::COUNTER,
            [counter(&[], overview.lost)],
        ),
    ]
}

/// Partitions are few and numbered by the brokers.
fn of_kafka(overview: &Overview) -> Vec<MetricFamily> {
    let Some(feed) = &overview.feed else {
        return Vec::new();
    };
    let lags = feed.parts.iter().filter_map(|part| {
        let number = part.part.to_string();
        Some(gauge(&[("partition", &number)], part.lag()? as f64))
    });
    vec![
        family(
            "poulpe_kafka_lag",
            "Records of a partition that are still to be read.",
            MetricType::GAUGE,
            lags,
        ),
        family(
            "poulpe_kafka_results_unsent",
            "Results that are still to be sent to their topic.",
            MetricType::GAUGE,
            [gauge(&[], overview.counts.unsent as f64)],
        ),
    ]
}

/// Each store has figures of its own.
fn of_store(overview: &Overview) -> Vec<MetricFamily> {
    let store = &overview.store;
    let figures = store.figures.iter().map(|(name, value)| {
        family(
            &format!("poulpe_store_{name}"),
            "A figure of the store; docs/protocol.md lists them under /v1/stats.",
            MetricType::GAUGE,
            [gauge(&[], *value as f64)],
        )
    });
    let spreads = store.histograms.iter().map(|spread| {
        let (name, unit) = match spread.name.strip_suffix("_micros") {
            Some(name) => (format!("poulpe_store_{name}_seconds"), MICROS),
            None => (format!("poulpe_store_{}_size", spread.name), 1.0),
        };
        family(
            &name,
            "A measurement of the store; docs/protocol.md lists them under /v1/stats.",
            MetricType::HISTOGRAM,
            [histogram(&[], spread, unit)],
        )
    });
    figures.chain(spreads).collect()
}

fn of_daemon(app: &App, overview: &Overview) -> Vec<MetricFamily> {
    let lanes = |wanted: fn(&LaneState) -> bool| {
        let lanes = overview.lanes.iter();
        lanes.filter(|lane| wanted(&lane.state)).count() as f64
    };
    let by_state = [
        ("idle", lanes(|state| matches!(state, LaneState::Idle))),
        (
            "running",
            lanes(|state| matches!(state, LaneState::Running(..))),
        ),
        (
            "stuck",
            lanes(|state| matches!(state, LaneState::Stuck(..))),
        ),
    ];
    let checks = app.operate.readiness();
    let checks = checks
        .iter()
        .map(|check| gauge(&[("check", check.name)], f64::from(u8::from(check.ok))));
    let requests = app.requests.seen();
    let requests = requests
        .iter()
        .map(|(route, status, count)| counter(&[("route", route), ("status", status)], *count));
    let version = [
        ("version", app.config.version),
        ("store", overview.store.name),
    ];
    vec![
        family(
            "poulpe_info",
            "The version of poulpe and its store.",
            MetricType::GAUGE,
            [gauge(&version, 1.0)],
        ),
        family(
            "poulpe_uptime_seconds",
            "How long this daemon has been up.",
            MetricType::GAUGE,
            [gauge(&[], overview.uptime.as_secs_f64())],
        ),
        family(
            "poulpe_lanes",
            "Lanes of this daemon, by what they do.",
            MetricType::GAUGE,
            by_state.map(|(state, count)| gauge(&[("state", state)], count)),
        ),
        family(
            "poulpe_ready",
            "The checks of /readyz: 1 when all is well.",
            MetricType::GAUGE,
            checks,
        ),
        family(
            "poulpe_http_requests_total",
            "Requests answered, by route and class of status.",
            MetricType::COUNTER,
            requests,
        ),
    ]
}

pub(crate) fn family(
    name: &str,
    help: &str,
    kind: MetricType,
    metrics: impl IntoIterator<Item = Metric>,
) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.into());
    family.set_help(help.into());
    family.set_field_type(kind);
    family.set_metric(metrics.into_iter().collect());
    family
}

fn labels(pairs: &[(&str, &str)]) -> Vec<proto::LabelPair> {
    let label = |(name, value): &(&str, &str)| {
        let mut label = proto::LabelPair::default();
        label.set_name((*name).into());
        label.set_value((*value).into());
        label
    };
    pairs.iter().map(label).collect()
}

pub(crate) fn gauge(pairs: &[(&str, &str)], value: f64) -> Metric {
    let mut gauge = proto::Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::from_label(labels(pairs));
    metric.set_gauge(gauge);
    metric
}

fn counter(pairs: &[(&str, &str)], value: u64) -> Metric {
    counter_of(pairs, value as f64)
}

pub(crate) fn counter_of(pairs: &[(&str, &str)], value: f64) -> Metric {
    let mut counter = proto::Counter::default();
    counter.set_value(value);
    let mut metric = Metric::from_label(labels(pairs));
    metric.set_counter(counter);
    metric
}

/// Prometheus counts what is at most a bound, all smaller values included.
fn histogram(pairs: &[(&str, &str)], spread: &Histogram, unit: f64) -> Metric {
    let mut seen = 0;
    let buckets = spread.bounds.iter().zip(&spread.counts);
    let buckets = buckets.map(|(bound, count)| {
        seen += count;
        let mut bucket = proto::Bucket::default();
        bucket.set_cumulative_count(seen);
        bucket.set_upper_bound(*bound as f64 / unit);
        bucket
    });
    let mut histogram = proto::Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(spread.counts.iter().sum());
    histogram.set_sample_sum(spread.sum as f64 / unit);
    let mut metric = Metric::from_label(labels(pairs));
    metric.set_histogram(histogram);
    metric
}
