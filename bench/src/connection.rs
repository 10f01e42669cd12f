//! One connection: a request out, an answer in.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::response::{ContentChunks, Head};

/// An HTTP/1.1 connection that is used for one request after another.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// How long an exchange took.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Until the first content chunk; of an answer that has none, until its end.
    pub first_chunk: Duration,
    /// Until the last byte.
    pub whole: Duration,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 32 * 1024] })
    }

    /// Sends a request and reads its answer to the end. `on_chunks` hears of content chunks as
    /// they arrive. Any status but 200 is an error.
    pub async fn exchange(
        &mut self,
        request: &[u8],
        mut on_chunks: impl FnMut(u64),
    ) -> Result<Times> {
        let start = Instant::now();
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let mut head = loop {
            filled += self.read(filled).await?;
            if let Some(head) = Head::read(&self.buffer[..filled])? {
                break head;
            }
        };
        let mut counter = ContentChunks::default();
        let mut first_chunk = None;
        let mut refusal = Vec::new();
        let status = head.status;
        let mut take = |bytes: &[u8]| {
            if status != 200 {
                refusal.extend_from_slice(bytes);
                return;
            }
            let found = counter.feed(bytes);
            if found > 0 {
                first_chunk.get_or_insert_with(|| start.elapsed());
                on_chunks(found);
            }
        };
        let mut ended = head.framing.feed(&self.buffer[head.length..filled], &mut take)?;
        while !ended {
            let count = self.read(0).await?;
            ended = head.framing.feed(&self.buffer[..count], &mut take)?;
        }
        if status != 200 {
            bail!("status {status}: {}", String::from_utf8_lossy(&refusal));
        }
        let whole = start.elapsed();
        Ok(Times { first_chunk: first_chunk.unwrap_or(whole), whole })
    }

    async fn read(&mut self, from: usize) -> Result<usize> {
        let room = self.buffer.get_mut(from..).unwrap_or_default();
        match self.stream.read(room).await? {
            0 => bail!("the connection ended within an answer"),
            count => Ok(count),
        }
    }
}
