//! What the roll-ups tell.

use std::time::Duration;

use super::{TestDatabase, generation, on_each_engine};
use crate::{
    ActivityQuery, AnalyticsQuery, Dimension, Direction, Figure, Filter, Generation,
    GenerationFilter, Granularity, Metric, Micros, NewApiKey, Operator, Order, OrderBy, Retention,
    Store, StoreError, TimeRange, UsageScope,
};

const DAY: Micros = 86_400_000_000;
const HOUR: Micros = 3_600_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// One row a day for three days at one model, and one at another.
async fn store_with_rows(database: &TestDatabase) -> Store {
    let store = database.open().await;
    let row = |n: i64, model: &str, workspace: &str, cost: i64| Generation {
        created_at: n * DAY + 5 * HOUR,
        account_id: "acct".into(),
        workspace_id: workspace.into(),
        model: model.into(),
        model_permaslug: format!("{model}-2026").into(),
        endpoint_tag: "tag".into(),
        provider_name: "Acme".into(),
        native_tokens_prompt: 100,
        native_tokens_completion: 50,
        native_tokens_reasoning: 20,
        native_tokens_cached: 25,
        generation_time_ms: 1_000,
        latency_ms: 300,
        status: 200,
        ..generation(format!("gen-{n}-{model}-{workspace}"), "key", cost)
    };
    let rows = [
        row(0, "a/one", "ws", 1),
        row(1, "a/one", "ws", 10),
        row(1, "a/one", "other", 100),
        row(2, "a/one", "ws", 1_000),
        Generation { is_byok: true, upstream_inference_cost: 7, ..row(1, "b/two", "ws", 10_000) },
        Generation { status: 500, native_tokens_completion: 0, ..row(2, "b/two", "ws", 0) },
    ];
    for row in rows {
        drop(store.settlements().reserve_slot().unwrap().settle(row));
    }
    store
}

fn query(metrics: &[Metric]) -> AnalyticsQuery {
    AnalyticsQuery {
        metrics: metrics.to_vec(),
        dimensions: Vec::new(),
        filters: Vec::new(),
        granularity: None,
        time_range: TimeRange { start: 0, end: 10 * DAY },
        order_by: Vec::new(),
        limit: 1_000,
        group_limit: None,
    }
}

on_each_engine!(activity_has_the_documented_fields);
/// ACT-1
async fn activity_has_the_documented_fields(database: TestDatabase) {
    let store = store_with_rows(&database).await;
    let all = ActivityQuery { from_day: 0, until_day: 2, ..ActivityQuery::default() };
    let rows = store.activity(&all).await.unwrap();
    assert_eq!(rows.len(), 3);
    let two = &rows[0];
    assert_eq!((two.day, two.model.as_str(), two.usage), (1, "b/two", 10_000));
    assert_eq!((two.model_permaslug.as_str(), two.endpoint_id.as_str()), ("b/two-2026", "tag"));
    assert_eq!((two.provider_name.as_str(), two.byok_usage_inference), ("Acme", 7));
    let one = &rows[1];
    assert_eq!((one.usage, one.requests, one.byok_usage_inference), (110, 2, 0));
    assert_eq!((one.prompt_tokens, one.completion_tokens, one.reasoning_tokens), (200, 100, 40));
    assert_eq!(one.workspace_id, None);

    let some = |text: &str| Some(text.to_owned());
    let count = async |query: ActivityQuery| store.activity(&query).await.unwrap().len();
    assert_eq!(count(ActivityQuery { date: Some(0), ..all.clone() }).await, 1);
    assert_eq!(count(ActivityQuery { date: Some(2), ..all.clone() }).await, 0);
    assert_eq!(count(ActivityQuery { workspace: some("other"), ..all.clone() }).await, 1);
    assert_eq!(count(ActivityQuery { account: some("none"), ..all.clone() }).await, 0);
    assert_eq!(count(ActivityQuery { key_hash: some("key"), ..all.clone() }).await, 3);
    assert_eq!(count(ActivityQuery { member: some("nobody"), ..all.clone() }).await, 0);
    let grouped = ActivityQuery { group_by_workspace: true, ..all };
    let rows = store.activity(&grouped).await.unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().any(|row| row.workspace_id.as_deref() == Some("other")));
}

