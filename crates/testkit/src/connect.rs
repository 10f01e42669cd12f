//! Servers that fail before any HTTP is spoken.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// An address where connecting is refused. The port stays bound, so that nobody else gets it,
/// but nothing listens.
#[derive(Debug)]
pub struct RefusedAddress {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl RefusedAddress {
    /// Takes a port of the loopback address.
    pub fn take() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Accepts TCP connections and answers a TLS hello with plain text, as a wrongly set up proxy
/// does. It stops when dropped.
#[derive(Debug)]
pub struct TlsErrorServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TlsErrorServer {
    /// Starts the server on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut hello = [0; 1024];
                // Whatever the client does after, it has had its plain answer.
                let _ = stream.read(&mut hello).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    .await;
                let _ = stream.shutdown().await;
            }
        });
        Ok(Self { address, task })
    }

    /// The address it listens on; use it with an `https` URL.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TlsErrorServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
