//! Looks up names, and remembers them for a moment. Never longer than its caller has time: the lookup itself can't be
//! interrupted, so it runs on a thread of its own. Called by the resolver for hosts that aren't addresses.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Short enough that a moved name is followed at once by a person's measure, long enough that a busy target isn't
/// looked up for every job.
const TTL: Duration = Duration::from_secs(5);

/// So that a name that doesn't exist doesn't cost a lookup for every job, and all who wait for one lookup hear of it.
const FAILED_TTL: Duration = Duration::from_secs(1);

/// Bounds memory when every job has another host.
const MAX_NAMES: usize = 1_024;

/// Bounds threads when the name server hangs: a lookup lives on after its caller has given up.
const MAX_LOOKUPS: usize = 64;

/// Asks for the addresses of a name; may block for long.
pub(crate) type Lookup = fn(&str) -> io::Result<Vec<IpAddr>>;

/// Why a name has no addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NameError {
    /// The caller's time was up first.
    TimedOut,
    /// The lookup failed.
    Failed(String),
}

/// Names and their addresses. A clone shares them.
#[derive(Clone)]
pub(crate) struct Names {
    shared: Arc<Shared>,
}

struct Shared {
    lookup: Lookup,
    known: Mutex<HashMap<String, Entry>>,
    changed: Condvar,
}

enum Entry {
    Asking,
    Known(Result<Arc<[IpAddr]>, NameError>, Instant),
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

/// The system's resolver.
pub(crate) fn system_lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    let addresses = (name, 0).to_socket_addrs()?;
    Ok(addresses.map(|address| address.ip()).collect())
}

