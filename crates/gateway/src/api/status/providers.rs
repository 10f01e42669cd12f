//! `GET /api/internal/status/providers`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use catalog::{AuthStyle, ProviderId};
use protocol::exchange::Fault;
use routing::health::{HealthView as _, UptimeTier};
use serde::{Deserialize, Serialize};
use store::{
    AnalyticsQuery, AttemptLine, Dimension, Figure, Filter, Generation, Metric, Operator,
    ProviderCredential, TestState, TimeRange,
};
use utoipa::{IntoParams, ToSchema};

use super::outcome::{Blame, blame};
use crate::api::Refused;
use crate::api::change::refused;
use crate::api::openapi::ErrorAnswer;
use crate::api::page::Asked;
use crate::api::session::Management;
use crate::api::time::iso;
use crate::app::App;
use crate::clock::{now_micros, now_millis};
use crate::control::Snapshot;

/// How long the database may take for each of what is asked.
const PATIENCE: Duration = Duration::from_secs(15);

const MINUTE: i64 = 60_000_000;

/// How far back attempts tell of a credential, whatever window is asked for.
const DAY: i64 = 1440 * MINUTE;

/// How many failures of each provider are told, and of how many of all they are taken.
const TOLD: usize = 5;
const LOOKED_AT: u32 = 200;

/// How far back.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// `1h` (a tick for five minutes each), `24h` (for each hour; unless said) or `90d` (for each
    /// UTC day).
    window: Option<String>,
}

/// A window: its length and that of its ticks, in five minutes.
#[derive(Clone, Copy, Debug)]
struct Window {
    ticks: i64,
    step: i64,
}

impl Window {
    fn read(word: Option<&str>) -> Result<Self, Fault> {
        Ok(match word {
            Some("1h") => Self { ticks: 12, step: 1 },
            None | Some("" | "24h") => Self { ticks: 24, step: 12 },
            Some("90d") => Self { ticks: 90, step: 288 },
            Some(_) => return Err(Fault::invalid("window: must be 1h, 24h or 90d")),
        })
    }

    /// When its last tick is over. Where that is a day, what is kept by days alone tells of it.
    fn end(self, now: i64) -> i64 {
        let length = self.step * 5 * MINUTE;
        (now.div_euclid(length) + 1) * length
    }

    /// The first moments of its ticks; the last one is not over yet.
    fn moments(self, now: i64) -> Vec<i64> {
        let length = self.step * 5 * MINUTE;
        let last = now.div_euclid(length);
        (last - self.ticks + 1..=last).map(|tick| tick * length).collect()
    }
}

/// The answer.
#[derive(Serialize, ToSchema)]
pub struct ProvidersStatus {
    /// Providers that somebody has a credential for, and those that were asked in the window.
    data: Vec<ProviderStatus>,
}

/// How a provider did, by attempts: a request that another provider answered in the end counts as
/// a failure here.
#[derive(Serialize, ToSchema)]
pub struct ProviderStatus {
    slug: String,
    name: String,
    /// Every tick of the window, the oldest first.
    ticks: Vec<Tick>,
    /// Successes in percent of what counts; `null` where nothing does. Errors that are the
    /// caller's own do not count.
    uptime: Option<f64>,
    /// All kinds of errors, the most frequent first; those of callers too.
    errors: Vec<ErrorCount>,
    first_token_ms: FirstToken,
    /// As routing on this node takes it now: `open` where all endpoints it has asked are failing
    /// or rate limited, `half_open` where some are, or answer less than they should.
    breaker: &'static str,
    /// `rejected`: what fails is the credential, by the last test or by the newest attempts of the
    /// last day, whichever is newer; `none`: there is no credential.
    credential: &'static str,
    /// The newest failed requests that the caller may see, at most five.
    last_failures: Vec<LastFailure>,
}

/// What there was in one stretch of time.
#[derive(Serialize, ToSchema)]
pub struct Tick {
    /// Its first moment.
    at: String,
    ok: i64,
    failed: i64,
}

/// How often something went wrong.
#[derive(Serialize, ToSchema)]
pub struct ErrorCount {
    r#type: String,
    count: i64,
}

