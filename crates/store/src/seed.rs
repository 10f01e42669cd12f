//! Made-up generations such as a gateway in use settles: for measurements and for trying out what
//! dashboards show. The same plan makes the same rows.

use std::sync::Arc;

use crate::calendar::MICROS_PER_DAY;
use crate::{
    Actor, Attempt, Generation, Micros, NewApiKey, PriceState, SettledBy, Store, StoreError,
    generation_id,
};

/// What to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedPlan {
    /// How many generations.
    pub generations: u32,
    /// Over how many days before the end they are spread.
    pub days: u32,
    /// The moment the last of them is settled: microseconds since the Unix epoch.
    pub end: Micros,
    /// How many API keys use them. They are made with it, and nobody knows their secrets.
    pub keys: u32,
    /// How many models there are; the usual seven unless there are to be more.
    pub models: u32,
    /// Which rows of all those that could be.
    pub seed: u64,
}

impl Store {
    /// Settles made-up generations, the way real ones are. Tells how many there are from time to
    /// time.
    pub async fn seed(
        &self,
        plan: &SeedPlan,
        mut progress: impl FnMut(u32),
    ) -> Result<(), StoreError> {
        /// Rows handed in before their commit is waited for.
        const BATCH: u32 = 5_000;
        let mut keys = Vec::new();
        let begin = plan.end.saturating_sub(i64::from(plan.days) * MICROS_PER_DAY);
        for n in 0..plan.keys.max(1) {
            let new = NewApiKey { name: format!("seed {n}"), ..NewApiKey::default() };
            let key = self.create_api_key(new, &Actor::command_line(), begin).await?.key;
            keys.push(SeedKey {
                account_id: key.account_id.into(),
                workspace_id: key.workspace_id.into(),
                hash: key.hash.into(),
            });
        }
        let settlements = self.settlements();
        let mut made = 0;
        for row in generations(plan, keys) {
            loop {
                match settlements.reserve_slot() {
                    Ok(slot) => {
                        drop(slot.settle(row));
                        break;
                    }
                    Err(crate::Full) => settlements.flush().await?,
                }
            }
            made += 1;
            if made % BATCH == 0 {
                settlements.flush().await?;
                progress(made);
            }
        }
        Ok(settlements.flush().await?)
    }
}

/// Whose generations are made.
#[derive(Debug, Clone)]
struct SeedKey {
    account_id: Arc<str>,
    workspace_id: Arc<str>,
    hash: Arc<str>,
}

/// An endpoint with prices in nano-dollars per token, and what share of requests it has.
struct SeedEndpoint {
    model: &'static str,
    permaslug: &'static str,
    tag: &'static str,
    provider: (&'static str, &'static str),
    prices: (i64, i64),
    tokens_per_second: i64,
    weight: u64,
}

macro_rules! endpoints {
    ($($weight:literal $model:literal $permaslug:literal $tag:literal $name:literal $slug:literal
        $prompt:literal $completion:literal $speed:literal;)*) => {
        [$(SeedEndpoint {
            model: $model,
            permaslug: $permaslug,
            tag: $tag,
            provider: ($name, $slug),
            prices: ($prompt, $completion),
            tokens_per_second: $speed,
            weight: $weight,
        }),*]
    };
}

static ENDPOINTS: [SeedEndpoint; 12] = endpoints! {
    24 "openai/gpt-5-mini" "openai/gpt-5-mini-2025-08-07" "openai" "OpenAI" "openai" 250 2000 90;
    14 "openai/gpt-5" "openai/gpt-5-2025-08-07" "openai" "OpenAI" "openai" 1250 10000 60;
    18 "anthropic/claude-sonnet-4.5" "anthropic/claude-4.5-sonnet-20250929" "anthropic"
        "Anthropic" "anthropic" 3000 15000 70;
    4 "anthropic/claude-sonnet-4.5" "anthropic/claude-4.5-sonnet-20250929" "google-vertex/europe"
        "Google" "google-vertex" 3000 15000 65;
    3 "anthropic/claude-sonnet-4.5" "anthropic/claude-4.5-sonnet-20250929" "amazon-bedrock"
        "Amazon Bedrock" "amazon-bedrock" 3000 15000 55;
    12 "google/gemini-2.5-flash" "google/gemini-2.5-flash" "google-ai-studio"
        "Google AI Studio" "google-ai-studio" 300 2500 160;
    7 "google/gemini-2.5-flash" "google/gemini-2.5-flash" "google-vertex"
        "Google" "google-vertex" 300 2500 150;
    6 "deepseek/deepseek-chat-v3.1" "deepseek/deepseek-chat-v3.1" "deepseek"
        "DeepSeek" "deepseek" 270 1100 35;
    4 "deepseek/deepseek-chat-v3.1" "deepseek/deepseek-chat-v3.1" "fireworks/fp8"
        "Fireworks" "fireworks" 560 1680 80;
    4 "meta-llama/llama-3.3-70b-instruct" "meta-llama/llama-3.3-70b-instruct" "groq"
        "Groq" "groq" 590 790 300;
    2 "meta-llama/llama-3.3-70b-instruct" "meta-llama/llama-3.3-70b-instruct" "together/fp8"
        "Together" "together" 880 880 90;
    2 "qwen/qwen3-coder" "qwen/qwen3-coder-480b-a35b-07-25" "deepinfra/fp4"
        "DeepInfra" "deepinfra" 290 1200 50;
};

