//! Which endpoint a conversation stays with, so that its prompt cache stays warm. STICKY

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::facts::RequestFacts;
use store::shared::SharedSticky;
use tokio::runtime::Handle;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// How long a conversation is remembered without a request. STICKY-5
const LIFETIME: Duration = Duration::from_millis(routing::STICKY_TTL_MS);
/// How many conversations are remembered in one shard; the oldest go first beyond it.
const PER_SHARD: usize = 16_384;
const SHARDS: usize = 16;

/// A conversation of an account, without the model. STICKY-6
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conversation {
    key: u64,
    /// The caller named the session: sticky from the first success on. STICKY-8
    pub named: bool,
}

impl Conversation {
    /// The conversation of a request: the session id of the body, else that of the header, else the
    /// cache key, else how it begins. STICKY-7, STICKY-8, STICKY-9
    pub fn of(account: &str, header: Option<&str>, facts: &RequestFacts) -> Self {
        // The same on every node and in every build, and quick: a conversation may begin with much.
        let with = |seed: u64, text: &str| xxh3_64_with_seed(text.as_bytes(), seed);
        let account = with(0, account);
        let named = facts.session_id.as_deref().or(header);
        let key = match (named, &facts.prompt_cache_key) {
            (Some(session), _) => with(account, session),
            (None, Some(key)) => with(account ^ 1, key),
            (None, None) => {
                let opening = facts.opening;
                let both = [opening.instructions.number(), opening.first_message.number()];
                xxh3_64_with_seed(both.map(u64::to_le_bytes).as_flattened(), account ^ 2)
            }
        };
        Self { key, named: named.is_some() }
    }
}

#[derive(Clone)]
struct Remembered {
    tag: Arc<str>,
    until: Instant,
}

type Shard = Mutex<HashMap<(u64, Arc<str>), Remembered>>;

impl Conversation {
    /// What routing needs of it.
    pub fn session(self) -> routing::Session {
        routing::Session { key: u128::from(self.key), named: self.named }
    }
}

/// The conversations remembered.
pub struct StickyTable {
    shards: [Shard; SHARDS],
}

impl Default for StickyTable {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl StickyTable {
    fn shard(&self, conversation: Conversation) -> &Shard {
        &self.shards[(conversation.key % SHARDS as u64) as usize]
    }

    /// The tag of the endpoint that last served the conversation with this model.
    pub fn get(&self, conversation: Conversation, model: &str) -> Option<Arc<str>> {
        let shard = self.shard(conversation).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.is_empty() {
            return None;
        }
        shard
            .get(&(conversation.key, Arc::from(model)))
            .filter(|remembered| remembered.until > Instant::now())
            .map(|remembered| Arc::clone(&remembered.tag))
    }

    /// What a success means for the conversation's memory: begun where the session is named or the
    /// provider's cache was used, renewed by every success at the endpoint that is remembered.
    /// STICKY-1, STICKY-5, STICKY-8
    pub fn served(
        &self,
        conversation: Conversation,
        model: &Arc<str>,
        tag: &Arc<str>,
        cached_tokens: u64,
    ) {
        if routing::is_remembered(true, conversation.named, cached_tokens)
            || self.get(conversation, model).is_some_and(|remembered| remembered == *tag)
        {
            self.put(conversation, model, tag);
        }
    }

    /// Remembers, or renews. STICKY-5
    pub fn put(&self, conversation: Conversation, model: &Arc<str>, tag: &Arc<str>) {
        let now = Instant::now();
        let mut shard = self.shard(conversation).lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= PER_SHARD {
            shard.retain(|_, remembered| remembered.until > now);
            if shard.len() >= PER_SHARD {
                let middle = now + LIFETIME / 2;
                shard.retain(|_, remembered| remembered.until > middle);
            }
            if shard.len() >= PER_SHARD {
                // All of them are fresh: start over rather than search at every request.
                shard.clear();
            }
        }
        let remembered = Remembered { tag: Arc::clone(tag), until: now + LIFETIME };
        shard.insert((conversation.key, Arc::clone(model)), remembered);
    }
}

/// The conversations remembered, by this node or by many.
pub enum Stickiness {
    /// By this node.
    Local(Box<StickyTable>),
    /// By all nodes.
    Shared(SharedTable),
}

impl Default for Stickiness {
    fn default() -> Self {
        Self::Local(Box::default())
    }
}

/// Conversations that all nodes remember. This node's own table is used while they cannot be asked.
pub struct SharedTable {
    here: Arc<StickyTable>,
    shared: SharedSticky,
    runtime: Handle,
}

impl Stickiness {
    /// What all nodes remember, on the runtime of the caller.
    pub fn shared(shared: SharedSticky) -> Self {
        Self::Shared(SharedTable { here: Arc::default(), shared, runtime: Handle::current() })
    }

    /// The tag of the endpoint that last served the conversation with this model, if this node
    /// alone remembers; `Err`: the others have to be asked.
    pub fn known(
        &self,
        conversation: Conversation,
        model: &str,
    ) -> Result<Option<Arc<str>>, AskOthers> {
        match self {
            Self::Local(table) => Ok(table.get(conversation, model)),
            Self::Shared(_) => Err(AskOthers),
        }
    }

