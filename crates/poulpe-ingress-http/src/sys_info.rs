//! `GET /sys_info`: the state of the system in poulpe 0.2's form, and more. Never lists without a cap; its counts are
//! exact all the same. For people and for 0.2's clients.

use crate::app::App;
use crate::daemons::Daemon;
use crate::param;
use crate::respond::{self, Answered};
use crate::stats::Store;
use crate::view::{Lane, Numbers};
use hyper::StatusCode;
use poulpe_core::{JobId, Overview, PageRequest, State, StoreError};
use serde::Serialize;

/// Ids in each list, unless told otherwise: a screenful.
const DEFAULT_LIMIT: usize = 100;
/// Ids in each list at most; `/v1/jobs` has pages.
const MAX_LIMIT: usize = 1_000;

#[derive(Serialize)]
struct SysInfo<'a> {
    working_keys: Vec<JobId>,
    delaying_keys: Vec<JobId>,
    wronging_keys: Vec<JobId>,
    channel_sizes: Vec<u64>,
    counts: Numbers,
    lanes: Vec<Lane<'a>>,
    kinds: &'a [String],
    daemons: Vec<Daemon<'a>>,
    prefetched: u64,
    admitting: u64,
    store: Store<'a>,
    version: &'static str,
    uptime: u64,
}

/// Everything at a glance.
pub(crate) async fn get(app: &App, query: Option<&str>) -> Answered {
    let limit = match param::limit(query, DEFAULT_LIMIT, MAX_LIMIT) {
        Ok(limit) => limit,
        Err(reason) => return respond::refuse(StatusCode::BAD_REQUEST, reason),
    };
    match collect(app, limit).await {
        Ok(answered) => answered,
        Err(error) => respond::unavailable(&error),
    }
}

async fn collect(app: &App, limit: usize) -> Result<Answered, StoreError> {
    let overview: Overview = app.operate.overview().await?;
    let lanes: Vec<Lane> = overview.lanes.iter().map(Lane::new).collect();
    let info = SysInfo {
        working_keys: ids(app, [State::Running, State::Ready], limit).await?,
        delaying_keys: ids(app, [State::Delayed, State::Retrying], limit).await?,
        wronging_keys: ids(app, [State::Dead], limit).await?,
        channel_sizes: lanes.iter().map(Lane::load).collect(),
        counts: Numbers::new(&overview.counts),
        lanes,
        kinds: &overview.kinds,
        daemons: Daemon::all(&overview),
        prefetched: overview.prefetched,
        admitting: overview.admitting,
        store: Store::new(&overview.store),
        version: app.config.version,
        uptime: overview.uptime.as_secs(),
    };
    Ok(respond::json(StatusCode::OK, &info))
}

/// The first ids of these states, one state after the other.
async fn ids<const N: usize>(
    app: &App,
    states: [State; N],
    limit: usize,
) -> Result<Vec<JobId>, StoreError> {
    let mut ids = Vec::new();
    for state in states {
        let room = limit - ids.len();
        if room == 0 {
            break;
        }
        let request = PageRequest {
            state,
            after: None,
            limit: room,
        };
        let page = app.operate.list(request).await?;
        ids.extend(page.jobs.into_iter().take(room).map(|view| view.id));
    }
    Ok(ids)
}