on_each_engine!(a_question_is_answered_by_time_and_dimension);
/// ACT-3, ACT-4
async fn a_question_is_answered_by_time_and_dimension(database: TestDatabase) {
    let store = store_with_rows(&database).await;
    let metrics = [Metric::TotalUsage, Metric::RequestCount, Metric::FailureRate];
    let asked = AnalyticsQuery {
        granularity: Some(Granularity::Day),
        dimensions: vec![Dimension::Model],
        ..query(&metrics)
    };
    let result = store.analytics(&asked, PATIENCE).await.unwrap();
    let told: Vec<_> = result
        .rows
        .iter()
        .map(|row| (row.time.unwrap() / DAY, row.dimensions[0].as_str(), row.figures[0].unwrap()))
        .collect();
    let count = Figure::Count;
    let expected = [
        (0, "a/one", count(1)),
        (1, "b/two", count(10_000)),
        (1, "a/one", count(110)),
        (2, "a/one", count(1_000)),
        (2, "b/two", count(0)),
    ];
    assert_eq!(told, expected);
    assert_eq!(result.rows[4].figures[2], Some(Figure::Rate(1.0)));
    assert!(!result.truncated);

    let whole = store.analytics(&query(&metrics), PATIENCE).await.unwrap();
    assert_eq!((whole.rows.len(), whole.rows[0].figures[0]), (1, Some(count(11_111))));
    for granularity in Granularity::ALL {
        let asked = AnalyticsQuery { granularity: Some(*granularity), ..query(&metrics) };
        let rows = store.analytics(&asked, PATIENCE).await.unwrap().rows;
        let sum: f64 = rows.iter().map(|row| row.figures[0].unwrap().as_f64()).sum();
        assert!((sum - 11_111.0).abs() < 0.1, "{granularity:?}");
    }
}

on_each_engine!(every_metric_and_dimension_can_be_asked_for);
async fn every_metric_and_dimension_can_be_asked_for(database: TestDatabase) {
    let store = store_with_rows(&database).await;
    let all =
        AnalyticsQuery { time_range: TimeRange { start: DAY, end: 2 * DAY }, ..query(Metric::ALL) };
    let row = store.analytics(&all, PATIENCE).await.unwrap().rows.remove(0);
    let of = |metric: Metric| {
        let place = Metric::ALL.iter().position(|other| *other == metric).unwrap();
        row.figures[place].unwrap().as_f64()
    };
    assert_eq!((of(Metric::TokensTotal), of(Metric::CacheHitRate)), (450.0, 0.25));
    assert_eq!((of(Metric::LatencyMean), of(Metric::ThroughputMean)), (300.0, 50.0));
    assert!((200.0..350.0).contains(&of(Metric::LatencyP95)));
    assert!((45.0..=60.0).contains(&of(Metric::ThroughputP50)));
    for dimension in Dimension::ALL {
        let asked = AnalyticsQuery {
            dimensions: vec![*dimension],
            filters: vec![Filter {
                dimension: *dimension,
                operator: Operator::Gte,
                values: vec![String::new()],
            }],
            ..query(&[Metric::RequestCount])
        };
        let rows = store.analytics(&asked, PATIENCE).await.unwrap().rows;
        let sum: f64 = rows.iter().map(|row| row.figures[0].unwrap().as_f64()).sum();
        assert!((sum - 6.0).abs() < 0.1, "{dimension:?}: {rows:?}");
    }
}

