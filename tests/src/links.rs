//! Connections that a test can cut: a port that passes everything on to another one, until told otherwise.

use std::{
    io,
    net::{SocketAddr, TcpListener as Listener},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime::Runtime,
    sync::watch,
    task::JoinHandle,
    time::sleep,
};

use crate::rate::Rate;

/// What happens to the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    Passes,
    /// Every piece waits that long first.
    Late(Duration),
    /// So many bytes per second come through, of all connections and both directions together.
    Limited(u64),
    /// Connections are reset, and nobody listens.
    Refused,
    /// Connections stay open and new ones are taken, but nothing comes through, as where packets are dropped. What
    /// was sent meanwhile arrives when the link is healed.
    Silent,
}

/// A port that stands for another one. Closed on drop, with all its connections.
pub struct Link {
    at: SocketAddr,
    traffic: watch::Sender<Traffic>,
    listener: JoinHandle<()>,
}

/// The links go on while a test blocks its own threads.
static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("links").enable_all().build()
});

impl Link {
    /// Listens at `at` for what serves at `to`.
    pub fn open(at: SocketAddr, to: SocketAddr) -> Result<Link> {
        let runtime =
            RUNTIME.as_ref().map_err(|error| anyhow::anyhow!("no runtime for the links: {error}"))?;
        let first = Listener::bind(at).with_context(|| format!("a link at {at}"))?;
        first.set_nonblocking(true)?;
        let (traffic, seen) = watch::channel(Traffic::Passes);
        let listener = runtime.spawn(listen(at, to, first, seen));
        Ok(Link { at, traffic, listener })
    }

    /// Where it listens.
    pub fn at(&self) -> SocketAddr {
        self.at
    }

    pub fn set(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
    }

    pub fn heal(&self) {
        self.set(Traffic::Passes);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.listener.abort();
        self.set(Traffic::Refused);
    }
}

async fn listen(at: SocketAddr, to: SocketAddr, first: Listener, mut traffic: watch::Receiver<Traffic>) {
    let mut listener = match TcpListener::from_std(first) {
        Ok(listener) => Some(listener),
        Err(error) => {
            note(&format!("listening at {at}: {error}"));
            None
        }
    };
    let rate = Arc::new(Rate::new());
    // Ends with the link.
    loop {
        let accepting = match listener.take() {
            Some(listener) => listener,
            None => {
                if traffic.wait_for(|now| *now != Traffic::Refused).await.is_err() {
                    return;
                }
                again(at).await
            }
        };
        let of_connections = traffic.clone();
        loop {
            tokio::select! {
                _ = traffic.wait_for(|now| *now == Traffic::Refused) => break,
                accepted = accepting.accept() => match accepted {
                    Ok((stream, _)) => {
                        drop(tokio::spawn(pass(stream, to, of_connections.clone(), rate.clone())));
                    }
                    Err(error) => note(&format!("accepting at {at}: {error}")),
                },
            }
        }
    }
}

/// The port of before, which nobody else takes: it is below those of outgoing connections.
async fn again(at: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(at).await {
            Ok(listener) => return listener,
            Err(error) => note(&format!("listening again at {at}: {error}")),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Each line once: what goes on going wrong makes the test fail by itself.
fn note(line: &str) {
    static LAST: Mutex<String> = Mutex::new(String::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != line {
        eprintln!("--- link: {line}");
        line.clone_into(&mut last);
    }
}

/// One connection. However it ends, both of its ends see it: as a reset, unless both have said good-bye.
async fn pass(
    mut near: TcpStream,
    to: SocketAddr,
    mut traffic: watch::Receiver<Traffic>,
    rate: Arc<Rate>,
) -> io::Result<()> {
    near.set_zero_linger()?;
    near.set_nodelay(true)?;
    through(&mut traffic, &rate, 0).await?;
    let mut far = TcpStream::connect(to).await?;
    far.set_zero_linger()?;
    far.set_nodelay(true)?;
    let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
    tokio::try_join!(pump(near_in, far_out, traffic.clone(), &rate), pump(far_in, near_out, traffic, &rate))?;
    Ok(())
}

async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut traffic: watch::Receiver<Traffic>,
    rate: &Rate,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut refused = traffic.clone();
    loop {
        let count = tokio::select! {
            count = from.read(&mut buffer) => count?,
            _ = refused.wait_for(|now| *now == Traffic::Refused) => return Err(reset()),
        };
        through(&mut traffic, rate, count).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..count]).await?;
    }
}

