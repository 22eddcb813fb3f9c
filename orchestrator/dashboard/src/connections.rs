//! Connections to the dashboard: a limited number, and idle ones are closed. A client that connects
//! and sends nothing must not use up the file descriptors of the process that trains.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Limit on connections; further ones wait.
const MOST: usize = 256;
/// Idle time, in either direction, after which a connection is closed. Events are more frequent.
pub const SILENCE: Duration = Duration::from_mins(1);

/// Accepts connections up to the limit.
pub struct Connections {
    listener: TcpListener,
    permits: Arc<Semaphore>,
    silence: Duration,
}

/// A connection, one of a limited number.
pub struct Connection {
    stream: TcpStream,
    silence: Duration,
    end: Pin<Box<Sleep>>,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    pub fn of(listener: TcpListener) -> Self {
        Self::bounded(listener, MOST, SILENCE)
    }

    fn bounded(listener: TcpListener, most: usize, silence: Duration) -> Self {
        Self { listener, permits: Arc::new(Semaphore::new(most)), silence }
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let (silence, end) = (self.silence, Box::pin(sleep(self.silence)));
        (Connection { stream, silence, end, _permit: permit }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connection {
    /// Bytes that were transferred, or the end of an idle connection.
    fn moved<T>(
        &mut self,
        context: &mut Context<'_>,
        moved: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if moved.is_pending() {
            ready!(self.end.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let end = Instant::now() + self.silence;
        self.end.as_mut().reset(end);
        moved
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.moved(context, read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.moved(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.moved(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::timeout;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    /// A service for two connections, which are closed after a fifth of a second of silence.
    async fn service(answer: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Connections::bounded(listener, 2, Duration::from_millis(200));
        let app = Router::new().route("/", get(async move || answer));
        tokio::spawn(async { axum::serve(connections, app).await });
        address
    }

    /// Everything that comes until the other side ends the connection.
    async fn rest(mut stream: TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = timeout(DEADLINE, stream.read_to_end(&mut bytes)).await;
        // A reset is an end too.
        let _ = read.expect("the connection is ended");
        bytes
    }

    #[tokio::test]
    async fn silent_clients_give_their_places_to_others() {
        let address = service("ok".into()).await;
        let silent = [TcpStream::connect(address).await.unwrap(), {
            let mut slow = TcpStream::connect(address).await.unwrap();
            slow.write_all(b"GET / HT").await.unwrap();
            slow
        }];
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let answer = rest(other).await;
        assert!(answer.ends_with(b"ok"), "{}", String::from_utf8_lossy(&answer));
        for stream in silent {
            rest(stream).await;
        }
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_its_answer_is_left() {
        const LONG: usize = 64 << 20;
        let address = service("a".repeat(LONG)).await;
        let mut asked = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            asked.push(stream);
        }
        // There is room for a third, once one of them is closed.
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut first = [0; 8];
        timeout(DEADLINE, third.read_exact(&mut first)).await.expect("in time").unwrap();
        assert_eq!(&first, b"HTTP/1.1");
        let mut cut = 0;
        for stream in asked {
            cut += usize::from(rest(stream).await.len() < LONG);
        }
        assert!(cut > 0, "none was left before its answer was whole");
    }
}
