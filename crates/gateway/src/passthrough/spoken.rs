//! Step 7, beside it: what a provider says in a WebSocket of what it used. OpenAI's say it at the
//! end of each answer, in a JSON of its own; Google's in any message of a turn.

use protocol::exchange::Usage;
use protocol::json::Object;

use super::frames::Piece;
use super::reading::Reading;
use super::tap::{Told, kind_of};
use super::texts::Texts;

/// The longest message that is read, in bytes: what counts is short, sound is not.
const MOST_MESSAGE: usize = 1024 * 1024;
/// What ends an answer, and may count it: of Realtime, and of Responses.
const ENDS: [&[u8]; 4] =
    [b"response.done", b"response.completed", b"response.incomplete", b"response.failed"];
/// The first opcode of those that may stand within a message.
const CONTROL: u8 = 8;

/// What was said so far.
#[derive(Debug, Default)]
pub struct Spoken {
    message: Vec<u8>,
    /// A message is under way.
    has_begun: bool,
    /// It is not read.
    is_skipped: bool,
    /// It speaks as Google's do.
    is_live: bool,
    /// What all answers used that came to their end.
    used: Usage,
    /// What the last turn of Google's used, as far as it was told, and the length of its prompt: it
    /// may be told again.
    turn: Option<(u64, Usage)>,
    is_told: bool,
    /// The model that was counted last.
    model: Option<String>,
    /// What the answer under way has in it.
    answer: Texts,
}

impl Spoken {
    /// For a WebSocket; `is_live`: one of Google's.
    pub fn new(is_live: bool) -> Self {
        Self { is_live, ..Self::default() }
    }

    /// What the answers used that were counted.
    pub fn used(&self) -> Usage {
        self.turn.map_or(self.used, |(_, turn)| self.used.and(&turn))
    }

    /// A piece of a frame passed. Tells whether an answer was counted in it.
    pub fn hear(&mut self, piece: Piece<'_>) -> bool {
        if piece.opcode >= CONTROL {
            return false;
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            self.is_skipped = !piece.is_plain;
        }
        if self.message.len() + piece.bytes.len() > MOST_MESSAGE {
            self.is_skipped = true;
            self.message = Vec::new();
        }
        if !self.is_skipped {
            self.message.extend_from_slice(piece.bytes);
        }
        if piece.ends && piece.is_last {
            self.has_begun = false;
            let message = std::mem::take(&mut self.message);
            let is_read = !std::mem::take(&mut self.is_skipped);
            let is_count = is_read && self.read(&message);
            // The place is used again.
            self.message = message;
            self.message.clear();
            return is_count;
        }
        false
    }

    fn read(&mut self, message: &[u8]) -> bool {
        if self.is_live {
            return self.read_live(message);
        }
        let kind = kind_of(message);
        // What the caller said is repeated, and what was written as well. Sound is no text.
        let is_text = kind.starts_with(b"response.") && kind.ends_with(b".delta");
        if is_text && !kind.ends_with(b"audio.delta") {
            self.answer.begin();
            self.answer.see(message);
        }
        if !ENDS.contains(&kind) {
            return false;
        }
        let mut reading = Reading::default();
        reading.read(message);
        let Some(usage) = reading.usage() else { return false };
        self.answer = Texts::default();
        self.model = reading.report.model.or(self.model.take());
        self.used = self.used.and(&usage);
        self.is_told = true;
        true
    }

