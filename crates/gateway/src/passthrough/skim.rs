//! Step 6, beside it: the few members that tell what an answer used, picked out of a JSON of any
//! length while it passes, or what a request of any length asks for. Only members of the JSON itself
//! count: one of that name further in is what a model or a caller wrote.

use memchr::memchr2;

use super::reading::Reading;

/// What tells something, as members of an answer or of the elements of a list of answers.
const OF_ANSWERS: [&str; 12] = [
    "usage",
    "usageMetadata",
    "x_groq",
    "model",
    "modelVersion",
    "id",
    "responseId",
    "service_tier",
    "meta",
    "amazon-bedrock-invocationMetrics",
    "prompt_eval_count",
    "eval_count",
];

/// What tells something as a member of a request.
pub const OF_REQUESTS: [&str; 9] = [
    "model",
    "background",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "generationConfig",
    "inferenceConfig",
];

/// What tells something as a member of a message to a WebSocket; what stands in `setup` has that
/// before its name.
const OF_MESSAGES: [&str; 2] = ["model", "setup.model"];

/// The member whose own members count as well.
const SETUP: &str = "setup";

/// The longest value that is kept, in bytes: counts and names are short.
const LONGEST_VALUE: usize = 16 * 1024;
/// The longest name that is compared, in bytes.
const LONGEST_NAME: usize = 32;

/// How far a value has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    /// Nothing of it.
    #[default]
    Nothing,
    /// A number or a word is under way.
    Word,
    /// All of it: only a comma or the end may follow.
    Over,
}

/// The members that were told so far, the last of each.
#[derive(Debug)]
pub struct Skim {
    names: &'static [&'static str],
    depth: u64,
    /// The depth of the members that count: 1, or 2 in a list; 0 while nothing has begun.
    members: u64,
    in_string: bool,
    escaped: bool,
    /// The members that are read are those of `setup`.
    in_setup: bool,
    /// The value under way is that of `setup`.
    is_setup: bool,
    /// The name that is read.
    name: Vec<u8>,
    in_name: bool,
    in_value: bool,
    /// Which of the names the value is of.
    kept_as: Option<usize>,
    value: Vec<u8>,
    told: Vec<Vec<u8>>,
    /// The name under way has something escaped in it.
    is_escaped: bool,
    /// A name may be one of these, written with escapes; or a value of one was not kept; or, of a
    /// message, some readers may find more in it than JSON has.
    is_doubtful: bool,
    /// A name was read that has no value yet.
    has_name: bool,
    /// How far the value of a member has come.
    progress: Progress,
    /// A second JSON would follow.
    is_over: bool,
    /// There was a `setup`.
    had_setup: bool,
    /// A name that is one of these but for small and capital letters.
    respelled: Option<String>,
    /// What is no JSON is doubtful: readers that take it may find another name in it.
    is_strict: bool,
}

/// Whether readers that do not tell small letters from capital ones take a name for a known one that
/// it is not. Two letters beyond ASCII are small ones of theirs for some: the long s and the sign of
/// Kelvin.
pub fn respells(name: &[u8], known: &str) -> bool {
    if name == known.as_bytes() || name.len() > 2 * LONGEST_NAME {
        return false;
    }
    match std::str::from_utf8(name) {
        Ok(name) => {
            let plain = name.chars().map(|letter| match letter {
                '\u{17f}' => 's',
                '\u{212a}' => 'k',
                other => other.to_ascii_lowercase(),
            });
            plain.eq(known.chars().map(|letter| letter.to_ascii_lowercase()))
        }
        Err(_) => false,
    }
}

impl Skim {
    /// For an answer.
    pub fn of_answer() -> Self {
        Self::of(&OF_ANSWERS)
    }

    /// For a request.
    pub fn of_request() -> Self {
        Self::of(&OF_REQUESTS)
    }

    /// For a message of a caller to a WebSocket. Google's servers have read JSON with names in single
    /// quotes, or in none.
    pub fn of_message() -> Self {
        Self { is_strict: true, ..Self::of(&OF_MESSAGES) }
    }

