//! `trunkline sim`

use crate::support::{Home, request};

#[test]
fn it_prints_where_it_is_and_answers_as_the_script_says() {
    let home = Home::new();
    let script =
        home.write("script.toml", "[[rule]]\nmodel = \"broken\"\nfault = \"status:503\"\n");
    let arguments = ["sim", "--listen", "127.0.0.1:0", "--script", script.to_str().unwrap()];
    let mut sim = home.start(&arguments);
    let url = sim.line("OpenAI ").split_whitespace().nth(1).unwrap().to_owned();
    let address = url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let ask = |model: &str| {
        let body = format!(
            r#"{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}"#
        );
        let headers = [("Content-Type", "application/json")];
        request(&address, "POST", "/openai/v1/chat/completions", &headers, &body)
    };
    let (status, body) = ask("sim-chat");
    assert_eq!(status, 200);
    assert!(body.contains("Hello!"), "{body}");
    assert_eq!(ask("broken").0, 503);
    sim.stop();
}

#[test]
fn a_bad_script_is_refused() {
    let home = Home::new();
    let script = home.write("script.toml", "[[rule]]\nfualt = \"html\"\n");
    let errors = home.fails(&["sim", "--script", script.to_str().unwrap()]);
    assert!(errors.contains("fualt"), "{errors}");
}

#[test]
fn a_database_is_filled_with_made_up_requests() {
    let home = Home::new();
    let arguments = ["sim", "seed", "--generations", "300", "--models", "9", "--keys", "3"];
    let told = home.ok(&arguments);
    assert!(told.contains("300 requests of 3 keys are made"), "{told}");
    assert_eq!(home.json(&["key", "list", "--json"]).as_array().unwrap().len(), 3);
    assert!(home.ok(&["catalog", "show", "sim/model-8"]).contains("sim"), "it has its models");
}
