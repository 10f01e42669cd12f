//! Limits of money hold, whatever happens at once. CREDIT, KEYS, WS, promises 2 and 3

use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, Meter, PicoUsd, PriceList};
use futures_util::future::join_all;
use gateway::Settings;
use http::StatusCode;
use ledger::SpenderKind;
use serde_json::{Value, json};
use store::{
    Actor, BudgetInterval, LedgerKind, LimitReset, NewApiKey, NewLedgerEntry, Store, UsageScope,
};
use testkit::{Fault, Point, Protocol, Script, Simulator};

use super::support::{
    Answer, Gateway, MODEL, Upstream, catalog_of, serving_unknown_prices, settings,
};

pub const CHAT: &str = "/v1/chat/completions";
const DOLLAR: i64 = 1_000_000_000;

pub fn body(stream: bool) -> Value {
    json!({"model": MODEL, "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
}

/// A catalogue where each answered request costs a cent and nothing else does.
fn a_cent_each(upstreams: &[Upstream]) -> Catalog {
    let base = vec![
        (Meter::Prompt, PicoUsd(0)),
        (Meter::Completion, PicoUsd(0)),
        (Meter::Request, PicoUsd(10_000_000_000)),
    ];
    priced(upstreams, PriceList { base, overrides: Vec::new() })
}

pub fn priced(upstreams: &[Upstream], price: PriceList) -> Catalog {
    let (models, mut endpoints, providers) = catalog_of(upstreams).into_parts();
    for endpoint in &mut endpoints {
        endpoint.price = price.clone();
    }
    Catalog::new(models, endpoints, providers).unwrap()
}

pub fn limited(nano_usd: i64) -> NewApiKey {
    NewApiKey { limit_nano_usd: Some(nano_usd), ..NewApiKey::default() }
}

async fn gateway_with(catalog: Catalog, settings: Settings, key: NewApiKey) -> Gateway {
    let store = Store::open_temporary().await.unwrap();
    Gateway::with_store(catalog, settings, store, key).await
}

/// The sums of books, counters and roll-ups of a key, which have to be the same.
async fn books(gateway: &Gateway) -> i64 {
    let app = &gateway.app;
    app.settlements.flush().await.unwrap();
    let snapshot = app.snapshot();
    let caller = snapshot.keys.values().next().unwrap();
    let rolled_up = app.store.usage_of_all(UsageScope::Key, gateway::clock::now_micros()).await;
    let rolled_up: i64 = rolled_up.unwrap().iter().map(|(_, usage)| usage.usage.total).sum();
    for spender in &caller.terms.spenders {
        assert_eq!(app.limits.used(*spender).await.unwrap().credits.lifetime.0, rolled_up);
        assert_eq!(app.limits.held(*spender).await, Ok(ledger::Spend::ZERO));
    }
    assert_eq!(app.limits.running(), 0);
    rolled_up
}

fn limit(answer: &Answer) -> Value {
    answer.json()["error"]["metadata"]["limit"].clone()
}

/// Promise 3: five hundred at once, of which fifty can be paid.
#[tokio::test]
async fn a_key_worth_fifty_serves_exactly_fifty_of_five_hundred() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let mut settings = settings();
    settings.limits.reservation_wait = Duration::from_secs(60);
    let gateway = gateway_with(a_cent_each(&upstreams), settings, limited(DOLLAR / 2)).await;
    let asked = (0..500).map(|number| {
        let body = body(number % 2 == 0);
        let gateway = &gateway;
        async move { gateway.post(CHAT, &body).await }
    });
    let answers = join_all(asked).await;
    let served = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let refused = answers.iter().filter(|answer| answer.status == 402).count();
    assert_eq!((served, refused), (50, 450));
    assert_eq!(books(&gateway).await, DOLLAR / 2);
    assert_eq!(simulator.calls().len(), 50, "nobody else was asked for");
}

/// The same where providers fail and callers leave: what costs nothing leaves its place to others.
#[tokio::test]
async fn failures_and_disconnects_leave_no_trace_in_a_limit() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let mut settings = settings();
    settings.limits.reservation_wait = Duration::from_secs(60);
    settings.upstream.idle = Duration::from_secs(30);
    settings.upstream.first_event = Duration::from_secs(30);
    settings.upstream.total = Duration::from_secs(60);
    let gateway = gateway_with(a_cent_each(&upstreams), settings, limited(DOLLAR / 5)).await;
    // Ten callers leave in the middle of a stream that hangs; each pays for what it got.
    simulator.set_default(Script::fault(Fault::Hang(Point::After(2))));
    join_all((0..10).map(|_| leave_after_first_bytes(&gateway, body(true)))).await;
    simulator.wait_until(|calls| calls.iter().filter(|call| call.disconnected).count() == 10).await;
    // Forty fail before content, and forty after it.
    for _ in 0..40 {
        simulator.push(Script::status(400));
        simulator.push(Script::fault(Fault::ErrorEvent { after: 2, status: 529 }));
    }
    simulator.set_default(Script::new());
    let asked = (0..150).map(|_| {
        let gateway = &gateway;
        async move { gateway.post(CHAT, &body(true)).await }
    });
    let answers = join_all(asked).await;
    let whole = |answer: &&Answer| {
        answer.status == 200 && !String::from_utf8_lossy(&answer.body).contains("\"error\"")
    };
    assert_eq!(answers.iter().filter(whole).count(), 10, "what the ten who left did not use");
    assert_eq!(books(&gateway).await, DOLLAR / 5);
}

