//! What can go wrong, by name: the vocabulary of scripted faults and their short syntax.

use std::fmt;
use std::str::FromStr;

use crate::script::ScriptError;

/// Where in an exchange a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// Before the status line is sent. Written `before`.
    BeforeHeaders,
    /// After the headers and this many content chunks. Written as the number; `0` is after the
    /// headers and before the first event. In an answer that is not streamed, any number above
    /// zero means the middle of the body.
    After(usize),
}

impl FromStr for Point {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        match text {
            "before" => Ok(Self::BeforeHeaders),
            number => number
                .parse()
                .map(Self::After)
                .map_err(|_| ScriptError::value("fault point", number)),
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeHeaders => formatter.write_str("before"),
            Self::After(chunks) => chunks.fmt(formatter),
        }
    }
}

/// One scripted misbehaviour. The text form of each is given in its comment; a number after a
/// colon may be left out where a default is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `status:429` — an error answer in the vendor's own form, before any stream begins.
    /// [`Script::retry_after`](crate::Script::retry_after), `message`, `kind` and `body` refine it.
    Status(u16),
    /// `page:502` — an HTML page from some proxy in front of the vendor, with this status.
    Page(u16),
    /// `hang:before` (default) or `hang:2` — silence until the client leaves.
    Hang(Point),
    /// `reset:before` (default) or `reset:2` — the TCP connection is reset.
    Reset(Point),
    /// `close:before` (default) or `close:2` — the TCP connection is closed without ending the
    /// HTTP message.
    Close(Point),
    /// `truncate:2` (default 1) — the HTTP message ends properly but the stream's terminal
    /// event never came; a plain answer is cut in the middle of its JSON.
    Truncate(usize),
    /// `malformed:1` (default) — after so many chunks, a frame that is not JSON; the stream then
    /// goes on.
    Malformed(usize),
    /// `half:1` (default) — after so many chunks, half a frame, then the end of the message.
    HalfFrame(usize),
    /// `error:1:529` (defaults 1 and 529) — after so many chunks, the vendor's error event with
    /// the meaning of this status, then the end. A plain answer becomes that status.
    ErrorEvent {
        /// Content chunks sent before the event.
        after: usize,
        /// The HTTP status whose error the event states.
        status: u16,
    },
    /// `empty` — status 200, no text, no completion tokens and no finish reason.
    EmptyAnswer,
    /// `empty_body` — status 200 and not one byte of body.
    EmptyBody,
    /// `content_length` — a Content-Length larger than the body that follows.
    LongContentLength,
    /// `huge_line` — the whole answer, 2 MiB of it, in a single line.
    HugeLine,
    /// `gzip_bomb` — a small gzip body that inflates to 128 MiB.
    GzipBomb,
    /// `html` — status 200 with an HTML page.
    HtmlOk,
    /// `refusal` — the vendor declines: `content_filter`, `refusal` or a blocked prompt.
    Refusal,
}

impl Fault {
    /// Whether the fault replaces the answer before any of it would be sent.
    pub(crate) fn precedes_headers(self) -> bool {
        matches!(
            self,
            Self::Status(_)
                | Self::Page(_)
                | Self::Hang(Point::BeforeHeaders)
                | Self::Reset(Point::BeforeHeaders)
                | Self::Close(Point::BeforeHeaders)
                | Self::EmptyBody
                | Self::GzipBomb
                | Self::HtmlOk
        )
    }
}

impl FromStr for Fault {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let (first, second) = (parts.next(), parts.next());
        if parts.next().is_some() {
            return Err(ScriptError::value("fault", text));
        }
        let point = || first.map_or(Ok(Point::BeforeHeaders), str::parse);
        let after = || first.map_or(Ok(1), |number| parse_number(number, text));
        let fault = match name {
            "status" => Self::Status(parse_status(first.unwrap_or_default(), text)?),
            "page" => Self::Page(parse_status(first.unwrap_or("502"), text)?),
            "hang" => Self::Hang(point()?),
            "reset" => Self::Reset(point()?),
            "close" => Self::Close(point()?),
            "truncate" => Self::Truncate(after()?),
            "malformed" => Self::Malformed(after()?),
            "half" => Self::HalfFrame(after()?),
            "error" => Self::ErrorEvent {
                after: after()?,
                status: parse_status(second.unwrap_or("529"), text)?,
            },
            "empty" => Self::EmptyAnswer,
            "empty_body" => Self::EmptyBody,
            "content_length" => Self::LongContentLength,
            "huge_line" => Self::HugeLine,
            "gzip_bomb" => Self::GzipBomb,
            "html" => Self::HtmlOk,
            "refusal" => Self::Refusal,
            _ => return Err(ScriptError::value("fault", text)),
        };
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "status:{status}"),
            Self::Page(status) => write!(formatter, "page:{status}"),
            Self::Hang(point) => write!(formatter, "hang:{point}"),
            Self::Reset(point) => write!(formatter, "reset:{point}"),
            Self::Close(point) => write!(formatter, "close:{point}"),
            Self::Truncate(after) => write!(formatter, "truncate:{after}"),
            Self::Malformed(after) => write!(formatter, "malformed:{after}"),
            Self::HalfFrame(after) => write!(formatter, "half:{after}"),
            Self::ErrorEvent { after, status } => write!(formatter, "error:{after}:{status}"),
            Self::EmptyAnswer => formatter.write_str("empty"),
            Self::EmptyBody => formatter.write_str("empty_body"),
            Self::LongContentLength => formatter.write_str("content_length"),
            Self::HugeLine => formatter.write_str("huge_line"),
            Self::GzipBomb => formatter.write_str("gzip_bomb"),
            Self::HtmlOk => formatter.write_str("html"),
            Self::Refusal => formatter.write_str("refusal"),
        }
    }
}

fn parse_number(number: &str, whole: &str) -> Result<usize, ScriptError> {
    number.parse().map_err(|_| ScriptError::value("fault", whole))
}

fn parse_status(number: &str, whole: &str) -> Result<u16, ScriptError> {
    let status: u16 = number.parse().map_err(|_| ScriptError::value("fault", whole))?;
    // Below 200 HTTP has only interim answers, which a client waits past.
    if (200..=599).contains(&status) { Ok(status) } else { Err(ScriptError::value("fault", whole)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_reads_back_as_the_same_fault() {
        for text in [
            "status:429",
            "page:502",
            "hang:before",
            "hang:3",
            "reset:before",
            "reset:0",
            "close:2",
            "truncate:1",
            "malformed:0",
            "half:4",
            "error:2:503",
            "empty",
            "empty_body",
            "content_length",
            "huge_line",
            "gzip_bomb",
            "html",
            "refusal",
        ] {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), text);
        }
    }

    #[test]
    fn defaults_fill_what_is_left_out() {
        assert_eq!("hang".parse(), Ok(Fault::Hang(Point::BeforeHeaders)));
        assert_eq!("error".parse(), Ok(Fault::ErrorEvent { after: 1, status: 529 }));
        assert_eq!("page".parse(), Ok(Fault::Page(502)));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "boom", "status", "status:abc", "status:99", "reset:-1", "error:1:2:3"] {
            assert!(text.parse::<Fault>().is_err(), "{text:?}");
        }
    }
}
