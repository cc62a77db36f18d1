//! The port for ways in.

use super::Submit;
use poulpe_store::BoxFuture;
use std::sync::Arc;
use tokio::sync::watch;

/// A way in: HTTP, Kafka. Takes tasks from outside and hands them to [`Submit`].
pub trait Ingress: Send {
    /// Serves until `stop` says [`Phase::Stopped`]. From [`Phase::Draining`] on it takes no new tasks, but goes on
    /// answering those who wait.
    fn serve(
        self: Box<Self>,
        submit: Arc<dyn Submit>,
        stop: Stop,
    ) -> BoxFuture<'static, Result<(), IngressError>>;
}

/// Why a way in had to close.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IngressError(pub String);

/// How far a shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not begun.
    Running,
    /// No new work; what runs may end and be answered.
    Draining,
    /// Everything was answered: close.
    Stopped,
}

/// Tells how far a shutdown has come.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Phase>);

impl Stop {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Returns once the shutdown has come this far. A dropped handle counts as stopped.
    pub async fn reached(&mut self, phase: Phase) {
        // An error means that the handle is gone, and with it whoever could still want service.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}

/// Moves a shutdown on.
#[derive(Debug)]
pub struct StopHandle(watch::Sender<Phase>);

impl StopHandle {
    /// A shutdown that hasn't begun.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (Self(sender), Stop(receiver))
    }

    /// Moves on to `phase`; never back.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let moves = phase > *now;
            *now = phase.max(*now);
            moves
        });
    }
}