/// Promise 2: whatever becomes of requests, rows, counters and roll-ups have the same sum, and it
/// is within the limit.
#[tokio::test]
async fn the_books_of_a_mixed_crowd_are_exact_and_within_the_limit() {
    let simulators = [Simulator::start().await.unwrap(), Simulator::start().await.unwrap()];
    let upstreams = [
        Upstream::of(&simulators[0], Protocol::OpenAi, "one"),
        Upstream::of(&simulators[1], Protocol::Anthropic, "two"),
    ];
    let mut settings = settings();
    settings.limits.reservation_wait = Duration::from_secs(60);
    settings.upstream.idle = Duration::from_secs(30);
    settings.upstream.first_event = Duration::from_secs(30);
    settings.upstream.total = Duration::from_secs(60);
    let limit = DOLLAR / 20;
    let gateway = gateway_with(catalog_of(&upstreams), settings, limited(limit)).await;
    for number in 0..200_usize {
        let script = match number % 5 {
            0 => Script::status(500),
            1 => Script::fault(Fault::Reset(Point::After(2))),
            2 => Script { usage: testkit::UsageMode::Missing, ..Script::new() },
            3 => Script::fault(Fault::ErrorEvent { after: 1, status: 529 }),
            _ => Script::new(),
        };
        simulators[number % 2].push(script);
    }
    let asked = (0..200).map(|number| {
        let mut asked = body(number % 3 != 0);
        if number % 4 != 0 {
            asked["max_tokens"] = json!(5 + number);
        }
        let gateway = &gateway;
        async move { gateway.post(CHAT, &asked).await }
    });
    let left = (0..20).map(|_| leave_after_first_bytes_if_any(&gateway, body(true)));
    let (answers, left) = tokio::join!(join_all(asked), join_all(left));
    while gateway.app.limits.running() > 0 {
        tokio::task::yield_now().await;
    }
    let used = books(&gateway).await;
    assert!(used > 0 && used <= limit, "{used}");
    let mut rows = 0;
    for id in answers.iter().map(id_of).chain(left.into_iter().flatten()) {
        let row = gateway.app.store.generation(&id).await.unwrap();
        rows += row.map_or(0, |row| row.total_cost);
    }
    assert_eq!(rows, used);
}

fn id_of(answer: &Answer) -> String {
    answer.headers["x-generation-id"].to_str().unwrap().to_owned()
}

/// Opens a stream, takes its first bytes and leaves.
pub async fn leave_after_first_bytes(gateway: &Gateway, body: Value) -> String {
    leave_after_first_bytes_if_any(gateway, body).await.expect("a stream")
}

/// The same; `None` if the answer was no stream.
async fn leave_after_first_bytes_if_any(gateway: &Gateway, body: Value) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let body = body.to_string();
    let mut stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        gateway.key,
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        if count == 0 {
            return None;
        }
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read);
        if text.contains("\r\n\r\n{") {
            return None;
        }
        if text.contains("data: ") {
            let at = text.find("x-generation-id: ").unwrap() + "x-generation-id: ".len();
            return Some(text[at..].lines().next().unwrap().to_owned());
        }
    }
}