on_each_engine!(filters_orders_and_limits_narrow_an_answer);
async fn filters_orders_and_limits_narrow_an_answer(database: TestDatabase) {
    let store = store_with_rows(&database).await;
    let count = async |operator: Operator, values: &[&str]| {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let filters = vec![Filter { dimension: Dimension::Model, operator, values }];
        let asked = AnalyticsQuery { filters, ..query(&[Metric::RequestCount]) };
        store.analytics(&asked, PATIENCE).await.unwrap().rows[0].figures[0].unwrap().as_f64()
    };
    assert_eq!(count(Operator::Eq, &["b/two"]).await, 2.0);
    assert_eq!(count(Operator::Neq, &["b/two"]).await, 4.0);
    assert_eq!(count(Operator::In, &["b/two", "a/one", "' OR 1 = 1 --"]).await, 6.0);
    assert_eq!(count(Operator::In, &[]).await, 0.0);
    assert_eq!(count(Operator::NotIn, &["a/one"]).await, 2.0);
    assert_eq!(count(Operator::NotIn, &[]).await, 6.0);
    assert_eq!(count(Operator::Gt, &["a/one"]).await, 2.0);
    assert_eq!(count(Operator::Lte, &["a/one"]).await, 4.0);
    assert_eq!(count(Operator::Lt, &["a/one"]).await, 0.0);

    let asked = AnalyticsQuery {
        dimensions: vec![Dimension::Model],
        granularity: Some(Granularity::Day),
        order_by: vec![OrderBy {
            order: Order::Metric(Metric::TotalUsage),
            direction: Direction::Descending,
        }],
        limit: 2,
        ..query(&[Metric::TotalUsage])
    };
    let result = store.analytics(&asked, PATIENCE).await.unwrap();
    assert!(result.truncated);
    let told: Vec<_> = result.rows.iter().map(|row| row.figures[0].unwrap().as_f64()).collect();
    assert_eq!(told, [10_000.0, 1_000.0]);
    let asked = AnalyticsQuery { group_limit: Some(1), limit: 1_000, ..asked };
    let result = store.analytics(&asked, PATIENCE).await.unwrap();
    let told: Vec<_> = result.rows.iter().map(|row| row.figures[0].unwrap().as_f64()).collect();
    assert_eq!(told, [10_000.0, 1_000.0], "the first day of each model");
    assert!(result.truncated);
    let whole = AnalyticsQuery { group_limit: Some(1), dimensions: vec![], ..asked };
    let result = store.analytics(&whole, PATIENCE).await.unwrap();
    assert_eq!((result.rows.len(), result.truncated), (3, false));

    let by_count =
        OrderBy { order: Order::Metric(Metric::RequestCount), direction: Direction::Ascending };
    let asked = AnalyticsQuery {
        dimensions: vec![Dimension::Model],
        order_by: vec![by_count],
        ..query(&[Metric::TotalUsage])
    };
    let rows = store.analytics(&asked, PATIENCE).await.unwrap().rows;
    let told: Vec<_> = rows.iter().map(|row| (&*row.dimensions[0], row.requests)).collect();
    assert_eq!(told, [("b/two", 2), ("a/one", 4)]);
}

on_each_engine!(what_is_beyond_the_bounds_is_refused);
async fn what_is_beyond_the_bounds_is_refused(database: TestDatabase) {
    let store = database.open().await;
    let good = query(&[Metric::RequestCount]);
    let filter = Filter { dimension: Dimension::Model, operator: Operator::Eq, values: vec![] };
    for bad in [
        query(&[]),
        AnalyticsQuery { limit: 1_001, ..good.clone() },
        AnalyticsQuery { filters: vec![filter], ..good.clone() },
        AnalyticsQuery { dimensions: vec![Dimension::Model; 2], ..good.clone() },
        AnalyticsQuery { dimensions: Dimension::ALL[..3].to_vec(), ..good.clone() },
        AnalyticsQuery { time_range: TimeRange { start: 1, end: 1 }, ..good.clone() },
        AnalyticsQuery {
            order_by: vec![OrderBy {
                order: Order::Metric(Metric::TotalUsage),
                direction: Direction::Ascending,
            }],
            ..good.clone()
        },
    ] {
        let refused = store.analytics(&bad, PATIENCE).await;
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{bad:?}");
    }
    // Nothing was ever settled: a row of nothing.
    assert_eq!(
        store.analytics(&good, PATIENCE).await.unwrap().rows[0].figures,
        [Some(Figure::Count(0))]
    );
}

on_each_engine!(part_of_a_day_is_told_by_the_minute_as_long_as_minutes_are_kept);
async fn part_of_a_day_is_told_by_the_minute_as_long_as_minutes_are_kept(database: TestDatabase) {
    let store = store_with_rows(&database).await;
    let asked = AnalyticsQuery {
        time_range: TimeRange { start: DAY + 6 * HOUR, end: 2 * DAY + 6 * HOUR },
        ..query(&[Metric::TotalUsage])
    };
    let result = store.analytics(&asked, PATIENCE).await.unwrap();
    assert_eq!(
        (result.rows[0].figures[0], result.by_whole_days),
        (Some(Figure::Count(1_000)), false)
    );
    let retention = Retention { minute_days: Some(0), ..Retention::default() };
    store.keep_house(&retention, 2 * DAY).await.unwrap();
    let result = store.analytics(&asked, PATIENCE).await.unwrap();
    assert_eq!(
        (result.rows[0].figures[0], result.by_whole_days),
        (Some(Figure::Count(11_110)), true)
    );
    let by_hour = AnalyticsQuery { granularity: Some(Granularity::Hour), ..asked };
    let result = store.analytics(&by_hour, PATIENCE).await.unwrap();
    assert!(result.is_cut_short);
    let late = AnalyticsQuery {
        time_range: TimeRange { start: 2 * DAY, end: 3 * DAY },
        ..by_hour.clone()
    };
    let result = store.analytics(&late, PATIENCE).await.unwrap();
    assert_eq!((result.rows.len(), result.is_cut_short), (1, false));
    let refused = store.analytics(&by_hour, Duration::ZERO).await;
    assert!(matches!(refused, Err(StoreError::OutOfTime)));
}