    /// A message of Google's: what it says stands in members of its own, and a count may stand
    /// beside any of them.
    fn read_live(&mut self, message: &[u8]) -> bool {
        let text = std::str::from_utf8(message).ok();
        let Some(object) = text.and_then(|text| Object::parse(text).ok()) else { return false };
        if let Some(content) = object.peek("serverContent").and_then(|raw| Object::of(raw).ok()) {
            // What the caller said is written down as well.
            for written in ["modelTurn", "outputTranscription"] {
                if let Some(raw) = content.peek(written) {
                    self.answer.begin();
                    self.answer.see(raw.get().as_bytes());
                }
            }
        }
        let counts = object.peek("usageMetadata").and_then(|raw| Object::of(raw).ok());
        let Some(counts) = counts else { return false };
        let mut reading = Reading::default();
        reading.read(message);
        let Some(usage) = reading.usage() else { return false };
        // Each turn has all that was said before it in its prompt: what counts the same prompt
        // again counts the same turn. What tools brought into it is counted apart.
        let prompt = counts.peek("promptTokenCount").and_then(|raw| raw.get().parse().ok());
        let prompt = prompt.or(self.turn.map(|(prompt, _)| prompt)).unwrap_or(usage.input);
        let again = |(same, turn): (u64, Usage)| same == prompt && turn.output <= usage.output;
        let counted = match self.turn {
            // What tools brought may be left out later.
            Some(told) if again(told) && told.1.input > usage.input => Usage {
                output: usage.output,
                reasoning: usage.reasoning,
                audio_output: usage.audio_output,
                image_output: usage.image_output,
                ..told.1
            },
            Some(told) if again(told) => usage,
            Some((_, turn)) => {
                self.used = self.used.and(&turn);
                usage
            }
            None => usage,
        };
        self.turn = Some((prompt, counted));
        self.answer = Texts::default();
        self.is_told = true;
        true
    }

    /// What was said, at the end: what was written after the last count is beside it. The model that
    /// was asked is the one, if none is told.
    pub fn told(mut self, asked: Option<String>) -> Told {
        self.answer.abort();
        let (written, used) = (self.answer.written, self.used());
        let mut reading = Reading::default();
        reading.report.model = self.model.or(asked);
        Told {
            reading,
            counted: self.is_told.then_some(used),
            is_finished: self.is_told && written == 0,
            written,
            ..Told::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::Frames;
    use super::*;

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u16).to_be_bytes();
        [&[first, 126], &length[..], payload].concat()
    }

    fn heard(bytes: &[u8], cut: usize) -> Told {
        heard_by(Spoken::new(false), bytes, cut)
    }

    fn heard_by(mut spoken: Spoken, bytes: &[u8], cut: usize) -> Told {
        let mut frames = Frames::default();
        bytes.chunks(cut).for_each(|piece| frames.pass(piece, |piece| _ = spoken.hear(piece)));
        spoken.told(None)
    }

