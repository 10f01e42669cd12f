//! Images and documents.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::piece::{Piece, PieceKind};
use crate::anthropic::wire::{key, string};
use crate::exchange::{ErrorType, Fault, MediaSource};
use crate::target::Target;

/// Whether a source names a file in the provider's store, which needs a feature flag.
pub(super) fn is_stored(source: &MediaSource) -> bool {
    matches!(source, MediaSource::FileId(_))
}

/// An image block. MMIN-1
pub(super) fn image(
    source: &MediaSource,
    target: &Target<'_>,
    path: &dyn Fn() -> String,
) -> Result<Piece, Fault> {
    let mut piece = Piece::of_type(PieceKind::Other, "image");
    key(&mut piece.json, "source");
    match source {
        MediaSource::Base64 { media_type, data } => {
            let Some(media_type) = image_type(media_type) else {
                return Err(Fault::new(
                    ErrorType::UnsupportedImageFormat,
                    format!(
                        "{}: this model takes JPEG, PNG, GIF and WebP images only, got `{}`",
                        path(),
                        shown(media_type)
                    ),
                ));
            };
            base64(&mut piece.json, media_type, data);
        }
        MediaSource::Url(url) => by_url(&mut piece.json, url, "images", target, path)?,
        MediaSource::FileId(id) => by_id(&mut piece.json, id, path)?,
        MediaSource::Text { .. } => {
            return Err(Fault::invalid(format!("{}: an image cannot be a text", path())));
        }
    }
    Ok(piece)
}

/// A document block: a PDF or a plain text. PDF-1
pub(super) fn document(
    source: &MediaSource,
    filename: Option<&str>,
    target: &Target<'_>,
    path: &dyn Fn() -> String,
) -> Result<Piece, Fault> {
    if let MediaSource::Base64 { media_type, .. } = source
        && image_type(media_type).is_some()
    {
        return image(source, target, path);
    }
    let mut piece = Piece::of_type(PieceKind::Other, "document");
    key(&mut piece.json, "source");
    match source {
        MediaSource::Base64 { media_type, data } => {
            let named_pdf =
                filename.is_some_and(|name| name.to_ascii_lowercase().ends_with(".pdf"));
            let kind = media_type.split(';').next().unwrap_or_default().trim();
            if kind == "application/pdf"
                || (named_pdf && matches!(kind, "" | "application/octet-stream"))
            {
                base64(&mut piece.json, "application/pdf", data);
            } else if kind.starts_with("text/") || kind == "application/json" {
                let decoded = STANDARD.decode(data).ok().and_then(|it| String::from_utf8(it).ok());
                let Some(decoded) = decoded else {
                    return Err(Fault::invalid(format!(
                        "{}: the file is not valid base64 of UTF-8 text",
                        path()
                    )));
                };
                text(&mut piece.json, &decoded);
            } else {
                return Err(Fault::invalid(format!(
                    "{}: this model takes PDF and plain text files only, got `{}`",
                    path(),
                    shown(kind)
                )));
            }
        }
        MediaSource::Url(url) => by_url(&mut piece.json, url, "files", target, path)?,
        MediaSource::FileId(id) => by_id(&mut piece.json, id, path)?,
        MediaSource::Text { text: content, .. } => text(&mut piece.json, content),
    }
    if let Some(name) = filename {
        string(&mut piece.json, "title", name);
    }
    Ok(piece)
}

fn image_type(media_type: &str) -> Option<&'static str> {
    Some(match media_type.split(';').next().unwrap_or_default().trim() {
        "image/jpeg" | "image/jpg" => "image/jpeg",
        "image/png" => "image/png",
        "image/gif" => "image/gif",
        "image/webp" => "image/webp",
        _ => return None,
    })
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

fn base64(out: &mut Vec<u8>, media_type: &str, data: &str) {
    out.push(b'{');
    string(out, "type", "base64");
    string(out, "media_type", media_type);
    string(out, "data", data);
    out.push(b'}');
}

fn text(out: &mut Vec<u8>, content: &str) {
    out.push(b'{');
    string(out, "type", "text");
    string(out, "media_type", "text/plain");
    string(out, "data", content);
    out.push(b'}');
}

/// A file in the provider's store. Ids that other vendors gave out name nothing there.
fn by_id(out: &mut Vec<u8>, id: &str, path: &dyn Fn() -> String) -> Result<(), Fault> {
    if id.starts_with("files/") || id.starts_with("file-") {
        return Err(Fault::invalid(format!(
            "{}: the file is stored at another provider; send its bytes or a URL",
            path()
        )));
    }
    out.push(b'{');
    string(out, "type", "file");
    string(out, "file_id", id);
    out.push(b'}');
    Ok(())
}

fn by_url(
    out: &mut Vec<u8>,
    url: &str,
    what: &str,
    target: &Target<'_>,
    path: &dyn Fn() -> String,
) -> Result<(), Fault> {
    if target.quirks.no_media_urls {
        return Err(Fault::invalid(format!(
            "{}: this provider takes {what} as base64 data URLs only",
            path()
        )));
    }
    if !url.starts_with("https://") {
        return Err(Fault::invalid(format!(
            "{}: {what} must be https URLs or base64 data URLs",
            path()
        )));
    }
    out.push(b'{');
    string(out, "type", "url");
    string(out, "url", url);
    out.push(b'}');
    Ok(())
}
