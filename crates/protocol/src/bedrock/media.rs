//! Formats of media: the protocol names them by short words instead of media types.
//! wire-formats 5.2

/// The word for an image's media type.
pub(super) fn image_format(media_type: &str) -> Option<&'static str> {
    Some(match bare(media_type).as_str() {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpeg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => return None,
    })
}

/// The media type of an image's word.
pub(super) fn image_type(format: &str) -> String {
    format!("image/{format}")
}

/// The word for a document, by its media type or its file name.
pub(super) fn document_format(media_type: &str, filename: Option<&str>) -> Option<&'static str> {
    let by_type = match bare(media_type).as_str() {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/markdown" => "md",
        "" | "application/octet-stream" => return by_name(filename?),
        "application/json" => "txt",
        text if text.starts_with("text/") => "txt",
        _ => return None,
    };
    Some(by_type)
}

fn by_name(filename: &str) -> Option<&'static str> {
    let (_, ending) = filename.rsplit_once('.')?;
    ["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(ending))
}

/// The word for a video's media type.
pub(super) fn video_format(media_type: &str) -> Option<&'static str> {
    Some(match bare(media_type).as_str() {
        "video/mp4" => "mp4",
        "video/quicktime" | "video/mov" => "mov",
        "video/x-matroska" | "video/mkv" => "mkv",
        "video/webm" => "webm",
        "video/x-flv" | "video/flv" => "flv",
        "video/mpeg" | "video/mpg" => "mpeg",
        "video/x-ms-wmv" | "video/wmv" => "wmv",
        "video/3gpp" => "three_gp",
        _ => return None,
    })
}

/// The word for audio as callers name its format.
pub(super) fn audio_format(format: &str) -> Option<&'static str> {
    ["mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "m4a", "mpeg", "pcm", "webm"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(format))
        .or_else(|| (format == "pcm16").then_some("pcm"))
}

/// The ending of the path of a URL.
pub(super) fn ending(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// A media type without its parameters.
fn bare(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
