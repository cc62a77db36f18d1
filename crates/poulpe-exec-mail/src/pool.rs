//! Connections between mails. Keeps as many as there are workers, for a short while; never hands out one that has been
//! idle for longer. Used by the executor, from any thread.

use crate::connection::Connection;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Servers wait five minutes for the next command, busy ones less; what is in front of them may forget sooner.
const MAX_IDLE: Duration = Duration::from_secs(30);

/// How long a good-bye may take.
const COURTESY: Duration = Duration::from_secs(5);

/// How long all of them may take when the daemon ends, which waits for it.
const PARTING: Duration = Duration::from_millis(300);

/// Connections that wait for the next mail. A clone is the same pool.
#[derive(Clone)]
pub(crate) struct Pool {
    shelf: Arc<Mutex<Shelf>>,
    most: usize,
}

#[derive(Default)]
struct Shelf {
    /// Oldest first.
    idle: Vec<(Connection, Instant)>,
    /// Whether a task waits for the oldest to get too old.
    is_swept: bool,
}

impl Pool {
    /// A pool of at most so many connections.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            shelf: Arc::default(),
            most,
        }
    }

    /// The connection that was used last.
    pub(crate) fn take(&self) -> Option<Connection> {
        let (connection, since) = self.shelf().idle.pop()?;
        // The sweeper may be late; then all others are too old as well, and it will see to them.
        let is_fresh = since.elapsed() < MAX_IDLE;
        is_fresh.then_some(connection)
    }

    /// Keeps a connection that is ready for a mail.
    pub(crate) fn put(&self, connection: Connection, runtime: &Handle) {
        let mut shelf = self.shelf();
        if shelf.idle.len() >= self.most {
            drop(shelf);
            runtime.spawn(say_goodbye(connection));
            return;
        }
        shelf.idle.push((connection, Instant::now()));
        if !shelf.is_swept {
            shelf.is_swept = true;
            runtime.spawn(self.clone().sweep());
        }
    }

    /// Says good-bye on all connections, for as long as the daemon may take to end.
    pub(crate) async fn close(&self) {
        let idle: Vec<_> = self.shelf().idle.drain(..).collect();
        let mut parting = JoinSet::new();
        for (connection, _) in idle {
            parting.spawn(connection.quit());
        }
        // Whoever hasn't heard it by then finds the connection closed.
        let _ = tokio::time::timeout(PARTING, parting.join_all()).await;
    }

    /// Closes connections as they get too old; ends when none is left.
    async fn sweep(self) {
        loop {
            let (old, next) = {
                let mut shelf = self.shelf();
                let now = Instant::now();
                let is_old = |(_, since): &(Connection, Instant)| *since + MAX_IDLE <= now;
                let old_ones = shelf.idle.iter().take_while(|idle| is_old(idle)).count();
                let old: Vec<_> = shelf.idle.drain(..old_ones).collect();
                let next = shelf.idle.first().map(|(_, since)| *since + MAX_IDLE);
                shelf.is_swept = next.is_some();
                (old, next)
            };
            for (connection, _) in old {
                tokio::spawn(say_goodbye(connection));
            }
            let Some(next) = next else { return };
            tokio::time::sleep_until(next).await;
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn say_goodbye(connection: Connection) {
    // Whether it is said in time or not, the connection is closed.
    let _ = tokio::time::timeout(COURTESY, connection.quit()).await;
}