    fn of(names: &'static [&'static str]) -> Self {
        Self {
            names,
            depth: 0,
            members: 0,
            in_string: false,
            escaped: false,
            in_setup: false,
            is_setup: false,
            name: Vec::new(),
            in_name: false,
            in_value: false,
            kept_as: None,
            value: Vec::new(),
            told: vec![Vec::new(); names.len()],
            is_escaped: false,
            is_doubtful: false,
            has_name: false,
            progress: Progress::Nothing,
            is_over: false,
            had_setup: false,
            respelled: None,
            is_strict: false,
        }
    }

    /// Bytes pass.
    pub fn see(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.in_string && !self.escaped && !self.in_name && self.kept_as.is_none() {
                // Most of a long answer is text, which says nothing of it.
                let Some(at) = memchr2(b'"', b'\\', bytes) else { return };
                if at > 0 {
                    bytes = &bytes[at..];
                    continue;
                }
            }
            self.step(byte);
            bytes = rest;
        }
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            self.of_string(byte);
            return;
        }
        let at_members = self.members > 0 && self.depth == self.members;
        if self.is_strict {
            self.is_doubtful |= self.is_odd(byte, at_members);
            if at_members && self.in_value {
                self.progress = match byte {
                    b'"' | b'{' | b'[' => Progress::Over,
                    _ if !byte.is_ascii_whitespace() => Progress::Word,
                    _ if self.progress == Progress::Word => Progress::Over,
                    _ => self.progress,
                };
            }
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if at_members && !self.in_value {
                    self.in_name = true;
                    self.has_name = true;
                    self.is_escaped = false;
                    self.name.clear();
                }
                self.keep(byte);
            }
            b'{' | b'[' => {
                if self.depth == 0 {
                    self.members = if byte == b'{' { 1 } else { 2 };
                }
                self.depth += 1;
                self.keep(byte);
                if at_members && self.is_setup && byte == b'{' {
                    (self.in_setup, self.in_value) = (true, false);
                    self.members += 1;
                }
            }
            b'}' | b']' => {
                if at_members {
                    self.finish();
                }
                self.keep(byte);
                self.depth = self.depth.saturating_sub(1);
                self.is_over = self.depth == 0;
                if at_members && self.in_setup {
                    // What comes to its end is the value of `setup`.
                    (self.in_setup, self.in_value) = (false, true);
                    self.progress = Progress::Over;
                    self.members -= 1;
                }
            }
            b',' if at_members => self.finish(),
            b':' if at_members && !self.in_value => {
                self.in_value = true;
                self.progress = Progress::Nothing;
                self.value.clear();
                self.is_doubtful |= self.is_escaped;
                if self.respelled.is_none() && self.is_respelling() {
                    self.respelled = Some(String::from_utf8_lossy(&self.name).into_owned());
                }
                self.is_setup = !self.in_setup
                    && self.name == SETUP.as_bytes()
                    && self.names.contains(&"setup.model");
                // Of two, readers take the first, the last, or both.
                self.is_doubtful |= self.is_setup && std::mem::replace(&mut self.had_setup, true);
                self.kept_as = self.names.iter().position(|name| match self.in_setup {
                    true => name
                        .strip_prefix(SETUP)
                        .and_then(|name| name.strip_prefix('.'))
                        .is_some_and(|name| name.as_bytes() == self.name),
                    false => !name.contains('.') && name.as_bytes() == self.name,
                });
                self.has_name = false;
            }
            _ => self.keep(byte),
        }
    }

    /// Whether a byte outside of strings does not stand there in any JSON, so that readers that take
    /// it may find other members than were found here.
    fn is_odd(&self, byte: u8, at_members: bool) -> bool {
        if byte.is_ascii_whitespace() {
            return false;
        }
        let is_word = byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        // A mark may stand in front.
        let is_mark = self.members == 0 && b"\xef\xbb\xbf".contains(&byte);
        let is_known = is_word || is_mark || b"{}[],:\"".contains(&byte);
        let is_here = match byte {
            _ if !at_members => true,
            b'}' | b']' | b',' => !self.has_name,
            b'"' if !self.in_value => !self.has_name,
            b':' => !self.in_value && self.has_name,
            b'"' | b'{' | b'[' => self.in_value && self.progress == Progress::Nothing,
            _ => self.in_value && self.progress != Progress::Over,
        };
        !is_known || !is_here || self.is_over
    }

    fn of_string(&mut self, byte: u8) {
        self.keep(byte);
        self.is_escaped |= byte == b'\\' && self.in_name;
        let ends = byte == b'"' && !self.escaped;
        self.escaped = byte == b'\\' && !self.escaped;
        if ends {
            self.in_string = false;
            self.in_name = false;
        } else if self.in_name && self.name.len() <= LONGEST_NAME {
            self.name.push(byte);
        }
    }

    /// Keeps a byte of a value that counts.
    fn keep(&mut self, byte: u8) {
        if self.kept_as.is_some() {
            self.value.push(byte);
            if self.value.len() > LONGEST_VALUE {
                self.kept_as = None;
                self.is_doubtful = true;
            }
        }
    }

    /// A member has come to its end.
    fn finish(&mut self) {
        (self.in_value, self.is_setup) = (false, false);
        if let Some(at) = self.kept_as.take() {
            self.is_doubtful |= self.is_strict && !self.told[at].is_empty();
            self.told[at] = std::mem::take(&mut self.value);
        }
    }

    /// The value of a member, as it was told last.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let at = self.names.iter().position(|known| *known == name)?;
        self.told.get(at).map(Vec::as_slice).filter(|value| !value.is_empty())
    }

    /// Whether a member that counts may have been told in a way that was not read.
    pub fn is_doubtful(&self) -> bool {
        self.is_doubtful || self.respelled.is_some()
    }

    /// A name that some readers take for one that counts, since they do not tell small letters from
    /// capital ones.
    pub fn respelled(&self) -> Option<&str> {
        self.respelled.as_deref()
    }

    /// Whether the name that was read last is one.
    fn is_respelling(&self) -> bool {
        let counted = self.names.iter().map(|name| match self.in_setup {
            true => name.strip_prefix("setup.").unwrap_or_default(),
            false => name.split('.').next().unwrap_or_default(),
        });
        counted.filter(|name| !name.is_empty()).any(|name| respells(&self.name, name))
    }

    /// Whether it has come to its end.
    pub fn is_whole(&self) -> bool {
        self.is_over && !self.in_string
    }

    /// Reads what was told.
    pub fn read_into(&self, reading: &mut Reading) {
        // One by one: if one cannot be read, the others can.
        for (name, value) in self.names.iter().zip(&self.told) {
            if !value.is_empty() {
                reading.read(&[b"{\"", name.as_bytes(), b"\":", value, b"}"].concat());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use protocol::report::Report;

    use super::*;

    fn report(skim: &Skim) -> Report {
        let mut reading = Reading::default();
        skim.read_into(&mut reading);
        reading.report
    }

    fn skimmed(answer: &str, size: usize) -> Report {
        let mut skim = Skim::of_answer();
        answer.as_bytes().chunks(size).for_each(|piece| skim.see(piece));
        report(&skim)
    }

    #[test]
    fn a_request_tells_its_model_last() {
        let body = r#"{"model":"a","messages":[{"model":"b"}],"background":true,"model":"c"}"#;
        for size in 1..body.len() {
            let mut skim = Skim::of_request();
            body.as_bytes().chunks(size).for_each(|piece| skim.see(piece));
            assert_eq!(skim.value("model"), Some(b"\"c\"".as_slice()));
            assert_eq!(skim.value("background"), Some(b"true".as_slice()));
        }
    }

    #[test]
    fn a_message_tells_the_model_of_its_setup() {
        let long = "x".repeat(2 * LONGEST_VALUE);
        let body = format!(
            r#"{{"a":{{"model":"a","setup":{{"model":"b"}}}},"setup":{{"systemInstruction":
            {{"model":"c","parts":[{{"text":"{long}}}"}}]}},"model":"m","tools":[{{"model":"d"}}]}},
            "setup ":{{"model":"e"}},"model":"top","last":{{}}}}"#
        );
        for size in [1, 7, 90_000] {
            let mut skim = Skim::of_message();
            body.as_bytes().chunks(size).for_each(|piece| skim.see(piece));
            assert_eq!(skim.value("setup.model"), Some(b"\"m\"".as_slice()));
            assert_eq!(skim.value("model"), Some(b"\"top\"".as_slice()));
            assert!(!skim.is_doubtful());
        }
        for (body, told) in [
            (r#"{"setup":{"mod\u0065l":"x"}}"#, (None, true)),
            (r#"{"setup":null,"model":"x"}"#, (None, false)),
            (r#"{"setup":[{"model":"x"}]}"#, (None, false)),
            (r#"{"setup":{"setup":{"model":"y"},"model":"x"}}"#, (Some(r#""x""#), false)),
            ("\u{feff} {\"setup\":{\"model\":\"x\"}}\n", (Some(r#""x""#), false)),
            (
                r#"{"setup" : { "model" : "x" , "a" : { } , "b" : [ ] , "c" : 1 } }"#,
                (Some(r#" "x" "#), false),
            ),
            (r#"{"setup":{"model":"y","model":"x"}}"#, (None, true)),
            (r#"{"setup":{"model":"x"},"setup":{"a":1}}"#, (None, true)),
            (r#"{"setup":{"model":"y"}}{"setup":{"model":"x"}}"#, (None, true)),
            (r#"{"setup":{"model":"x"}}]}}"#, (None, true)),
            (r#"{"setup":{"model":"x","a":1 "model":"y"}}"#, (None, true)),
            (r#"{"setup":{"model":"x","a":{}"model":"y"}}"#, (None, true)),
            (r#"{"setup":{"model":"x"} "setup":{"model":"y"}}"#, (None, true)),
            (r#"{"setup":{"model" "y","model":"x"}}"#, (None, true)),
            (r#"{"setup":{"model":"x","a":1 2}}"#, (None, true)),
            (r#"{"setup":{"model":"x"},"setup.model":"y"}"#, (Some(r#""x""#), false)),
            (r#"{"setup":{"model":"x","b":-1.5e+3,"c":[true,null]}}"#, (Some(r#""x""#), false)),
            (r#"{"setup":{"model":"x","c":{},model:"y"}}"#, (None, true)),
            (r#"{"setup":{"model":"x",'model':"y"}}"#, (None, true)),
            (r#"{"setup":{"model":"x"/*,"*/,"a":1}}"#, (None, true)),
            (r#"{"setup":{"model":"x","Model":"y"}}"#, (None, true)),
            (r#"{"Setup":{"model":"y"},"setup":{"model":"x"}}"#, (None, true)),
            ("{\"setup\":{\"model\":\"x\"},\"\u{17f}etup\":{}}", (None, true)),
            (r#"{"setup":{"model":"x","a":{"Model":"y"}}}"#, (Some(r#""x""#), false)),
            (r#"{"setup":{"a":{"b":'"'},"model":"x","c":{"d":'"'}}}"#, (None, true)),
        ] {
            let mut skim = Skim::of_message();
            skim.see(body.as_bytes());
            let value = skim.value("setup.model").filter(|_| !skim.is_doubtful());
            let value = value.map(|it| std::str::from_utf8(it).unwrap());
            assert_eq!((value, skim.is_doubtful()), told, "{body}");
        }
    }

    /// What providers read and this does not must not pass for what was read.
    #[test]
    fn an_escaped_name_and_an_overlong_value_are_doubtful() {
        let overlong = format!(r#"{{"model":"m","model":"{}"}}"#, "x".repeat(LONGEST_VALUE));
        for (body, is_doubtful) in [
            (r#"{"model":"m","mod\u0065l":"x"}"#, true),
            (overlong.as_str(), true),
            (r#"{"model":"m","input":"\u0065\"","tools":[{"\u0065":"\\"}]}"#, false),
        ] {
            for size in [1, 7, 90_000] {
                let mut skim = Skim::of_request();
                body.as_bytes().chunks(size).for_each(|piece| skim.see(piece));
                assert_eq!(skim.is_doubtful(), is_doubtful, "{body}");
            }
        }
    }

    #[test]
    fn members_of_the_answer_are_told_wherever_they_stand_and_no_others() {
        let answer = r#"{"id":"x\"y", "usage": {"input_tokens":3,"output_tokens":4},
            "content":[{"usage":{"input_tokens":0,"output_tokens":0},"text":"\"usage\":{\"}]\\"}],
            "usage ":{"input_tokens":1}, "model":"m"}"#;
        for size in 1..answer.len() {
            let report = skimmed(answer, size);
            let usage = report.usage().unwrap();
            assert_eq!((usage.input, usage.output), (3, 4), "{size}");
            assert_eq!(report.model.as_deref(), Some("m"));
            assert_eq!(report.id.as_deref(), Some("x\"y"));
        }
    }

    #[test]
    fn of_a_list_the_last_one_counts() {
        let list = r#"[{"usageMetadata":{"promptTokenCount":3}},
            {"candidates":[{"a":[]}],"modelVersion":"g",
             "usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2}}]"#;
        let report = skimmed(list, 7);
        assert_eq!(report.usage().map(|usage| (usage.input, usage.output)), Some((3, 2)));
        assert_eq!(report.model.as_deref(), Some("g"));
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut skim = Skim::of_answer();
        skim.see(b"{\"usage\":\"");
        (0..100).for_each(|_| skim.see(&[b'x'; 1024]));
        assert!(skim.value.len() <= LONGEST_VALUE + 1);
        skim.see(b"\",\"model\":\"m\"}");
        assert_eq!(report(&skim).model.as_deref(), Some("m"));
    }

    /// Any JSON whose names have no escapes.
    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1000..1000i32).prop_map(|number| (f64::from(number) / 8.0 * 1e20).into()),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::vec(("[a-z ]{0,6}|model|setup", inner), 0..4)
                    .prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_message_of_plain_json_is_doubtful(value in json(), pretty in any::<bool>()) {
            let message = serde_json::json!({"a": value.clone(), "setup": value, "b": [1, {}]});
            let text = if pretty { format!("{message:#}") } else { message.to_string() };
            let mut skim = Skim::of_message();
            text.as_bytes().chunks(3).for_each(|piece| skim.see(piece));
            prop_assert!(!skim.is_doubtful() && skim.is_whole(), "{}", text);
            let told = skim.value("setup.model").map(|it| serde_json::from_slice(it).unwrap());
            let expected = message["setup"].get("model").cloned();
            prop_assert_eq!(told, expected);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for mut skim in [Skim::of_answer(), Skim::of_message()] {
                bytes.chunks(7).for_each(|piece| skim.see(piece));
                report(&skim);
            }
        }
    }
}