/// Milliseconds to the first byte of an answer, of half and of nine in ten.
#[derive(Default, Serialize, ToSchema)]
pub struct FirstToken {
    p50: Option<f64>,
    p90: Option<f64>,
}

/// A request that failed.
#[derive(Serialize, ToSchema)]
pub struct LastFailure {
    at: String,
    /// The generation's id.
    id: String,
    r#type: String,
    message: String,
}

/// Tells how providers did for the account, those with a credential first, each by name.
#[utoipa::path(
    get,
    path = "/api/internal/status/providers",
    tag = "internal",
    params(Which),
    responses((status = 200, body = ProvidersStatus), (status = "4XX", body = ErrorAnswer))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    management: Management,
    Asked(which): Asked<Which>,
) -> Result<Json<ProvidersStatus>, Refused> {
    let window = Window::read(which.window.as_deref())?;
    let account = management.account_id();
    let now = now_micros();
    let moments = window.moments(now);
    let since = moments.first().copied().unwrap_or(now);
    let lines = app.store.attempts_since(account, since, window.step, PATIENCE).await;
    let mut by_name: HashMap<String, Vec<AttemptLine>> = HashMap::new();
    for line in lines.map_err(refused)? {
        by_name.entry(line.provider_name.clone()).or_default().push(line);
    }
    let mut latencies = latencies(&app, account, since, window.end(now)).await?;
    let own = management.own_only();
    let failures = app.store.failures_since(account, own, since, LOOKED_AT).await;
    let failures = failures.map_err(refused)?;
    let credentials = app.store.credentials().await.map_err(refused)?;
    let newest = app.store.newest_attempts(account, now - DAY, PATIENCE).await.map_err(refused)?;
    let snapshot = app.snapshot();
    let mut data = Vec::new();
    for (id, provider) in snapshot.catalog.providers() {
        let lines = by_name.remove(&provider.name).unwrap_or_default();
        let has_access = snapshot.has_access(id);
        if !has_access && lines.is_empty() {
            continue;
        }
        let counts = Counts::of(&lines);
        let status = ProviderStatus {
            slug: provider.slug.clone(),
            name: provider.name.clone(),
            ticks: counts.ticks(&moments),
            uptime: counts.uptime(),
            credential: match has_access {
                false => "none",
                true if provider.auth == AuthStyle::None => "ok",
                true => {
                    let own = newest.iter().filter(|line| line.provider_name == provider.name);
                    match is_rejected(&credentials, &provider.slug, own) {
                        true => "rejected",
                        false => "ok",
                    }
                }
            },
            errors: counts.errors(),
            first_token_ms: latencies.remove(&provider.name).unwrap_or_default(),
            breaker: breaker(&snapshot, id),
            last_failures: last_failures(&failures, &provider.name),
        };
        data.push((!has_access, status));
    }
    data.sort_by(|(no, one), (other_no, other)| {
        (no, one.name.to_lowercase()).cmp(&(other_no, other.name.to_lowercase()))
    });
    Ok(Json(ProvidersStatus { data: data.into_iter().map(|(_, status)| status).collect() }))
}

/// The attempts at one provider.
struct Counts {
    /// Those that went well and those that failed, by the first moment of their tick.
    by_tick: BTreeMap<i64, (i64, i64)>,
    by_error: BTreeMap<String, i64>,
}

impl Counts {
    fn of(lines: &[AttemptLine]) -> Self {
        let mut counts = Self { by_tick: BTreeMap::new(), by_error: BTreeMap::new() };
        for line in lines {
            if line.error_type.is_empty() {
                counts.by_tick.entry(line.at).or_default().0 += line.attempts;
                continue;
            }
            *counts.by_error.entry(line.error_type.clone()).or_default() += line.attempts;
            match blame(&line.error_type) {
                Blame::Caller => {}
                Blame::Provider | Blame::Credential => {
                    counts.by_tick.entry(line.at).or_default().1 += line.attempts;
                }
            }
        }
        counts
    }

