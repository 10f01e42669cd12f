//! Packs the vocabulary of a tokenizer in the form that the gateway carries: the tokens by their
//! rank, each a byte for its length and its bytes, deflated without a header. Three published forms
//! are read: lines of base64 and rank (`.tiktoken`), Mistral's `tekken_….json`, and the
//! `tokenizer.json` of byte-level pair encodings.
//!
//! What is packed has no merges, so that ranks have to say which pair goes first: that is checked.

use std::collections::HashMap;
use std::fmt;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::Deserialize;

/// Tokens by rank.
type Tokens = Vec<Vec<u8>>;

/// What was packed.
#[derive(Debug)]
pub struct Packed {
    /// How many tokens.
    pub tokens: usize,
    /// Tokens that are not made of two of lower rank by the pairs before them: only a piece that is
    /// the whole token becomes one.
    pub unreachable: usize,
    /// Bytes of the packed table.
    pub bytes: usize,
}

impl fmt::Display for Packed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, unreachable, bytes } = self;
        write!(formatter, "{tokens} tokens ({unreachable} that no pairs make), {bytes} bytes")
    }
}

/// Reads a published vocabulary and writes the packed table.
pub fn pack(published: &Path, packed: &Path) -> Result<Packed> {
    let file = std::fs::read(published)
        .with_context(|| format!("{} cannot be read", published.display()))?;
    let (tokens, merges) = read(&file)?;
    let unreachable = check(&tokens, merges.as_deref())?;
    let table = deflate(&tokens)?;
    std::fs::write(packed, &table)
        .with_context(|| format!("{} cannot be written", packed.display()))?;
    Ok(Packed { tokens: tokens.len(), unreachable, bytes: table.len() })
}

/// The pair of tokens that makes another.
type Merge = (Vec<u8>, Vec<u8>);

/// The tokens, and the merges where the file has them.
fn read(file: &[u8]) -> Result<(Tokens, Option<Vec<Merge>>)> {
    if !file.trim_ascii_start().starts_with(b"{") {
        return Ok((read_lines(std::str::from_utf8(file)?)?, None));
    }
    match serde_json::from_slice::<Document>(file)? {
        Document::Tekken { vocab, config } => {
            let used = config.default_vocab_size.checked_sub(config.default_num_special_tokens);
            let used = used.context("config: has fewer tokens than special ones")?;
            let ranked = vocab.into_iter().take(used).map(|token| {
                Ok((token.rank, STANDARD.decode(&token.token_bytes).context("token_bytes")?))
            });
            Ok((in_order(ranked.collect::<Result<_>>()?, 0)?, None))
        }
        Document::Tokenizer { model } => read_tokenizer(model),
    }
}

fn read_lines(file: &str) -> Result<Tokens> {
    let mut ranked = Vec::new();
    for line in file.lines().filter(|line| !line.is_empty()) {
        let (token, rank) = line.split_once(' ').context("a line is not a token and its rank")?;
        ranked.push((rank.parse()?, STANDARD.decode(token)?));
    }
    in_order(ranked, 0)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    Tekken { vocab: Vec<TekkenToken>, config: TekkenConfig },
    Tokenizer { model: Model },
}

#[derive(Deserialize)]
struct TekkenToken {
    rank: usize,
    token_bytes: String,
}

/// Of the tokens in the file only the first are used, as many as are left beside special ones.
#[derive(Deserialize)]
struct TekkenConfig {
    default_vocab_size: usize,
    default_num_special_tokens: usize,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, usize>,
    merges: Vec<Pair>,
}

/// Older files have the two with a blank between, newer ones a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Pair {
    Joined(String),
    Apart(String, String),
}

