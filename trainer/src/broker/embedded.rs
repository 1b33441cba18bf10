//! The parent's side: starts the child and tells it what to do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::child::{Answer, Order};
use super::{BrokerError, BrokerSecret};
use crate::supervised::{Supervised, end};

/// How long the child may take to accept connections.
const START_MAX: Duration = Duration::from_secs(10);

/// How long one attempt to reach it may take.
const REACH_MAX: Duration = Duration::from_millis(200);

/// Longest answer of the child.
const ANSWER_BYTES_MAX: u64 = 4096;

/// The embedded broker. It is started again if it dies, and ends with this process.
#[derive(Debug)]
pub struct Embedded {
    address: SocketAddr,
    child: Supervised,
}

/// What it takes to start the child.
struct Starter {
    program: PathBuf,
    secret: BrokerSecret,
}

impl Embedded {
    /// Starts the broker; returns when it accepts connections. `program` is the file of this
    /// program, whose hidden command `broker` is the child.
    ///
    /// # Errors
    /// Where the port is taken, with the option to name another one, or the child does not start.
    pub fn start(
        program: &Path,
        listen: SocketAddr,
        secret: &BrokerSecret,
    ) -> Result<Self, BrokerError> {
        let starter = Starter { program: program.to_owned(), secret: secret.clone() };
        let (child, address) = starter.start(listen)?;
        let again = move || starter.start(address).map(|(child, _)| child);
        let child = Supervised::watch("embedded broker", child, again)?;
        Ok(Embedded { address, child })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub fn stop(self) {
        self.child.stop();
    }
}

impl Starter {
    fn start(&self, listen: SocketAddr) -> Result<(Child, SocketAddr), BrokerError> {
        let mut child = Command::new(&self.program)
            .arg("broker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let started = self.order(&mut child, listen).and_then(|address| {
            wait_for(address)?;
            Ok(address)
        });
        match started {
            Ok(address) => Ok((child, address)),
            Err(error) => {
                end(child);
                Err(error)
            }
        }
    }

    fn order(&self, child: &mut Child, listen: SocketAddr) -> Result<SocketAddr, BrokerError> {
        let order = Order { listen, secret: self.secret.to_text() };
        let line = serde_json::to_string(&order).expect("plain data has a JSON form") + "\n";
        let input = child.stdin.as_mut().expect("it was asked for");
        input.write_all(line.as_bytes())?;
        input.flush()?;
        let output = child.stdout.as_mut().expect("it was asked for");
        let mut line = String::new();
        BufReader::new(output.take(ANSWER_BYTES_MAX)).read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(Answer::Listens(address)) => Ok(address),
            Ok(Answer::Taken(address)) => Err(BrokerError::Taken { address }),
            Err(_) => Err(BrokerError::Start("its process ended at once".to_owned())),
        }
    }
}

/// Waits until somebody accepts connections there.
fn wait_for(address: SocketAddr) -> Result<(), BrokerError> {
    let deadline = Instant::now() + START_MAX;
    loop {
        match TcpStream::connect_timeout(&address, REACH_MAX) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(BrokerError::Start(format!("nobody listens at {address}: {error}")));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
