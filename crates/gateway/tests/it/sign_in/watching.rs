//! Watching generations as they are settled: by session, and by members.

use http::Method;
use serde_json::Value;
use store::MemberRole;

use super::{House, Person};
use crate::events::{Events, STREAM};
use crate::support::settings;

async fn watch(house: &House, person: &Person) -> Events {
    let cookie = format!("trunkline_session={}", person.token);
    let headers = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let mut events = Events::open(house.gateway.address, STREAM, &headers).await;
    assert!(events.until(": listening").await);
    events
}

#[tokio::test]
async fn members_see_what_is_theirs_pass_by() {
    let house = House::start().await;
    let ada = house.person("ada@example.org", MemberRole::Admin).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let (mut adas, mut bos) = (watch(&house, &ada).await, watch(&house, &bo).await);
    let by_ada = house.gateway.generation(&house.chat(&ada.token).await).await.unwrap();
    let by_bo = house.gateway.generation(&house.chat(&bo.token).await).await.unwrap();
    assert!(bos.until(&by_bo.id).await);
    assert!(!bos.text.contains(&*by_ada.id), "{}", bos.text);
    assert!(adas.until(&by_bo.id).await);
    assert!(adas.text.contains(&*by_ada.id), "{}", adas.text);
    adas.close();
    bos.close();
}

#[tokio::test]
async fn watching_ends_with_the_session() {
    let mut settings = settings();
    settings.heartbeat_interval = std::time::Duration::from_millis(50);
    let house = House::with_settings(settings).await;
    let bo = house.person("bo@example.org", MemberRole::Member).await;
    let mut events = watch(&house, &bo).await;
    let out = house.by(&bo.token, Method::POST, "/api/internal/logout", &Value::Null).await;
    assert_eq!(out.status, 200, "{}", out.json());
    assert!(!events.until("nothing like it").await, "{}", events.text);
    events.close();
}
