//! Conversations that a workspace keeps, for callers of the Responses API that ask for it: what was
//! said before goes into the request before anybody reads it, so that all that follows sees the
//! whole conversation, and the answer is kept before its last byte is told.
//!
//! Own: OpenRouter keeps nothing (RESP-1), and neither does a workspace that does not ask for it.
//! No provider is ever told to keep anything.

use std::borrow::Cow;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::exchange::{ErrorType, Fault};
use protocol::json::{Envelope, scan};
use protocol::openai_responses::{Echo, PREVIOUS_RESPONSE_NOT_FOUND};
use serde_json::value::RawValue;
use store::{ChainBounds, StoreError, StoredChain, StoredResponse, StoredTurn};
use tokio::sync::SemaphorePermit;

use super::prepare::Call;
use crate::api::change::refused;
use crate::api::session::may_see_of;
use crate::app::App;
use crate::clock::now_micros;
use crate::control::Caller;
use crate::listener::Running;

/// The most items of a conversation that goes on from a kept answer.
pub const MAX_ITEMS: i64 = 1_000;
/// The most bytes of its requests and answers.
pub const MAX_BYTES: i64 = 16 << 20;
/// So many conversations are read and written at once: a connection to the database is left for
/// everybody else.
pub const TURNS: usize = 2;

/// How long the database is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const MICROS_PER_DAY: i64 = 24 * 3_600 * 1_000_000;

/// A request of a workspace that keeps answers, made whole.
pub struct Recalled {
    /// The whole conversation, as of a caller that sends it itself and wants nothing kept.
    pub body: Bytes,
    /// What the answer repeats: of the request as it came.
    pub echo: Echo,
    /// What becomes of the answer.
    pub stored: Stored,
}

/// What becomes of an answer in a workspace that keeps some.
#[derive(Debug)]
pub struct Stored {
    previous_id: Option<String>,
    /// What was asked, where the answer is to be kept.
    keep: Option<Asked>,
}

/// The items of a request itself, without those before it.
#[derive(Debug)]
struct Asked {
    /// A JSON array.
    input: String,
    items: i64,
}

/// The end of an answer to be, when it is known whether the answer is kept.
pub type Keeping = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

/// Reads what was said before, where a request goes on from an answer; `None` for a request that
/// neither does so nor wants its answer kept. The one read of the database on the way of a request.
pub async fn recall(app: &App, caller: &Caller, body: &Bytes) -> Result<Option<Recalled>, Fault> {
    // Whoever reads the request says what is wrong with it.
    let Ok(envelope) = Envelope::parse(body) else { return Ok(None) };
    let keeps = envelope.raw("store").map(RawValue::get) == Some("true");
    let previous_id = previous(&envelope)?;
    if !keeps && previous_id.is_none() {
        return Ok(None);
    }
    let own = own_items(&envelope)
        .ok_or_else(|| Fault::invalid("input: must be a text or an array of items"))?;
    let echo = Echo::read(&envelope);
    let own_bytes: usize = own.iter().map(|item| item.len() + 1).sum();
    let left = ChainBounds {
        items: MAX_ITEMS - count(own.len()),
        bytes: MAX_BYTES.min(count(app.settings.max_body_bytes)) - count(own_bytes),
    };
    if left.items < 0 || left.bytes < 0 {
        let member = if keeps { "store" } else { "previous_response_id" };
        return Err(too_long(member));
    }
    let mut whole = String::with_capacity(own_bytes + 2);
    whole.push('[');
    if let Some(id) = &previous_id {
        for turn in earlier(app, caller, id, left).await? {
            append(&mut whole, &items_of(&turn).ok_or_else(|| unreadable(id))?);
        }
    }
    append(&mut whole, &own);
    whole.push(']');
    let keep = keeps.then(|| {
        let mut input = String::with_capacity(own_bytes + 2);
        input.push('[');
        append(&mut input, &own);
        input.push(']');
        Asked { input, items: count(own.len()) }
    });
    let mut edit = envelope.edit();
    if previous_id.is_some() {
        edit.set("input", whole);
        edit.remove("previous_response_id");
    }
    edit.set("store", "false");
    let body = Bytes::from(edit.finish());
    Ok(Some(Recalled { body, echo, stored: Stored { previous_id, keep } }))
}

