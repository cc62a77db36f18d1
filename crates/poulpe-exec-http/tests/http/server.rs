//! A small HTTP server that can misbehave. Threads live until the process ends; a test never waits for them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, as they were sent.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} was sent twice");
        value
    }
}

type Seen = Arc<Mutex<Vec<Request>>>;

pub(crate) struct Server {
    address: SocketAddr,
    seen: Seen,
    connections: Arc<AtomicUsize>,
}

/// One accepted connection.
pub(crate) struct Connection {
    /// Counted from 0.
    pub(crate) number: usize,
    reader: BufReader<TcpStream>,
    seen: Seen,
}

impl Server {
    /// Serves each connection on a thread of its own, and closes it when `serve` returns.
    pub(crate) fn start(serve: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            seen: Seen::default(),
            connections: Arc::default(),
        };
        let (seen, connections) = (server.seen.clone(), server.connections.clone());
        let serve = Arc::new(serve);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut connection = Connection {
                    number: connections.fetch_add(1, Ordering::SeqCst),
                    reader: BufReader::new(stream.unwrap()),
                    seen: seen.clone(),
                };
                let serve = serve.clone();
                std::thread::spawn(move || serve(&mut connection));
            }
        });
        server
    }

    /// Answers every request, and keeps connections open.
    pub(crate) fn answering(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start(move |connection| {
            while let Some(request) = connection.read() {
                connection.write(&answer(&request));
            }
        })
    }

    /// Gives every request the same answer.
    pub(crate) fn always(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::answering(move |_| answer.clone())
    }

    pub(crate) fn place(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The only request.
    pub(crate) fn only(&self) -> Request {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.into_iter().next().unwrap()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Connection {
    /// The next request; none when the client has closed the connection.
    pub(crate) fn read(&mut self) -> Option<Request> {
        let first = self.line()?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(": ").unwrap();
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut request = Request {
            method,
            target,
            headers,
            body: Vec::new(),
        };
        let length = request.header("content-length").unwrap_or("0");
        request.body = vec![0; length.parse().unwrap()];
        self.reader.read_exact(&mut request.body).ok()?;
        self.seen.lock().unwrap().push(request.clone());
        Some(request)
    }

    /// Whether the client still took it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        self.reader.get_mut().write_all(bytes).is_ok()
    }

    /// Reads until the client closes the connection: a server that hangs.
    pub(crate) fn hang(&mut self) {
        let _ = std::io::copy(&mut self.reader, &mut std::io::sink());
    }

    /// Waits for the first byte of whatever the client sends.
    pub(crate) fn first_byte(&mut self) {
        self.reader.fill_buf().unwrap();
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.reader.read_line(&mut line).ok()?;
        let line = line.strip_suffix("\r\n")?;
        (count > 0).then(|| line.to_owned())
    }
}

/// An answer with this status line, these header lines and this body.
pub(crate) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", "", body)
}
