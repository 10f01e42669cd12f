//! Which endpoint a conversation stays with, for all nodes. STICKY

use redis::AsyncCommands as _;

use super::link::{Unavailable, Valkey};

/// How long a conversation is remembered without a request, in milliseconds: ten minutes. STICKY-5
const LIFE_MS: u64 = 600_000;

/// Endpoints that conversations stay with. What is lost of it only costs a warm cache.
#[derive(Debug, Clone)]
pub struct SharedSticky {
    valkey: Valkey,
    prefix: String,
}

impl SharedSticky {
    /// The conversations of a deployment, which goes by `namespace` on that server.
    pub fn new(valkey: Valkey, namespace: &str) -> Self {
        Self { valkey, prefix: format!("{{{namespace}}}:sticky:") }
    }

    /// The tag of the endpoint that a conversation is with, if it is remembered. The model is part
    /// of the conversation.
    pub async fn get(
        &self,
        conversation: u128,
        model: &str,
    ) -> Result<Option<String>, Unavailable> {
        let key = self.key(conversation, model);
        let get = async |mut connection: redis::aio::MultiplexedConnection| {
            connection.get::<_, Option<String>>(&key).await
        };
        self.valkey.attempt(true, None, get).await
    }

    /// Remembers the endpoint for ten minutes from now on.
    pub async fn put(&self, conversation: u128, model: &str, tag: &str) -> Result<(), Unavailable> {
        let key = self.key(conversation, model);
        let put = async |mut connection: redis::aio::MultiplexedConnection| {
            connection.pset_ex::<_, _, ()>(&key, tag, LIFE_MS).await
        };
        self.valkey.attempt(true, None, put).await
    }

    fn key(&self, conversation: u128, model: &str) -> String {
        format!("{}{conversation:032x}:{model}", self.prefix)
    }
}
