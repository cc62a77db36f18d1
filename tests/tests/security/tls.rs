//! HTTPS, spoken to by curl: what a client sees that shares no code with poulpe.

use poulpe_tests::{Daemon, Home, eventually};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A new certificate of localhost and its key.
fn make(dir: &Path, cert: &str, key: &str) {
    let CertifiedKey {
        cert: made,
        signing_key,
    } = generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()])
        .expect("a certificate");
    std::fs::write(dir.join(key), signing_key.serialize_pem()).expect("a file");
    std::fs::write(dir.join(cert), made.pem()).expect("a file");
}

fn start(home: &Home) -> Daemon {
    make(home.path(), "cert.pem", "key.pem");
    home.start(&["--tls_cert", "cert.pem", "--tls_key", "key.pem"])
}

/// Runs curl with the certificate of this file trusted: the status, or 0 if there was none.
fn curl(home: &Home, trusted: &str, arguments: &[&str]) -> u16 {
    let output = Command::new("curl")
        .current_dir(home.path())
        .args([
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--max-time",
            "30",
            "--cacert",
            trusted,
        ])
        .args(arguments)
        .output()
        .expect("curl");
    String::from_utf8_lossy(&output.stdout)
        .parse()
        .expect("a status")
}

fn address(daemon: &Daemon) -> &str {
    daemon.url.trim_start_matches("https://")
}

#[test]
fn tasks_come_in_by_https_and_plain_http_does_not() {
    let home = Home::new();
    let daemon = start(&home);
    assert!(
        daemon.url.starts_with("https://127.0.0.1:"),
        "{}",
        daemon.greeting
    );
    let url = |path: &str| format!("{}{path}", daemon.url);
    assert_eq!(curl(&home, "cert.pem", &[&url("/healthz")]), 200);
    let task = r#"{"method":"GET","name":"http://127.0.0.1:1/"}"#;
    assert_eq!(
        curl(&home, "cert.pem", &["-d", task, &url("/task_in_queue")]),
        200
    );
    let submit = url("/task_in_queue");
    // A megabyte, in many records, both ways of ending a body.
    std::fs::write(
        home.path().join("big"),
        format!("[{}{task}]", format!("{task},").repeat(9_999)),
    )
    .expect("a file");
    for more in [&[][..], &["-H", "transfer-encoding: chunked"]] {
        let arguments = [&["--data-binary", "@big", &submit], more].concat();
        assert_eq!(curl(&home, "cert.pem", &arguments), 200);
    }
    let health = url("/healthz");
    for arguments in [&["--tlsv1.3", &health][..], &["--tls-max", "1.2", &health]] {
        assert_eq!(curl(&home, "cert.pem", arguments), 200);
    }
    assert_eq!(
        curl(&home, "cert.pem", &["--tls-max", "1.1", &url("/healthz")]),
        0
    );
    make(home.path(), "other.pem", "other.key");
    assert_eq!(curl(&home, "other.pem", &[&url("/healthz")]), 0);
    let plain = url("/healthz").replace("https", "http");
    assert_eq!(curl(&home, "cert.pem", &[&plain]), 0);
}

#[test]
fn a_new_certificate_is_taken_up_and_open_connections_stay() {
    let home = Home::new();
    let daemon = start(&home);
    let health = format!("{}/healthz", daemon.url);
    // A connection that stays open: curl waits for a result that doesn't come before the change.
    let mut waiting = Command::new("curl");
    let task = r#"{"method":"GET","name":"http://127.0.0.1:1/","max_retry":0,"delay":6,"wait":30}"#;
    let waiting = waiting
        .current_dir(home.path())
        .args([
            "-s",
            "--cacert",
            "cert.pem",
            "-d",
            task,
            &format!("{}/task_in_queue", daemon.url),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl");
    std::fs::copy(home.path().join("cert.pem"), home.path().join("old.pem")).expect("a copy");
    let info = format!("{}/sys_info", daemon.url);
    let has_job = || {
        let output = Command::new("curl")
            .current_dir(home.path())
            .args(["-s", "--cacert", "cert.pem", &info])
            .output();
        String::from_utf8_lossy(&output.expect("curl").stdout).contains("\"delayed\":1")
    };
    eventually("the task is in", has_job);

    // Half of a new pair changes nothing.
    make(home.path(), "cert.pem", "next.key");
    eventually("the half is told", || {
        home.log().contains("isn't that of the certificate")
    });
    assert_eq!(curl(&home, "old.pem", &[&health]), 200);
    std::fs::rename(home.path().join("next.key"), home.path().join("key.pem")).expect("a key");
    eventually("the new pair is in force", || {
        curl(&home, "cert.pem", &[&health]) == 200
    });
    assert_eq!(curl(&home, "old.pem", &[&health]), 0);

    let output = waiting.wait_with_output().expect("curl");
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(answer.contains("\"state\":\"dead\""), "{answer}");
}

#[test]
fn a_client_that_never_ends_its_handshake_is_closed() {
    let home = Home::new();
    let daemon = start(&home);
    // Nothing, the start of a record, and nonsense.
    for bytes in [
        &b""[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"\x16\x03\x01\xff\xff",
    ] {
        let mut tcp = TcpStream::connect(address(&daemon)).expect("it listens");
        tcp.set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a time-out");
        tcp.write_all(bytes).expect("sent");
        let mut rest = Vec::new();
        // An alert may come first.
        if let Err(error) = tcp.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        assert!(rest.len() < 64, "{rest:?}");
    }
    assert_eq!(
        curl(&home, "cert.pem", &[&format!("{}/healthz", daemon.url)]),
        200
    );
}

/// The pace of a client is watched inside TLS as well: python's own TLS sends a head that never ends.
#[test]
fn a_head_that_never_ends_closes_a_tls_connection_too() {
    let home = Home::new();
    let daemon = start(&home);
    let script = "import socket, ssl, sys\n\
        c = ssl.create_default_context(cafile='cert.pem')\n\
        s = c.wrap_socket(socket.create_connection(('127.0.0.1', int(sys.argv[1]))), server_hostname='localhost')\n\
        s.settimeout(60)\n\
        print(s.selected_alpn_protocol(), flush=True)\n\
        s.sendall(b'GET / HTTP/1.1\\r\\nhost: localhost\\r\\nx: ')\n\
        print('closed', len(s.recv(1)), flush=True)\n";
    let port = address(&daemon).rsplit(':').next().expect("a port");
    let mut child = Command::new("python3")
        .current_dir(home.path())
        .args(["-c", script, port])
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let lines: Vec<String> = lines.map_while(Result::ok).collect();
    child.wait().expect("a child");
    assert_eq!(lines, ["None", "closed 0"]);
}

#[test]
fn a_pair_that_cannot_work_is_refused_at_the_start_with_the_reason() {
    let home = Home::new();
    make(home.path(), "cert.pem", "key.pem");
    make(home.path(), "other.pem", "other.key");
    for (cert, key, reason) in [
        ("cert.pem", "other.key", "isn't that of the certificate"),
        ("key.pem", "key.pem", "holds none"),
        ("cert.pem", "cert.pem", "no private key"),
        ("missing.pem", "key.pem", "missing.pem can't be read"),
        ("cert.pem", "missing.key", "missing.key can't be read"),
    ] {
        let (status, said) = home.run(&["--check", "--tls_cert", cert, "--tls_key", key]);
        assert_eq!(status.code(), Some(64), "{said}");
        assert!(
            said.contains("--tls_cert, --tls_key: ") && said.contains(reason),
            "{said}"
        );
    }
}
