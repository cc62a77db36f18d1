//! An HTTP server that remembers when each call began and ended: what a history is checked by.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The path, without the slash.
    pub path: String,
    /// The job's id, as the call names it.
    pub id: String,
    /// The number of the attempt, as the call names it.
    pub attempt: String,
    /// When it came.
    pub begin: Instant,
    /// When it was answered.
    pub end: Instant,
}

/// A server on a free port that takes a while for each call.
pub struct Recorder {
    /// `http://host:port`.
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Recorder {
    /// Starts it; each call takes so long.
    pub fn start(takes: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let of_thread = Arc::clone(&calls);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let calls = Arc::clone(&of_thread);
                std::thread::spawn(move || serve(&stream, &calls, takes));
            }
        });
        Self { url, calls }
    }

    /// All calls so far, in the order of their ends.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no panic").clone()
    }
}

fn serve(stream: &TcpStream, calls: &Mutex<Vec<Call>>, takes: Duration) {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let begin = Instant::now();
        let path = line.split(' ').nth(1).unwrap_or_default();
        let path = path.trim_start_matches('/').to_string();
        let (mut id, mut attempt) = (String::new(), String::new());
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
            let (name, value) = header.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "poulpe-job-id" => id = value.trim().into(),
                "poulpe-attempt" => attempt = value.trim().into(),
                _ => {}
            }
            if header == "\r\n" {
                break;
            }
        }
        std::thread::park_timeout(takes);
        let call = Call {
            path,
            id,
            attempt,
            begin,
            end: Instant::now(),
        };
        calls.lock().expect("no panic").push(call);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        if writer.write_all(answer).is_err() {
            return;
        }
    }
}
