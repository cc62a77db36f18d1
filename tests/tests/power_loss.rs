//! The power fails: whatever the kernel hadn't brought to the disk is gone. What was accepted is kept.

use poulpe_tests::{Disk, Home, Load, Signal, Target, random, say};

/// How often the power fails.
const ROUNDS: usize = 10;

/// How many more tasks are accepted at most before it does.
const TASKS: usize = 1_000;

#[test]
fn every_acknowledged_task_survives_ten_power_cuts() {
    let Some(disk) = Disk::for_test("power-loss", 256) else {
        return;
    };
    let (home, target, load) = (Home::new(), Target::start(), Load::default());
    let data = disk.path().join("data");
    let flags = ["--data", data.to_str().expect("text")];
    for round in 1..=ROUNDS {
        let mut daemon = home.start(&flags);
        let moment = load.accepted() + 1 + random(TASKS);
        load.during(&daemon, &target, || {
            load.wait_for(moment);
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
            say(&format!("{ROUNDS} power cuts: {kept:?}"));
        }
        daemon.kill();
    }
}