/// The answer a request goes on from.
fn previous(envelope: &Envelope<'_>) -> Result<Option<String>, Fault> {
    const NAME: &str = "previous_response_id";
    if !envelope.has(NAME) {
        return Ok(None);
    }
    let named = envelope.raw(NAME).and_then(scan::string).filter(|id| !id.is_empty());
    let id = named.ok_or_else(|| Fault::invalid(format!("{NAME}: must be the id of an answer")))?;
    Ok(Some(id.into_owned()))
}

/// The items a request sends itself; `None` if its input is nothing that can be read.
fn own_items<'a>(envelope: &Envelope<'a>) -> Option<Vec<Cow<'a, str>>> {
    let Some(input) = envelope.raw("input").filter(|raw| raw.get() != "null") else {
        return Some(Vec::new());
    };
    if let Some(items) = scan::elements(input) {
        return Some(items.into_iter().map(|item| Cow::Borrowed(item.get())).collect());
    }
    let text = input.get();
    text.starts_with('"').then(|| {
        vec![Cow::Owned(format!(r#"{{"type":"message","role":"user","content":{text}}}"#))]
    })
}

/// The turns up to an answer of the caller's workspace that it may see, oldest first.
async fn earlier(
    app: &App,
    caller: &Caller,
    id: &str,
    bounds: ChainBounds,
) -> Result<Vec<StoredTurn>, Fault> {
    let reading = async {
        let _turn = turn(app).await.map_err(refused)?;
        let (workspace, now) = (&caller.workspace_id, now_micros());
        let key = app.store.key_of_stored_response(id, workspace, now).await.map_err(refused)?;
        if let Some(key) = key
            && !may_see_of(app, &app.snapshot(), caller, &key).await?
        {
            return Ok(StoredChain::Unknown);
        }
        app.store.stored_chain(id, workspace, bounds, now).await.map_err(refused)
    };
    let late = |late| Err(refused(StoreError::Unreachable(Box::new(late))));
    let shown: String = id.chars().take(80).collect();
    match tokio::time::timeout(PATIENCE, reading).await.unwrap_or_else(late)? {
        StoredChain::Whole(turns) => Ok(turns),
        StoredChain::TooLong => Err(too_long("previous_response_id")),
        StoredChain::Unknown => Err(not_found(format!(
            "previous_response_id: there is no stored answer {shown} in this workspace; send the \
             whole conversation in `input`"
        ))),
        StoredChain::Broken => Err(not_found(format!(
            "previous_response_id: the conversation up to {shown} is not whole any more: an answer \
             in it was deleted, or its time is over; send the whole conversation in `input`"
        ))),
    }
}

/// In OpenAI's words, by which its clients know that they have to begin anew.
fn not_found(message: String) -> Fault {
    Fault::new(ErrorType::NotFound, message).with_provider_code(PREVIOUS_RESPONSE_NOT_FOUND)
}

/// Waits until one of few may use the database.
async fn turn(app: &App) -> Result<SemaphorePermit<'_>, StoreError> {
    app.stored_turns.acquire().await.map_err(|closed| StoreError::Unreachable(Box::new(closed)))
}

/// All that was said in a turn.
fn items_of(turn: &StoredTurn) -> Option<Vec<Cow<'_, str>>> {
    let input: &RawValue = serde_json::from_str(&turn.input).ok()?;
    let response = Envelope::parse(turn.response.as_bytes()).ok()?;
    let mut all = scan::elements(input)?;
    all.extend(scan::elements(response.raw("output")?)?);
    Some(all.into_iter().map(|item| Cow::Borrowed(item.get())).collect())
}

