//! A world: providers and their whims, prices, and who may spend what.

use std::collections::HashMap;

use catalog::{AuthStyle, Catalog, Endpoint, Meter, Model, PicoUsd, PriceList, Provider};
use gateway::Settings;
use gateway::control::ControlSources;
use std::time::Duration;
use store::{
    Actor, BudgetInterval, LedgerKind, LimitReset, MemberLimit, MemberRole, NewApiKey,
    NewLedgerEntry, NewMember, NewProviderCredential, Secret, Store, WorkspaceSettings,
};
use testkit::{Fault, Point, Protocol, Rule, Script, Simulator, UsageMode};

use super::chance::Chance;
use crate::support::{Upstream, catalog_of, settings};

const PROTOCOLS: [Protocol; 3] = [Protocol::OpenAi, Protocol::Anthropic, Protocol::Gemini];
const PROVIDERS: usize = 5;
const MODELS: usize = 8;

pub struct World {
    pub simulator: Simulator,
    catalog: Catalog,
    /// What endpoints charge, by tag; `None` where nobody knows.
    pub prices: HashMap<String, Option<Price>>,
    /// The providers of each model.
    pub offers: Vec<Vec<String>>,
    /// Basis points on top, by place of the workspace.
    markups: [u32; 3],
    credit: Option<i64>,
    /// What limits are about: few requests, or many.
    scale: i64,
    settings: Settings,
}

/// A price in pico-dollars.
#[derive(Clone, Copy, Debug)]
pub struct Price {
    pub prompt: i64,
    pub completion: i64,
    pub request: i64,
}

/// Who may call, and what is known of them.
pub struct Accounts {
    pub keys: Vec<String>,
    /// Basis points on top, by workspace.
    pub markups: HashMap<String, u32>,
    /// All that the account was given, if it has a ledger.
    pub credit: Option<i64>,
}

impl World {
    pub async fn of(chance: &mut Chance) -> Self {
        let (mut builder, mut offers, mut prices) =
            (Simulator::builder(), Vec::new(), HashMap::new());
        let mut places = Vec::new();
        for model in 0..MODELS {
            let mut at: Vec<usize> = (0..PROVIDERS).collect();
            chance.shuffle(&mut at);
            at.truncate(chance.between(1, 3));
            for provider in &at {
                let tag = tag(model, *provider);
                builder = builder.rule(Rule::new(whim(chance)).model(upstream_model(&tag)));
                prices.insert(tag, price(chance));
                places.push((model, *provider));
            }
            offers.push(at.iter().map(|provider| slug(*provider)).collect());
        }
        let simulator = builder.start().await.unwrap();
        let catalog = catalog(&simulator, &places, &prices, chance);
        let scale = *chance.of(&[300_000, 5_000_000, 100_000_000, 5_000_000_000]);
        let credit = chance.percent(50).then(|| scale * 4 + chance.below(1_000) as i64);
        let mut settings = settings();
        settings.drain_timeout = Duration::from_secs(30);
        settings.upstream.first_event = Duration::from_millis(150);
        settings.upstream.idle = Duration::from_millis(150);
        settings.upstream.total = Duration::from_millis(900);
        settings.upstream.after_finish = Duration::from_millis(100);
        settings.limits.reservation_wait = Duration::from_millis(*chance.of(&[0, 100, 500]));
        settings.limits.read_on_timeout = Duration::from_millis(*chance.of(&[5, 400]));
        settings.heartbeat_after = Duration::from_millis(*chance.of(&[40, 5_000]));
        settings.heartbeat_interval = Duration::from_millis(40);
        let markups = [0, *chance.of(&[0, 550, 1_333]), *chance.of(&[0, 1, 2_500])];
        Self { simulator, catalog, prices, offers, markups, credit, scale, settings }
    }

    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    pub fn sources(&self) -> ControlSources {
        let catalog = self.catalog.clone();
        let keys = (0..PROVIDERS).map(|provider| (slug(provider), Secret::new("ours")));
        ControlSources {
            environment: keys.collect(),
            catalog: Box::new(move |_| Ok(catalog.clone())),
        }
    }

