//! `trunkline serve`

use serde_json::Value;

use crate::support::{Home, request};

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

#[test]
fn either_order_to_stop_lets_running_requests_end() {
    use std::io::{Read, Write};
    for signal in ["-TERM", "-INT"] {
        let home = Home::new();
        // Seven pieces at least, a tenth of a second apart: it still runs when the order comes.
        let script = home.write("script.toml", "[default]\ngap = 100\n");
        let arguments = ["sim", "--listen", "127.0.0.1:0", "--script", script.to_str().unwrap()];
        let mut sim = home.start(&arguments);
        let url = sim.line("OpenAI ").split_whitespace().nth(1).unwrap().to_owned();
        home.ok(&["provider", "add-local", "vllm", "--url", &url, "--model", "slow"]);
        let mut server = home.serve(&[]);
        let bearer = server.first_key();
        let address = server.address();
        let body = r#"{"model": "vllm/slow", "stream": true, "messages": [{"role": "user", "content": "one two three"}]}"#;
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut first = [0_u8; 16];
        stream.read_exact(&mut first).unwrap();
        server.signal(signal);
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("[DONE]"), "{rest}");
        let (status, _) = server.wait();
        assert!(status.success(), "{signal}: {status}");
        sim.stop();
    }
}

/// Promise 2: being told twice cuts requests off, and not the books.
#[test]
fn a_second_order_to_stop_loses_no_running_settlement() {
    use std::io::{Read, Write};
    let home = Home::new();
    let script = home.write("script.toml", "[default]\ngap = 60000\n");
    let arguments = ["sim", "--listen", "127.0.0.1:0", "--script", script.to_str().unwrap()];
    let mut sim = home.start(&arguments);
    let url = sim.line("OpenAI ").split_whitespace().nth(1).unwrap().to_owned();
    home.ok(&["provider", "add-local", "vllm", "--url", &url, "--model", "slow"]);
    let mut server = home.serve(&[]);
    let bearer = server.first_key();
    let address = server.address();
    let body = r#"{"model": "vllm/slow", "stream": true, "messages": [{"role": "user", "content": "one two three"}]}"#;
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "POST /api/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {bearer}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    while !text.contains("data: ") {
        let mut some = [0_u8; 1024];
        let count = stream.read(&mut some).unwrap();
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    server.signal("-TERM");
    server.signal("-INT");
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("\"error\"") && text.contains("data: [DONE]"), "{text}");
    let (status, _) = server.wait();
    assert!(status.success(), "{status}");
    sim.stop();

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
