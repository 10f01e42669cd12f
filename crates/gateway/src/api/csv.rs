//! Tables as CSV, written while they are read: no more than a page of rows is ever held.

use std::borrow::Cow;
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
    Text(Cow<'a, str>),
    /// A number.
    Number(i64),
    /// An amount in nano-dollars.
    Usd(i64),
    /// Nothing.
    Empty,
}

impl<'a> Cell<'a> {
    /// A text.
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// A text that may be absent.
    pub fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, Self::text)
    }

    /// A text made for the table.
    pub fn made(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }

    /// `true` or `false`.
    pub fn truth(truth: bool) -> Self {
        Self::text(if truth { "true" } else { "false" })
    }
}

/// A column: what stands in its head, and in its cell of a row.
pub type Column<R> = (&'static str, for<'r> fn(&'r R) -> Cell<'r>);

/// Rows that are read while others are written.
pub trait Pages: Send + 'static {
    /// What a line is made of.
    type Row: Send + Sync + 'static;

    /// The next rows; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<Self::Row>>, StoreError>> + Send;
}

/// A table as the answer to a request, written while its rows are read.
pub fn table<P: Pages>(
    file_name: &str,
    columns: &'static [Column<P::Row>],
    mut pages: P,
) -> Response {
    answer(file_name, move |writer| async move {
        let mut table = String::new();
        push_line(&mut table, columns.iter().map(|(head, _)| Cell::text(head)));
        loop {
            let rows = match pages.next().await {
                Ok(rows) => rows,
                Err(error) => return writer.fail(error).await,
            };
            for row in rows.iter().flatten() {
                push_line(&mut table, columns.iter().map(|(_, cell)| cell(row)));
            }
            // The head alone, if there is nothing else.
            let is_over = rows.is_none();
            if !table.is_empty() && !writer.write(std::mem::take(&mut table)).await || is_over {
                return;
            }
        }
    })
}

/// Appends a line, as RFC 4180 has it.
fn push_line<'a>(table: &mut String, cells: impl IntoIterator<Item = Cell<'a>>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            table.push(',');
        }
        match cell {
            Cell::Text(text) => push_text(table, &text),
            Cell::Number(number) => table.push_str(&number.to_string()),
            Cell::Usd(amount) => table.push_str(&NanoUsd(amount).to_string()),
            Cell::Empty => {}
        }
    }
    table.push_str("\r\n");
}

fn push_text(table: &mut String, text: &str) {
    // Texts come from callers, and spreadsheets take such a beginning for a formula to be run.
    // Full-width ones count where the spreadsheet's language is Japanese or Chinese.
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
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
struct Writer(mpsc::Sender<Result<Bytes, StoreError>>);

impl Writer {
    /// Waits until there is room; `false` if the caller has gone.
    async fn write(&self, table: String) -> bool {
        self.0.send(Ok(Bytes::from(table))).await.is_ok()
    }

    /// Breaks the answer off, so that nobody takes a part for the whole.
    async fn fail(&self, error: StoreError) {
        tracing::error!(%error, "an export broke off");
        // A caller that has gone does not need to know.
        let _ = self.0.send(Err(error)).await;
    }
}

/// An answer that is written by a task; the task ends with the caller.
fn answer<F, R>(file_name: &str, write: F) -> Response
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
            Cell::text("plain"),
            Cell::text("a,\"b\"\n"),
            Cell::made("=1+1".to_owned()),
            Cell::text("＝1+1"),
            Cell::text("\n=1+1"),
            Cell::Number(-3),
            Cell::Usd(-1_500_000_000),
            Cell::Empty,
        ];
        push_line(&mut table, cells);
        assert_eq!(table, "plain,\"a,\"\"b\"\"\n\",\"'=1+1\",\"'＝1+1\",\"'\n=1+1\",-3,-1.5,\r\n");
    }
}
