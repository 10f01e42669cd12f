//! A caller's connection: watched for a caller that does not take what it is sent, and for how its
//! requests arrive.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::settings::Settings;

/// Whether bytes came since a request's head is waited for.
#[derive(Debug, Default)]
struct Arrival(AtomicBool);

/// A caller's connection.
pub struct CallerSocket {
    stream: TcpStream,
    arrival: Arc<Arrival>,
    write_timeout: Duration,
    /// Runs while the caller takes nothing; made when that happens first.
    stalled: Option<Pin<Box<tokio::time::Sleep>>>,
    /// Whether it runs.
    stalling: bool,
}

impl CallerSocket {
    /// Takes over an accepted connection. The timer watches how its requests arrive.
    pub fn new(stream: TcpStream, settings: &Settings) -> (Self, ArrivalTimer) {
        // Chunks are small and must not wait for each other; if this fails they are merely late.
        let _ = stream.set_nodelay(true);
        if !settings.tcp_keepalive.is_zero() {
            let probes = socket2::TcpKeepalive::new()
                .with_time(settings.tcp_keepalive)
                .with_interval(Duration::from_secs(15));
            // Without it a caller whose machine vanished is noticed when it is written to.
            let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&probes);
        }
        let arrival = Arc::new(Arrival::default());
        let timer = ArrivalTimer {
            arrival: Arc::clone(&arrival),
            header: settings.header_timeout,
            keep_alive: settings.keep_alive_timeout,
            served: Arc::default(),
        };
        let write_timeout = settings.write_timeout();
        (Self { stream, arrival, write_timeout, stalled: None, stalling: false }, timer)
    }

    /// Passes on what a write came to; an error once nothing was taken for too long.
    fn watched(
        &mut self,
        written: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalling = false;
            return written;
        }
        let stalled =
            self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.write_timeout)));
        if !self.stalling {
            self.stalling = true;
            stalled.as_mut().reset(tokio::time::Instant::now() + self.write_timeout);
        }
        match stalled.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the caller takes nothing",
            ))),
        }
    }
}

impl AsyncRead for CallerSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            this.arrival.0.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for CallerSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.watched(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.watched(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// The clock of a connection's request heads. The server sets one timer when it begins to wait for
/// a head; this gives a connection at rest more time than one whose head has begun.
#[derive(Clone, Debug)]
pub struct ArrivalTimer {
    arrival: Arc<Arrival>,
    header: Duration,
    keep_alive: Duration,
    served: Arc<AtomicBool>,
}

impl ArrivalTimer {
    fn head(&self) -> HeadSleep {
        // A new connection is expected to say something at once.
        let rest =
            if self.served.swap(true, Ordering::Relaxed) { self.keep_alive } else { self.header };
        self.arrival.0.store(false, Ordering::Relaxed);
        HeadSleep {
            sleep: tokio::time::sleep(rest),
            arrival: Arc::clone(&self.arrival),
            header: self.header,
            begun: false,
        }
    }
}

impl Timer for ArrivalTimer {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.head())
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.head())
    }
}

pin_project! {
    /// The time a head has to arrive.
    struct HeadSleep {
        #[pin]
        sleep: tokio::time::Sleep,
        arrival: Arc<Arrival>,
        header: Duration,
        begun: bool,
    }
}

impl Future for HeadSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        // Asked after every read, so that this is when the head's first bytes came.
        if !*this.begun && this.arrival.0.load(Ordering::Relaxed) {
            *this.begun = true;
            this.sleep.as_mut().reset(tokio::time::Instant::now() + *this.header);
        }
        this.sleep.poll(context)
    }
}

impl Sleep for HeadSleep {}
