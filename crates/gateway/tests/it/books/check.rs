//! Everything that is known of money, compared.

use std::collections::HashMap;

use gateway::App;
use gateway::clock::now_micros;
use ledger::{LimitKind, Spend, SpenderKind, day_of};
use store::{Generation, GenerationFilter, PriceState, SettledBy, Store, UsageScope};

use super::callers::Seen;
use super::place::{Place, Totals};
use super::world::{Accounts, Price, World, upstream_model};

/// What was found in the books before, and has to stay.
#[derive(Clone, Default)]
pub struct Known {
    rows: HashMap<String, Generation>,
}

impl Known {
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    pub fn cost(&self) -> i64 {
        self.rows.values().map(|row| row.total_cost).sum()
    }
}

/// Compares rows with what was seen, with what providers did, and with all that is made of them.
pub async fn check(
    world: &World,
    accounts: &Accounts,
    place: &Place,
    app: &App,
    seen: &[Seen],
    known: &mut Known,
) {
    app.settlements.flush().await.unwrap();
    let rows = rows(&app.store).await;
    check_rows(world, accounts, &rows);
    check_bill(world, &rows);
    for (id, row) in &known.rows {
        let found = rows.get(id);
        // The prices of a version are in its first record of a segment, which may be the damaged one: the
        // books have them again from the next row of that version on.
        let (mut expected, mut row) = (row.clone(), found.cloned().expect("a row of the books"));
        if row.prices.is_none() || expected.prices.is_none() {
            (expected.prices, row.prices) = (None, None);
        }
        assert_eq!(row, expected, "a row that was in the books");
    }
    check_seen(&rows, seen);
    let totals = check_roll_ups(place, &app.store, &rows).await;
    check_usage(app, accounts, &totals).await;
    check_counters(app, &totals).await;
    known.rows = rows;
}

async fn rows(store: &Store) -> HashMap<String, Generation> {
    let page = store.generations_page(&GenerationFilter::default(), None, 1_000).await.unwrap();
    assert!(page.next.is_none(), "worlds are small");
    let count = page.rows.len();
    let rows: HashMap<_, _> = page.rows.into_iter().map(|row| (row.id.to_string(), row)).collect();
    assert_eq!(rows.len(), count, "no row twice");
    rows
}

/// Each row costs what its own tokens cost at its endpoint's price, computed here once more.
fn check_rows(world: &World, accounts: &Accounts, rows: &HashMap<String, Generation>) {
    for row in rows.values() {
        let price = world.prices.get(&*row.endpoint_tag).copied().flatten();
        let is_billed = row.settled_by != SettledBy::None && row.price_state == PriceState::Known;
        let upstream = match price {
            Some(price) if is_billed => cost(row, price),
            _ => 0,
        };
        assert_eq!(row.upstream_inference_cost, upstream, "{row:?}");
        let points = i128::from(accounts.markups[&*row.workspace_id]);
        let charged = upstream + rounded(i128::from(upstream) * points, 10_000);
        let charged = if row.is_byok { 0 } else { charged };
        assert_eq!((row.total_cost, row.usage_cost), (charged, charged), "{row:?}");
    }
}

fn cost(row: &Generation, price: Price) -> i64 {
    let (prompt, completion) = (row.native_tokens_prompt, row.native_tokens_completion);
    let pico = i128::from(prompt) * i128::from(price.prompt)
        + i128::from(completion) * i128::from(price.completion)
        + i128::from(price.request);
    rounded(pico, 1_000)
}

/// Divided, half to even. Amounts here are never negative.
fn rounded(amount: i128, by: i128) -> i64 {
    let (whole, rest) = (amount / by, amount % by);
    let is_up = rest * 2 > by || (rest * 2 == by && whole % 2 == 1);
    i64::try_from(whole + i128::from(is_up)).unwrap()
}

