//! Vectors made of words.

use sha2::{Digest, Sha256};

/// Longest vector made.
pub(super) const LONGEST: u64 = 4096;

/// The unit vector of a text: the same words make the same vector, and texts that share words are
/// near each other. A shorter vector is the beginning of a longer one, scaled to length 1 again.
pub fn embedding(text: &str, dimensions: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; dimensions];
    let words = words(text);
    for word in &words {
        add(word, &mut sums);
    }
    if words.is_empty() {
        add("", &mut sums);
    }
    let length = sums.iter().map(|value| value * value).sum::<f64>().sqrt();
    sums.into_iter().map(|value| if length > 0.0 { (value / length) as f32 } else { 0.0 }).collect()
}

/// The words of a text, in lower case.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Adds the numbers of a word, each between -1 and 1.
fn add(word: &str, sums: &mut [f64]) {
    let digest = Sha256::digest(word);
    let mut state = digest.iter().take(8).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    for sum in sums {
        // Xorshift: cheap, and good enough that different words are nearly at right angles.
        state |= 1;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *sum += (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0;
    }
}
