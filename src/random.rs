//! Fresh random bytes.

use anyhow::{Result, anyhow};

use crate::system_words::plain;

/// Eight of them, for keys, message ids and waits.
///
/// # Errors
/// The operating system has no randomness to give.
pub fn bytes() -> Result<[u8; 8]> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|e| anyhow!("no random bytes: {}", plain(&e.to_string())))?;
    Ok(bytes)
}
