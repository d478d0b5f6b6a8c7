//! Stands before an HTTP server and answers some requests in its place, or cuts them off.
//!
//! Each connection carries one request, so that a fault hits the request it is meant for.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyhow::Result;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 503 with S3's code SlowDown.
    SlowDown,
    /// The connection is reset after so many bytes of the answer.
    Cut(usize),
    /// Nothing is passed on until the faults are healed.
    Hold,
    /// It takes effect, and the connection is closed in the place of the answer.
    Lose,
}

struct Rule {
    part: String,
    answer: Answer,
    times: usize,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    seen: Vec<String>,
    held: usize,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // Counts and texts are whole, whatever their last user died of.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port that stands for another one. Closed on drop.
pub struct Proxy {
    at: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens for what serves at `to`.
    pub fn open(to: SocketAddr) -> Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let at = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let for_listener = shared.clone();
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if for_listener.state().ended {
                    return;
                }
                let shared = for_listener.clone();
                thread::spawn(move || {
                    // A connection that breaks is the client's to tell.
                    let _ = serve(near, to, &shared);
                });
            }
        });
        Ok(Proxy { at, shared })
    }

    /// Where it listens.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    /// The next requests whose first line contains `part` are answered so.
    pub fn inject(&self, part: &str, answer: Answer, times: usize) {
        self.shared.state().rules.push(Rule { part: part.to_owned(), answer, times });
    }

    /// No more faults; what was held goes on.
    pub fn heal(&self) {
        self.shared.state().rules.clear();
        self.shared.changed.notify_all();
    }

    /// How many requests are held now.
    pub fn held(&self) -> usize {
        self.shared.state().held
    }

    /// The first lines of the requests since the last call.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().seen)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.heal();
        // So that the listener sees it.
        let _ = TcpStream::connect_timeout(&self.at, Duration::from_secs(1));
    }
}

fn serve(mut near: TcpStream, to: SocketAddr, shared: &Shared) -> io::Result<()> {
    let Some((head, rest)) = read_head(&mut near)? else { return Ok(()) };
    let line = head.lines().next().unwrap_or_default().to_owned();
    let answer = {
        let mut state = shared.state();
        state.seen.push(line.clone());
        let rule = state.rules.iter_mut().find(|rule| rule.times > 0 && line.contains(&rule.part));
        rule.map(|rule| {
            rule.times -= 1;
            rule.answer
        })
    };
    let mut limit = u64::MAX;
    match answer {
        Some(Answer::SlowDown) => return slow_down(near, &head, rest.len()),
        Some(Answer::Hold) => hold(shared),
        Some(Answer::Cut(bytes)) => limit = bytes as u64,
        Some(Answer::Lose) | None => {}
    }
    let mut far = TcpStream::connect(to)?;
    // One request a connection. The header is not among those that are signed.
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    far.write_all(head.as_bytes())?;
    far.write_all(&rest)?;
    let (mut from_client, mut to_server) = (near.try_clone()?, far.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
    });
    match answer {
        Some(Answer::Lose) => io::copy(&mut far, &mut io::sink())?,
        _ => io::copy(&mut far.take(limit), &mut near)?,
    };
    near.shutdown(Shutdown::Both)
}

fn hold(shared: &Shared) {
    let mut state = shared.state();
    state.held += 1;
    while !state.rules.is_empty() && !state.ended {
        state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    state.held -= 1;
}

/// The head of a request, and what of its body came with it.
fn read_head(near: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut read = Vec::new();
    let mut buffer = [0; 16 << 10];
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = read.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&read).into_owned(), body)));
        }
        match near.read(&mut buffer)? {
            0 => return Ok(None),
            count => read.extend_from_slice(&buffer[..count]),
        }
    }
}

fn slow_down(mut near: TcpStream, head: &str, came: usize) -> io::Result<()> {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<u64>().ok())?
    });
    // All of the body, so that the client is there for the answer.
    io::copy(&mut (&mut near).take(length.unwrap_or_default().saturating_sub(came as u64)), &mut io::sink())?;
    let body = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    write!(
        near,
        "HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    near.shutdown(Shutdown::Both)
}
