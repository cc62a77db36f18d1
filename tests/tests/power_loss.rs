//! The power fails: whatever the kernel hadn't brought to the disk is gone. What was accepted is kept.

use poulpe_tests::{Daemon, Disk, Home, Load, Signal, Target, random, say};

/// How often the power fails.
const ROUNDS: usize = 10;

/// How many more tasks are accepted at most before it does.
const TASKS: usize = 1_000;

/// How many bytes a task carries: enough for many a life of the daemon to need a second segment.
const BYTES: usize = 10_000;

fn rotations_of(daemon: &Daemon) -> u64 {
    let figures = &daemon.get("/sys_info").json["store"]["figures"];
    figures["rotations"].as_u64().expect("a number")
}

#[test]
fn every_acknowledged_task_survives_ten_power_cuts() {
    let Some(disk) = Disk::for_test("power-loss", 256) else {
        return;
    };
    let (home, target, load) = (Home::new(), Target::start(), Load::of(BYTES));
    let data = disk.path().join("data");
    let flags = ["--data", data.to_str().expect("text")];
    let mut rotations = 0;
    for round in 1..=ROUNDS {
        let mut daemon = home.start(&flags);
        let moment = load.accepted() + 1 + random(TASKS);
        load.during(&daemon, &target, || {
            load.wait_for(moment);
            rotations += rotations_of(&daemon);
            disk.cut_power();
            // Whoever still waits for a result learns that it won't come.
            daemon.signal(Signal::KILL);
        });
        daemon.wait();
        disk.remount();
        let daemon = home.start(&flags);
        let kept = load.kept(&daemon, &target);
        assert_eq!((kept.lost, kept.doubled), (0, 0), "round {round}: {kept:?}");
        if round == ROUNDS {
            say(&format!(
                "{ROUNDS} power cuts, {rotations} rotations: {kept:?}"
            ));
        }
        daemon.kill();
    }
}