/// KEYS-8, KEYS-9: the refusal names the limit, what is left, what is needed and when it resets.
#[tokio::test]
async fn a_refusal_of_a_key_says_all_that_is_to_be_known() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let key = NewApiKey { limit_reset: Some(LimitReset::Monthly), ..limited(DOLLAR / 100) };
    let gateway = gateway_with(catalog_of(&upstreams), settings(), key).await;
    let mut asked = body(false);
    asked["max_tokens"] = json!(1000);
    let answer = gateway.post(CHAT, &asked).await;
    let shown = answer.json();
    assert_eq!(answer.status, 402, "{shown}");
    assert_eq!(answer.error_type(), "payment_required");
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Key limit exceeded (monthly limit of $0.01): this"), "{message}");
    let told = limit(&answer);
    assert_eq!(told["scope"], "key_limit");
    assert_eq!(told["interval"], "monthly");
    assert_eq!(told["limit_usd"], json!(0.01));
    assert_eq!(told["left_usd"], json!(0.01));
    assert!(told["needed_usd"].as_f64().unwrap() > 0.015, "{told}");
    assert_eq!(told["held_by_running_requests"], json!(false));
    assert!(told["resets_at"].as_str().unwrap().ends_with("-01T00:00:00.000Z"), "{told}");
    assert!(answer.headers.get("retry-after").is_none());
    assert!(answer.headers.get("x-generation-id").is_some());
    assert!(gateway.generation(&answer).await.is_none(), "nothing was called");
    // What the message offers is true.
    asked["max_tokens"] = told["affordable_max_tokens"].clone();
    assert!(asked["max_tokens"].as_u64().unwrap() > 500, "{told}");
    assert_eq!(gateway.post(CHAT, &asked).await.status, 200);
    books(&gateway).await;
}

/// CREDIT-4: the balance of an account, and what is given to it while the gateway runs.
#[tokio::test]
async fn an_account_with_a_ledger_spends_its_credits_and_no_more() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let key = NewApiKey::default();
    let gateway = gateway_with(a_cent_each(&upstreams), settings(), key).await;
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200, "without a ledger: unlimited");
    credit(&gateway, LedgerKind::Grant, DOLLAR / 50).await;
    let key = gateway.get("/api/v1/key").await.json();
    assert_eq!(key["data"]["budgets"][0]["scope"], "account");
    assert_eq!(key["data"]["effective_budget"]["remaining_usd"], json!(0.01));
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200);
    let answer = gateway.post(CHAT, &body(false)).await;
    let shown = answer.json();
    assert_eq!(answer.status, 402, "{shown}");
    let message = shown["error"]["message"].as_str().unwrap();
    assert_eq!(message, "Insufficient credits. Add credits to go on.");
    assert_eq!(limit(&answer)["resets_at"], json!(null));
    credit(&gateway, LedgerKind::Grant, DOLLAR / 100).await;
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200);
    assert_eq!(books(&gateway).await, 3 * DOLLAR / 100);
    // In debt even what is free is refused.
    credit(&gateway, LedgerKind::Adjustment, -DOLLAR).await;
    let free = gateway_with(
        priced(
            &upstreams,
            PriceList {
                base: vec![(Meter::Prompt, PicoUsd(0)), (Meter::Completion, PicoUsd(0))],
                overrides: Vec::new(),
            },
        ),
        settings(),
        NewApiKey::default(),
    )
    .await;
    assert_eq!(free.post(CHAT, &body(false)).await.status, 200);
    credit(&free, LedgerKind::Adjustment, -1).await;
    assert_eq!(free.post(CHAT, &body(false)).await.status, 402);
}

async fn credit(gateway: &Gateway, kind: LedgerKind, amount_nano_usd: i64) {
    let entry = NewLedgerEntry { account_id: None, kind, amount_nano_usd, reason: String::new() };
    gateway.app.store.add_ledger_entry(entry, &Actor::system(), 1).await.unwrap();
    gateway.app.reload().await.unwrap();
}