const APPS: [(&str, &str, &str); 6] = [
    ("https://chat.example.com", "Company Chat", "node-fetch/3.3.2"),
    ("https://app.example.com/assistant", "Support Assistant", "OpenAI/Python 1.101.0"),
    ("https://cline.bot", "Cline", "Cline/3.26.6 OpenAI/JS 5.12.2"),
    ("https://zed.dev", "Zed", "Zed/0.201.5 (linux; x86_64)"),
    ("", "", "python-httpx/0.28.1"),
    ("", "", "curl/8.14.1"),
];

/// How many models the usual endpoints are of. Those beyond are `sim/model-7` and so on.
pub const USUAL_MODELS: u32 = 7;

/// A generator of numbers that look random (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// Most are small and some are large: about `middle` in the middle.
    fn skewed(&mut self, middle: i64) -> i64 {
        let share = (self.below(1_000) + 1) as f64 / 1_001.0;
        (middle as f64 * (share / (1.0 - share)).powf(0.7)) as i64
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// The rows of a plan in the order they are settled.
fn generations(plan: &SeedPlan, keys: Vec<SeedKey>) -> impl Iterator<Item = Generation> {
    let plan = *plan;
    let mut endpoints: Vec<Texts> = ENDPOINTS.iter().map(Texts::new).collect();
    endpoints.extend((USUAL_MODELS..plan.models).map(Texts::invented));
    let weights: u64 = endpoints.iter().map(|endpoint| endpoint.weight).sum();
    let apps = APPS.map(|(referer, title, agent)| [referer, title, agent].map(Arc::<str>::from));
    let length = i64::from(plan.days.max(1)) * MICROS_PER_DAY;
    let mut chance = Chance(plan.seed);
    (1..=plan.generations).map(move |n| {
        let share = i64::from(n) as f64 / f64::from(plan.generations);
        let created_at = plan.end.saturating_sub(((1.0 - share) * length as f64) as i64);
        // A few keys make most of the requests.
        let ranks = (0..3).map(|_| chance.below(keys.len() as u64)).min();
        let key = &keys[usize::try_from(ranks.unwrap_or(0)).unwrap_or(0)];
        let endpoint = chosen(&endpoints, chance.below(weights));
        let app = &apps[usize::try_from(chance.below(APPS.len() as u64)).unwrap_or(0)];
        made(&mut chance, created_at, key, endpoint, app)
    })
}

fn chosen(endpoints: &[Texts], place: u64) -> &Texts {
    let mut end = 0;
    endpoints
        .iter()
        .find(|endpoint| {
            end += endpoint.weight;
            place < end
        })
        .unwrap_or(&endpoints[0])
}

/// The texts of an endpoint, shared by its rows.
struct Texts {
    weight: u64,
    prices: (i64, i64),
    tokens_per_second: i64,
    model: Arc<str>,
    permaslug: Arc<str>,
    tag: Arc<str>,
    provider_name: Arc<str>,
    provider_slug: Arc<str>,
    upstream_model: Arc<str>,
    price_version: Arc<str>,
    price_list: Arc<str>,
}

impl Texts {
    /// A model that does not exist, at the provider of one that does.
    fn invented(number: u32) -> Texts {
        let place = usize::try_from(number).unwrap_or(0) % ENDPOINTS.len();
        let like = Texts::new(&ENDPOINTS[place]);
        let model: Arc<str> = format!("sim/model-{number}").into();
        Texts { weight: 1, model: Arc::clone(&model), permaslug: model, ..like }
    }

    fn new(facts: &'static SeedEndpoint) -> Texts {
        let upstream = facts.permaslug.split('/').next_back().unwrap_or(facts.permaslug);
        let (prompt, completion) = facts.prices;
        Texts {
            weight: facts.weight,
            prices: facts.prices,
            tokens_per_second: facts.tokens_per_second,
            model: facts.model.into(),
            permaslug: facts.permaslug.into(),
            tag: facts.tag.into(),
            provider_name: facts.provider.0.into(),
            provider_slug: facts.provider.1.into(),
            upstream_model: upstream.into(),
            price_version: format!("seed-{}-{prompt}-{completion}", facts.provider.1).into(),
            price_list: format!(r#"{{"prompt":"0.{prompt:09}","completion":"0.{completion:09}"}}"#)
                .into(),
        }
    }
}

fn made(
    chance: &mut Chance,
    created_at: Micros,
    key: &SeedKey,
    endpoint: &Texts,
    app: &[Arc<str>; 3],
) -> Generation {
    let some = |text: &str| Some(Arc::<str>::from(text));
    let mut random = [0; 16];
    random[..8].copy_from_slice(&chance.next().to_le_bytes());
    random[8..].copy_from_slice(&chance.next().to_le_bytes());
    let seconds = created_at.div_euclid(1_000_000);
    let is_failure = chance.one_in(60);
    let cancelled = !is_failure && chance.one_in(40);
    let prompt = chance.skewed(1_400).clamp(8, 180_000);
    let completion = if is_failure { 0 } else { chance.skewed(320).clamp(1, 16_000) };
    let reasoning = if chance.one_in(3) { completion * 2 / 5 } else { 0 };
    let cached = if chance.one_in(4) { prompt * 3 / 4 } else { 0 };
    let (prompt_price, completion_price) = endpoint.prices;
    let discount = if is_failure { 0 } else { cached * prompt_price * 3 / 4 };
    let prompt_cost = if is_failure { 0 } else { prompt * prompt_price - discount };
    let completion_cost = completion * completion_price;
    let is_byok = chance.one_in(12);
    let upstream_cost = prompt_cost + completion_cost;
    let total_cost = if is_byok { upstream_cost / 20 } else { upstream_cost };
    let latency = 120 + chance.skewed(420).clamp(0, 60_000);
    let speed = endpoint.tokens_per_second * (60 + chance.below(80) as i64) / 100;
    let attempt = Attempt {
        id: None,
        endpoint_id: Arc::clone(&endpoint.tag),
        provider_name: Arc::clone(&endpoint.provider_name),
        model_permaslug: Arc::clone(&endpoint.permaslug),
        status: Some(if is_failure { 502 } else { 200 }),
        latency_ms: latency - 2,
        is_byok,
        error_type: if is_failure { some("provider_unavailable") } else { None },
    };
    let mut attempts = vec![attempt];
    if !is_failure && chance.one_in(25) {
        let failed =
            Attempt { status: Some(429), error_type: some("rate_limited"), ..attempts[0].clone() };
        attempts.insert(0, failed);
    }
    let text = |text: &Arc<str>| (!text.is_empty()).then(|| Arc::clone(text));
    Generation {
        id: generation_id(created_at, random).into(),
        request_id: format!("req-{seconds}-{:020x}", chance.next()).into(),
        upstream_id: some(&format!("chatcmpl-{:016x}{:08x}", chance.next(), chance.below(1 << 32))),
        created_at,
        account_id: Arc::clone(&key.account_id),
        workspace_id: Arc::clone(&key.workspace_id),
        key_hash: Arc::clone(&key.hash),
        api_type: "completions".into(),
        model_requested: Arc::clone(&endpoint.model),
        model: Arc::clone(&endpoint.model),
        model_permaslug: Arc::clone(&endpoint.permaslug),
        endpoint_tag: Arc::clone(&endpoint.tag),
        provider_name: Arc::clone(&endpoint.provider_name),
        provider_slug: Arc::clone(&endpoint.provider_slug),
        upstream_model: Arc::clone(&endpoint.upstream_model),
        streamed: !chance.one_in(4),
        cancelled,
        status: if is_failure { 502 } else { 200 },
        finish_reason: if is_failure { None } else { some("stop") },
        native_finish_reason: if is_failure { None } else { some("stop") },
        error_type: if is_failure { some("provider_unavailable") } else { None },
        latency_ms: latency,
        first_token_ms: (!is_failure).then_some(latency + 9),
        generation_time_ms: completion * 1_000 / speed.max(1),
        native_tokens_prompt: prompt,
        native_tokens_completion: completion,
        native_tokens_reasoning: reasoning,
        native_tokens_cached: cached,
        tokens_prompt: prompt,
        tokens_completion: completion,
        total_cost,
        upstream_inference_cost: upstream_cost,
        upstream_prompt_cost: prompt_cost,
        upstream_completion_cost: completion_cost,
        cache_discount: discount,
        usage_cost: total_cost,
        price_version: Some(Arc::clone(&endpoint.price_version)),
        prices: Some(Arc::clone(&endpoint.price_list)),
        is_byok,
        price_state: PriceState::Known,
        settled_by: if cancelled { SettledBy::Metered } else { SettledBy::Usage },
        external_user: chance.one_in(5).then(|| format!("user-{:03}", chance.below(400)).into()),
        session_id: chance
            .one_in(3)
            .then(|| format!("session-{:012x}", chance.below(1 << 20)).into()),
        app_referer: text(&app[0]),
        app_title: text(&app[1]),
        user_agent: text(&app[2]),
        data_region: some("global"),
        attempts,
        ..Generation::default()
    }
}
