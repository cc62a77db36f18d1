//! A WebSocket client of a few lines and no library: what poulpe says is read by something that shares no code with it.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::{Daemon, PATIENCE};

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// An open socket. Answers pings while it reads.
pub struct Socket {
    reader: BufReader<TcpStream>,
    sending: Vec<u8>,
}

impl Daemon {
    /// Opens a socket.
    pub fn socket(&self) -> Socket {
        Socket::open(&self.url, "/ws_task", "").expect("a socket")
    }
}

impl Socket {
    /// Opens a socket with more headers; the error is the status of the refusal.
    pub fn open(url: &str, path: &str, headers: &str) -> Result<Self, u16> {
        let host = url.strip_prefix("http://").expect("a URL");
        let stream = TcpStream::connect(host).expect("the port is open");
        stream.set_nodelay(true).expect("an option");
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        let mut writer = &stream;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        writer.write_all(request.as_bytes()).expect("it reads");
        let mut reader = BufReader::new(stream);
        let mut status = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a head");
            if line == "\r\n" || line.is_empty() {
                break;
            }
            if status == 0 {
                let word = line.split(' ').nth(1);
                status = word.and_then(|word| word.parse().ok()).expect("a status");
            }
        }
        if status != 101 {
            return Err(status);
        }
        let sending = Vec::new();
        Ok(Self { reader, sending })
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Value) {
        self.queue(message);
        self.flush();
    }

    /// Puts a message behind those that are sent together.
    pub fn queue(&mut self, message: &Value) {
        self.frame(TEXT, message.to_string().as_bytes());
    }

    /// Sends what was queued.
    pub fn flush(&mut self) {
        let sending = std::mem::take(&mut self.sending);
        self.reader.get_ref().write_all(&sending).expect("it reads");
    }

    fn frame(&mut self, opcode: u8, payload: &[u8]) {
        let sending = &mut self.sending;
        sending.push(0x80 | opcode);
        match payload.len() {
            short @ 0..126 => sending.push(0x80 | short as u8),
            middle @ 126..0x1_0000 => {
                sending.push(0x80 | 126);
                sending.extend((middle as u16).to_be_bytes());
            }
            long => {
                sending.push(0x80 | 127);
                sending.extend((long as u64).to_be_bytes());
            }
        }
        let mask = [7, 77, 177, 27];
        sending.extend(mask);
        sending.extend(payload.iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m));
    }

    /// The next message.
    pub fn json(&mut self) -> Value {
        let text = self.message().expect("a message");
        serde_json::from_slice(&text).expect("JSON")
    }

    /// The end as the other side says it, whatever comes before: code and reason; 0 if it just went.
    pub fn ended(&mut self) -> (u16, String) {
        loop {
            if let Err(end) = self.message() {
                return end;
            }
        }
    }

    fn message(&mut self) -> Result<Vec<u8>, (u16, String)> {
        loop {
            let (opcode, payload) = self.read().map_err(|error| (0, error.to_string()))?;
            match opcode {
                TEXT => return Ok(payload),
                PING => {
                    self.frame(PONG, &payload);
                    self.flush();
                }
                CLOSE => {
                    let code = payload
                        .first_chunk()
                        .map_or(0, |code| u16::from_be_bytes(*code));
                    let reason = payload.get(2..).unwrap_or_default();
                    return Err((code, String::from_utf8_lossy(reason).into_owned()));
                }
                _ => {}
            }
        }
    }

    fn read(&mut self) -> std::io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.reader.read_exact(&mut head)?;
        assert_eq!(head[1] & 0x80, 0, "a server doesn't mask");
        let length = match head[1] {
            126 => {
                let mut bytes = [0; 2];
                self.reader.read_exact(&mut bytes)?;
                usize::from(u16::from_be_bytes(bytes))
            }
            127 => {
                let mut bytes = [0; 8];
                self.reader.read_exact(&mut bytes)?;
                u64::from_be_bytes(bytes) as usize
            }
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        self.reader.read_exact(&mut payload)?;
        Ok((head[0] & 0x0f, payload))
    }

    /// Whether nothing comes for a while.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        let stream = self.reader.get_ref();
        stream.set_read_timeout(Some(time)).expect("an option");
        let silent = self.reader.fill_buf().is_err();
        let stream = self.reader.get_ref();
        stream.set_read_timeout(Some(PATIENCE)).expect("an option");
        silent
    }
}
