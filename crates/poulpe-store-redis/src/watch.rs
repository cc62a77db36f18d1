//! Tells watchers what other daemons and this one did: by messages, and once a second by asking, for messages may be lost.
//! Keeps an eye on the server on the way.

use crate::ahead::Ahead;
use crate::link::Link;
use crate::reply::Reply;
use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::Message;
use poulpe_job::JobId;
use poulpe_store::{Incarnation, LeaseId, StoreError, StoreResult, Watcher};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;

/// How often the server is asked.
const TICK: Duration = Duration::from_secs(1);

/// After how many ticks the settings of the server are looked at again.
const SETTINGS_TICKS: u64 = 30;

/// How many ids are asked for in one call.
const AWAITED_PAGE: usize = 500;

/// Who is told.
#[derive(Default)]
pub(crate) struct Watch {
    /// Replaced as a whole, so that nobody is told under the lock.
    watchers: Mutex<Arc<[Arc<dyn Watcher>]>>,
    /// Starts that were marked by claims.
    pub(crate) ahead: Ahead,
    /// Messages may have been lost.
    hurry: Notify,
}

impl Watch {
    pub(crate) fn add(&self, watcher: Arc<dyn Watcher>) {
        let mut watchers = lock(&self.watchers);
        *watchers = watchers.iter().cloned().chain([watcher]).collect();
    }

    fn tell(&self, what: impl Fn(&dyn Watcher)) {
        let watchers = Arc::clone(&lock(&self.watchers));
        for watcher in watchers.iter() {
            what(&**watcher);
        }
    }

    fn finished(&self, ids: &[JobId]) {
        if ids.is_empty() {
            return;
        }
        self.tell(|watcher| watcher.finished(ids));
    }

    fn awaited(&self) -> Vec<JobId> {
        let watchers = Arc::clone(&lock(&self.watchers));
        watchers.iter().flat_map(|one| one.awaited()).collect()
    }
}

/// Connects the client for messages and subscribes. Ends when that is done, however long it takes.
pub(crate) async fn subscribe(link: &Link, subscriber: &SubscriberClient) {
    subscriber.connect();
    subscriber.manage_subscriptions();
    let keys = &link.keys;
    let channels = vec![keys.on_work(), keys.on_finished(), keys.on_cancel()];
    while subscriber.subscribe(channels.clone()).await.is_err() {
        tokio::time::sleep(TICK).await;
    }
}

/// Passes messages on. Ends with the runtime.
pub(crate) async fn listen(link: Arc<Link>, watch: Arc<Watch>, subscriber: SubscriberClient) {
    let mut messages = subscriber.message_rx();
    let mut reconnects = subscriber.reconnect_rx();
    let passing = async {
        loop {
            match messages.recv().await {
                Ok(message) => pass(&link, &watch, &message),
                Err(RecvError::Lagged(_)) => watch.hurry.notify_one(),
                Err(RecvError::Closed) => return,
            }
        }
    };
    let hurrying = async {
        while !matches!(reconnects.recv().await, Err(RecvError::Closed)) {
            watch.hurry.notify_one();
        }
    };
    tokio::join!(passing, hurrying);
}

fn pass(link: &Link, watch: &Watch, message: &Message) {
    let Some(text) = message.value.as_string() else {
        return;
    };
    let channel = &*message.channel;
    if channel == link.keys.on_work() {
        watch.tell(|watcher| watcher.work());
    } else if channel == link.keys.on_finished() {
        let ids: Vec<JobId> = text
            .split('\n')
            .filter_map(|id| JobId::new(id).ok())
            .collect();
        watch.finished(&ids);
    } else if let Some(lease) = lease(&text) {
        watch.ahead.forget(&lease);
        watch.tell(|watcher| watcher.cancel_requested(std::slice::from_ref(&lease)));
    }
}

/// An id and "claims:incarnation:nonce".
fn lease(text: &str) -> Option<LeaseId> {
    let (id, fence) = text.split_once('\n')?;
    let mut words = fence.split(':');
    Some(LeaseId {
        job: JobId::new(id).ok()?,
        claims: words.next()?.parse().ok()?,
        incarnation: Incarnation(words.next()?.parse().ok()?),
        nonce: words.next()?.parse().ok()?,
    })
}

/// Asks the server once a second. Ends with the runtime.
pub(crate) async fn tick(link: Arc<Link>, watch: Arc<Watch>) {
    let mut until_settings = 0;
    loop {
        match ask(&link, &watch).await {
            Ok(()) => {
                if until_settings == 0 && look_at_settings(&link).await.is_ok() {
                    until_settings = SETTINGS_TICKS;
                }
                until_settings = until_settings.saturating_sub(1);
                match look_for_replicas(&link).await {
                    Ok(()) => link.health.well(),
                    Err(error) => link.health.troubled(&error),
                }
            }
            // Who is back may be another.
            Err(_) => until_settings = 0,
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = watch.hurry.notified() => {}
        }
    }
}

async fn ask(link: &Link, watch: &Watch) -> StoreResult<()> {
    let awaited = watch.awaited();
    let (first, more) = awaited.split_at(awaited.len().min(AWAITED_PAGE));
    if ask_for(link, watch, first).await? {
        watch.tell(|watcher| watcher.work());
    }
    for page in more.chunks(AWAITED_PAGE) {
        ask_for(link, watch, page).await?;
    }
    // Whether new jobs can be taken is known by trying.
    link.call(&link.scripts.enqueue, link.args()).await?;
    Ok(())
}

/// Tells who of these has ended; whether there is something to claim.
async fn ask_for(link: &Link, watch: &Watch, ids: &[JobId]) -> StoreResult<bool> {
    let mut args = link.args();
    for id in ids {
        args.text(id.as_str());
    }
    let mut reply = Reply::of(link.call(&link.scripts.tick, args).await?)?;
    let has_work = reply.flag()?;
    let mut ended = Vec::new();
    while !reply.is_empty() {
        ended.push(reply.id()?);
    }
    watch.finished(&ended);
    Ok(has_work)
}

/// Whether there are as many replicas as every change waits for.
async fn look_for_replicas(link: &Link) -> StoreResult<()> {
    let wanted = u64::from(link.options.wait);
    if wanted == 0 {
        return Ok(());
    }
    let replicas = link.replicas().await?;
    if replicas < wanted {
        let reason = format!("{replicas} of {wanted} replicas are there that --redis_wait wants");
        return Err(StoreError::Unavailable(reason));
    }
    Ok(())
}

/// Looks whether the server keeps what it is given.
pub(crate) async fn look_at_settings(link: &Link) -> StoreResult<()> {
    let settings = link.settings().await?;
    link.health.used_memory.store(settings.used_memory, Relaxed);
    link.health.durable.store(settings.is_durable(), Relaxed);
    link.health.warn(settings.warnings(link.options.wait));
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lease_of_a_cancel_request_is_read() {
        let lease = lease("order/17\n3:77:12345").expect("a lease");
        assert_eq!((lease.job.as_str(), lease.claims), ("order/17", 3));
        assert_eq!((lease.incarnation, lease.nonce), (Incarnation(77), 12_345));
        assert_eq!(super::lease("order/17"), None);
    }
}
