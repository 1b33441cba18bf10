//! Requests as bytes on a socket, for what no client would send, and for answers that are not text.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::DEADLINE;
use super::program::Edge;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    pub(crate) fn error(&self) -> String {
        let document: Value = serde_json::from_slice(&self.body).expect("a refusal is JSON");
        document["error"].as_str().expect("a refusal says why").to_owned()
    }
}

/// A connection that may wait as long as a test may.
pub(crate) fn connect(edge: &Edge) -> TcpStream {
    let stream = TcpStream::connect(edge.address()).expect("the program listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    stream
}

/// Sends bytes and reads what comes until the connection ends. The program may close it before it
/// has read everything.
pub(crate) fn raw(edge: &Edge, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(edge);
    let _ = stream.write_all(bytes);
    rest(&mut stream)
}

/// What comes until the connection ends.
pub(crate) fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// The answer to a request with these header lines, each ending with a line break.
pub(crate) fn ask(edge: &Edge, method: &str, path: &str, lines: &str, body: &[u8]) -> Reply {
    let host = match lines.to_lowercase().contains("host:") {
        true => "",
        false => "Host: localhost\r\n",
    };
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    let head =
        format!("{method} {path} HTTP/1.1\r\n{host}{lines}{length}Connection: close\r\n\r\n");
    let mut stream = connect(edge);
    stream.write_all(&[head.as_bytes(), body].concat()).expect("the program reads");
    reply(&rest(&mut stream))
}

/// The answer in these bytes.
pub(crate) fn reply(bytes: &[u8]) -> Reply {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Reply { status: status.expect("a status"), head, body: bytes[end + 4..].to_vec() }
}

/// Time in which a request is answered that nobody disturbs.
pub(crate) const SOON: Duration = Duration::from_secs(5);
