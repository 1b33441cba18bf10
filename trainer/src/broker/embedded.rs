//! The parent's side: starts the child, starts it again where it died, ends it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::child::{Answer, Order};
use super::{BrokerError, BrokerSecret};

/// How long the child may take to accept connections.
const START_MAX: Duration = Duration::from_secs(10);

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long it may take to end by itself.
const END_MAX: Duration = Duration::from_secs(3);

/// Longest answer of the child.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Longest pause before a child that died is started again.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The embedded broker. It is started again if it dies, and ends with this process.
#[derive(Debug)]
pub struct Embedded {
    address: SocketAddr,
    stop: Arc<(Mutex<bool>, Condvar)>,
    watcher: JoinHandle<()>,
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
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let watched = Arc::clone(&stop);
        let watch = move || watch(&starter, child, address, &watched);
        let watcher = std::thread::Builder::new().name("broker".to_owned()).spawn(watch)?;
        Ok(Embedded { address, stop, watcher })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it.
    pub fn stop(self) {
        *self.stop.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.1.notify_all();
        if self.watcher.join().is_err() {
            tracing::error!("the thread that watches the embedded broker panicked");
        }
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
        match TcpStream::connect_timeout(&address, LOOK_EVERY) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > deadline => {
                return Err(BrokerError::Start(format!("nobody listens at {address}: {error}")));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn watch(starter: &Starter, mut child: Child, address: SocketAddr, stop: &(Mutex<bool>, Condvar)) {
    let mut pause = LOOK_EVERY;
    loop {
        let asked = stop.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked, _) = stop
            .1
            .wait_timeout_while(asked, pause, |stop| !*stop)
            .unwrap_or_else(PoisonError::into_inner);
        if *asked {
            break;
        }
        drop(asked);
        if matches!(child.try_wait(), Ok(None)) {
            pause = LOOK_EVERY;
            continue;
        }
        tracing::error!("the embedded broker died and is started again");
        match starter.start(address) {
            Ok((again, _)) => child = again,
            Err(error) => {
                pause = (pause * 2).min(PAUSE_MAX);
                tracing::error!(error = %error, "the embedded broker does not start");
            }
        }
    }
    end(child);
}

/// Ends the child: its input ends, and if that does not end it, it is killed.
fn end(mut child: Child) {
    drop(child.stdin.take());
    let deadline = Instant::now() + END_MAX;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // It may end between the look and the kill: nothing is lost then.
    let _ = child.kill();
    let _ = child.wait();
}
