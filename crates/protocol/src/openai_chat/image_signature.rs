//! Which image a signature belongs to. Gemini signs the images it makes, and wants each signature back
//! in the part it came in. Here images and reasoning stand in two lists, so the signature names its
//! image where others name their tool call: by its `id`.

/// The id of the signature of an answer's image, counted from 0.
pub(super) fn id(image: usize) -> String {
    format!("image_{image}")
}

/// Whether an id is one that [`id`] makes.
pub(super) fn is_id(id: &str) -> bool {
    id.strip_prefix("image_").is_some_and(|number| {
        !number.is_empty() && number.len() < 4 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}
