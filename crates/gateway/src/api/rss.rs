//! The list of models as a feed. MODELS-4

use catalog::list::ModelObject;

use super::time::rfc2822;

/// Renders a feed of models, newest first as they come. With `chat`, items lead to a chat with the
/// model instead of its page.
pub fn render(public_url: &str, models: &[ModelObject], chat: bool) -> String {
    let mut feed = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel>\
         <title>Models</title>",
    );
    push(&mut feed, "link", public_url);
    push(&mut feed, "description", "Models of this gateway");
    for model in models {
        feed.push_str("<item>");
        push(&mut feed, "title", &model.name);
        push_with(&mut feed, "guid", " isPermaLink=\"false\"", &model.canonical_slug);
        let link = if chat {
            format!("{public_url}/chat?models={}", model.id)
        } else {
            format!("{public_url}/{}", model.id)
        };
        push(&mut feed, "link", &link);
        push(&mut feed, "description", &model.description);
        push(&mut feed, "pubDate", &rfc2822(model.created));
        feed.push_str("</item>");
    }
    feed.push_str("</channel></rss>\n");
    feed
}

fn push(feed: &mut String, name: &str, text: &str) {
    push_with(feed, name, "", text);
}

/// An element with attributes, written as they are.
fn push_with(feed: &mut String, name: &str, attributes: &str, text: &str) {
    feed.push_str(&format!("<{name}{attributes}>"));
    for character in text.chars() {
        match character {
            '<' => feed.push_str("&lt;"),
            '>' => feed.push_str("&gt;"),
            '&' => feed.push_str("&amp;"),
            // Control characters cannot be part of XML at all.
            other if other.is_control() => feed.push(' '),
            other => feed.push(other),
        }
    }
    feed.push_str(&format!("</{name}>"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut feed = String::new();
        push(&mut feed, "title", "a<b>&\u{0}c");
        assert_eq!(feed, "<title>a&lt;b&gt;&amp; c</title>");
        feed.clear();
        push_with(&mut feed, "guid", " isPermaLink=\"false\"", "a/b");
        assert_eq!(feed, "<guid isPermaLink=\"false\">a/b</guid>", "it is no address");
    }
}