/// WS-7: of several budgets that do not fit the broadest is named.
#[tokio::test]
async fn a_workspace_over_its_budgets_is_forbidden_to_ask() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let gateway = gateway_with(a_cent_each(&upstreams), settings(), limited(DOLLAR / 100)).await;
    let store = &gateway.app.store;
    let workspace = store.workspaces().await.unwrap().remove(0).id;
    for (interval, amount) in [(BudgetInterval::Daily, 1), (BudgetInterval::Monthly, 2)] {
        let actor = Actor::system();
        let put = store.put_workspace_budget(&workspace, interval, amount, None, &actor, 1);
        put.await.unwrap();
    }
    gateway.app.reload().await.unwrap();
    let answer = gateway.post(CHAT, &body(false)).await;
    let shown = answer.json();
    assert_eq!(answer.status, 403, "{shown}");
    assert_eq!(answer.error_type(), "permission_denied");
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Workspace monthly budget of $0.000000002 exceeded"), "{message}");
    assert!(message.ends_with("Contact your org admin."), "{message}");
    assert_eq!(limit(&answer)["scope"], "workspace");
    assert!(simulator.calls().is_empty());
}

/// A member's limit is over all of its keys.
#[tokio::test]
async fn the_keys_of_a_member_share_its_limit() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let store = Store::open_temporary().await.unwrap();
    let new =
        store::NewMember { email: "a@b".into(), name: "A".into(), role: store::MemberRole::Member };
    let member = store.create_member(new, &Actor::system(), 1).await.unwrap();
    let limit_of_member = store::MemberLimit {
        member_id: member.id.clone(),
        interval: BudgetInterval::Weekly,
        limit_nano_usd: DOLLAR / 100,
        include_byok: false,
    };
    store.put_member_limit(limit_of_member, &Actor::system(), 1).await.unwrap();
    let new = || NewApiKey {
        name: "k".into(),
        member_id: Some(member.id.clone()),
        ..NewApiKey::default()
    };
    let other = store
        .create_api_key(new(), &Actor::system(), 1)
        .await
        .unwrap()
        .plaintext
        .expose()
        .to_owned();
    let mut gateway = Gateway::with_store(a_cent_each(&upstreams), settings(), store, new()).await;
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200);
    gateway.key = other;
    let answer = gateway.post(CHAT, &body(false)).await;
    assert_eq!(answer.status, 403);
    assert_eq!(limit(&answer)["scope"], "member");
    assert_eq!(limit(&answer)["interval"], "weekly");
}

/// Without a length the answer may have what can be paid: no more is asked for, in every protocol.
#[tokio::test]
async fn an_answer_of_no_stated_length_is_cut_where_the_money_ends() {
    for (protocol, path) in [
        (Protocol::OpenAi, "/max_tokens"),
        (Protocol::Anthropic, "/max_tokens"),
        (Protocol::Gemini, "/generationConfig/maxOutputTokens"),
    ] {
        let simulator = Simulator::start().await.unwrap();
        let upstreams = [Upstream::of(&simulator, protocol, "one")];
        let gateway = gateway_with(catalog_of(&upstreams), settings(), limited(DOLLAR / 100)).await;
        assert_eq!(gateway.post("/api/v1/route", &body(false)).await.status, 200);
        let answer = gateway.post(CHAT, &body(false)).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let sent = simulator.calls()[0].body.clone();
        let cut = sent.pointer(path).and_then(Value::as_u64).unwrap();
        // A cent pays for 666 tokens without a prompt.
        assert!((400..666).contains(&cut), "{cut}: {sent}");
        assert!(books(&gateway).await < DOLLAR / 100);

        // With money enough nothing is written into the request.
        if protocol == Protocol::OpenAi {
            let gateway = gateway_with(catalog_of(&upstreams), settings(), limited(DOLLAR)).await;
            assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200);
            let sent = simulator.calls()[1].body.clone();
            assert_eq!(sent.pointer(path), None, "{sent}");
        }
    }
}