/// What providers counted for whole answers is what is billed, once for each answer.
fn check_bill(world: &World, rows: &HashMap<String, Generation>) {
    let bill = world.simulator.bill();
    let billed: HashMap<&str, _> =
        bill.answers.iter().map(|answer| (answer.answer.as_str(), answer)).collect();
    let mut answers = HashMap::new();
    for row in rows.values() {
        let Some(upstream) = &row.upstream_id else { continue };
        if let Some(other) = answers.insert(upstream, row) {
            panic!("an answer in the books twice: {other:?} {row:?}");
        }
        let Some(billed) = billed.get(&**upstream) else { continue };
        let is_told = matches!(row.settled_by, SettledBy::Usage | SettledBy::Drained);
        if is_told && billed.outcome == testkit::Outcome::Completed {
            let told = (row.native_tokens_prompt, row.native_tokens_completion);
            let (prompt, output) = (billed.prompt_tokens, billed.output_tokens);
            assert_eq!(
                (told.0.cast_unsigned(), told.1.cast_unsigned()),
                (prompt, output),
                "{row:?}"
            );
        }
    }
}

fn check_seen(rows: &HashMap<String, Generation>, seen: &[Seen]) {
    for seen in seen {
        let row = rows.get(&seen.id);
        assert!(
            row.is_some() || !seen.was_tried,
            "seen to its end, and not in the books: {seen:?}"
        );
        let Some(row) = row else { continue };
        assert!(!row.cancelled, "seen to its end, and cancelled: {seen:?} {row:?}");
        // A stream that has begun can only tell what became of it.
        assert!(seen.status == 200 || seen.status == row.status, "{seen:?} {row:?}");
        if let Some(cost) = seen.cost {
            assert_eq!(row.total_cost, cost, "{seen:?} {row:?}");
        }
    }
}

/// Whatever a provider answered is an attempt in one of these books: of gateways that were killed
/// as they were in the end, so that callers who left and calls under way at a kill are among them.
pub fn check_calls(world: &World, books: &[Known]) {
    let rows: HashMap<&String, &Generation> = books.iter().flat_map(|known| &known.rows).collect();
    let mut left: HashMap<String, i64> = HashMap::new();
    for attempt in rows.values().flat_map(|row| &row.attempts) {
        *left.entry(upstream_model(&attempt.endpoint_id)).or_default() += 1;
    }
    for call in world.simulator.calls() {
        // One that was not answered at all may have been made once more within an attempt.
        if call.status > 0 {
            let left = left.entry(call.model.clone()).or_default();
            *left -= 1;
            assert!(*left >= 0, "more calls than attempts in the books: {call:?}");
        }
    }
}

/// What all sums are by.
const SCOPES: [SpenderKind; 4] =
    [SpenderKind::Account, SpenderKind::Workspace, SpenderKind::Member, SpenderKind::Key];

/// The tables that sum, how they know whose a line is, and their columns for the number of rows,
/// what they cost and what of it others paid.
const SUMS: [(&str, &str, [&str; 3]); 5] = [
    (
        "generation_entry AS line",
        "line.account_id = api_key.account_id AND line.workspace_id = api_key.workspace_id \
         AND line.key_hash = api_key.hash",
        ["1", "total_cost", "CASE WHEN is_byok THEN upstream_inference_cost ELSE 0 END"],
    ),
    (
        "usage_minute JOIN usage_series AS line ON line.id = usage_minute.series",
        "line.account_id = api_key.account_id AND line.workspace_id = api_key.workspace_id \
         AND line.key_hash = api_key.hash",
        ["requests", "cost_nano_usd", "byok_usage_nano_usd"],
    ),
    (
        "usage_day JOIN usage_series AS line ON line.id = usage_day.series",
        "line.account_id = api_key.account_id AND line.workspace_id = api_key.workspace_id \
         AND line.key_hash = api_key.hash",
        ["requests", "cost_nano_usd", "byok_usage_nano_usd"],
    ),
    (
        "usage_outline_day JOIN usage_series AS line \
         ON line.id = usage_outline_day.series AND usage_outline_day.kind = 2",
        "line.account_id = api_key.account_id AND line.workspace_id = api_key.workspace_id \
         AND line.key_hash = api_key.hash",
        ["requests", "cost_nano_usd", "byok_usage_nano_usd"],
    ),
    (
        "key_usage_day AS line",
        "line.key_hash = api_key.hash",
        ["requests", "cost_nano_usd", "byok_usage_nano_usd"],
    ),
];

