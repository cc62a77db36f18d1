//! The daemon is killed again and again, at any moment, with work on its hands: what it had accepted is kept.

use poulpe_tests::{Home, Load, Signal, Target, random, say};
use std::time::Instant;

/// How often it is killed.
const KILLS: usize = 200;

/// How many more tasks are accepted at most before the next kill.
const TASKS: usize = 100;

#[test]
fn two_hundred_kills_in_a_row_lose_nothing() {
    let (home, target, load) = (Home::new(), Target::start(), Load::of(100));
    // Results are soon forgotten, so that segments die, but for the tasks that are delayed.
    let flags = ["--result_ttl", "1"];
    let begin = Instant::now();
    for _ in 0..KILLS {
        let mut daemon = home.start(&flags);
        let moment = load.accepted() + random(TASKS);
        load.during(&daemon, &target, || {
            load.wait_for(moment);
            daemon.signal(Signal::KILL);
        });
        daemon.wait();
    }
    let daemon = home.start(&flags);
    let kept = load.kept(&daemon, &target);
    let figures = &daemon.get("/sys_info").json["store"]["figures"];
    say(&format!(
        "{KILLS} kills in {:.0?}: {} tasks accepted, {} run, {} lost, {} run again for want of a durable verdict, {} of \
         {} doubled after their end was told; {} segments, {} bytes of log",
        begin.elapsed(),
        kept.accepted,
        kept.run,
        kept.lost,
        kept.again,
        kept.doubled,
        kept.told,
        figures["segments"],
        figures["log_bytes"],
    ));
    assert_eq!((kept.lost, kept.doubled), (0, 0));
    // Each start makes a segment, and each has tasks that wait for long: without cleaning there would be two hundred.
    let segments = figures["segments"].as_u64().expect("a number");
    assert!(segments < 30, "{segments} segments are left");
}