/// An endpoint that cannot be paid is no reason to refuse while another can.
#[tokio::test]
async fn what_is_too_dear_is_passed_over() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [
        Upstream::of(&simulator, Protocol::OpenAi, "dear"),
        Upstream::of(&simulator, Protocol::OpenAi, "cheap"),
    ];
    let (models, mut endpoints, providers) = catalog_of(&upstreams).into_parts();
    let dear = PriceList {
        base: vec![(Meter::Prompt, PicoUsd(0)), (Meter::Completion, PicoUsd(1_000_000_000))],
        overrides: Vec::new(),
    };
    endpoints.iter_mut().filter(|it| it.tag == "dear").for_each(|it| it.price = dear.clone());
    let catalog = Catalog::new(models, endpoints, providers).unwrap();
    let gateway = gateway_with(catalog, settings(), limited(DOLLAR / 100)).await;
    let mut asked = body(false);
    asked["max_tokens"] = json!(50);
    asked["provider"] = json!({"order": ["dear", "cheap"]});
    let answer = gateway.post(CHAT, &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["provider"], "Provider cheap");
    asked["provider"] = json!({"only": ["dear"]});
    assert_eq!(gateway.post(CHAT, &asked).await.status, 402);
}

/// A request waits for others rather than to be refused, and no longer than it may.
#[tokio::test]
async fn who_could_pay_if_nothing_were_held_waits_for_its_turn() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let mut settings = settings();
    settings.limits.reservation_wait = Duration::from_millis(200);
    // Many times while a request waits for its turn: until it has it, no headers are sent.
    settings.heartbeat_after = Duration::from_millis(20);
    settings.upstream.total = Duration::from_secs(30);
    settings.upstream.idle = Duration::from_secs(30);
    let gateway = gateway_with(a_cent_each(&upstreams), settings, limited(DOLLAR / 100)).await;
    simulator.push(Script::fault(Fault::Hang(Point::After(1))));
    let app = Arc::clone(&gateway.app);
    let first = async { leave_when_refused(&gateway, &app).await };
    first.await;
    // The one that left had content: the cent is used, and nothing is held.
    let answer = gateway.post(CHAT, &body(false)).await;
    assert_eq!(answer.status, 402);
    assert_eq!(limit(&answer)["held_by_running_requests"], json!(false));
    assert_eq!(books(&gateway).await, DOLLAR / 100);
}

/// Holds all there is with a stream that hangs, sees another refused for it, and leaves.
async fn leave_when_refused(gateway: &Gateway, app: &Arc<gateway::App>) {
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::TokioIo;
    let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = http::Request::post(CHAT)
        .header("host", "g")
        .header("authorization", format!("Bearer {}", gateway.key))
        .body(Full::new(bytes::Bytes::from(body(true).to_string())))
        .unwrap();
    let mut answer = sender.send_request(request).await.unwrap().into_body();
    answer.frame().await.unwrap().unwrap();
    assert_eq!(app.limits.running(), 1);
    let refused = gateway.post(CHAT, &body(false)).await;
    let shown = refused.json();
    assert_eq!(refused.status, 402, "{shown}");
    assert_eq!(limit(&refused)["held_by_running_requests"], json!(true));
    assert_eq!(limit(&refused)["left_usd"], json!(0));
    assert_eq!(refused.headers["retry-after"], "1");
    assert_eq!(gateway.post(CHAT, &body(true)).await.status, 402);
    driving.abort();
    drop((sender, answer));
    // Whoever waits gets its turn as soon as the place is settled: here to hear that nothing is
    // left.
    while app.limits.running() > 0 {
        tokio::task::yield_now().await;
    }
}

/// `max_cost`: our own.
#[tokio::test]
async fn what_could_cost_more_than_the_caller_wants_is_not_called() {
    let simulator = Simulator::start().await.unwrap();
    let gateway = Gateway::start(&[Upstream::of(&simulator, Protocol::OpenAi, "one")]).await;
    let mut asked = body(false);
    asked["max_tokens"] = json!(1000);
    asked["max_cost"] = json!(0.001);
    let answer = gateway.post(CHAT, &asked).await;
    let shown = answer.json();
    assert_eq!(answer.status, 400, "{shown}");
    assert_eq!(answer.error_type(), "invalid_request");
    let message = shown["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("max_cost: this request may cost 0.0"), "{message}");
    assert_eq!(limit(&answer)["max_cost_usd"], json!(0.001));
    assert!(simulator.calls().is_empty());
    for (cost, status) in [
        (json!("0.02"), 200),
        (json!(2e-2), 200),
        (json!(null), 200),
        (json!("much"), 400),
        (json!(-1), 400),
        (json!([1]), 400),
    ] {
        asked["max_cost"] = cost.clone();
        assert_eq!(gateway.post(CHAT, &asked).await.status, status, "{cost}");
    }
    for call in simulator.calls() {
        assert_eq!(call.body.get("max_cost"), None);
    }
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let unknown = Gateway::without_prices(&upstreams, serving_unknown_prices()).await;
    asked["max_cost"] = json!(1);
    assert_eq!(unknown.post(CHAT, &asked).await.status, 400);
}

/// Promise 2: no limit holds where no price is known.
#[tokio::test]
async fn a_limited_key_does_not_ask_where_nobody_knows_the_price() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let catalog = priced(&upstreams, PriceList::default());
    let settings = serving_unknown_prices();
    let gateway = gateway_with(catalog.clone(), settings.clone(), limited(DOLLAR)).await;
    let answer = gateway.post(CHAT, &body(false)).await;
    assert_eq!(answer.status, 422, "{}", answer.json());
    assert_eq!(answer.error_type(), "unprocessable");
    let gateway = gateway_with(catalog, settings, NewApiKey::default()).await;
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200);
}