on_each_engine!(the_member_of_a_key_is_told_by_join);
async fn the_member_of_a_key_is_told_by_join(database: TestDatabase) {
    let store = database.open().await;
    let new = NewApiKey { name: "k".into(), ..NewApiKey::default() };
    let key = store.create_api_key(new, &crate::Actor::system(), 0).await.unwrap().key;
    store
        .run("INSERT INTO member SELECT 'm', id, 'a@b', 'A', 'admin', FALSE, 0, 0 FROM account")
        .await;
    store.run("UPDATE api_key SET member_id = 'm'").await;
    for (n, hash) in [&*key.hash, "other"].into_iter().enumerate() {
        let row = generation(format!("gen-{n}"), hash, 3);
        drop(store.settlements().reserve_slot().unwrap().settle(row));
    }
    let totals = store.usage_of_all(UsageScope::Member, 0).await.unwrap();
    let totals: Vec<_> = totals.iter().map(|(id, usage)| (&**id, usage.usage.total)).collect();
    assert_eq!(totals, [("m", 3)]);
    let asked =
        AnalyticsQuery { dimensions: vec![Dimension::Member], ..query(&[Metric::TotalUsage]) };
    let rows = store.analytics(&asked, PATIENCE).await.unwrap().rows;
    let mut members: Vec<_> = rows.iter().map(|row| row.dimensions[0].as_str()).collect();
    members.sort_unstable();
    assert_eq!(members, ["", "m"]);
    let query =
        ActivityQuery { until_day: 1, member: Some("m".to_owned()), ..ActivityQuery::default() };
    assert_eq!(store.activity(&query).await.unwrap()[0].usage, 3);
}

on_each_engine!(an_export_has_every_row_once_in_either_direction);
async fn an_export_has_every_row_once_in_either_direction(database: TestDatabase) {
    let store = database.open().await;
    for n in 0..2_500_i64 {
        let row = Generation { created_at: n / 7, ..generation(format!("gen-{n:05}"), "key", 1) };
        drop(store.settlements().reserve_slot().unwrap().settle(row));
    }
    let mut expected: Vec<String> = (0..2_500).map(|n| format!("gen-{n:05}")).collect();
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut export = store.export_generations(GenerationFilter::default(), direction);
        let mut seen = Vec::new();
        while let Some(page) = export.next().await.unwrap() {
            seen.extend(page.into_iter().map(|row| row.id.to_string()));
        }
        assert_eq!(seen, expected);
        expected.reverse();
    }
    let filter = GenerationFilter { from: Some(1_000), ..GenerationFilter::default() };
    let mut nothing = store.export_generations(filter, Direction::Ascending);
    assert_eq!(nothing.next().await.unwrap(), None);
    assert_eq!(nothing.next().await.unwrap(), None);
}

on_each_engine!(outlines_tell_what_the_days_tell);
async fn outlines_tell_what_the_days_tell(database: TestDatabase) {
    let store = store_with_rows(&database).await;
    // Nothing is left out by these, and only the days tell all three apart.
    let apart = [Dimension::Model, Dimension::App, Dimension::ApiKey].map(|dimension| Filter {
        dimension,
        operator: Operator::Neq,
        values: vec!["nothing".to_owned()],
    });
    for dimension in Dimension::ALL.iter().copied().map(Some).chain([None]) {
        for granularity in [None, Some(Granularity::Day), Some(Granularity::Month)] {
            let mut asked = query(Metric::ALL);
            asked.dimensions.extend(dimension);
            asked.granularity = granularity;
            let outlined = store.analytics(&asked, PATIENCE).await.unwrap();
            asked.filters = apart.to_vec();
            let days = store.analytics(&asked, PATIENCE).await.unwrap();
            assert!(!outlined.rows.is_empty());
            assert_eq!(outlined, days, "{dimension:?} {granularity:?}");
        }
    }
}
