//! Concurrency and stickiness.

use super::server::Server;
use super::{LEASE, NOON};
use crate::shared::{SharedRates, SharedSticky};

#[tokio::test]
async fn who_leaves_or_dies_makes_room() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (server.connect().await, server.connect().await);
    let (one, other) = (SharedRates::new(one, "test"), SharedRates::new(other, "test"));
    assert!(one.enter(NOON, "a", 1, 2, LEASE).await.unwrap());
    assert!(other.enter(NOON, "a", 2, 2, LEASE).await.unwrap());
    assert!(!other.enter(NOON, "a", 3, 2, LEASE).await.unwrap());
    assert!(other.enter(NOON + 1, "a", 2, 2, LEASE).await.unwrap(), "is in already");
    assert!(other.enter(NOON, "b", 3, 1, LEASE).await.unwrap());
    assert!(!other.enter(NOON, "c", 3, 0, LEASE).await.unwrap());
    one.leave("a", 1).await.unwrap();
    one.leave("a", 1).await.unwrap();
    assert!(other.enter(NOON, "a", 3, 2, LEASE).await.unwrap());
    assert!(!one.enter(NOON + LEASE - 1, "a", 4, 2, LEASE).await.unwrap());
    assert!(one.enter(NOON + LEASE, "a", 4, 2, LEASE).await.unwrap());
    assert!(!one.enter(NOON + LEASE, "a", 5, 2, LEASE).await.unwrap(), "2 was renewed");
}

#[tokio::test]
async fn conversations_are_remembered_by_all() {
    let Some(server) = Server::start() else { return };
    let (one, other) = (server.connect().await, server.connect().await);
    let (one, other) = (SharedSticky::new(one, "test"), SharedSticky::new(other, "test"));
    assert_eq!(one.get(1, "m").await, Ok(None));
    one.put(1, "m", "acme/fp8").await.unwrap();
    assert_eq!(other.get(1, "m").await, Ok(Some("acme/fp8".to_owned())));
    assert_eq!(other.get(1, "n").await, Ok(None));
    assert_eq!(other.get(2, "m").await, Ok(None));
    let elsewhere = SharedSticky::new(server.connect().await, "elsewhere");
    assert_eq!(elsewhere.get(1, "m").await, Ok(None));
}
