//! Embeddings and rerank: what becomes of every golden request in every form, and of every
//! vendor's answer, as snapshots; and of what is left of them after mutation.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use protocol::exchange::{Additions, Charge, Fault, Identity, Losses};
use protocol::json::Envelope;
use protocol::{embeddings, rerank};

use crate::checks::vectors as checks;
use crate::layout::laid_out;
use crate::smoke::run_over;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden_vectors")
}

/// The files of a folder by name, in order.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn bind(folder: &str, test: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(root().join("snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(test);
}

fn section(out: &mut String, title: &str, body: &str) {
    let _ = write!(out, "== {title}\n{}\n", body.trim_end());
}

fn refused(fault: &Fault) -> String {
    format!("refused: {} {} {}", fault.status, fault.error_type.name(), fault.message)
}

fn losses(out: &mut String, losses: &Losses) {
    let lines: String =
        losses.0.iter().map(|loss| format!("{}: {}\n", loss.path, loss.why)).collect();
    if !lines.is_empty() {
        section(out, "losses", &lines);
    }
}

fn identity() -> Identity {
    Identity {
        id: "gen-1".into(),
        model: "acme/model".into(),
        provider: "Acme".into(),
        created: 1_764_170_000,
    }
}

fn charge() -> Charge {
    Charge { cost: "0.00000016".into(), ..Charge::default() }
}

fn embeddings_request(form: embeddings::Form, body: &[u8]) -> String {
    let mut out = String::new();
    let plan = embeddings::decode_request(body)
        .and_then(|request| embeddings::encode_request(form, &request, "vendor-model:1"));
    let plan = match plan {
        Ok(plan) => plan,
        Err(fault) => {
            section(&mut out, "request", &refused(&fault));
            return out;
        }
    };
    for call in &plan.calls {
        let title = format!("{} for {:?}", call.path, call.inputs);
        section(&mut out, &title, &laid_out(&call.body));
    }
    losses(&mut out, &plan.losses);
    if form == embeddings::Form::OpenAi {
        let envelope = Envelope::parse(body).unwrap();
        let patched = embeddings::patch_request(&envelope, "vendor-model:1", &[]);
        section(&mut out, "passed on", &laid_out(&patched));
    }
    out
}

#[test]
fn embeddings_requests_in_every_form() {
    for form in embeddings::Form::ALL {
        bind(&format!("embeddings/{}/requests", form.name()), || {
            for (name, body) in files("embeddings/requests") {
                insta::assert_snapshot!(name, embeddings_request(form, &body));
            }
        });
    }
}

fn embeddings_answer(form: embeddings::Form, bodies: &[Vec<u8>]) -> String {
    let expected = embeddings::Expected { inputs: 2 / bodies.len(), dimensions: None };
    let charge = charge();
    let additions = Additions { charge: Some(&charge), ..Additions::default() };
    let mut out = String::new();
    let decoded: Result<Vec<_>, Fault> =
        bodies.iter().map(|body| embeddings::decode_response(form, body, expected)).collect();
    let formats = [embeddings::EncodingFormat::Float, embeddings::EncodingFormat::Base64];
    let inputs = vec![embeddings::Input::Text("a".into()); 2];
    let request = embeddings::Request { inputs, ..embeddings::Request::default() };
    let plan = embeddings::encode_request(form, &request, "m").unwrap();
    match decoded.and_then(|answers| embeddings::join(&plan, answers)) {
        Ok(response) => {
            for format in formats {
                let body = embeddings::encode_response(&response, &identity(), format, additions);
                section(&mut out, format.name(), &laid_out(&body));
            }
        }
        Err(fault) => section(&mut out, "answer", &refused(&fault)),
    }
    if form == embeddings::Form::OpenAi {
        for format in formats {
            let title = format!("passed on, {} asked for", format.name());
            match embeddings::patch_response(&bodies[0], &identity(), format, expected) {
                Ok(patched) => section(&mut out, &title, &laid_out(&patched.finish(additions))),
                Err(fault) => section(&mut out, &title, &refused(&fault)),
            }
        }
    }
    out
}

#[test]
fn embeddings_answers_of_every_form() {
    for form in embeddings::Form::ALL {
        let mut cases: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
        for (name, body) in files(&format!("embeddings/{}", form.name())) {
            // The answers to several calls are numbered.
            let name = name.split('.').next().unwrap().to_owned();
            match cases.last_mut() {
                Some((last, bodies)) if *last == name => bodies.push(body),
                _ => cases.push((name, vec![body])),
            }
        }
        bind(&format!("embeddings/{}/answers", form.name()), || {
            for (name, bodies) in cases {
                insta::assert_snapshot!(name, embeddings_answer(form, &bodies));
            }
        });
    }
}

fn rerank_request(form: rerank::Form, body: &[u8]) -> String {
    let mut out = String::new();
    let encoded = rerank::decode_request(body)
        .and_then(|request| rerank::encode_request(form, &request, "vendor-model:1"));
    match encoded {
        Ok(encoded) => {
            section(&mut out, &encoded.path, &laid_out(&encoded.body));
            losses(&mut out, &encoded.losses);
        }
        Err(fault) => section(&mut out, "request", &refused(&fault)),
    }
    out
}

#[test]
fn rerank_requests_in_every_form() {
    for form in rerank::Form::ALL {
        bind(&format!("rerank/{}/requests", form.name()), || {
            for (name, body) in files("rerank/requests") {
                insta::assert_snapshot!(name, rerank_request(form, &body));
            }
        });
    }
}

#[test]
fn rerank_answers_of_every_form() {
    let charge = charge();
    let additions = Additions { charge: Some(&charge), ..Additions::default() };
    let asked = std::fs::read(root().join("rerank/requests/texts.json")).unwrap();
    let request = rerank::decode_request(&asked).unwrap();
    for form in rerank::Form::ALL {
        bind(&format!("rerank/{}/answers", form.name()), || {
            for (name, body) in files(&format!("rerank/{}", form.name())) {
                let mut out = String::new();
                match rerank::decode_response(form, &body, &request) {
                    Ok(response) => {
                        let body =
                            rerank::encode_response(&response, &request, &identity(), additions);
                        section(&mut out, "answer", &laid_out(&body));
                    }
                    Err(fault) => section(&mut out, "answer", &refused(&fault)),
                }
                insta::assert_snapshot!(name, out);
            }
        });
    }
}

/// All golden files below a folder.
fn corpus(kind: &str) -> Vec<(String, Vec<u8>)> {
    let names: Vec<&str> = match kind {
        "embeddings" => embeddings::Form::ALL.iter().map(|form| form.name()).collect(),
        _ => rerank::Form::ALL.iter().map(|form| form.name()).collect(),
    };
    let answers = names.iter().flat_map(|form| files(&format!("{kind}/{form}")));
    files(&format!("{kind}/requests")).into_iter().chain(answers).collect()
}

#[test]
fn mutated_embeddings_are_refused_or_written_as_json() {
    run_over(&corpus("embeddings"), 11, |bytes| {
        checks::embeddings_request(bytes);
        checks::embeddings_response(bytes);
    });
}

#[test]
fn mutated_reranks_are_refused_or_written_as_json() {
    run_over(&corpus("rerank"), 12, |bytes| {
        checks::rerank_request(bytes);
        checks::rerank_response(bytes);
    });
}
