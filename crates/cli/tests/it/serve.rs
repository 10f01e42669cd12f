//! `trunkline serve`

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::{Home, Running, request};

/// What the printed curl line asks: address, path, headers, body.
fn curl(line: &str) -> (String, String, Vec<(String, String)>, String) {
    let quoted: Vec<&str> = line.split('"').collect();
    let url = line.split_whitespace().nth(1).unwrap().trim_start_matches("http://");
    let (address, path) = url.split_at(url.find('/').unwrap());
    let headers = [quoted[1], quoted[3]]
        .iter()
        .map(|header| header.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let body = line.split('\'').nth(1).unwrap();
    (address.to_owned(), path.to_owned(), headers, body.to_owned())
}

#[test]
fn a_first_start_prints_a_key_once_and_a_curl_line_that_works() {
    let home = Home::new();
    let mut server = home.serve(&[]);
    let key = server.first_key();
    assert_eq!(key.len(), 73);
    let (address, path, headers, body) = curl(server.line("curl http://").trim());
    assert_eq!(address, server.address());
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (status, answer) = request(&address, "POST", &path, &headers, &body);
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("Hello!"), "{answer}");
    let lines = server.stop();
    assert_eq!(lines.iter().filter(|line| line.trim() == key).count(), 1);
    let answer: Value = serde_json::from_str(answer.trim()).unwrap();
    assert_eq!(answer["model"], "simulated/chat:free");

    let mut server = home.serve(&[]);
    server.address();
    let lines = server.stop();
    assert!(lines.iter().all(|line| !line.contains("sk-or-v1-")), "{lines:?}");
}

#[test]
fn every_simulated_model_answers() {
    let home = Home::new();
    let mut server = home.serve(&[]);
    let bearer = format!("Bearer {}", server.first_key());
    let address = server.address();
    for name in ["chat", "reasoning", "flaky", "openai", "anthropic", "gemini"] {
        let body = format!(
            r#"{{"model": "simulated/{name}:free", "messages": [{{"role": "user", "content": "Hello!"}}]}}"#
        );
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let (status, answer) =
            request(&address, "POST", "/api/v1/chat/completions", &headers, &body);
        assert_eq!(status, 200, "{name}: {answer}");
        assert!(answer.contains("Hello!"), "{name}: {answer}");
    }
    server.stop();
}

#[test]
fn keys_in_the_environment_make_providers_available_and_are_not_shown() {
    let home = Home::new().with_variable("OPENAI_API_KEY", "sk-environment-secret");
    let mut server = home.serve(&[]);
    server.line("OpenAI (OPENAI_API_KEY)");
    let lines = server.stop();
    let text = lines.join("\n");
    assert!(!text.contains("secret") && !text.contains("imulated"), "{text}");
}

#[test]
fn a_port_in_use_is_named() {
    let home = Home::new();
    let mut server = home.serve(&[]);
    let address = server.address();
    let errors = home.fails(&["serve", "--listen", &address, "--metrics-listen", "off"]);
    assert!(errors.contains(&address) && errors.contains("in use"), "{errors}");
    server.stop();
}

/// A gateway in the middle of a stream, from a provider that takes so many milliseconds for each
/// piece of it.
struct Streaming {
    sim: Running,
    server: Running,
    bearer: String,
    stream: TcpStream,
}

impl Streaming {
    fn start(home: &Home, gap: u32) -> Self {
        let script = home.write("script.toml", &format!("[default]\ngap = {gap}\n"));
        let arguments = ["sim", "--listen", "127.0.0.1:0", "--script", script.to_str().unwrap()];
        let mut sim = home.start(&arguments);
        let url = sim.line("OpenAI ").split_whitespace().nth(1).unwrap().to_owned();
        home.ok(&["provider", "add-local", "vllm", "--url", &url, "--model", "slow"]);
        let mut server = home.serve(&[]);
        let bearer = server.first_key();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let body = r#"{"model": "vllm/slow", "stream": true, "messages": [{"role": "user", "content": "one two three"}]}"#;
        write!(
            stream,
            "POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        Self { sim, server, bearer, stream }
    }

    /// What has come when a text is there.
    fn read_until(&mut self, wanted: &str) -> String {
        let mut text = String::new();
        while !text.contains(wanted) {
            let mut some = [0_u8; 1024];
            let count = self.stream.read(&mut some).unwrap();
            assert!(count > 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&some[..count]));
        }
        text
    }

    /// The rest of the stream, once the gateway has ended well.
    fn read_to_end(mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        let (status, _) = self.server.wait();
        assert!(status.success(), "{status}");
        self.sim.stop();
        rest
    }
}

#[test]
fn any_order_to_stop_lets_running_requests_end() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let home = Home::new();
        // Seven pieces at least, a tenth of a second apart: it still runs when the order comes.
        let mut streaming = Streaming::start(&home, 100);
        streaming.read_until("HTTP/1.1 200");
        streaming.server.signal(signal);
        if signal == "-HUP" {
            // The shell sends one as well.
            std::thread::sleep(std::time::Duration::from_millis(200));
            streaming.server.signal(signal);
        }
        let rest = streaming.read_to_end();
        assert!(rest.contains("[DONE]"), "{signal}: {rest}");
    }
}

/// Promise 2: being told twice cuts requests off, and not the books.
#[test]
fn a_second_order_to_stop_loses_no_running_settlement() {
    let home = Home::new();
    let mut streaming = Streaming::start(&home, 60_000);
    let mut text = streaming.read_until("data: ");
    streaming.server.signal("-TERM");
    streaming.server.signal("-INT");
    let bearer = streaming.bearer.clone();
    text.push_str(&streaming.read_to_end());
    assert!(text.contains("\"error\"") && text.contains("data: [DONE]"), "{text}");

    let id = text.split("x-generation-id: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut server = home.serve(&[]);
    let address = server.address();
    let bearer = format!("Bearer {bearer}");
    let path = format!("/api/v1/generation?id={id}");
    let (status, row) = request(&address, "GET", &path, &[("Authorization", &bearer)], "");
    assert_eq!(status, 200, "{row}");
    assert!(row.contains("\"finish_reason\":\"error\""), "{row}");
    server.stop();
}
