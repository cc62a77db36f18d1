//! Gathers what many callers ask at the same time into one script call: while calls are under way, what arrives waits and
//! goes together. No timers: a lone caller goes at once.

use poulpe_store::{StoreError, StoreResult};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

/// How many callers may wait in the queue before further ones wait for room in it.
const QUEUE: usize = 1_024;

/// How many calls are under way at once: one that Redis works on and one that is on its way, so that it doesn't idle.
const IN_FLIGHT: usize = 2;

/// How much goes into one call: some milliseconds of Redis' time, which everybody else waits for.
const MAX_COST: usize = 500;

struct Request<Q, A> {
    items: Vec<Q>,
    since: Instant,
    answer: oneshot::Sender<StoreResult<Vec<A>>>,
}

/// A gate before one verb.
pub(crate) struct Batcher<Q, A> {
    inbox: mpsc::Sender<Request<Q, A>>,
}

impl<Q: Send + 'static, A: Send + 'static> Batcher<Q, A> {
    /// Starts to gather. `cost` weighs an item, `run` answers each item of a call, in their order. Nobody waits for longer
    /// than `limit`.
    pub(crate) fn start<F>(
        runtime: &tokio::runtime::Handle,
        limit: Duration,
        cost: fn(&Q) -> usize,
        run: impl Fn(Vec<Q>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = StoreResult<Vec<A>>> + Send + 'static,
    {
        let (inbox, outbox) = mpsc::channel(QUEUE);
        runtime.spawn(gather(outbox, limit, cost, Arc::new(run)));
        Self { inbox }
    }

    /// Asks, together with whoever else does.
    pub(crate) async fn ask(&self, items: Vec<Q>) -> StoreResult<Vec<A>> {
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let closed = || StoreError::failed("the store has been closed");
        let (answer, answered) = oneshot::channel();
        let since = Instant::now();
        let request = Request {
            items,
            since,
            answer,
        };
        let sent = self.inbox.send(request).await;
        sent.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

async fn gather<Q: Send + 'static, A: Send + 'static, F>(
    mut outbox: mpsc::Receiver<Request<Q, A>>,
    limit: Duration,
    cost: fn(&Q) -> usize,
    run: Arc<impl Fn(Vec<Q>) -> F + Send + Sync + 'static>,
) where
    F: Future<Output = StoreResult<Vec<A>>> + Send + 'static,
{
    let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
    while let Some(first) = outbox.recv().await {
        let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await else {
            return;
        };
        let mut sum: usize = first.items.iter().map(cost).sum();
        let mut requests = vec![first];
        while sum < MAX_COST {
            let Ok(next) = outbox.try_recv() else {
                break;
            };
            sum += next.items.iter().map(cost).sum::<usize>();
            requests.push(next);
        }
        let run = Arc::clone(&run);
        tokio::spawn(async move {
            answer(requests, limit, cost, &*run).await;
            drop(permit);
        });
    }
}

async fn answer<Q, A, F>(
    requests: Vec<Request<Q, A>>,
    limit: Duration,
    cost: fn(&Q) -> usize,
    run: &impl Fn(Vec<Q>) -> F,
) where
    F: Future<Output = StoreResult<Vec<A>>>,
{
    let mut items = Vec::new();
    let mut waiting = Vec::with_capacity(requests.len());
    // The first has waited for longest.
    let since = requests
        .first()
        .map_or_else(Instant::now, |first| first.since);
    for request in requests {
        waiting.push((request.items.len(), request.answer));
        items.extend(request.items);
    }
    let answers = timeout_at(since + limit, run_in_pages(items, cost, run)).await;
    let answers = answers.unwrap_or_else(|_| Err(crate::error::late()));
    // Whoever asked may have gone; what was done stands.
    match answers {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            for (many, waiting) in waiting {
                let _ = waiting.send(Ok(answers.by_ref().take(many).collect()));
            }
        }
        Err(error) => {
            for (_, waiting) in waiting {
                let _ = waiting.send(Err(error.clone()));
            }
        }
    }
}

/// Items of one caller may be too many for one call.
async fn run_in_pages<Q, A, F>(
    items: Vec<Q>,
    cost: fn(&Q) -> usize,
    run: &impl Fn(Vec<Q>) -> F,
) -> StoreResult<Vec<A>>
where
    F: Future<Output = StoreResult<Vec<A>>>,
{
    let mut answers = Vec::with_capacity(items.len());
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let mut page = Vec::new();
        let mut sum = 0;
        while let Some(item) =
            items.next_if(|item| page.is_empty() || sum + cost(item) <= 2 * MAX_COST)
        {
            sum += cost(&item);
            page.push(item);
        }
        let count = page.len();
        let of_page = run(page).await?;
        if of_page.len() != count {
            return Err(crate::error::strange("it has another length"));
        }
        answers.extend(of_page);
    }
    Ok(answers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn too_many_items_go_in_pages_and_come_back_in_order() {
        let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let run = move |items: Vec<usize>| {
            seen.lock().expect("calls").push(items.len());
            std::future::ready(Ok(items))
        };
        let runtime = tokio::runtime::Handle::current();
        let batcher = Batcher::start(&runtime, LONG, |_| 1, run);
        let items: Vec<usize> = (0..5 * MAX_COST).collect();
        assert_eq!(batcher.ask(items.clone()).await, Ok(items));
        let pages = calls.lock().expect("calls").clone();
        assert_eq!(pages, [2 * MAX_COST, 2 * MAX_COST, MAX_COST]);
    }

    #[tokio::test]
    async fn nobody_waits_for_longer_than_the_limit() {
        let run = |_: Vec<u32>| std::future::pending::<StoreResult<Vec<u32>>>();
        let runtime = tokio::runtime::Handle::current();
        let limit = Duration::from_millis(50);
        let batcher = Arc::new(Batcher::start(&runtime, limit, |_| 1, run));
        let asked: Vec<_> = (0..10)
            .map(|_| {
                let batcher = Arc::clone(&batcher);
                tokio::spawn(async move { batcher.ask(vec![1]).await })
            })
            .collect();
        for asked in asked {
            let answer = asked.await.expect("it ends");
            assert!(
                matches!(answer, Err(StoreError::Unavailable(_))),
                "{answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn who_asks_meanwhile_goes_together_and_gets_its_own_answers() {
        let calls = Arc::new(std::sync::Mutex::new(Vec::new()));
        let gate = Arc::new(Semaphore::new(0));
        let (seen, held) = (Arc::clone(&calls), Arc::clone(&gate));
        let run = move |items: Vec<u32>| {
            let (seen, held) = (Arc::clone(&seen), Arc::clone(&held));
            async move {
                seen.lock().expect("calls").push(items.len());
                held.acquire().await.expect("open").forget();
                Ok(items.into_iter().map(|item| item * 2).collect())
            }
        };
        let runtime = tokio::runtime::Handle::current();
        let batcher = Arc::new(Batcher::start(&runtime, LONG, |_| 1, run));
        let ask = |items: Vec<u32>| {
            let batcher = Arc::clone(&batcher);
            tokio::spawn(async move { batcher.ask(items).await })
        };
        // Each of the first two goes alone; what comes while both are held goes together.
        let mut asked = Vec::new();
        for n in 0..2_u32 {
            asked.push(ask(vec![n]));
            while calls.lock().expect("calls").len() <= n as usize {
                tokio::task::yield_now().await;
            }
        }
        for n in 2..5_u32 {
            asked.push(ask(vec![n, 10 * n]));
        }
        while batcher.inbox.capacity() > QUEUE - 2 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(10);
        for (n, asked) in asked.into_iter().enumerate() {
            let answers = asked.await.expect("it ends").expect("it answers");
            assert_eq!(answers[0], 2 * n as u32);
        }
        assert_eq!(calls.lock().expect("calls")[2..], [6]);
    }
}