/// Tokens that cannot be bytes are special, and come first.
fn read_tokenizer(model: Model) -> Result<(Tokens, Option<Vec<Merge>>)> {
    let bytes = bytes_by_sign();
    let raw = |token: &str| -> Option<Vec<u8>> {
        token.chars().map(|sign| bytes.get(&sign).copied()).collect()
    };
    let mut ranked: Vec<(usize, Vec<u8>)> = Vec::new();
    for (token, rank) in &model.vocab {
        ranked.extend(raw(token).map(|token| (*rank, token)));
    }
    let special = model.vocab.len() - ranked.len();
    let merges = model.merges.iter().map(|pair| {
        let (left, right) = match pair {
            Pair::Joined(both) => both.split_once(' ').context("a merge is not two tokens")?,
            Pair::Apart(left, right) => (left.as_str(), right.as_str()),
        };
        raw(left).zip(raw(right)).context("a merge is not of bytes")
    });
    Ok((in_order(ranked, special)?, Some(merges.collect::<Result<_>>()?)))
}

/// How byte-level vocabularies write bytes: what can be seen as itself, the others as signs from
/// U+0100 on.
fn bytes_by_sign() -> HashMap<char, u8> {
    let mut next = 0x100_u32;
    let mut signs = HashMap::new();
    for byte in 0..=u8::MAX {
        let seen = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
        let sign = if seen { Some(char::from(byte)) } else { char::from_u32(next) };
        next += u32::from(!seen);
        signs.extend(sign.map(|sign| (sign, byte)));
    }
    signs
}

/// Ranks from `first` on without a gap.
fn in_order(mut ranked: Vec<(usize, Vec<u8>)>, first: usize) -> Result<Tokens> {
    ranked.sort_unstable();
    for (at, (rank, token)) in ranked.iter().enumerate() {
        ensure!(*rank == at + first, "rank {}: is missing or there twice", at + first);
        ensure!((1..=255).contains(&token.len()), "rank {rank}: has {} bytes", token.len());
    }
    Ok(ranked.into_iter().map(|(_, token)| token).collect())
}

/// That ranks are enough: merges make tokens in the order of ranks, and for each token the pairs of
/// lower rank leave those two that its merge has.
fn check(tokens: &Tokens, merges: Option<&[Merge]>) -> Result<usize> {
    let ranks: HashMap<&[u8], usize> =
        tokens.iter().enumerate().map(|(rank, token)| (token.as_slice(), rank)).collect();
    ensure!(ranks.len() == tokens.len(), "a token is there twice");
    for byte in 0..=u8::MAX {
        ensure!(ranks.contains_key([byte].as_slice()), "byte {byte}: is no token");
    }
    let made: Option<HashMap<Vec<u8>, &Merge>> = merges
        .map(|merges| merges.iter().map(|pair| (pair.0.concat_with(&pair.1), pair)).collect());
    if let (Some(merges), Some(made)) = (merges, &made) {
        ensure!(made.len() == merges.len(), "two merges make the same token");
        let order = merges.iter().map(|pair| ranks.get(pair.0.concat_with(&pair.1).as_slice()));
        let order: Option<Vec<usize>> = order.map(Option::<&usize>::copied).collect();
        let order = order.context("a merge makes no token")?;
        ensure!(order.is_sorted(), "merges are in another order than ranks: ranks are not enough");
    }
    let mut unreachable = 0;
    for (rank, token) in tokens.iter().enumerate().filter(|(_, token)| token.len() > 1) {
        let parts = parts_below(token, rank, &ranks);
        match &made {
            None => unreachable += usize::from(parts.len() != 2),
            Some(made) => {
                let of = made.get(token).map(|pair| [pair.0.as_slice(), pair.1.as_slice()]);
                if of.is_none_or(|of| parts != of) {
                    bail!("rank {rank}: pairs of lower rank do not lead to its merge");
                }
            }
        }
    }
    Ok(unreachable)
}

/// What pairs of lower rank than `rank` make of a token's bytes.
fn parts_below<'t>(token: &'t [u8], rank: usize, ranks: &HashMap<&[u8], usize>) -> Vec<&'t [u8]> {
    let mut ends: Vec<usize> = (0..=token.len()).collect();
    loop {
        let pairs = (2..ends.len()).filter_map(|at| {
            let of = ranks.get(token.get(ends[at - 2]..ends[at])?)?;
            (*of < rank).then_some((*of, at - 1))
        });
        let Some((_, middle)) = pairs.min() else { break };
        ends.remove(middle);
    }
    ends.windows(2).filter_map(|ends| token.get(ends[0]..ends[1])).collect()
}

