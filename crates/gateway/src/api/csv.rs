//! Tables as CSV, written while they are read: no more than a page of rows is ever held.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http_body::Frame;
use ledger::NanoUsd;
use store::StoreError;
use tokio::sync::mpsc;

/// Pages that wait for a slow caller.
const WAITING: usize = 2;

/// A cell of a table.
pub enum Cell<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(i64),
    /// An amount in nano-dollars.
    Usd(i64),
    /// Nothing.
    Empty,
}

impl<'a> Cell<'a> {
    /// A text that may be absent.
    pub fn text(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, Cell::Text)
    }
}

/// Appends a line, as RFC 4180 has it.
pub fn push_line<'a>(table: &mut String, cells: impl IntoIterator<Item = Cell<'a>>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            table.push(',');
        }
        match cell {
            Cell::Text(text) => push_text(table, text),
            Cell::Number(number) => table.push_str(&number.to_string()),
            Cell::Usd(amount) => table.push_str(&NanoUsd(amount).to_string()),
            Cell::Empty => {}
        }
    }
    table.push_str("\r\n");
}

fn push_text(table: &mut String, text: &str) {
    // Texts come from callers, and spreadsheets take such a beginning for a formula to be run.
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\n', '\r']) {
        table.push_str(text);
        return;
    }
    table.push('"');
    if is_formula {
        table.push('\'');
    }
    table.push_str(&text.replace('"', "\"\""));
    table.push('"');
}

/// Hands parts of a table over to whoever takes the answer.
#[derive(Clone)]
pub struct Writer(mpsc::Sender<Result<Bytes, StoreError>>);

impl Writer {
    /// Waits until there is room; `false` if the caller has gone.
    pub async fn write(&self, table: String) -> bool {
        self.0.send(Ok(Bytes::from(table))).await.is_ok()
    }

    /// Breaks the answer off, so that nobody takes a part for the whole.
    pub async fn fail(&self, error: StoreError) {
        tracing::error!(%error, "an export broke off");
        // A caller that has gone does not need to know.
        let _ = self.0.send(Err(error)).await;
    }
}

/// An answer that is written by a task; the task ends with the caller.
pub fn answer<F, R>(file_name: &str, write: F) -> Response
where
    F: FnOnce(Writer) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(write(Writer(sender)));
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\"")),
    ];
    (headers, Body::new(Parts(receiver))).into_response()
}

struct Parts(mpsc::Receiver<Result<Bytes, StoreError>>);

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        self.0.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_are_formulas() {
        let mut table = String::new();
        let cells = [
            Cell::Text("plain"),
            Cell::Text("a,\"b\"\n"),
            Cell::Text("=1+1"),
            Cell::Number(-3),
            Cell::Usd(-1_500_000_000),
            Cell::Empty,
        ];
        push_line(&mut table, cells);
        assert_eq!(table, "plain,\"a,\"\"b\"\"\n\",\"'=1+1\",-3,-1.5,\r\n");
    }
}
