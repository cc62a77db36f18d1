//! How many mails a second go to a server on this machine. The server is a few lines of Rust that read and answer, so
//! that it isn't the limit.

use crate::{executor_for, plain, send};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const WORKERS: usize = 4;
const MAILS_EACH: usize = 500;
/// What the contract promises.
const LEAST_PER_SECOND: f64 = 500.0;

fn serve(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut answers = stream.try_clone()?;
    let mut in_mail = false;
    answers.write_all(b"220 sink\r\n")?;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let answer: &[u8] = match (&*line, in_mail) {
            (".", true) => b"250 taken\r\n",
            (_, true) => continue,
            ("DATA", false) => b"354 go on\r\n",
            (_, false) => b"250 ok\r\n",
        };
        in_mail = line == "DATA" && !in_mail;
        answers.write_all(answer)?;
    }
    Ok(())
}

fn sink() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A client that is gone has what it wants.
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

#[test]
fn four_workers_send_five_hundred_mails_a_second_and_more() {
    let executor = executor_for(plain(sink()));
    send(&executor).expect("sent");
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                for _ in 0..MAILS_EACH {
                    send(&executor).expect("sent");
                }
            });
        }
    });
    let took = start.elapsed();
    let rate = (WORKERS * MAILS_EACH) as f64 / took.as_secs_f64();
    println!(
        "{rate:.0} mails a second, {:?} each",
        took / (MAILS_EACH as u32)
    );
    assert!(
        took < Duration::from_secs(60) && rate >= LEAST_PER_SECOND,
        "{rate:.0} mails a second"
    );
}
