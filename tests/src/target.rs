//! An HTTP server for jobs to call: counts calls, and answers as the path says.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use crate::PATIENCE;

#[derive(Default)]
struct State {
    /// Calls by path with query, and the body of the latest.
    calls: HashMap<String, (u32, String)>,
    total: u32,
    /// The id and the attempt that each call names, in their order.
    runs: Vec<(String, String)>,
    /// Answer 200 where the path says to fail.
    mended: bool,
    /// Let those who hang go on.
    open: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A server on a free port of this machine. `/fail…` answers 500 until mended, `/created` 201, `/hang…` holds its
/// answer until it is opened, everything else 200.
pub struct Target {
    /// `http://host:port`.
    pub url: String,
    shared: Arc<Shared>,
}

impl Target {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared::default());
        let of_thread = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = of_thread.clone();
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { url, shared }
    }

    /// How often this path with its query was called.
    pub fn calls(&self, path: &str) -> u32 {
        self.shared
            .state
            .lock()
            .expect("no panic")
            .calls
            .get(path)
            .map_or(0, |(count, _)| *count)
    }

    /// The job's id and the attempt of each call, in their order; empty where a call names none.
    pub fn runs(&self) -> Vec<(String, String)> {
        self.shared.state.lock().expect("no panic").runs.clone()
    }

    /// The body of the latest call of this path.
    pub fn body(&self, path: &str) -> String {
        self.shared
            .state
            .lock()
            .expect("no panic")
            .calls
            .get(path)
            .map(|(_, body)| body.clone())
            .unwrap_or_default()
    }

    /// Waits until so many calls came in all.
    pub fn wait_for(&self, total: u32) {
        let state = self.shared.state.lock().expect("no panic");
        let waiting = self
            .shared
            .changed
            .wait_timeout_while(state, PATIENCE, |state| state.total < total);
        let (state, _) = waiting.expect("no panic");
        assert!(state.total >= total, "{} calls of {total}", state.total);
    }

    /// How many calls came in all.
    pub fn total(&self) -> u32 {
        self.shared.state.lock().expect("no panic").total
    }

    /// The highest number of calls of any one path.
    pub fn most_calls(&self) -> u32 {
        self.shared
            .state
            .lock()
            .expect("no panic")
            .calls
            .values()
            .map(|(count, _)| *count)
            .max()
            .unwrap_or(0)
    }

    /// How many different paths were called.
    pub fn distinct(&self) -> usize {
        self.shared.state.lock().expect("no panic").calls.len()
    }

    /// From now on nothing fails.
    pub fn mend(&self) {
        self.shared.state.lock().expect("no panic").mended = true;
    }

    /// From now on nothing hangs.
    pub fn open(&self) {
        self.shared.state.lock().expect("no panic").open = true;
        self.shared.changed.notify_all();
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_string();
        let mut length = 0;
        let mut run = (String::new(), String::new());
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
            let (name, value) = header.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "poulpe-job-id" => run.0 = value.trim().into(),
                "poulpe-attempt" => run.1 = value.trim().into(),
                _ => {}
            }
            if header == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let status = answer(shared, path, run, &body);
        let text = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok");
        if writer.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(shared: &Shared, path: String, run: (String, String), body: &[u8]) -> &'static str {
    let mut state = shared.state.lock().expect("no panic");
    let (fails, hangs, is_created) = (
        path.starts_with("/fail"),
        path.starts_with("/hang"),
        path.starts_with("/created"),
    );
    let call = state.calls.entry(path).or_default();
    call.0 += 1;
    call.1 = String::from_utf8_lossy(body).into_owned();
    state.total += 1;
    state.runs.push(run);
    shared.changed.notify_all();
    if hangs {
        state = shared
            .changed
            .wait_while(state, |state| !state.open)
            .expect("no panic");
    }
    match (fails && !state.mended, is_created) {
        (true, _) => "500 Internal Server Error",
        (_, true) => "201 Created",
        _ => "200 OK",
    }
}