    fn ticks(&self, moments: &[i64]) -> Vec<Tick> {
        let of = |at: &i64| self.by_tick.get(at).copied().unwrap_or_default();
        let tick = |at: &i64| {
            let (ok, failed) = of(at);
            Tick { at: iso(*at), ok, failed }
        };
        moments.iter().map(tick).collect()
    }

    fn uptime(&self) -> Option<f64> {
        let (ok, failed) = self
            .by_tick
            .values()
            .fold((0_i64, 0_i64), |sum, (ok, failed)| (sum.0 + ok, sum.1 + failed));
        let all = ok.saturating_add(failed);
        (all > 0).then(|| ok as f64 * 100.0 / all as f64)
    }

    fn errors(&self) -> Vec<ErrorCount> {
        let mut errors: Vec<_> = self
            .by_error
            .iter()
            .map(|(error, count)| ErrorCount { r#type: error.clone(), count: *count })
            .collect();
        errors.sort_by_key(|error| std::cmp::Reverse(error.count));
        errors
    }
}

/// Whether what fails of a provider is its credential: by the last test, if every one in use was
/// refused then, or by the newest attempts, if none went well and some were refused. Of both the
/// newer counts; a test of the same five minutes counts as the newer.
fn is_rejected<'a>(
    credentials: &[ProviderCredential],
    slug: &str,
    newest: impl Iterator<Item = &'a AttemptLine>,
) -> bool {
    let (mut at, mut went_well, mut was_refused) = (i64::MIN, false, false);
    for line in newest {
        at = at.max(line.at);
        went_well |= line.error_type.is_empty();
        was_refused |= matches!(blame(&line.error_type), Blame::Credential);
    }
    let own = || credentials.iter().filter(|row| row.provider == slug && !row.disabled);
    let tests = || own().filter_map(|row| row.last_test.as_ref());
    let telling = tests().filter(|test| test.state != TestState::Unknown);
    match telling.map(|test| test.at).max() {
        Some(tested) if tested >= at => {
            tests().filter(|test| test.state == TestState::Rejected).count() == own().count()
        }
        _ => was_refused && !went_well,
    }
}

fn breaker(snapshot: &Snapshot, provider: ProviderId) -> &'static str {
    let now = now_millis();
    let (mut asked, mut away, mut poor) = (0, 0, 0);
    let own = snapshot.catalog.endpoints().map(|(id, _)| id);
    for id in own.filter(|id| snapshot.catalog.provider_id_of(*id) == provider) {
        if snapshot.health.get(id).is_none() {
            continue;
        }
        asked += 1;
        let condition = snapshot.health.condition(id, now);
        away += usize::from(condition.failing || condition.rate_limited);
        poor += usize::from(condition.uptime != UptimeTier::Normal);
    }
    match (away, poor) {
        (0, 0) => "closed",
        (away, _) if away == asked => "open",
        _ => "half_open",
    }
}

fn last_failures(failures: &[Generation], provider: &str) -> Vec<LastFailure> {
    failures
        .iter()
        .filter_map(|row| {
            let failed = |attempt: &&store::Attempt| {
                &*attempt.provider_name == provider && attempt.error_type.is_some()
            };
            let attempt = row.attempts.iter().rev().find(failed)?;
            let error = attempt.error_type.as_deref().unwrap_or_default();
            let words = error.replace('_', " ");
            Some(LastFailure {
                at: iso(row.created_at),
                id: row.id.to_string(),
                r#type: error.to_owned(),
                message: match attempt.status {
                    Some(status) => format!("{words}: the provider answered {status}"),
                    None => format!("{words}: there was no answer"),
                },
            })
        })
        .take(TOLD)
        .collect()
}