    /// The same, whoever remembers it.
    pub async fn recall(&self, conversation: Conversation, model: &str) -> Option<Arc<str>> {
        match self {
            Self::Local(table) => table.get(conversation, model),
            Self::Shared(table) => table.recall(conversation, model).await,
        }
    }

    /// What a success means for the conversation's memory: see [`StickyTable::served`].
    pub fn served(
        &self,
        conversation: Conversation,
        model: &Arc<str>,
        tag: &Arc<str>,
        cached_tokens: u64,
    ) {
        match self {
            Self::Local(table) => table.served(conversation, model, tag, cached_tokens),
            Self::Shared(table) => table.served(conversation, model, tag, cached_tokens),
        }
    }
}

/// Only other nodes know.
#[derive(Clone, Copy, Debug)]
pub struct AskOthers;

impl SharedTable {
    async fn recall(&self, conversation: Conversation, model: &str) -> Option<Arc<str>> {
        match self.shared.get(u128::from(conversation.key), model).await {
            Ok(tag) => tag.map(Into::into),
            // It only costs a warm cache.
            Err(_) => self.here.get(conversation, model),
        }
    }

    fn served(
        &self,
        conversation: Conversation,
        model: &Arc<str>,
        tag: &Arc<str>,
        cached_tokens: u64,
    ) {
        self.here.served(conversation, model, tag, cached_tokens);
        let begins = routing::is_remembered(true, conversation.named, cached_tokens);
        let (shared, key) = (self.shared.clone(), u128::from(conversation.key));
        let (model, tag) = (Arc::clone(model), Arc::clone(tag));
        // The caller does not wait for it.
        self.runtime.spawn(async move {
            let renews = || async {
                let known = shared.get(key, &model).await;
                known.is_ok_and(|known| known.as_deref() == Some(&*tag))
            };
            if begins || renews().await {
                let _ = shared.put(key, &model, &tag).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use protocol::facts::{ConversationOpening, Fingerprint};

    use super::*;

    /// STICKY-6, STICKY-8
    #[test]
    fn conversations_are_told_apart_by_account_session_and_model() {
        let table = StickyTable::default();
        let facts = RequestFacts::default();
        let one = Conversation::of("a", Some("s"), &facts);
        assert!(one.named);
        let (model, tag): (Arc<str>, Arc<str>) = ("m".into(), "openai".into());
        table.put(one, &model, &tag);
        assert_eq!(table.get(one, "m").as_deref(), Some("openai"));
        assert_eq!(table.get(one, "n"), None);
        assert_eq!(table.get(Conversation::of("b", Some("s"), &facts), "m"), None);
        assert_eq!(table.get(Conversation::of("a", None, &facts), "m"), None);
    }

    /// STICKY-8
    #[test]
    fn a_session_of_the_body_beats_that_of_the_header() {
        let body = RequestFacts { session_id: Some("body".into()), ..RequestFacts::default() };
        let both = Conversation::of("a", Some("header"), &body);
        assert_eq!(both, Conversation::of("a", None, &body));
        assert_ne!(both, Conversation::of("a", Some("header"), &RequestFacts::default()));
    }

    /// STICKY-1, STICKY-5
    #[test]
    fn every_success_renews_what_cache_use_has_begun() {
        let table = StickyTable::default();
        let facts = RequestFacts::default();
        let one = Conversation::of("a", None, &facts);
        let (model, tag): (Arc<str>, Arc<str>) = ("m".into(), "t".into());
        table.served(one, &model, &tag, 0);
        assert_eq!(table.get(one, "m"), None, "nothing begun");
        table.served(one, &model, &tag, 1);
        let until = |table: &StickyTable| {
            let shard = table.shard(one).lock().unwrap();
            shard.values().next().map(|remembered| remembered.until)
        };
        let begun = until(&table);
        table.served(one, &model, &"other".into(), 0);
        assert_eq!(until(&table), begun, "another endpoint renews nothing");
        table.served(one, &model, &tag, 0);
        assert!(until(&table) > begun);
    }

    /// STICKY-7, STICKY-8, STICKY-9
    #[test]
    fn conversations_of_one_text_in_other_places_differ() {
        let of = |facts: RequestFacts| Conversation::of("a", None, &facts).key;
        let opening = |instructions: &str, first_message: &str| {
            let opening = ConversationOpening {
                instructions: Fingerprint::of(instructions),
                first_message: Fingerprint::of(first_message),
            };
            of(RequestFacts { opening, ..RequestFacts::default() })
        };
        let keys = [
            of(RequestFacts { session_id: Some("x".into()), ..RequestFacts::default() }),
            of(RequestFacts { prompt_cache_key: Some("x".into()), ..RequestFacts::default() }),
            opening("x", ""),
            opening("", "x"),
            opening("xy", "z"),
            opening("x", "yz"),
        ];
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[..at].contains(key), "{at}");
        }
    }

    #[test]
    fn the_table_does_not_grow_without_bound() {
        let table = StickyTable::default();
        let (model, tag): (Arc<str>, Arc<str>) = ("m".into(), "t".into());
        for key in 0..(PER_SHARD as u64 + 10) {
            let conversation = Conversation { key: key * SHARDS as u64, named: true };
            table.put(conversation, &model, &tag);
        }
        assert!(table.shards[0].lock().unwrap().len() <= PER_SHARD);
    }
}
