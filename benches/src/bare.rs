//! The bare things: what a durable submit can't be faster than on this machine.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The size of the file that is appended to: written full of zeros first, so that no append has to find space.
const FILE: u64 = 64 * 1024 * 1024;

fn preallocated(dir: &Path) -> File {
    let path = dir.join("bare.log");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(path)
        .expect("a file");
    file.write_all_at(&vec![0; FILE as usize], 0)
        .expect("room for it");
    file.sync_all().expect("a sync");
    file
}

/// Appends `count` records of `len` bytes, `batch` of them to a sync.
pub fn append_and_sync(dir: &Path, count: usize, len: usize, batch: usize) -> Duration {
    let file = preallocated(dir);
    let record = vec![7; len * batch];
    let start = Instant::now();
    for write in 0..count / batch {
        let offset = (write * record.len()) as u64 % (FILE - record.len() as u64);
        file.write_all_at(&record, offset).expect("a write");
        file.sync_data().expect("a sync");
    }
    start.elapsed()
}

/// Appends `count` records of `len` bytes `pause` apart; how long each took until it was synced. After a pause that is
/// several times as long as in a row: the processor and the disk have to wake up.
pub async fn append_and_sync_apart(
    dir: &Path,
    count: usize,
    len: usize,
    pause: Duration,
) -> Vec<Duration> {
    let file = preallocated(dir);
    let record = vec![7; len];
    let mut took = Vec::with_capacity(count);
    for write in 0..count {
        tokio::time::sleep(pause).await;
        let start = Instant::now();
        file.write_all_at(&record, (write * len) as u64 % (FILE - len as u64))
            .expect("a write");
        file.sync_data().expect("a sync");
        took.push(start.elapsed());
    }
    took
}

type Pending = (Bytes, oneshot::Sender<()>);

/// A hyper server whose handler does nothing but append the body with group commit and answer.
pub async fn serve_bare(dir: &Path) -> SocketAddr {
    let file = preallocated(dir);
    let (sender, receiver) = mpsc::sync_channel::<Pending>(65_536);
    std::thread::spawn(move || write(&file, &receiver));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let sender = sender.clone();
            let service = service_fn(move |request| handle(request, sender.clone()));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}

async fn handle(
    request: Request<hyper::body::Incoming>,
    log: mpsc::SyncSender<Pending>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let (done, durable) = oneshot::channel();
    let _ = log.send((body, done));
    let _ = durable.await;
    Ok(Response::new(Full::new(Bytes::from_static(
        b"{\"result\":\"OK\"}",
    ))))
}

fn write(file: &File, receiver: &mpsc::Receiver<Pending>) {
    let mut offset = 0;
    while let Ok(first) = receiver.recv() {
        let batch: Vec<Pending> = std::iter::once(first).chain(receiver.try_iter()).collect();
        let bytes: Vec<u8> = batch
            .iter()
            .flat_map(|(body, _)| body.iter().copied())
            .collect();
        if offset + bytes.len() as u64 > FILE {
            offset = 0;
        }
        file.write_all_at(&bytes, offset).expect("a write");
        file.sync_data().expect("a sync");
        offset += bytes.len() as u64;
        for (_, done) in batch {
            let _ = done.send(());
        }
    }
}

/// Makes `count` GET requests of a server at once, from `threads` threads with a connection each; a call is all that
/// they do. Each carries `{name}-{number}` as its job's id.
pub fn call_at_once(server: SocketAddr, threads: usize, count: usize, name: &str) {
    let next = AtomicUsize::new(0);
    let begin = Barrier::new(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut stream = std::net::TcpStream::connect(server).expect("a connection");
                stream.set_nodelay(true).expect("an option");
                let mut answer = [0; 1_024];
                begin.wait();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let request = format!(
                        "GET /{number} HTTP/1.1\r\nhost: {server}\r\npoulpe-job-id: {name}-{number}\r\n\r\n"
                    );
                    stream.write_all(request.as_bytes()).expect("a request");
                    assert!(stream.read(&mut answer).expect("an answer") > 0);
                }
            });
        }
    });
}