    const DONE: &[u8] = br#"{"type":"response.done","response":{"usage":{"total_tokens":7,
        "input_tokens":3,"output_tokens":4,"output_token_details":{"audio_tokens":2}}}}"#;

    #[test]
    fn all_answers_of_a_socket_are_summed() {
        let (head, tail) = DONE.split_at(20);
        let bytes = [
            frame(0x81, br#"{"type":"session.created"}"#),
            frame(0x81, br#"{"type":"response.output_text.delta","delta":"counted"}"#),
            frame(0x81, DONE),
            frame(0x01, head),
            frame(0x89, b"ping"),
            frame(0x80, tail),
            frame(0x82, DONE),
            frame(0x81, br#"{"type":"response.output_audio_transcript.delta","delta":"later"}"#),
            frame(0x81, br#"{"type":"response.output_audio.delta","delta":"AAAA"}"#),
        ]
        .concat();
        for cut in [1, 7, 5_000] {
            let told = heard(&bytes, cut);
            let usage = told.usage().unwrap_or_default();
            assert_eq!((usage.input, usage.output, usage.audio_output), (9, 12, 6), "{cut}");
            assert_eq!(told.written, 5);
        }
    }

    #[test]
    fn what_callers_said_is_not_what_a_model_wrote() {
        let bytes = [
            r#"{"type":"conversation.item.done","item":{"content":[{"text":"my own words"}]}}"#,
            r#"{"type":"conversation.item.input_audio_transcription.delta","delta":"spoken"}"#,
            r#"{"serverContent":{"inputTranscription":{"text":"my own words"}}}"#,
            r#"{"type":"response.function_call_arguments.delta","delta":"{}"}"#,
        ]
        .map(|message| frame(0x81, message.as_bytes()));
        let told = heard(&bytes.concat(), 50);
        assert_eq!((told.written, told.usage()), (2, None));
    }

    /// Each turn's count is beside any of its messages, and has all that was said before it.
    #[test]
    fn turns_of_googles_are_summed() {
        let count = |prompt: u32, response: u32, beside: &str| {
            format!(
                r#"{{"usageMetadata":{{"promptTokenCount":{prompt},"responseTokenCount":{response},
                "totalTokenCount":{}}},{beside}}}"#,
                prompt + response
            )
        };
        let messages = [
            r#"{"setupComplete":{}}"#.to_owned(),
            r#"{"serverContent":{"modelTurn":{"parts":[{"text":"counted"}]}}}"#.to_owned(),
            count(100, 5, r#""serverContent":{"modelTurn":{"parts":[]}}"#),
            count(100, 20, r#""serverContent":{"turnComplete":true}"#),
            r#"{"usageMetadata":{"promptTokenCount":130,"responseTokenCount":5}}"#.to_owned(),
            r#"{"toolCall":{"functionCalls":[{"args":{"type":"response.done"}}]},"usageMetadata":
                {"promptTokenCount":130,"toolUsePromptTokenCount":20,"responseTokenCount":6}}"#
                .to_owned(),
            r#"{"usageMetadata":{"promptTokenCount":130,"responseTokenCount":6}}"#.to_owned(),
            r#"{"usageMetadata":{"responseTokenCount":6}}"#.to_owned(),
            count(150, 9, r#""serverContent":{"turnComplete":true}"#),
            r#"{"serverContent":{"outputTranscription":{"text":"later"}}}"#.to_owned(),
            r#"{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"data":"AAAA"}}]}}}"#.into(),
            r#"{"sessionResumptionUpdate":{"newHandle":"usageMetadata"}}"#.to_owned(),
        ];
        let bytes: Vec<u8> =
            messages.iter().flat_map(|message| frame(0x82, message.as_bytes())).collect();
        for cut in [1, 50, 5_000] {
            let told = heard_by(Spoken::new(true), &bytes, cut);
            let usage = told.usage().map(|usage| (usage.input, usage.output));
            assert_eq!(usage, Some((100 + 130 + 20 + 150, 20 + 6 + 9)), "{cut}");
            assert_eq!((told.written, told.is_finished), (5, false));
        }
    }

    #[test]
    fn answers_of_responses_are_summed_as_well() {
        let kinds = ["response.completed", "response.incomplete", "response.failed"];
        let bytes = kinds.map(|kind| {
            let end = format!(
                r#"{{"type":"{kind}","response":{{"model":"m","usage":{{"total_tokens":7,"input_tokens":3,"output_tokens":4}}}}}}"#
            );
            frame(0x81, end.as_bytes())
        });
        let told = heard(&bytes.concat(), 50);
        assert_eq!(told.usage().map(|usage| (usage.input, usage.output)), Some((9, 12)));
        assert_eq!(told.reading.report.model.as_deref(), Some("m"));
        assert!(told.is_finished);
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let compressed = frame(0xc1, DONE);
        assert_eq!(heard(&compressed, 9).usage(), None);
        let (mut frames, mut spoken) = (Frames::default(), Spoken::default());
        let mut long = frame(0x01, &[b'x'; 60_000]);
        (0..40).for_each(|_| long.extend(frame(0x00, &[b'x'; 60_000])));
        long.extend(frame(0x80, b""));
        frames.pass(&long, |piece| _ = spoken.hear(piece));
        assert!(spoken.message.capacity() <= 2 * MOST_MESSAGE);
        frames.pass(&frame(0x81, DONE), |piece| _ = spoken.hear(piece));
        assert_eq!(spoken.told(None).usage().map(|usage| usage.output), Some(4));
    }
}
