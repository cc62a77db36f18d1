//! One socket from its start to its end: takes messages in, writes answers and results out. Never makes an answer
//! itself. Everything happens in the connection's one task.
//!
//! What waits is bounded in both directions: while a batch of messages is being taken at most one more is read, and
//! while answers wait for the client no more are made and no messages read. Jobs that have ended meanwhile wait as
//! ids, their results in the store.

use crate::app::App;
use crate::config::MAX_ARRAY_BYTES;
use crate::stream::Stream;
use crate::ws::close::{self, Ending};
use crate::ws::pulse::Pulse;
use crate::ws::take::{Taken, take};
use crate::ws::told::{Told, text};
use crate::ws::{Opened, close::close};
use futures_util::{SinkExt, StreamExt};
use poulpe_core::{BoxFuture, Follow, JobId, Lookup, Phase};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

/// What an idle socket holds for reading.
const READ_BYTES: usize = 4 * 1024;
/// What is gathered before it is written.
const WRITE_BYTES: usize = 16 * 1024;
/// So many messages are taken together, or so many bytes and one message more. Refusals are up to sixty times as long as
/// what is refused.
const BATCH_MESSAGES: usize = 1_000;
const BATCH_BYTES: usize = 256 * 1024;
/// With so many bytes waiting for the client nothing more is made for it.
const OUT_BYTES: usize = 64 * 1024;
/// So many results are read at a time; each has up to 64 KiB of output.
const TELL_MAX: usize = 128;
/// A message above this takes a buffer of its own, which shouldn't stay with an idle socket.
const LARGE_BYTES: usize = 64 * 1024;
/// How long results that are ready are looked for when the shutdown is over: half of what open connections have.
const LAST_LOOK: Duration = Duration::from_millis(500);

/// Serves a client on a socket until either side ends it.
pub(crate) async fn serve(opened: Opened, app: &App) {
    let Opened {
        stream,
        read,
        place: _place,
    } = opened;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(WRITE_BYTES)
        .max_message_size(Some(MAX_ARRAY_BYTES))
        .max_frame_size(Some(MAX_ARRAY_BYTES));
    let wire =
        WebSocketStream::from_partially_read(stream, read.to_vec(), Role::Server, Some(config));
    let wire = wire.await;
    drop(read);
    let follow = app.submit.follow();
    let mut stop = app.stop.clone();
    let mut stopped = pin!(stop.reached(Phase::Stopped));
    let mut alarm = pin!(sleep_until(Instant::now()));
    let mut socket = Socket::new(app, &*follow, wire);
    let ending = poll_fn(|cx| {
        if socket.last_look.is_none() && stopped.as_mut().poll(cx).is_ready() {
            socket.stop();
        }
        socket.poll(alarm.as_mut(), cx)
    })
    .await;
    // What came in whole is taken, whether or not anybody is there to hear of it.
    let wire = socket.take_rest().await;
    close(wire, ending).await;
}

struct Socket<'a> {
    app: &'a App,
    follow: &'a dyn Follow,
    wire: WebSocketStream<Stream>,
    /// Messages to be taken next.
    inbox: Vec<Utf8Bytes>,
    inbox_bytes: usize,
    /// The last message, if it was large: as long as it is held, the wire can't reuse its buffer.
    large: Option<Utf8Bytes>,
    taking: Option<BoxFuture<'a, Taken>>,
    /// Jobs that were acknowledged and aren't followed yet.
    accepted: Vec<JobId>,
    following: Option<BoxFuture<'a, Vec<Told>>>,
    telling: Option<BoxFuture<'a, Vec<(JobId, Lookup)>>>,
    out: VecDeque<Utf8Bytes>,
    out_bytes: usize,
    /// The wire said that it takes no more.
    blocked: bool,
    pulse: Pulse,
    /// Nothing is read any more, and once everything is answered this ends the socket.
    closing: Option<CloseFrame>,
    /// The shutdown is over; until then results are still looked for.
    last_look: Option<Instant>,
    told_all: bool,
}

