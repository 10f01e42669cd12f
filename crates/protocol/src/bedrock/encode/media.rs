//! Images, documents, audio and video: as bytes, or from the service's own storage. MMIN-1,
//! MMIN-2, MMIN-3, PDF-1, wire-formats 5.2

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::piece::{Piece, PieceKind};
use crate::bedrock::media::{
    audio_format, document_format, ending, image_format, image_type, video_format,
};
use crate::exchange::{ErrorType, Fault, MediaSource};
use crate::json::write::{key, string};

/// An image block.
pub(super) fn image(source: &MediaSource, path: &dyn Fn() -> String) -> Result<Piece, Fault> {
    let format = match source {
        MediaSource::Base64 { media_type, .. } => image_format(media_type).ok_or_else(|| {
            let known = "takes PNG, JPEG, GIF and WebP images only";
            let refused = unsupported(path, known, media_type);
            Fault::new(ErrorType::UnsupportedImageFormat, refused.message)
        })?,
        MediaSource::Url(url) => image_format(&image_type(ending(url))).unwrap_or("jpeg"),
        MediaSource::Text { .. } | MediaSource::FileId(_) => return Err(elsewhere(path)),
    };
    block(PieceKind::Other, "image", format, None, source, path)
}

/// A document block. `name` is one that no other document of the request has.
pub(super) fn document(
    source: &MediaSource,
    filename: Option<&str>,
    name: &str,
    path: &dyn Fn() -> String,
) -> Result<Piece, Fault> {
    let refused = |kind: &str| {
        unsupported(
            path,
            "takes PDF, Word, Excel, CSV, HTML, Markdown and plain text files only",
            kind,
        )
    };
    let format = match source {
        MediaSource::Base64 { media_type, .. } if image_format(media_type).is_some() => {
            return image(source, path);
        }
        MediaSource::Base64 { media_type, .. } => {
            document_format(media_type, filename).ok_or_else(|| refused(media_type))?
        }
        MediaSource::Text { media_type, .. } => {
            document_format(media_type, filename).unwrap_or("txt")
        }
        MediaSource::Url(url) => {
            let name = format!("x.{}", ending(url));
            document_format("", filename)
                .or_else(|| document_format("", Some(&name)))
                .unwrap_or("pdf")
        }
        MediaSource::FileId(_) => return Err(elsewhere(path)),
    };
    block(PieceKind::Document, "document", format, Some(name), source, path)
}

/// A video block.
pub(super) fn video(source: &MediaSource, path: &dyn Fn() -> String) -> Result<Piece, Fault> {
    let format = match source {
        MediaSource::Base64 { media_type, .. } => video_format(media_type).ok_or_else(|| {
            let known = "takes MP4, MOV, MKV, WebM, FLV, MPEG, WMV and 3GP videos only";
            unsupported(path, known, media_type)
        })?,
        MediaSource::Url(url) => video_format(&format!("video/{}", ending(url))).unwrap_or("mp4"),
        MediaSource::Text { .. } | MediaSource::FileId(_) => return Err(elsewhere(path)),
    };
    block(PieceKind::Document, "video", format, None, source, path)
}

/// An audio block.
pub(super) fn audio(
    source: &MediaSource,
    format: &str,
    path: &dyn Fn() -> String,
) -> Result<Piece, Fault> {
    let format = audio_format(format)
        .ok_or_else(|| unsupported(path, "takes the usual audio formats only", format))?;
    block(PieceKind::Other, "audio", format, None, source, path)
}

fn block(
    kind: PieceKind,
    member: &str,
    format: &str,
    name: Option<&str>,
    source: &MediaSource,
    path: &dyn Fn() -> String,
) -> Result<Piece, Fault> {
    let (place, value) = match source {
        MediaSource::Base64 { data, .. } => ("bytes", data.clone()),
        MediaSource::Text { text, .. } => ("bytes", STANDARD.encode(text)),
        MediaSource::Url(url) if url.starts_with("s3://") => ("uri", url.clone()),
        MediaSource::Url(_) => {
            return Err(Fault::invalid(format!(
                "{}: this provider does not fetch URLs; send the bytes as a base64 data URL",
                path()
            )));
        }
        MediaSource::FileId(_) => return Err(elsewhere(path)),
    };
    Ok(Piece::of(kind, member, |out| {
        string(out, "format", format);
        if let Some(name) = name {
            string(out, "name", name);
        }
        key(out, "source");
        out.push(b'{');
        if place == "uri" {
            key(out, "s3Location");
            out.push(b'{');
            string(out, place, &value);
            out.push(b'}');
        } else {
            string(out, place, &value);
        }
        out.push(b'}');
    }))
}

fn unsupported(path: &dyn Fn() -> String, what: &str, got: &str) -> Fault {
    let got: String = got.chars().take(64).collect();
    Fault::invalid(format!("{}: this provider {what}, got `{got}`", path()))
}

fn elsewhere(path: &dyn Fn() -> String) -> Fault {
    Fault::invalid(format!(
        "{}: the file is stored at another provider; send its bytes as a base64 data URL",
        path()
    ))
}
