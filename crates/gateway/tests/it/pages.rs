//! Pages and the base path, through the listener.

use bytes::Bytes;
use gateway::Settings;
use http::Request;
use http_body_util::Full;
use testkit::{Protocol, Simulator};

use super::support::{Answer, Gateway, MODEL, Upstream, settings};

async fn ask(gateway: &Gateway, path: &str, accept: &str) -> Answer {
    let request = Request::get(path)
        .header("host", "gateway")
        .header("accept", accept)
        .body(Full::new(Bytes::new()))
        .unwrap();
    gateway.send(request).await
}

async fn with(settings: Settings) -> (Simulator, Gateway) {
    let simulator = Simulator::start().await.unwrap();
    let upstream = Upstream::of(&simulator, Protocol::OpenAi, "alpha");
    let gateway = Gateway::with_settings(&[upstream], settings).await;
    (simulator, gateway)
}

#[tokio::test]
async fn everything_is_served_with_the_base_path_and_without() {
    let (_simulator, gateway) =
        with(Settings { base_path: "/team/llm".parse().unwrap(), ..settings() }).await;
    for base in ["", "/team/llm"] {
        let page = ask(&gateway, &format!("{base}/models/alpha/m.4.1"), "text/html").await;
        assert_eq!(page.status, 200, "{base}");
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(text.contains("<base href=\"/team/llm/\" />"), "{base}");
        assert_eq!(ask(&gateway, &format!("{base}/api/v1/models"), "*/*").await.status, 200);
        assert_eq!(ask(&gateway, &format!("{base}/readyz"), "*/*").await.status, 200);
        let missing = ask(&gateway, &format!("{base}/api/v1/nothing"), "text/html").await;
        assert_eq!(missing.status, 404);
        assert_eq!(missing.json()["error"]["code"], 404);
    }
    let folder = ask(&gateway, "/team/llm", "text/html").await;
    assert_eq!(folder.status, 308);
    assert_eq!(folder.headers["location"], "/team/llm/");
    // Inference and what is passed through are found before any router.
    let chat = serde_json::json!({"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]});
    let answer = gateway.post("/team/llm/api/v1/chat/completions", &chat).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_ne!(ask(&gateway, "/team/llm/alpha/v1/files", "text/html").await.status, 200);
}

#[tokio::test]
async fn without_a_dashboard_there_are_no_pages() {
    let (_simulator, gateway) = with(Settings { dashboard: false, ..settings() }).await;
    for path in ["/", "/keys", "/assets/index.js"] {
        let answer = ask(&gateway, path, "text/html").await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["error"]["code"], 404, "{path}");
    }
}