/// Waits until a piece of so many bytes may go on.
async fn through(traffic: &mut watch::Receiver<Traffic>, rate: &Rate, bytes: usize) -> io::Result<()> {
    let now = traffic.wait_for(|now| *now != Traffic::Silent).await.map(|now| *now);
    match now {
        Ok(Traffic::Late(time)) => sleep(time).await,
        Ok(Traffic::Limited(per_second)) => rate.pass(bytes, per_second).await,
        Ok(Traffic::Refused) => return Err(reset()),
        Ok(Traffic::Passes | Traffic::Silent) => {}
        // The link is gone.
        Err(_) => return Err(reset()),
    }
    Ok(())
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{Ipv4Addr, TcpStream as Stream},
        thread,
        time::Instant,
    };

    use super::*;
    use crate::ports::free_port;

    const LIMIT: Duration = Duration::from_secs(10);
    const SHORT: Duration = Duration::from_millis(200);

    /// A server that sends back what it gets, and the link before it.
    fn echo() -> Result<(Link, SocketAddr)> {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let to = listener.local_addr()?;
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || {
                    let mut buffer = [0; 64];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        if stream.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        Ok((Link::open(at, to)?, at))
    }

    fn connect(at: SocketAddr) -> io::Result<Stream> {
        let stream = Stream::connect(at)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(stream)
    }

    fn asked(stream: &mut Stream) -> io::Result<u8> {
        stream.write_all(b"x")?;
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    #[test]
    fn what_passes_is_late_when_told_so() -> Result<()> {
        let (link, at) = echo()?;
        let mut stream = connect(at)?;
        assert_eq!(asked(&mut stream)?, b'x');
        link.set(Traffic::Late(SHORT));
        let began = Instant::now();
        asked(&mut stream)?;
        assert!(began.elapsed() >= 2 * SHORT, "there and back in {:?}", began.elapsed());
        Ok(())
    }

    #[test]
    fn a_limit_is_shared_by_all_connections() -> Result<()> {
        let (link, at) = echo()?;
        let mut streams = [connect(at)?, connect(at)?];
        for stream in &mut streams {
            asked(stream)?;
        }
        // There and back: 400 bytes.
        link.set(Traffic::Limited(1_000));
        let began = Instant::now();
        for _ in 0..2 {
            for stream in &mut streams {
                stream.write_all(&[b'x'; 50])?;
            }
            for stream in &mut streams {
                stream.read_exact(&mut [0; 50])?;
            }
        }
        let took = began.elapsed();
        assert!(took > Duration::from_millis(350) && took < LIMIT / 2, "400 bytes in {took:?}");
        Ok(())
    }

    #[test]
    fn silence_ends_with_what_was_said_meanwhile() -> Result<()> {
        let (link, at) = echo()?;
        let mut stream = connect(at)?;
        asked(&mut stream)?;
        link.set(Traffic::Silent);
        let mut later = connect(at)?;
        for stream in [&mut stream, &mut later] {
            stream.set_read_timeout(Some(SHORT))?;
            let kind = asked(stream).map_err(|error| error.kind());
            assert_eq!(kind, Err(io::ErrorKind::WouldBlock));
            stream.set_read_timeout(Some(LIMIT))?;
        }
        link.heal();
        for stream in [&mut stream, &mut later] {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            assert_eq!(byte, *b"x");
        }
        Ok(())
    }

    #[test]
    fn a_refusing_link_resets_and_heals() -> Result<()> {
        let (link, at) = echo()?;
        let mut stream = connect(at)?;
        asked(&mut stream)?;
        link.set(Traffic::Refused);
        let kind = stream.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(kind, Err(io::ErrorKind::ConnectionReset));
        let until = Instant::now() + LIMIT;
        while connect(at).is_ok() {
            assert!(Instant::now() < until, "connections are taken");
        }
        link.heal();
        let mut again = loop {
            match connect(at) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
        };
        assert_eq!(asked(&mut again)?, b'x');
        Ok(())
    }
}