/// Adds elements to an array whose end is not yet written.
fn append(array: &mut String, items: &[Cow<'_, str>]) {
    for item in items {
        if !array.ends_with('[') {
            array.push(',');
        }
        array.push_str(item);
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn too_long(member: &str) -> Fault {
    Fault::invalid(format!(
        "{member}: conversations of more than {MAX_ITEMS} items or {MAX_BYTES} bytes are not \
         stored; start a new one, or leave it out and send the conversation in `input`"
    ))
}

fn unreadable(id: &str) -> Fault {
    crate::error::internal(format!("the stored answer {id} cannot be read"))
}

impl Stored {
    /// Keeps a whole answer, if it is one to keep, and tells in it whether it is kept.
    pub async fn keep_whole(&self, call: &Call, body: Vec<u8>) -> Vec<u8> {
        let Ok(response) = Envelope::parse(&body) else { return body };
        let Some(kept) = self.row(call, &response) else { return self.told(&response, false) };
        let is_kept = keep(Arc::clone(&call.app), kept).await;
        self.told(&response, is_kept)
    }

    /// Begins to keep a streamed answer by its end, `tail`; the end of the stream follows when that
    /// is done. `spoken`: there was something in the answer.
    pub fn keep_end(&self, call: &Call, tail: Vec<u8>, spoken: bool) -> Keeping {
        let Some((range, kept)) = last_answer(&tail) else {
            return Box::pin(std::future::ready(tail));
        };
        let text = |is_kept: bool| -> Option<Vec<u8>> {
            let event = Envelope::parse(&tail[range.clone()]).ok()?;
            let response = Envelope::parse(event.raw("response")?.get().as_bytes()).ok()?;
            let told = String::from_utf8(self.told(&response, is_kept)).ok()?;
            let mut edit = event.edit();
            edit.set("response", told);
            let mut whole = tail[..range.start].to_vec();
            whole.extend_from_slice(&edit.finish());
            whole.extend_from_slice(&tail[range.end..]);
            Some(whole)
        };
        let forgotten = text(false).unwrap_or_else(|| tail.clone());
        let row = Envelope::parse(kept.as_bytes()).ok().and_then(|response| {
            // A provider that tells no end of its stream leaves nothing to keep.
            let is_empty = response.raw("output").is_none_or(|raw| raw.get() == "[]");
            if is_empty && spoken { None } else { self.row(call, &response) }
        });
        let (Some(row), Some(remembered)) = (row, text(true)) else {
            return Box::pin(std::future::ready(forgotten));
        };
        let keeping = tokio::spawn(keep(Arc::clone(&call.app), row));
        Box::pin(async move { if keeping.await.unwrap_or(false) { remembered } else { forgotten } })
    }

    /// An answer as its caller is told it.
    fn told(&self, response: &Envelope<'_>, is_kept: bool) -> Vec<u8> {
        let mut edit = response.edit();
        if let Some(id) = &self.previous_id {
            edit.set("previous_response_id", serde_json::json!(id).to_string());
        }
        edit.set("store", if is_kept { "true" } else { "false" });
        edit.finish()
    }

    /// The row of an answer, if it is one to keep.
    fn row(&self, call: &Call, response: &Envelope<'_>) -> Option<StoredResponse> {
        let asked = self.keep.as_ref()?;
        let status = response.raw("status").and_then(scan::string)?;
        if !matches!(&*status, "completed" | "incomplete") {
            return None;
        }
        let output = scan::elements(response.raw("output")?)?;
        let created_at = now_micros();
        let days = call.app.settings.stored_response_days;
        let life = |days| i64::from(days).saturating_mul(MICROS_PER_DAY);
        let model = response.raw("model").and_then(scan::string).unwrap_or_default();
        Some(StoredResponse {
            id: call.generation_id.clone(),
            previous_id: self.previous_id.clone(),
            workspace_id: call.caller.workspace_id.to_string(),
            key_hash: call.caller.key_hash.to_string(),
            model: model.into_owned(),
            created_at,
            expires_at: days.map(|days| created_at.saturating_add(life(days))),
            items: asked.items.saturating_add(count(output.len())),
            input: asked.input.clone(),
            response: String::from_utf8(self.told(response, true)).ok()?,
        })
    }
}

/// Writes an answer down. Says whether that was done in time.
async fn keep(app: Arc<App>, row: StoredResponse) -> bool {
    let _running = Running::new(&app);
    let id = row.id.clone();
    let writing = async {
        let _turn = turn(&app).await?;
        app.store.put_stored_response(row).await
    };
    let late = |late| Err(StoreError::Unreachable(Box::new(late)));
    match tokio::time::timeout(PATIENCE, writing).await.unwrap_or_else(late) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(generation = id, %error, "an answer could not be stored");
            false
        }
    }
}

/// The last event in the end of a stream that holds the answer: where its JSON is, and the answer.
fn last_answer(tail: &[u8]) -> Option<(Range<usize>, String)> {
    const DATA: &[u8] = b"data: ";
    let mut end = tail.len();
    while let Some(start) = memchr::memmem::rfind(&tail[..end], DATA) {
        end = start;
        // Within a line it is somebody's words.
        if start > 0 && tail[start - 1] != b'\n' {
            continue;
        }
        let from = start + DATA.len();
        let length = memchr::memchr(b'\n', &tail[from..]).unwrap_or(tail.len() - from);
        let range = from..from + length;
        let Ok(event) = Envelope::parse(&tail[range.clone()]) else { continue };
        if let Some(response) = event.raw("response") {
            return Some((range, response.get().to_owned()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(body: &str) -> Option<Vec<String>> {
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        Some(own_items(&envelope)?.into_iter().map(Cow::into_owned).collect())
    }

    #[test]
    fn what_a_request_sends_itself_is_read_in_every_form() {
        let text = r#"{"type":"message","role":"user","content":"a\"b"}"#;
        assert_eq!(items(r#"{"input":"a\"b"}"#), Some(vec![text.to_owned()]));
        assert_eq!(items(r#"{"input":[{"a":1}, 2]}"#).unwrap(), [r#"{"a":1}"#, "2"]);
        assert_eq!(items("{}"), Some(Vec::new()));
        assert_eq!(items(r#"{"input":null}"#), Some(Vec::new()));
        assert_eq!(items(r#"{"input":{}}"#), None);
    }

    #[test]
    fn the_answer_is_found_in_the_last_event_that_has_one() {
        let tail = b"event: a\ndata: {\"response\":{\"id\":1}}\n\nevent: b\n\
                     data: {\"x\":\"data: {\",\"response\":{\"id\":2}}\n\ndata: [DONE]\n\n";
        let (range, response) = last_answer(tail).unwrap();
        assert_eq!(response, r#"{"id":2}"#);
        assert_eq!(&tail[range], br#"{"x":"data: {","response":{"id":2}}"#);
        for nothing in ["", "data: [DONE]\n\n", "x data: {\"response\":{}}", "data: {\"a\":1}"] {
            assert_eq!(last_answer(nothing.as_bytes()), None, "{nothing}");
        }
    }

    #[test]
    fn an_id_is_a_text() {
        let read = |body: &str| previous(&Envelope::parse(body.as_bytes()).unwrap());
        assert_eq!(read(r#"{"previous_response_id":null}"#).unwrap(), None);
        assert_eq!(read(r#"{"previous_response_id":"gen-1"}"#).unwrap().as_deref(), Some("gen-1"));
        for wrong in [r#"{"previous_response_id":1}"#, r#"{"previous_response_id":""}"#] {
            let fault = read(wrong).unwrap_err();
            assert!(fault.message.starts_with("previous_response_id: "), "{}", fault.message);
        }
    }
}
