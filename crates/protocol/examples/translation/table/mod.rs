//! The table of translations, made by translating: each probe is one thing more than a plain
//! request or answer, and what differs on the other side is what becomes of it.
//!
//! Nothing here says what should happen: that is for the tests of the codecs.

mod answers;
mod body;
mod cell;
mod requests;
mod streams;
mod upstream;

use std::fmt::Write as _;

use protocol::Dialect;

use cell::Notes;

const INTRODUCTION: &str = "\
# Translation

Callers speak four protocols, providers seven. This tells what becomes of each thing on its way from
one to the other. It is made by `cargo run -p xtask -- translation`, which sends probes through the
code; a test fails where it is out of date. Do not edit it.

Where both sides speak the same, a body is edited and everything else keeps its bytes. Where they do
not, it is read and written anew.

The tables are for a recent model of each protocol's vendor, at the vendor's own address, of which
the catalogue lists no parameters. What an endpoint is known not to support is dropped as well, and
[quirks](providers.md) of a provider change more: other names, marks and reasoning that are
understood, URLs that are not. Media at an address that a protocol has no place for (a file for
OpenAI's chat, plain `http` for Anthropic, any where a quirk says so) the gateway fetches before, so
that they arrive as bytes where a table says that they are refused or the same.

| In a cell | means |
|---|---|
| same | it arrives as it was written, in the same place |
| `path` | it arrives there, with the same value |
| `path`: value | it arrives there, as that |
| without `path` | this is left out then |
| dropped | it does not arrive; the gateway records the loss |
| refused | the request gets an error that names the member |
| no trace | nothing changes and nothing is recorded: it is what happens anyway, or is for the gateway |
| taken out | between the same protocols: it is for the gateway, or the provider does not take it |
| not told | the caller's protocol has no place for it in an answer |
| · | the caller's protocol cannot say it |
| (1) | a note below the table: what was recorded, or the error |
";

/// The whole document.
pub fn document() -> String {
    let mut out = INTRODUCTION.to_owned();
    for (way, what) in [("To", "requests"), ("From", "answers")] {
        let links = Dialect::ALL.map(|dialect| {
            let name = dialect.name();
            format!("[{name}](#{}-{name}-{what})", way.to_lowercase())
        });
        let _ = write!(out, "\n{way}: {}.\\", links.join(", "));
    }
    out.push_str("\n[Streams](#streams).\n");
    for upstream in Dialect::ALL {
        let (_, _, what) = upstream::model(upstream);
        let _ = write!(out, "\n## To `{}`: requests\n\nFor {what}.\n\n", upstream.name());
        let mut notes = Notes::default();
        let rows = requests::rows(upstream, &mut notes);
        write_table(&mut out, "Said", &rows);
        notes.write(&mut out);
    }
    for upstream in Dialect::ALL {
        let _ = write!(out, "\n## From `{}`: answers\n\n", upstream.name());
        let mut notes = Notes::default();
        let rows = answers::rows(upstream, &mut notes);
        write_table(&mut out, "Answered", &rows);
        notes.write(&mut out);
    }
    out.push_str(
        "\n## Streams\n\nWhatever protocol a stream comes in, it is read as the same events. Where \
         each kind of event is told: the event's name, if it has one, and the place in its data.\n\n",
    );
    write_table(&mut out, "Event", &streams::rows());
    out
}

/// A row: what was probed, and what each caller gets.
struct Row {
    name: String,
    cells: Vec<String>,
}

impl Row {
    /// A row that names those below it.
    fn heading(name: &str) -> Self {
        Self { name: format!("**{name}**"), cells: vec![String::new(); Dialect::CALLERS.len()] }
    }
}

fn write_table(out: &mut String, first: &str, rows: &[Row]) {
    let _ = write!(out, "| {first} |");
    for caller in Dialect::CALLERS {
        let _ = write!(out, " {} |", caller.name());
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(Dialect::CALLERS.len()));
    out.push('\n');
    for row in rows {
        let _ = write!(out, "| {} |", row.name);
        for cell in &row.cells {
            let _ = write!(out, " {} |", cell.replace('|', "\\|"));
        }
        out.push('\n');
    }
}
