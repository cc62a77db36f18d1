//! Tasks over WebSockets, each durable, acknowledged, run and answered with its result. The jobs do nothing.

use poulpe_benches::{NOOP, amount, load_sockets, row, start};
use poulpe_core::{Ingress, Operate, Phase, StopHandle};
use poulpe_ingress_http::{HttpConfig, HttpIngress};
use std::sync::Arc;
use std::time::Duration;

const SOCKETS: usize = 8;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    println!(
        "tasks over {SOCKETS} WebSockets, synced, each acknowledged and answered, client in the same process:"
    );
    let dir = tempfile::tempdir().expect("a directory");
    let running = start(Some(&dir.path().join("store")));
    let operate: Arc<dyn Operate> = Arc::new(running.scheduler.clone());
    let config = HttpConfig::new([127, 0, 0, 1].into(), 0, "bench");
    let door = HttpIngress::bind(config, operate).await.expect("a port");
    let address = door.local_addr();
    let (handle, stop) = StopHandle::new();
    let serving = tokio::spawn(Box::new(door).serve(Arc::new(running.scheduler.clone()), stop));
    let mut first = 0;
    for (window, count) in [(1, 40_000), (16, 200_000), (256, 400_000), (2_000, 400_000)] {
        let count = amount(count).next_multiple_of(SOCKETS);
        let task = move |number: usize| {
            let number = first + number;
            format!(
                r#"{{"id":"{number}","method":"{NOOP}","name":"http://127.0.0.1/some/path","params":"i={number}"}}"#
            )
        };
        let took = load_sockets(address, SOCKETS, window, count, task).await;
        row(&format!("{window} under way on each"), count, took, None);
        first += count;
    }
    running.scheduler.stop(Duration::ZERO).await;
    handle.advance(Phase::Stopped);
    serving.await.expect("no panic").expect("it served");
}