    /// Workspaces, members, keys, limits and credentials in a new store.
    pub async fn settle_in(&self, store: &Store) -> Accounts {
        let actor = Actor::system();
        let mut workspaces = vec![store.workspaces().await.unwrap().remove(0).id];
        for name in ["second", "third"] {
            let named = WorkspaceSettings::named(name, name);
            workspaces.push(store.create_workspace(named, &actor, 1).await.unwrap().id);
        }
        for provider in [0, 1] {
            let credential = NewProviderCredential {
                provider: slug(provider),
                name: "own".into(),
                secret: Secret::new("theirs"),
                workspace_id: Some(workspaces[1].clone()),
                is_fallback: provider == 1,
                ..NewProviderCredential::default()
            };
            store.create_credential(credential, &actor, 1).await.unwrap();
        }
        let budgets = [(BudgetInterval::Daily, 1), (BudgetInterval::Monthly, 3)];
        for (interval, times) in budgets {
            let (workspace, amount) = (&workspaces[2], self.scale * times);
            let put =
                store.put_workspace_budget(workspace, interval, amount, Some(true), &actor, 1);
            put.await.unwrap();
        }
        let markups: HashMap<String, u32> = workspaces.iter().cloned().zip(self.markups).collect();
        let document = serde_json::to_value(&markups).unwrap();
        store.put_setting("workspace_markups", &document, &actor, 1).await.unwrap();
        if let Some(amount_nano_usd) = self.credit {
            let (account_id, reason) = (None, String::new());
            let kind = LedgerKind::Grant;
            let entry = NewLedgerEntry { account_id, kind, amount_nano_usd, reason };
            store.add_ledger_entry(entry, &actor, 1).await.unwrap();
        }
        let keys = self.make_keys(store, &workspaces).await;
        Accounts { keys, markups, credit: self.credit }
    }

    async fn make_keys(&self, store: &Store, workspaces: &[String]) -> Vec<String> {
        let actor = Actor::system();
        let new = NewMember { email: "a@b".into(), name: "A".into(), role: MemberRole::Member };
        let member = store.create_member(new, &actor, 1).await.unwrap().id;
        let limit = MemberLimit {
            member_id: member.clone(),
            interval: BudgetInterval::Weekly,
            limit_nano_usd: self.scale * 2,
            include_byok: true,
        };
        store.put_member_limit(limit, &actor, 1).await.unwrap();
        let (unlimited, limited) = (None, Some(self.scale + 1));
        // Workspace, limit, window, whether a member's.
        let kinds = [
            (0, unlimited, None, false),
            (0, limited, None, false),
            (0, unlimited, None, true),
            (1, limited, Some(LimitReset::Daily), true),
            (1, unlimited, None, false),
            (2, unlimited, None, false),
            (2, limited, Some(LimitReset::Monthly), true),
        ];
        let mut keys = Vec::new();
        for (workspace, limit_nano_usd, limit_reset, is_members) in kinds {
            let new = NewApiKey {
                name: "key".into(),
                workspace_id: Some(workspaces[workspace].clone()),
                member_id: is_members.then(|| member.clone()),
                limit_nano_usd,
                limit_reset,
                include_byok_in_limit: is_members,
                ..NewApiKey::default()
            };
            let made = store.create_api_key(new, &actor, 1).await.unwrap();
            keys.push(made.plaintext.expose().to_owned());
        }
        keys
    }
}

pub fn model(number: usize) -> String {
    format!("test/model-{number}")
}

fn slug(provider: usize) -> String {
    format!("provider-{provider}")
}

fn tag(model: usize, provider: usize) -> String {
    format!("{}/{model}", slug(provider))
}

/// The provider's name of the model of an endpoint.
pub fn upstream_model(tag: &str) -> String {
    tag.replace('/', "-")
}