impl<'a> Socket<'a> {
    fn new(app: &'a App, follow: &'a dyn Follow, wire: WebSocketStream<Stream>) -> Self {
        let config = &app.config;
        Self {
            app,
            follow,
            wire,
            inbox: Vec::new(),
            inbox_bytes: 0,
            large: None,
            taking: None,
            accepted: Vec::new(),
            following: None,
            telling: None,
            out: VecDeque::new(),
            out_bytes: 0,
            blocked: false,
            pulse: Pulse::new(config.idle_timeout, config.write_timeout, Instant::now()),
            closing: None,
            last_look: None,
            told_all: false,
        }
    }

    /// The shutdown is over: tells what is ready, then ends.
    fn stop(&mut self) {
        self.last_look = Some(Instant::now() + LAST_LOOK);
        self.closing.get_or_insert_with(close::shutting_down);
    }

    fn poll(&mut self, mut alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Ending> {
        loop {
            let mut moves = self.poll_answers(cx);
            if self.poll_write(cx).is_err() {
                return Poll::Ready(Ending::Gone);
            }
            if let Some(ending) = self.poll_read(cx) {
                return Poll::Ready(ending);
            }
            moves |= self.start();
            if moves {
                continue;
            }
            if let Some(ending) = self.poll_pulse(alarm.as_mut(), cx) {
                return Poll::Ready(ending);
            }
            if self.is_done() {
                return Poll::Ready(self.closing.take().map_or(Ending::Gone, Ending::Close));
            }
            return Poll::Pending;
        }
    }

    /// Puts what has become ready behind what waits for the client; whether that was anything.
    fn poll_answers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moves = false;
        if let Some(Taken { answers, ids }) = poll_slot(&mut self.taking, cx) {
            for answer in answers {
                self.say(answer);
            }
            // Only now: a result must not come before the acknowledgement.
            self.accepted.extend(ids);
            moves = true;
        }
        if let Some(ended) = poll_slot(&mut self.following, cx) {
            for told in ended {
                self.say(text(&told));
            }
            moves = true;
        }
        if let Some(ended) = poll_slot(&mut self.telling, cx) {
            if ended.is_empty() {
                self.told_all = true;
                self.stop();
            }
            for (id, lookup) in &ended {
                if let Some(told) = Told::of(id, lookup) {
                    self.say(text(&told));
                }
            }
            moves = true;
        }
        moves
    }

    fn say(&mut self, message: Utf8Bytes) {
        self.out_bytes += message.len();
        self.out.push_back(message);
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        loop {
            match self.wire.poll_ready_unpin(cx)? {
                Poll::Pending => {
                    self.blocked = true;
                    self.pulse.stalled(Instant::now());
                    return Ok(());
                }
                Poll::Ready(()) if mem::take(&mut self.blocked) => self.pulse.taken(),
                Poll::Ready(()) => {}
            }
            let Some(message) = self.out.pop_front() else {
                break;
            };
            self.out_bytes -= message.len();
            self.wire.start_send_unpin(Message::Text(message))?;
        }
        // A burst of answers shouldn't hold its memory for good.
        if self.out.capacity() > BATCH_MESSAGES {
            self.out.shrink_to(0);
        }
        match self.wire.poll_flush_unpin(cx)? {
            Poll::Pending => self.pulse.stalled(Instant::now()),
            Poll::Ready(()) => self.pulse.taken(),
        }
        Ok(())
    }