trait Concat {
    fn concat_with(&self, other: &[u8]) -> Vec<u8>;
}

impl Concat for Vec<u8> {
    fn concat_with(&self, other: &[u8]) -> Vec<u8> {
        [self.as_slice(), other].concat()
    }
}

fn deflate(tokens: &Tokens) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    for token in tokens {
        raw.push(u8::try_from(token.len())?);
        raw.extend_from_slice(token);
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&raw)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::DeflateDecoder;
    use serde_json::json;

    use super::*;

    fn bytes() -> Tokens {
        (0..=u8::MAX).map(|byte| vec![byte]).collect()
    }

    fn signs(token: &[u8]) -> String {
        let of: HashMap<u8, char> =
            bytes_by_sign().into_iter().map(|(sign, byte)| (byte, sign)).collect();
        token.iter().map(|byte| of[byte]).collect()
    }

    fn tokenizer(more: &[&[u8]], merges: &[(&str, &str)]) -> Vec<u8> {
        let mut vocab = serde_json::Map::new();
        vocab.insert("<｜begin▁of▁sentence｜>".to_owned(), json!(0));
        for (rank, token) in
            bytes().iter().map(Vec::as_slice).chain(more.iter().copied()).enumerate()
        {
            vocab.insert(signs(token), json!(rank + 1));
        }
        let merges: Vec<String> =
            merges.iter().map(|(left, right)| format!("{left} {right}")).collect();
        json!({"model": {"vocab": vocab, "merges": merges}}).to_string().into_bytes()
    }

    #[test]
    fn every_published_form_reads_as_the_same_tokens() {
        let tokens: Tokens = [bytes(), vec![b"ab".to_vec(), b"abc".to_vec()]].concat();
        let lines: String = tokens
            .iter()
            .enumerate()
            .map(|(rank, token)| format!("{} {rank}\n", STANDARD.encode(token)))
            .collect();
        let vocab: Vec<_> = tokens
            .iter()
            .chain([&b"beyond".to_vec()])
            .enumerate()
            .map(|(rank, token)| json!({"rank": rank, "token_bytes": STANDARD.encode(token)}))
            .collect();
        let config = json!({"default_vocab_size": 268, "default_num_special_tokens": 10});
        let tekken = json!({"vocab": vocab, "config": config}).to_string();
        assert_eq!(read(lines.as_bytes()).unwrap().0, tokens);
        assert_eq!(read(tekken.as_bytes()).unwrap().0, tokens);
        let (of_merges, merges) =
            read(&tokenizer(&[b"ab", b"abc"], &[("a", "b"), ("ab", "c")])).unwrap();
        assert_eq!(of_merges, tokens);
        assert_eq!(check(&tokens, merges.as_deref()).unwrap(), 0);
    }

    #[test]
    fn what_ranks_cannot_say_is_refused_or_counted() {
        let against = |merges: &[(&str, &str)]| {
            let (tokens, merges) = read(&tokenizer(&[b"ab", b"abc"], merges)).unwrap();
            check(&tokens, merges.as_deref()).unwrap_err().to_string()
        };
        assert!(against(&[("ab", "c"), ("a", "b")]).contains("another order"));
        assert!(against(&[("a", "b"), ("a", "bc")]).contains("lead to its merge"));
        assert!(against(&[("a", "b")]).contains("lead to its merge"));
        let tokens: Tokens = [bytes(), vec![b"xyz".to_vec()]].concat();
        assert_eq!(check(&tokens, None).unwrap(), 1);
    }

    #[test]
    fn a_table_has_each_length_before_its_bytes() {
        let table = deflate(&vec![b"a".to_vec(), b"bcd".to_vec()]).unwrap();
        let mut raw = Vec::new();
        DeflateDecoder::new(table.as_slice()).read_to_end(&mut raw).unwrap();
        assert_eq!(raw, b"\x01a\x03bcd");
    }
}