/// CREDIT-1: a workspace's mark-up is reserved, charged, shown and booked.
#[tokio::test]
async fn a_mark_up_is_charged_on_top() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let gateway =
        gateway_with(a_cent_each(&upstreams), settings(), limited(11 * DOLLAR / 1000)).await;
    let workspace = gateway.app.store.workspaces().await.unwrap().remove(0).id;
    let markups = json!({ workspace: 1000 });
    gateway
        .app
        .store
        .put_setting("workspace_markups", &markups, &Actor::system(), 1)
        .await
        .unwrap();
    gateway.app.reload().await.unwrap();
    let answer = gateway.post(CHAT, &body(false)).await;
    assert_eq!(answer.json()["usage"]["cost"], json!(0.011), "{}", answer.json());
    let row = gateway.generation(&answer).await.unwrap();
    assert_eq!((row.total_cost, row.upstream_inference_cost), (11_000_000, 10_000_000));
    assert_eq!(books(&gateway).await, 11_000_000);
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 402);
}

/// Counters are what the books say, after a start too.
#[tokio::test]
async fn a_restart_forgets_nothing() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let gateway = gateway_with(a_cent_each(&upstreams), settings(), limited(DOLLAR / 100)).await;
    assert_eq!(gateway.post(CHAT, &body(false)).await.status, 200);
    let catalog = a_cent_each(&upstreams);
    let sources = gateway::control::ControlSources {
        environment: Vec::new(),
        catalog: Box::new(move |_| Ok(catalog.clone())),
    };
    let again = gateway::App::new(settings(), gateway.app.store.clone(), sources).await.unwrap();
    let names: Vec<_> = again.limits.names().iter().map(|(id, kind, _)| (id, kind)).collect();
    let mut kinds = Vec::new();
    for (id, kind) in names {
        kinds.push((kind, again.limits.used(id).await.unwrap().credits));
    }
    kinds.sort_by_key(|(kind, _)| *kind);
    let cent = ledger::NanoUsd(DOLLAR / 100);
    let all = ledger::PerWindow { daily: cent, weekly: cent, monthly: cent, lifetime: cent };
    let expected = [SpenderKind::Account, SpenderKind::Workspace, SpenderKind::Key];
    assert_eq!(kinds, expected.map(|kind| (kind, all)));
}

/// Our own: what would be held, without a call.
#[tokio::test]
async fn a_route_is_told_with_its_reservation() {
    let simulator = Simulator::start().await.unwrap();
    let upstreams = [Upstream::of(&simulator, Protocol::OpenAi, "one")];
    let gateway = gateway_with(catalog_of(&upstreams), settings(), limited(DOLLAR / 100)).await;
    let told = gateway.post("/api/v1/route", &body(false)).await.json();
    let reservation = &told["data"]["reservation"];
    assert_eq!(reservation["limited"], json!(true), "{told}");
    assert!(reservation["credits"].as_f64().unwrap() <= 0.01, "{reservation}");
    assert!(reservation["attempts"][0]["max_tokens"].as_u64().unwrap() < 666, "{reservation}");
    let mut asked = body(false);
    asked["max_tokens"] = json!(10_000);
    let told = gateway.post("/api/v1/route", &asked).await.json();
    assert_eq!(told["data"]["reservation"]["refused"]["code"], 402, "{told}");
    assert_eq!(gateway.app.limits.running(), 0, "nothing stays held");
}