/// Times to the first byte by the name of the provider.
async fn latencies(
    app: &App,
    account: &str,
    since: i64,
    end: i64,
) -> Result<HashMap<String, FirstToken>, Fault> {
    let query = AnalyticsQuery {
        metrics: vec![Metric::LatencyP50, Metric::LatencyP90],
        dimensions: vec![Dimension::Provider],
        filters: vec![Filter {
            dimension: Dimension::Account,
            operator: Operator::Eq,
            values: vec![account.to_owned()],
        }],
        granularity: None,
        time_range: TimeRange { start: since, end: end.max(since + 1) },
        order_by: Vec::new(),
        limit: 1_000,
        group_limit: None,
    };
    let answer = app.store.analytics(&query, PATIENCE).await.map_err(refused)?;
    let told = answer.rows.into_iter().filter_map(|mut row| {
        let figure = |place: usize| row.figures.get(place).copied().flatten().map(Figure::as_f64);
        let (p50, p90) = (figure(0), figure(1));
        Some((row.dimensions.pop()?, FirstToken { p50, p90 }))
    });
    Ok(told.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: i64, error: &str, attempts: i64) -> AttemptLine {
        AttemptLine { at, provider_name: "P".to_owned(), error_type: error.to_owned(), attempts }
    }

    #[test]
    fn callers_faults_do_not_count_and_credentials_are_told_from_providers() {
        let counts = Counts::of(&[
            line(0, "", 8),
            line(0, "invalid_request", 50),
            line(0, "provider_unavailable", 1),
            line(5, "authentication", 1),
        ]);
        assert_eq!(counts.uptime(), Some(80.0));
        let errors: Vec<_> = counts.errors().into_iter().map(|e| (e.r#type, e.count)).collect();
        assert_eq!(errors[0], ("invalid_request".to_owned(), 50));
        let ticks: Vec<_> =
            counts.ticks(&[0, 5, 10]).iter().map(|tick| (tick.ok, tick.failed)).collect();
        assert_eq!(ticks, [(8, 1), (0, 1), (0, 0)]);
        assert_eq!(Counts::of(&[line(1, "refusal", 1)]).uptime(), None);
    }

    #[test]
    fn of_the_last_test_and_the_newest_attempts_the_newer_tells_of_a_credential() {
        let credential = |tests: &[Option<(TestState, i64)>]| -> Vec<ProviderCredential> {
            let of = |test: &Option<(TestState, i64)>| ProviderCredential {
                id: "c".to_owned(),
                provider: "p".to_owned(),
                name: String::new(),
                label: String::new(),
                workspace_id: None,
                base_url: None,
                is_fallback: false,
                sort_order: 0,
                allowed_models: None,
                allowed_key_hashes: None,
                allowed_member_ids: None,
                disabled: false,
                source: store::CredentialSource::Entered,
                last_test: test.map(|(state, at)| store::CredentialTest {
                    state,
                    message: String::new(),
                    at,
                }),
                created_at: 0,
            };
            tests.iter().map(of).collect()
        };
        let refused = [line(10, "authentication", 3)];
        let well = [line(10, "", 1), line(10, "authentication", 3)];
        let (yes, no, unknown) = (TestState::Rejected, TestState::Verified, TestState::Unknown);
        for (tests, lines, expected) in [
            (&[None][..], &refused[..], true),
            (&[None], &well, false),
            (&[None], &[], false),
            (&[Some((no, 11))], &refused, false),
            (&[Some((no, 9))], &refused, true),
            (&[Some((unknown, 11))], &refused, true),
            (&[Some((yes, 11))], &well, true),
            (&[Some((yes, 9))], &well, false),
            (&[Some((yes, 9))], &[], true),
            (&[Some((yes, 11)), None], &well, false),
            (&[], &refused, true),
            (&[], &well, false),
        ] {
            let found = is_rejected(&credential(tests), "p", lines.iter());
            assert_eq!(found, expected, "{tests:?} {lines:?}");
        }
    }

    #[test]
    fn windows_have_whole_ticks_up_to_now() {
        let now = 1_795_478_400_000_001;
        for (word, count, length) in [("1h", 12, 5), ("24h", 24, 60), ("90d", 90, 1440)] {
            let moments = Window::read(Some(word)).unwrap().moments(now);
            assert_eq!(moments.len(), count);
            assert!(moments.windows(2).all(|two| two[1] - two[0] == length * MINUTE));
            let last = *moments.last().unwrap();
            let window = Window::read(Some(word)).unwrap();
            assert_eq!(window.end(now), last + length * MINUTE);
            assert!(last <= now && now < window.end(now));
        }
        assert!(Window::read(Some("2h")).is_err());
    }
}
