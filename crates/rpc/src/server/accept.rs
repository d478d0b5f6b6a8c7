//! Accepted connections: bounded in number, and closable from outside.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{Stream, stream};
use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

use super::socket_authority::SocketAuthority;

/// After a failed accept (mostly: out of open files), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// For the client's preface, with which a connection begins. HTTP/2 keepalive starts only after it.
const PREFACE: Duration = Duration::from_secs(30);

/// The preface's fixed part (RFC 9113, 3.4).
const PREFACE_BYTES: usize = 24;

/// Where connections come from: a TCP listener, or a unix domain socket.
pub trait Listener: Send + 'static {
    type Io: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}

impl Listener for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        // Answers are often one small frame; waiting for more to send would cost 40 ms each.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Listener for UnixListener {
    type Io = SocketStream;

    async fn accept(&self) -> io::Result<SocketStream> {
        let (stream, _) = Self::accept(self).await?;
        Ok(SocketStream { stream, authority: SocketAuthority::new() })
    }
}

pin_project! {
    /// A connection over a unix domain socket, whose calls have an authority that HTTP/2 allows.
    pub struct SocketStream {
        #[pin]
        stream: UnixStream,
        authority: SocketAuthority,
    }
}

impl AsyncRead for SocketStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buffer.filled().len();
        ready!(this.stream.poll_read(cx, buffer))?;
        this.authority.edit(&mut buffer.filled_mut()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SocketStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().stream.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().stream.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for SocketStream {
    type ConnectInfo = <UnixStream as Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

/// The connections of `listener`, at most `limit` at a time: one too many is closed at once, which
/// its client sees as UNAVAILABLE and tries again, instead of waiting in the backlog. All of them
/// break when `cut` is cancelled; those that have not said yet what they want do so at `shutdown`, which nothing else
/// tells them.
pub(super) fn accepted<L: Listener>(
    listener: L,
    limit: usize,
    shutdown: CancellationToken,
    cut: CancellationToken,
) -> impl Stream<Item = Result<Connection<L::Io>, io::Error>> {
    let slots = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
    stream::unfold((listener, slots, false), move |(listener, slots, mut full)| {
        let (shutdown, cut) = (shutdown.clone(), cut.clone());
        async move {
            loop {
                let io = match listener.accept().await {
                    Ok(io) => io,
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                };
                let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
                    if !full {
                        tracing::warn!(limit, "too many connections are open: closing new ones");
                    }
                    full = true;
                    continue;
                };
                full = false;
                return Some((Ok(Connection::new(io, slot, shutdown, cut)), (listener, slots, full)));
            }
        }
    })
}

/// What ends the wait for a connection's first bytes.
struct Preface {
    deadline: Pin<Box<Sleep>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

pin_project! {
    /// A connection that gives its slot back when dropped.
    pub(super) struct Connection<Io> {
        #[pin]
        io: Io,
        slot: OwnedSemaphorePermit,
        // Boxed, as tonic wants connections that can be moved.
        cut: Pin<Box<WaitForCancellationFutureOwned>>,
        preface: Option<Preface>,
        // Of the preface, so far.
        read: usize,
    }
}

impl<Io> Connection<Io> {
    fn new(io: Io, slot: OwnedSemaphorePermit, shutdown: CancellationToken, cut: CancellationToken) -> Self {
        let deadline = Box::pin(tokio::time::sleep(PREFACE));
        let preface = Some(Preface { deadline, shutdown: Box::pin(shutdown.cancelled_owned()) });
        Self { io, slot, cut: Box::pin(cut.cancelled_owned()), preface, read: 0 }
    }
}

impl<Io: AsyncRead> AsyncRead for Connection<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buffer.filled().len();
        if let Poll::Ready(read) = this.io.poll_read(cx, buffer) {
            if this.preface.is_some() {
                *this.read += buffer.filled().len() - before;
                if *this.read >= PREFACE_BYTES {
                    *this.preface = None;
                }
            }
            return Poll::Ready(read);
        }
        // Asked only when there is nothing to read, so that a busy connection pays nothing. hyper
        // polls the read side all the time, so the error ends the connection at once.
        if this.cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        if let Some(preface) = this.preface {
            if preface.shutdown.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            ready!(preface.deadline.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<Io: AsyncWrite> AsyncWrite for Connection<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

impl<Io: Connected> Connected for Connection<Io> {
    type ConnectInfo = Io::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn one_connection_too_many_is_closed_and_a_freed_slot_is_used() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut incoming =
            Box::pin(accepted(listener, 1, CancellationToken::new(), CancellationToken::new()));
        let _first = TcpStream::connect(addr).await.unwrap();
        let held = incoming.next().await.unwrap().unwrap();

        let mut second = TcpStream::connect(addr).await.unwrap();
        let mut byte = [0];
        tokio::select! {
            _ = incoming.next() => panic!("accepted beyond the limit"),
            read = second.read(&mut byte) => assert_eq!(read.unwrap(), 0),
        }

        drop(held);
        let _third = TcpStream::connect(addr).await.unwrap();
        assert!(incoming.next().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_cut_ends_a_connection_that_reads_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let cut = CancellationToken::new();
        let mut incoming = Box::pin(accepted(listener, 1, CancellationToken::new(), cut.clone()));
        let _client = TcpStream::connect(addr).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        cut.cancel();
        let error = connection.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test]
    async fn at_shutdown_only_silent_connections_are_cut() {
        use tokio::io::AsyncWriteExt;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let mut incoming = Box::pin(accepted(listener, 2, shutdown.clone(), CancellationToken::new()));
        let _says_nothing = TcpStream::connect(addr).await.unwrap();
        let mut silent = incoming.next().await.unwrap().unwrap();
        let mut client = TcpStream::connect(addr).await.unwrap();
        let mut heard = incoming.next().await.unwrap().unwrap();
        client.write_all(&[7; PREFACE_BYTES]).await.unwrap();
        heard.read_exact(&mut [0; PREFACE_BYTES]).await.unwrap();
        shutdown.cancel();
        assert_eq!(silent.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        client.write_all(&[8]).await.unwrap();
        assert_eq!(heard.read_u8().await.unwrap(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_stops_within_its_preface_is_given_up() {
        use tokio::io::AsyncWriteExt;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut incoming =
            Box::pin(accepted(listener, 1, CancellationToken::new(), CancellationToken::new()));
        let mut client = TcpStream::connect(addr).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        client.write_all(b"PRI").await.unwrap();
        connection.read_exact(&mut [0; 3]).await.unwrap();
        let error = connection.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut incoming =
            Box::pin(accepted(listener, 1, CancellationToken::new(), CancellationToken::new()));
        let _client = TcpStream::connect(addr).await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let error = connection.read(&mut [0]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
