//! How many requests were answered, by route and status. Only counts. Written once a request, read by `/metrics`.

use crate::router::{ROUTES, Route};
use hyper::StatusCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The first digit of a status is its class: 1 to 5.
const CLASSES: usize = 6;

/// Counts since the start.
#[derive(Default)]
pub(crate) struct Requests {
    of: [Row; ROUTES.len()],
    /// Paths that lead nowhere.
    other: Row,
}

type Row = [AtomicU64; CLASSES];

impl Requests {
    /// A request was answered.
    pub(crate) fn note(&self, route: Option<Route>, status: StatusCode) {
        let row = route.map_or(&self.other, |route| &self.of[route as usize]);
        let class = usize::from(status.as_u16() / 100).min(CLASSES - 1);
        row[class].fetch_add(1, Relaxed);
    }

    /// Route, class of the status such as `2xx`, and how many; only what was seen.
    pub(crate) fn seen(&self) -> Vec<(&'static str, String, u64)> {
        let rows = ROUTES
            .iter()
            .map(|(_, route)| (route.name(), &self.of[*route as usize]));
        let rows = rows.chain([("other", &self.other)]);
        let counts = rows.flat_map(|(name, row)| {
            let row = row.iter().enumerate();
            row.map(move |(class, count)| (name, format!("{class}xx"), count.load(Relaxed)))
        });
        counts.filter(|(_, _, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_route_has_its_own_row() {
        let requests = Requests::default();
        for (_, route) in ROUTES {
            requests.note(Some(route), StatusCode::OK);
        }
        requests.note(None, StatusCode::NOT_FOUND);
        let seen = requests.seen();
        assert_eq!(seen.len(), ROUTES.len() + 1);
        assert!(seen.iter().all(|(_, _, count)| *count == 1), "{seen:?}");
        assert!(seen.contains(&("other", "4xx".into(), 1)));
    }
}
