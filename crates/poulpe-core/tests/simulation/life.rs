//! Begins and ends the lives of the daemon in a world.

use crate::daemon::{Daemon, Parts as DaemonParts};
use crate::dice::Dice;
use crate::disk;
use crate::faults::Faults;
use crate::history::What;
use crate::watcher::SimWatcher;
use crate::wire::Wire;
use crate::world::{Event, World};
use poulpe_core::Kind;
use poulpe_core::store::{Incarnation, Results, StoreError};
use std::sync::Arc;

impl World {
    pub(super) fn boot(&mut self) {
        if self.daemon.is_some() {
            return;
        }
        self.life += 1;
        let wire = Arc::new(Wire::new(self.history.clone(), self.time.clone()));
        if self.faults.crashes > 0 {
            self.faults.crashes -= 1;
            let actions = self.dice.number(1..900);
            self.actions.die_in(actions);
        }
        let incarnation = Incarnation(self.life);
        let mut kinds = vec![Kind::GET, Kind::POST];
        if self.dice.chance(self.faults.lacking) {
            kinds.pop();
        }
        self.history.note(What::Boot(self.lanes, kinds.clone()));
        let opened = disk::open(disk::Parts {
            log: self.log.clone(),
            dice: Dice::new(self.seed, 1_000 + self.life),
            faults: self.faults,
            actions: self.actions.clone(),
            wire: wire.clone(),
            history: self.history.clone(),
            time: self.time.clone(),
        });
        let Ok(store) = opened else {
            return self.end_life(true);
        };
        let store = Arc::new(store);
        let watcher = Arc::new(SimWatcher::new(&store, self.history.clone()));
        store.watch(watcher.clone());
        for id in &self.clients.waited_for {
            watcher.wait_for(id.clone());
        }
        self.daemon = Some(Daemon::new(DaemonParts {
            store,
            wire,
            watcher,
            history: self.history.clone(),
            time: self.time.clone(),
            dice: Dice::new(self.seed, 2_000 + self.life),
            faults: self.faults,
            kinds,
            lanes: self.lanes,
            incarnation,
        }));
        if self.life > 1 {
            for errand in self.clients.wait_again() {
                self.soon(0..50, Event::Errand(errand));
            }
        }
    }

    /// The process is gone: its threads, its memory, its connections.
    pub(super) fn end_life(&mut self, killed: bool) {
        self.actions.live_on();
        let daemon = self.daemon.take();
        self.history.note(What::End { killed });
        let Some(daemon) = daemon else {
            return self.soon(10..1_500, Event::Boot);
        };
        daemon.wire.close();
        for to in daemon.routes.into_values() {
            let broken = Err(StoreError::Unavailable("the connection broke".into()));
            self.soon(0..50, Event::Deliver(self.life, to, broken));
        }
        self.soon(10..1_500, Event::Boot);
    }

    pub(super) fn calm_down(&mut self) {
        self.faults = Faults::NONE;
        self.is_cut_off = false;
        self.actions.live_on();
        if let Some(daemon) = &mut self.daemon {
            daemon.faults = Faults::NONE;
            daemon.kinds = vec![Kind::GET, Kind::POST];
            daemon.store.shared().medium.heal();
        }
    }
}
