//! The network between device and broker: cuts, stalls and slows connections.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::mosquitto::Mosquitto;

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Network {
    /// All goes through.
    Works,
    /// Connections stay, and nothing goes through.
    Stalls,
    /// So many bytes a second go through, each way and connection.
    Slow(u32),
    /// Connections end, and new ones end at once.
    Cut,
    /// The program ends.
    Over,
}

/// A way to the broker.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

struct State {
    network: Mutex<Network>,
    changed: Condvar,
    connections: Mutex<Vec<TcpStream>>,
    accepted: AtomicUsize,
}

impl Proxy {
    pub(crate) fn start(broker: &Mosquitto) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("the listener has an address").port();
        let state = Arc::new(State {
            network: Mutex::new(Network::Works),
            changed: Condvar::new(),
            connections: Mutex::default(),
            accepted: AtomicUsize::new(0),
        });
        let (of, target) = (Arc::clone(&state), (broker.host().to_owned(), broker.port()));
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                match *of.network.lock().unwrap() {
                    Network::Over => return,
                    Network::Cut => continue,
                    _ => {}
                }
                let Ok(server) = TcpStream::connect((&target.0[..], target.1)) else { continue };
                of.accepted.fetch_add(1, Ordering::Relaxed);
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let copy = || from.try_clone().and_then(|from| Ok((from, to.try_clone()?)));
                    let (from, to) = copy().expect("sockets can be shared");
                    of.connections.lock().unwrap().push(from.try_clone().expect("as above"));
                    let of = Arc::clone(&of);
                    std::thread::spawn(move || of.carry(from, to));
                }
            }
        });
        Proxy { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub(crate) fn set(&self, network: Network) {
        *self.state.network.lock().unwrap() = network;
        self.state.changed.notify_all();
        if matches!(network, Network::Cut | Network::Over) {
            for connection in self.state.connections.lock().unwrap().drain(..) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
    }

    /// Connections so far.
    pub(crate) fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::Relaxed)
    }
}

impl State {
    /// One direction of one connection.
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 512];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let network = self.network.lock().unwrap();
            let still = |network: &mut Network| *network == Network::Stalls;
            let network = *self.changed.wait_while(network, still).unwrap();
            if let Network::Slow(bytes_per_s) = network {
                std::thread::sleep(Duration::from_secs(1) * count as u32 / bytes_per_s);
            }
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.set(Network::Over);
        // The listener waits for one more.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