    /// Reads as much as may wait.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Option<Ending> {
        while self.listens() {
            let Poll::Ready(next) = self.wire.poll_next_unpin(cx) else {
                break;
            };
            self.large = None;
            self.pulse.heard(Instant::now());
            match next {
                Some(Ok(Message::Text(message))) => {
                    self.large = (message.len() > LARGE_BYTES).then(|| message.clone());
                    self.inbox_bytes += message.len();
                    self.inbox.push(message);
                }
                Some(Ok(Message::Binary(_))) => self.closing = Some(close::binary()),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) => return Some(Ending::Closed),
                Some(Err(error)) => match close::of_error(&error) {
                    Ending::Close(frame) => self.closing = Some(frame),
                    ending => return Some(ending),
                },
                None => return Some(Ending::Gone),
            }
        }
        None
    }

    fn listens(&self) -> bool {
        let is_full = self.inbox.len() >= BATCH_MESSAGES || self.inbox_bytes >= BATCH_BYTES;
        self.closing.is_none() && !is_full && self.has_room()
    }

    fn has_room(&self) -> bool {
        self.out_bytes < OUT_BYTES
    }

    /// Starts what there is to do; whether that was anything.
    fn start(&mut self) -> bool {
        let mut starts = false;
        if self.taking.is_none() && !self.inbox.is_empty() && self.has_room() {
            let followed = self.follow.count() + self.accepted.len();
            let messages = mem::take(&mut self.inbox);
            self.inbox_bytes = 0;
            self.taking = Some(Box::pin(take(self.app, messages, followed)));
            starts = true;
        }
        if self.following.is_none() && !self.accepted.is_empty() {
            let ids = mem::take(&mut self.accepted);
            self.following = Some(Box::pin(follow(self.follow, ids)));
            starts = true;
        }
        let tells = self.closing.is_none() || self.last_look.is_some();
        if self.telling.is_none() && !self.told_all && tells && self.has_room() {
            self.telling = Some(self.follow.ended(TELL_MAX));
            starts = true;
        }
        starts
    }

    /// Asks a silent client whether it is there, and gives up one that doesn't keep up.
    fn poll_pulse(&mut self, mut alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Option<Ending> {
        loop {
            let now = Instant::now();
            if !self.listens() {
                self.pulse.heard(now);
            }
            if let Some(beat) = self.pulse.beat(now) {
                if let Some(frame) = close::of_beat(&beat) {
                    return Some(Ending::Close(frame));
                }
                // An error shows at the next write.
                let _ = self.wire.start_send_unpin(Message::Ping(Bytes::new()));
                if self.poll_write(cx).is_err() {
                    return Some(Ending::Gone);
                }
            }
            let next = self.pulse.next();
            let next = self.last_look.map_or(next, |last| last.max(now).min(next));
            // Lazy: an alarm that rings too early is set anew then, and a busy socket hardly ever touches the timer.
            let is_set = alarm.deadline() <= next && alarm.deadline() > now;
            if !is_set {
                alarm.as_mut().reset(next);
            }
            let looks_no_more = self.last_look.is_some_and(|last| last <= now);
            if alarm.as_mut().poll(cx).is_pending() || looks_no_more {
                return None;
            }
        }
    }

    /// Whether a socket that closes has nothing more to say.
    fn is_done(&self) -> bool {
        let is_answered = self.inbox.is_empty()
            && self.taking.is_none()
            && self.following.is_none()
            && self.out.is_empty();
        let looks_no_more = self
            .last_look
            .is_none_or(|last| self.told_all || self.follow.count() == 0 || last <= Instant::now());
        self.closing.is_some() && is_answered && looks_no_more
    }

    /// Takes what has come in whole.
    async fn take_rest(self) -> WebSocketStream<Stream> {
        let followed = self.follow.count();
        if let Some(taking) = self.taking {
            taking.await;
        }
        if !self.inbox.is_empty() {
            take(self.app, self.inbox, followed).await;
        }
        self.wire
    }
}

/// Follows jobs: what is known of those that have ended.
async fn follow(follow: &dyn Follow, ids: Vec<JobId>) -> Vec<Told> {
    match follow.add(ids.clone()).await {
        Ok(lookups) => {
            let told = ids.iter().zip(&lookups);
            told.filter_map(|(id, lookup)| Told::of(id, lookup))
                .collect()
        }
        // They are followed all the same.
        Err(error) => {
            tracing::debug!(%error, "can't look for results yet");
            Vec::new()
        }
    }
}

/// What a future that may be under way has come to.
fn poll_slot<T>(slot: &mut Option<BoxFuture<'_, T>>, cx: &mut Context<'_>) -> Option<T> {
    let Poll::Ready(value) = slot.as_mut()?.as_mut().poll(cx) else {
        return None;
    };
    *slot = None;
    Some(value)
}