impl Names {
    pub(crate) fn new(lookup: Lookup) -> Self {
        Self {
            shared: Arc::new(Shared {
                lookup,
                known: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// The addresses of `name`, known or asked for; waits at most until `deadline`. Callers that ask for one name at
    /// the same time share a lookup.
    pub(crate) fn addresses(
        &self,
        name: &str,
        now: Instant,
        deadline: Instant,
    ) -> Result<Arc<[IpAddr]>, NameError> {
        let name = name.to_ascii_lowercase();
        let mut known = self.shared.known();
        let fresh = match known.get(&name) {
            Some(Entry::Known(outcome, until)) if *until > now => return outcome.clone(),
            Some(Entry::Asking) => false,
            _ => true,
        };
        if fresh {
            make_room(&mut known, now)?;
            known.insert(name.clone(), Entry::Asking);
            drop(known);
            self.ask(&name);
            known = self.shared.known();
        }
        let time = deadline.saturating_duration_since(now);
        let asking =
            |known: &mut HashMap<String, Entry>| matches!(known.get(&name), Some(Entry::Asking));
        let (known, _) = self
            .shared
            .changed
            .wait_timeout_while(known, time, asking)
            .unwrap_or_else(PoisonError::into_inner);
        match known.get(&name) {
            Some(Entry::Known(outcome, _)) => outcome.clone(),
            _ => Err(NameError::TimedOut),
        }
    }

    fn ask(&self, name: &str) {
        let shared = self.shared.clone();
        let asked = name.to_owned();
        let thread = std::thread::Builder::new()
            .name("poulpe-names".into())
            .spawn(move || {
                // Whatever happens in there, the entry must not stay at "asking" for ever.
                let outcome = std::panic::catch_unwind(|| (shared.lookup)(&asked));
                shared.learn(
                    &asked,
                    outcome.unwrap_or_else(|_| Err(io::Error::other("panic"))),
                );
            });
        if let Err(error) = thread {
            self.shared.learn(name, Err(error));
        }
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, name: &str, outcome: io::Result<Vec<IpAddr>>) {
        let outcome = match outcome {
            Ok(list) if list.is_empty() => Err(NameError::Failed("it has no address".into())),
            Ok(list) => Ok(list.into()),
            Err(error) => Err(NameError::Failed(error.to_string())),
        };
        let ttl = if outcome.is_ok() { TTL } else { FAILED_TTL };
        let until = Instant::now() + ttl;
        self.known()
            .insert(name.to_owned(), Entry::Known(outcome, until));
        self.changed.notify_all();
    }
}

/// Makes sure that one more name fits, and that one more lookup may run.
fn make_room(known: &mut HashMap<String, Entry>, now: Instant) -> Result<(), NameError> {
    if known.len() >= MAX_NAMES {
        known.retain(|_, entry| match entry {
            Entry::Asking => true,
            Entry::Known(_, until) => *until > now,
        });
    }
    if known.len() >= MAX_NAMES {
        known.retain(|_, entry| matches!(entry, Entry::Asking));
    }
    // Counted only when a lookup starts, which costs far more.
    let asking = |entry: &&Entry| matches!(entry, Entry::Asking);
    if known.values().filter(asking).count() >= MAX_LOOKUPS {
        return Err(NameError::Failed(format!(
            "{MAX_LOOKUPS} lookups are under way already; does the name server answer?"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicU32, Ordering};

    const LONG: Duration = Duration::from_secs(30);

    fn ask(names: &Names, name: &str, now: Instant) -> Result<Arc<[IpAddr]>, NameError> {
        names.addresses(name, now, now + LONG)
    }

    #[test]
    fn a_known_name_is_not_asked_again_until_it_expires() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let names = Names::new(|_| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            Ok(vec![Ipv4Addr::LOCALHOST.into()])
        });
        let now = Instant::now();
        for name in ["a.test", "A.test", "a.test"] {
            assert!(ask(&names, name, now).is_ok());
        }
        assert_eq!(ASKED.load(Ordering::SeqCst), 1);
        assert!(ask(&names, "a.test", now + LONG).is_ok());
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_lookup_that_hangs_is_waited_for_until_the_deadline_only() {
        let names = Names::new(|_| {
            loop {
                std::thread::park();
            }
        });
        let now = Instant::now();
        let outcome = names.addresses("a.test", now, now + Duration::from_millis(50));
        assert_eq!(outcome, Err(NameError::TimedOut));
        assert!(now.elapsed() < LONG);
    }

    #[test]
    fn lookups_that_hang_are_bounded_and_names_that_are_known_still_work() {
        let names = Names::new(|name| {
            while name.starts_with("hang") {
                std::thread::park();
            }
            Ok(vec![Ipv4Addr::LOCALHOST.into()])
        });
        let now = Instant::now();
        assert!(ask(&names, "good.test", now).is_ok());
        for n in 0..MAX_LOOKUPS {
            let outcome = names.addresses(&format!("hang{n}"), now, now);
            assert_eq!(outcome, Err(NameError::TimedOut));
        }
        assert!(matches!(
            ask(&names, "other.test", now),
            Err(NameError::Failed(_))
        ));
        assert!(ask(&names, "good.test", now).is_ok());
    }

    #[test]
    fn names_are_bounded() {
        let names = Names::new(|_| Ok(vec![Ipv4Addr::LOCALHOST.into()]));
        let now = Instant::now();
        let mut known = names.shared.known();
        for n in 0..MAX_NAMES {
            let entry = Entry::Known(Err(NameError::TimedOut), now + LONG);
            known.insert(n.to_string(), entry);
        }
        drop(known);
        assert!(ask(&names, "one.more", now).is_ok());
        assert!(names.shared.known().len() <= MAX_NAMES);
    }

    #[test]
    fn failures_panics_and_empty_answers_have_a_reason() {
        let names = Names::new(|name| match name {
            "panic.test" => panic!("on purpose"),
            "empty.test" => Ok(vec![]),
            _ => Err(io::Error::other("no such name")),
        });
        for (name, reason) in [
            ("panic.test", "panic"),
            ("empty.test", "it has no address"),
            ("x.test", "no such name"),
        ] {
            let expected = NameError::Failed(reason.into());
            assert_eq!(ask(&names, name, Instant::now()), Err(expected));
        }
    }
}
