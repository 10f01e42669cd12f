//! The clock is an argument and questions are answered by the tests: nothing waits.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::oneshot;

use super::*;

fn tokens() -> Arc<Tokens> {
    Arc::new(Tokens::new(TokenSource::GoogleMetadata))
}

/// A token got at `at` that lives for `life` seconds.
fn token(text: &str, life: u64, at: u64) -> Result<Token, TokenFailure> {
    let answer = format!(r#"{{"access_token":"{text}","expires_in":{life}}}"#);
    Ok(TokenSource::GoogleMetadata.read(200, answer.as_bytes(), at)?)
}

fn refusal(status: u16) -> Result<Token, TokenFailure> {
    Ok(TokenSource::GoogleMetadata.read(status, b"{}", 0)?)
}

async fn got(tokens: &Arc<Tokens>, now: u64, answer: Result<Token, TokenFailure>) -> String {
    shown(tokens.get_by(now, || async { answer }).await)
}

/// The same where nobody may be asked.
async fn kept(tokens: &Arc<Tokens>, now: u64) -> String {
    shown(tokens.get_by(now, || async { panic!("nothing was to be asked") }).await)
}

fn shown(outcome: Outcome) -> String {
    match outcome {
        Ok(grant) => grant.header().to_str().unwrap().to_owned(),
        Err(failure) => failure.to_string(),
    }
}

#[tokio::test]
async fn many_who_come_at_once_ask_once() {
    let (tokens, asked) = (tokens(), AtomicUsize::new(0));
    let (answer, answered) = oneshot::channel();
    let answered = Mutex::new(Some(answered));
    let askers = (0..100).map(|_| {
        tokens.get_by(1000, || {
            asked.fetch_add(1, Ordering::Relaxed);
            let answered = answered.lock().unwrap().take().unwrap();
            async { answered.await.unwrap() }
        })
    });
    let answering = async { answer.send(token("a", 3600, 1000)).unwrap() };
    let (grants, ()) = tokio::join!(join_all(askers), answering);
    assert!(grants.into_iter().all(|grant| shown(grant) == "Bearer a"));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(kept(&tokens, 1001).await, "Bearer a");
}

#[tokio::test]
async fn a_token_is_renewed_while_it_is_still_in_use() {
    let tokens = tokens();
    assert_eq!(got(&tokens, 1000, token("a", 3600, 1000)).await, "Bearer a");
    // Due: the old one is given at once, and one question is asked meanwhile.
    let (answer, answered) = oneshot::channel();
    let due = 1000 + 3600 - 100;
    let grant = tokens.get_by(due, || async { answered.await.unwrap() }).await;
    assert_eq!(shown(grant), "Bearer a");
    assert_eq!(kept(&tokens, due).await, "Bearer a");
    let mut renewing = tokens.lock().asking.clone().unwrap();
    answer.send(token("b", 3600, due)).unwrap();
    renewing.wait_for(Option::is_some).await.unwrap();
    assert_eq!(kept(&tokens, due + 1).await, "Bearer b");
}

#[tokio::test]
async fn a_renewal_that_fails_leaves_the_token_until_its_end() {
    let tokens = tokens();
    got(&tokens, 1000, token("a", 3600, 1000)).await;
    let due = 1000 + 3600 - 100;
    assert_eq!(got(&tokens, due, refusal(503)).await, "Bearer a");
    let mut renewing = tokens.lock().asking.clone();
    if let Some(renewing) = &mut renewing {
        renewing.wait_for(Option::is_some).await.unwrap();
    }
    assert_eq!(kept(&tokens, due).await, "Bearer a", "no new question before the pause is over");
    let end = 1000 + 3600;
    assert_eq!(got(&tokens, end, token("b", 3600, end)).await, "Bearer b");
}

#[tokio::test]
async fn failures_are_told_at_once_for_a_while() {
    for (status, pause) in [(503, PAUSE), (401, LONG_PAUSE)] {
        let tokens = tokens();
        let told = format!("the token server refused with status {status}");
        assert_eq!(got(&tokens, 1000, refusal(status)).await, told);
        assert_eq!(kept(&tokens, 1000 + pause - 1).await, told);
        assert_eq!(got(&tokens, 1000 + pause, token("a", 60, 1000 + pause)).await, "Bearer a");
    }
}

#[tokio::test]
async fn a_refused_token_is_forgotten_but_not_its_successor() {
    let tokens = tokens();
    let old = tokens.get_by(1000, || async { token("a", 3600, 1000) }).await.unwrap();
    tokens.refused(&old);
    assert_eq!(got(&tokens, 1000, token("b", 3600, 1000)).await, "Bearer b");
    tokens.refused(&old);
    assert_eq!(kept(&tokens, 1000).await, "Bearer b");
}

#[tokio::test]
async fn a_token_with_hardly_any_life_serves_those_who_waited_for_it() {
    let tokens = tokens();
    assert_eq!(got(&tokens, 1000, token("a", 1, 1000)).await, "Bearer a");
    assert_eq!(got(&tokens, 1000, token("b", 1, 1000)).await, "Bearer b");
}

#[tokio::test]
async fn who_leaves_does_not_take_the_question_along() {
    let tokens = tokens();
    let (answer, answered) = oneshot::channel();
    let mut leaving = Box::pin(tokens.get_by(1000, || async { answered.await.unwrap() }));
    assert!((&mut leaving).now_or_never().is_none());
    drop(leaving);
    let staying = kept(&tokens, 1000);
    let answering = async { answer.send(token("a", 60, 1000)).unwrap() };
    assert_eq!(tokio::join!(staying, answering).0, "Bearer a");
}

#[test]
fn a_worker_that_ends_gives_its_question_up() {
    let tokens = tokens();
    let worker = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut waiting = worker.block_on(async {
        tokens.begin(&mut tokens.lock(), 1000, std::future::pending());
        tokens.lock().asking.clone().unwrap()
    });
    drop(worker);
    let other = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert!(other.block_on(waiting.wait_for(Option::is_some)).is_err());
    assert_eq!(other.block_on(got(&tokens, 1000, token("a", 60, 1000))), "Bearer a");
}

#[tokio::test]
async fn secrets_do_not_show() {
    let tokens = tokens();
    let grant = tokens.get_by(0, || async { token("hidden", 60, 0) }).await.unwrap();
    assert!(!format!("{grant:?} {tokens:?}").contains("hidden"));
}

/// RFC 6749 4.4.2
#[test]
fn a_question_goes_to_the_host_of_the_credential_or_to_the_one_in_its_place() {
    let asked = || TokenSource::GoogleMetadata.request(0).unwrap();
    let (origin, request) = written(asked(), None).unwrap();
    assert_eq!(origin.authority.as_str(), "metadata.google.internal");
    assert_eq!(request.headers()["metadata-flavor"], "Google");
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    assert_eq!((request.uri().path(), request.method()), (path, &Method::GET));
    let server = Origin::parse("http://127.0.0.1:1").unwrap();
    let (origin, request) = written(asked(), Some(server.clone())).unwrap();
    assert_eq!((origin, request.uri().path()), (server, path));
}
