//! Durable submits over HTTP, beside a bare hyper handler that only appends with group commit. The jobs are due in a
//! day, so that nothing but the submit is measured.

use poulpe_benches::{NOOP, amount, load, row, serve_bare, start};
use poulpe_core::{Ingress, Operate, Phase, StopHandle};
use poulpe_ingress_http::{HttpConfig, HttpIngress};
use std::sync::Arc;
use std::time::Duration;

const CONNECTIONS: usize = 64;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(measure());
}

fn task(number: usize) -> String {
    format!(
        r#"{{"id":"{number}","method":"{NOOP}","delay":86400,"name":"http://127.0.0.1/some/path","params":"i={number}"}}"#
    )
}

async fn measure() {
    println!("durable submit over HTTP, {CONNECTIONS} connections, client in the same process:");
    let dir = tempfile::tempdir().expect("a directory");
    let count = amount(300_000);
    let bare = serve_bare(dir.path()).await;
    let limit = row(
        "bare hyper handler over append + group commit",
        count,
        load(bare, CONNECTIONS, count, task).await,
        None,
    );

    let running = start(Some(&dir.path().join("store")));
    let operate: Arc<dyn Operate> = Arc::new(running.scheduler.clone());
    let config = HttpConfig::new([127, 0, 0, 1].into(), 0, "bench");
    let door = HttpIngress::bind(config, operate).await.expect("a port");
    let address = door.local_addr();
    let (handle, stop) = StopHandle::new();
    let serving = tokio::spawn(Box::new(door).serve(Arc::new(running.scheduler.clone()), stop));
    let took = load(address, CONNECTIONS, count, task).await;
    row(
        "poulpe, one task a request",
        count,
        took,
        Some(("bare", limit)),
    );
    let batches = count / 100;
    let many = move |number: usize| {
        let tasks: Vec<String> = (0..100)
            .map(|one| task(count + number * 100 + one))
            .collect();
        format!("[{}]", tasks.join(","))
    };
    let took = load(address, CONNECTIONS, batches, many).await;
    row(
        "poulpe, 100 tasks a request",
        batches * 100,
        took,
        Some(("bare", limit)),
    );
    running.scheduler.stop(Duration::ZERO).await;
    handle.advance(Phase::Stopped);
    serving.await.expect("no panic").expect("it served");
}