/// Rows, minutes, days and days of keys come to the same for each key and so for each spender; what
/// that is, by scope.
async fn check_roll_ups(
    place: &Place,
    store: &Store,
    rows: &HashMap<String, Generation>,
) -> Vec<Totals> {
    let queries = SUMS.map(|(table, is_its, [requests, cost, byok])| {
        format!(
            "SELECT COALESCE(api_key.hash, 'nobody'), CAST(SUM({requests}) AS BIGINT), \
             CAST(SUM({cost}) AS BIGINT), CAST(SUM({byok}) AS BIGINT) \
             FROM {table} LEFT JOIN api_key ON {is_its} GROUP BY 1"
        )
    });
    let told = place.totals(&queries).await;
    // What the database sums is what was read from it, row by row.
    let mut by_key = Totals::new();
    for row in rows.values() {
        let byok = if row.is_byok { row.upstream_inference_cost } else { 0 };
        add(&mut by_key, &row.key_hash, (1, row.total_cost, byok));
    }
    for (told, query) in told.iter().zip(&queries) {
        assert_eq!(told, &by_key, "{query}");
    }
    let keys = store.snapshot().await.unwrap().keys;
    let by_scope = SCOPES.map(|scope| {
        let mut totals = Totals::new();
        for key in keys.iter().filter(|key| by_key.contains_key(&key.hash)) {
            let spender = match scope {
                SpenderKind::Account => Some(&key.account_id),
                SpenderKind::Workspace => Some(&key.workspace_id),
                SpenderKind::Member => key.member_id.as_ref(),
                SpenderKind::Key => Some(&key.hash),
            };
            spender.inspect(|spender| add(&mut totals, spender, by_key[&key.hash]));
        }
        totals
    });
    by_scope.to_vec()
}

fn add(totals: &mut Totals, name: &str, more: (i64, i64, i64)) {
    let (requests, cost, byok) = totals.entry(name.to_owned()).or_default();
    *requests += more.0;
    *cost += more.1;
    *byok += more.2;
}

/// What the gateway tells of usage and credits.
async fn check_usage(app: &App, accounts: &Accounts, totals: &[Totals]) {
    let (store, now) = (&app.store, now_micros());
    let scopes = [UsageScope::Account, UsageScope::Workspace, UsageScope::Member, UsageScope::Key];
    for (scope, totals) in scopes.into_iter().zip(totals) {
        let usage = store.usage_of_all(scope, now).await.unwrap();
        let told = usage.into_iter().map(|(name, usage)| {
            (name, (usage.requests, usage.usage.total, usage.byok_usage.total))
        });
        assert_eq!(&told.collect::<Totals>(), totals, "{scope:?}");
    }
    let account = store.accounts().await.unwrap().remove(0).id;
    assert_eq!(store.account_credit(&account).await.unwrap(), accounts.credit.unwrap_or(0));
}

/// The counters in force are those of the books, nothing is held, and what is left of each limit
/// is the rest.
async fn check_counters(app: &App, totals: &[Totals]) {
    assert_eq!(app.limits.running(), 0, "reservations are left");
    let names: Vec<_> =
        app.limits.names().iter().map(|(id, kind, name)| (id, kind, name.to_owned())).collect();
    let mut spent = HashMap::new();
    for (id, kind, name) in names {
        let scope = SCOPES.iter().position(|scope| *scope == kind).unwrap();
        let (_, credits, byok) = totals[scope].get(&name).copied().unwrap_or_default();
        let used = app.limits.used(id).await.unwrap();
        let told = (used.credits.lifetime.0, used.byok.lifetime.0);
        assert_eq!(told, (credits, byok), "{kind:?} {name}");
        assert_eq!(app.limits.held(id).await.unwrap(), Spend::ZERO, "{kind:?} {name}");
        spent.insert(id, (credits, byok));
    }
    for caller in app.snapshot().keys.values() {
        for limit in &caller.terms.limits {
            let (credits, byok) = spent[&limit.spender];
            let counts = limit.includes_byok && limit.kind != LimitKind::AccountBalance;
            let used = credits + if counts { byok } else { 0 };
            let unused = app.limits.unused(limit).await.unwrap();
            assert_eq!(unused.0, limit.amount.0 - used, "{limit:?}");
        }
    }
}

/// The UTC day. Limits are of windows that begin anew: a world that has lived in two is of no use.
pub fn today() -> i64 {
    day_of(now_micros())
}
