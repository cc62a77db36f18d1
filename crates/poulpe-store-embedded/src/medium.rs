//! The log as the place where a table's records lie. Changes go through the queue to the writer; reads and start marks
//! go straight to the log, from whichever thread asks.

use crate::log::Log;
use crate::queue::{Pending, Queue};
use crate::record;
use crate::segment::{Place, Segment};
use poulpe_store::table::{Load, Op, OpAnswer, StartMark, Stored, Write};
use poulpe_store::{Medium, Shared, StoreError, StoreResult, StoreStats};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A log and the way to its writer.
pub(crate) struct LogMedium {
    pub(crate) log: Arc<Log>,
    pub(crate) queue: Queue,
    /// For people: the data directory.
    pub(crate) place: String,
}

/// The most bytes of one read of neighbours.
const READ: u64 = 64 * 1024;

impl Load<Place> for LogMedium {
    fn load(&self, place: &Place) -> StoreResult<Stored> {
        let bytes = self.read(&place.segment, u64::from(place.offset), place.len as usize)?;
        self.decode(place, &bytes)
    }

    /// Jobs that came together lie together: one read for all of them.
    fn load_all(&self, places: &[Place]) -> StoreResult<Vec<Stored>> {
        let mut loaded = Vec::with_capacity(places.len());
        let mut rest = places;
        while let Some(first) = rest.first() {
            let start = u64::from(first.offset);
            let mut end = first.end();
            let mut count = 1;
            for place in &rest[1..] {
                let follows =
                    place.segment.id == first.segment.id && u64::from(place.offset) >= end;
                if !follows || place.end() - start > READ {
                    break;
                }
                end = place.end();
                count += 1;
            }
            let bytes = self.read(&first.segment, start, (end - start) as usize)?;
            for place in &rest[..count] {
                let from = (u64::from(place.offset) - start) as usize;
                loaded.push(self.decode(place, &bytes[from..from + place.len as usize])?);
            }
            rest = &rest[count..];
        }
        Ok(loaded)
    }
}

impl LogMedium {
    fn read(&self, segment: &Segment, offset: u64, len: usize) -> StoreResult<Vec<u8>> {
        let mut bytes = vec![0; len];
        let read = segment.file.read(&mut bytes, offset);
        read.map_err(|error| self.log.fail_io("read", segment.id, &error))?;
        Ok(bytes)
    }

    fn decode(&self, place: &Place, bytes: &[u8]) -> StoreResult<Stored> {
        let damaged = |reason: String| {
            let file = crate::segment::name(place.segment.id);
            let offset = place.offset;
            self.log
                .fail(format!("{file} is damaged at offset {offset}: {reason}"))
        };
        let (logged, _) = record::decode(bytes).map_err(|error| damaged(error.to_string()))?;
        logged
            .stored()
            .ok_or_else(|| damaged("a record of another kind".into()))
    }
}

impl Medium for LogMedium {
    type Place = Place;

    fn write(&self, writes: &[Write<Place>]) -> StoreResult<Vec<(Place, u32)>> {
        self.log.write(writes)
    }

    fn mark(&self, mark: StartMark) -> StoreResult<()> {
        self.log.mark(mark)
    }

    fn has_room(&self) -> bool {
        self.log.has_room()
    }

    fn run(
        shared: &Arc<Shared<Self>>,
        op: Op,
    ) -> impl Future<Output = StoreResult<OpAnswer>> + Send {
        let (answer, answered) = oneshot::channel();
        shared.medium.queue.push(Pending { op, answer });
        async move {
            answered.await.unwrap_or_else(|_| {
                shared.medium.health()?;
                Err(StoreError::failed("the store is closed"))
            })
        }
    }

    fn stats(&self) -> StoreStats {
        let mut figures = self.log.sizes();
        figures.extend(self.log.figures.list());
        StoreStats {
            name: "embedded",
            place: self.place.clone(),
            durable: true,
            full: self.log.spare.has_failed(),
            warnings: Vec::new(),
            figures,
            histograms: self.log.figures.histograms(),
        }
    }

    fn health(&self) -> StoreResult<()> {
        self.log.health()
    }
}
