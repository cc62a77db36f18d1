//! How a store is to be opened.

use poulpe_store::Limits;

/// Large enough that a rotation is rare (one in some hundred thousand jobs), small enough that zeroing one is done in a
/// tenth of a second and a dead one gives back its space soon.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// The smallest segment that makes sense: some hundred jobs.
const SMALLEST: u64 = 16 * 1024;

/// Offsets are 32 bits wide.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// How a store is to be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How much it keeps of what has ended.
    pub limits: Limits,
    /// The size of a segment: 16 KiB to 1 GiB, 64 MiB unless told otherwise. May change from one opening to the next.
    pub segment_bytes: u64,
    /// Opens it to move what it holds, whatever is noted of that. No, unless told.
    pub transfer: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            segment_bytes: SEGMENT_BYTES,
            transfer: false,
        }
    }
}

impl Options {
    /// The size of a segment within its bounds, where frames may start.
    pub(crate) fn segment_size(self) -> u64 {
        self.segment_bytes
            .clamp(SMALLEST, LARGEST)
            .next_multiple_of(crate::frame::ALIGN as u64)
    }
}