/// Everything that an endpoint may charge: odd prices, so that there is something to round.
fn price(chance: &mut Chance) -> Option<Price> {
    let any = |chance: &mut Chance, most: usize| i64::try_from(chance.between(1, most)).unwrap();
    match chance.below(10) {
        0 => None,
        1 => Some(Price { prompt: 0, completion: 0, request: 0 }),
        2 => Some(Price { prompt: 0, completion: 0, request: any(chance, 3_000_000_000) }),
        3 => Some(Price { prompt: any(chance, 999), completion: any(chance, 999), request: 0 }),
        4 | 5 => Some(Price {
            prompt: any(chance, 9_000_000),
            completion: any(chance, 40_000_000),
            request: any(chance, 1_000_000_000),
        }),
        _ => Some(Price {
            prompt: any(chance, 9_000_000),
            completion: any(chance, 40_000_000),
            request: 0,
        }),
    }
}

/// How an endpoint behaves all through a world.
fn whim(chance: &mut Chance) -> Script {
    let after = chance.between(1, 4);
    let anywhere = *chance.of(&[Point::BeforeHeaders, Point::After(0), Point::After(after)]);
    let status = *chance.of(&[400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 529]);
    let fault = match chance.below(60) {
        0..=5 => Some(Fault::Status(status)),
        6 => Some(Fault::Hang(anywhere)),
        7 | 8 => Some(Fault::Reset(anywhere)),
        9 => Some(Fault::Close(anywhere)),
        10 | 11 => Some(Fault::Truncate(after)),
        12 => Some(Fault::Malformed(after)),
        13 => Some(Fault::HalfFrame(after)),
        14 | 15 => Some(Fault::ErrorEvent { after, status: 529 }),
        16 => Some(Fault::EmptyAnswer),
        17 => Some(Fault::EmptyBody),
        18 => Some(*chance.of(&[Fault::HtmlOk, Fault::Page(502)])),
        19 => Some(Fault::Refusal),
        20 => Some(Fault::LongContentLength),
        _ => None,
    };
    Script {
        fault,
        latency_ms: *chance.of(&[0, 0, 1, 8]),
        gap_ms: *chance.of(&[0, 0, 1, 4]),
        split: *chance.of(&[None, None, Some(17)]),
        usage: *chance.of(&[UsageMode::Normal, UsageMode::Missing, UsageMode::EveryChunk]),
        ..Script::new()
    }
}

fn catalog(
    simulator: &Simulator,
    places: &[(usize, usize)],
    prices: &HashMap<String, Option<Price>>,
    chance: &mut Chance,
) -> Catalog {
    let upstreams: Vec<Upstream> = (0..PROVIDERS)
        .map(|number| {
            let protocol = PROTOCOLS[number % PROTOCOLS.len()];
            Upstream::of(simulator, protocol, &slug(number))
        })
        .collect();
    let (models, endpoints, mut providers) = catalog_of(&upstreams).into_parts();
    for provider in &mut providers {
        provider.auth = AuthStyle::Bearer;
        provider.cancel_stops_billing = chance.percent(60);
    }
    let models = (0..MODELS).map(|number| Model {
        id: model(number),
        canonical_slug: format!("{}-20260101", model(number)),
        ..models[0].clone()
    });
    let endpoints = places.iter().map(|(number, provider)| {
        let like = endpoints.iter().find(|endpoint| endpoint.provider == slug(*provider)).unwrap();
        let tag = tag(*number, *provider);
        let base = prices[&tag].map_or(Vec::new(), |price| {
            let mut base = vec![
                (Meter::Prompt, PicoUsd(price.prompt)),
                (Meter::Completion, PicoUsd(price.completion)),
            ];
            if price.request > 0 {
                base.push((Meter::Request, PicoUsd(price.request)));
            }
            base
        });
        Endpoint {
            model: model(*number),
            upstream_model: upstream_model(&tag),
            tag,
            price: PriceList { base, overrides: Vec::new() },
            ..like.clone()
        }
    });
    let providers: Vec<Provider> = providers;
    Catalog::new(models.collect(), endpoints.collect(), providers).unwrap()
}
