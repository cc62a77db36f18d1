//! Other engines doing the durable work of a queue: a table keyed by (due, sequence), written by one thread that
//! commits whatever has gathered since its last commit. They are spared what the store of poulpe does besides: no
//! results, no index of ids, and claims are a cursor in memory instead of leases.

use redb::{ReadableDatabase, ReadableTable};
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// When a job is due, in milliseconds, and the order of its acceptance.
pub type Key = (i64, i64);

/// What a caller wants of a queue.
#[derive(Debug)]
pub enum Ask {
    /// To keep a record.
    Enqueue(Vec<u8>),
    /// The next record.
    Claim,
    /// To forget a record.
    Settle(Key),
}

/// What a claim gives; nothing for everything else.
pub type Answer = Option<(Key, Vec<u8>)>;

/// An engine with a table of jobs.
pub trait Engine: Send + 'static {
    /// Does all of it in one transaction, which is durable when this returns. Answers are in the order of the asks.
    fn commit(&mut self, asks: Vec<Ask>) -> Vec<Answer>;
}

type Pending = (Ask, oneshot::Sender<Answer>);

/// The thread that writes for everybody. Dropping it waits for its end.
pub struct Writer {
    asks: Option<mpsc::SyncSender<Pending>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts it over an engine.
    pub fn start(mut engine: impl Engine) -> Self {
        let (asks, receiver) = mpsc::sync_channel::<Pending>(65_536);
        let thread = std::thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let gathered = std::iter::once(first).chain(receiver.try_iter());
                let (asks, callers): (Vec<Ask>, Vec<_>) = gathered.unzip();
                for (caller, answer) in callers.into_iter().zip(engine.commit(asks)) {
                    let _ = caller.send(answer);
                }
            }
        });
        Self {
            asks: Some(asks),
            thread: Some(thread),
        }
    }

    /// Asks, and waits for the commit.
    pub async fn ask(&self, ask: Ask) -> Answer {
        let (done, answer) = oneshot::channel();
        let asks = self.asks.as_ref().expect("it runs until it is dropped");
        asks.send((ask, done)).expect("the writer lives");
        answer.await.expect("the writer lives")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.asks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Every job of the comparison is due at the same time, as are jobs without a delay that come in together.
const DUE: i64 = 0;

/// Where a queue stands: the sequence of the last job accepted and the key of the last one claimed.
#[derive(Default)]
struct Cursor {
    accepted: i64,
    claimed: Key,
}

impl Cursor {
    fn next_key(&mut self) -> Key {
        self.accepted += 1;
        (DUE, self.accepted)
    }
}

/// redb, each commit with `Durability::Immediate`.
pub struct Redb {
    database: redb::Database,
    cursor: Cursor,
}

const JOBS: redb::TableDefinition<'_, Key, &[u8]> = redb::TableDefinition::new("jobs");

impl Redb {
    /// A new database in the directory.
    pub fn create(dir: &Path) -> Self {
        let database = redb::Database::create(dir.join("jobs.redb")).expect("a database");
        let redb = Self {
            database,
            cursor: Cursor::default(),
        };
        let transaction = redb.database.begin_write().expect("a transaction");
        transaction.open_table(JOBS).expect("a table");
        transaction.commit().expect("a commit");
        redb
    }

    fn claim(cursor: &mut Cursor, table: &impl ReadableTable<Key, &'static [u8]>) -> Answer {
        let (due, sequence) = cursor.claimed;
        let mut later = table.range((due, sequence + 1)..).expect("a range");
        let (key, record) = later.next()?.expect("a record");
        cursor.claimed = key.value();
        Some((cursor.claimed, record.value().to_vec()))
    }
}

impl Engine for Redb {
    fn commit(&mut self, asks: Vec<Ask>) -> Vec<Answer> {
        let only_claims = asks.iter().all(|ask| matches!(ask, Ask::Claim));
        if only_claims {
            let transaction = self.database.begin_read().expect("a transaction");
            let table = transaction.open_table(JOBS).expect("a table");
            return asks
                .iter()
                .map(|_| Self::claim(&mut self.cursor, &table))
                .collect();
        }
        let mut transaction = self.database.begin_write().expect("a transaction");
        transaction
            .set_durability(redb::Durability::Immediate)
            .expect("it can be set");
        let mut table = transaction.open_table(JOBS).expect("a table");
        let mut answers = Vec::with_capacity(asks.len());
        for ask in asks {
            answers.push(match ask {
                Ask::Enqueue(record) => {
                    let key = self.cursor.next_key();
                    table.insert(key, record.as_slice()).expect("an insert");
                    None
                }
                Ask::Claim => Self::claim(&mut self.cursor, &table),
                Ask::Settle(key) => {
                    table.remove(key).expect("a removal");
                    None
                }
            });
        }
        drop(table);
        transaction.commit().expect("a commit");
        answers
    }
}

/// SQLite with a write-ahead log that is synced at each commit.
pub struct Sqlite {
    connection: rusqlite::Connection,
    cursor: Cursor,
}

impl Sqlite {
    /// A new database in the directory.
    pub fn create(dir: &Path) -> Self {
        let connection = rusqlite::Connection::open(dir.join("jobs.sqlite")).expect("a database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL;
                 PRAGMA synchronous = FULL;
                 CREATE TABLE jobs (
                     due INTEGER NOT NULL, sequence INTEGER NOT NULL, record BLOB NOT NULL,
                     PRIMARY KEY (due, sequence)
                 ) WITHOUT ROWID;",
            )
            .expect("a table");
        Self {
            connection,
            cursor: Cursor::default(),
        }
    }
}

impl Engine for Sqlite {
    fn commit(&mut self, asks: Vec<Ask>) -> Vec<Answer> {
        let cursor = &mut self.cursor;
        let transaction = self.connection.transaction().expect("a transaction");
        let prepare = |sql| transaction.prepare_cached(sql).expect("a statement");
        let mut insert = prepare("INSERT INTO jobs VALUES (?1, ?2, ?3)");
        let mut remove = prepare("DELETE FROM jobs WHERE due = ?1 AND sequence = ?2");
        let mut later = prepare(
            "SELECT due, sequence, record FROM jobs WHERE (due, sequence) > (?1, ?2)
             ORDER BY due, sequence LIMIT 1",
        );
        let mut answers = Vec::with_capacity(asks.len());
        for ask in asks {
            answers.push(match ask {
                Ask::Enqueue(record) => {
                    let (due, sequence) = cursor.next_key();
                    insert.execute((due, sequence, record)).expect("an insert");
                    None
                }
                Ask::Claim => {
                    let found = later.query_row(cursor.claimed, |row| {
                        Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
                    });
                    let answer: Answer = found.ok();
                    cursor.claimed = answer.as_ref().map_or(cursor.claimed, |(key, _)| *key);
                    answer
                }
                Ask::Settle((due, sequence)) => {
                    remove.execute((due, sequence)).expect("a removal");
                    None
                }
            });
        }
        drop((insert, remove, later));
        transaction.commit().expect("a commit");
        answers
    }
}
