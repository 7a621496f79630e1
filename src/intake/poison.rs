//! Mail that harms its reader, for the tests of promise R8. Only the feature `poison`, which the tests ask for, knows it.
//!
//! A message that holds `poison:STAGE:DEED` makes that stage fail, panic, run out of stack or memory, or abort, as a
//! bug would, where the environment says `ESPOMAIL_POISON`.

use anyhow::Result;

use crate::lock::Doing;

/// Does nothing.
#[cfg(not(feature = "poison"))]
pub fn act(_stage: Doing, _bytes: &[u8]) -> Result<()> {
    Ok(())
}

/// Does what the bytes ask for.
///
/// # Errors
/// `poison:STAGE:error`.
#[cfg(feature = "poison")]
#[expect(clippy::panic, reason = "that is what it is for")]
pub fn act(stage: Doing, bytes: &[u8]) -> Result<()> {
    if std::env::var_os("ESPOMAIL_POISON").is_none() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(bytes);
    let stage = if stage == Doing::Reading { "reading" } else { "importing" };
    let Some((_, deed)) = text.split_once(&format!("poison:{stage}:")) else { return Ok(()) };
    match deed.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default() {
        "error" => anyhow::bail!("poison"),
        "panic" => panic!("poison"),
        "recursion" => drop(recurse(0)),
        // An optimiser leaves out what nobody looks at.
        "allocation" => drop(std::hint::black_box(vec![1_u8; usize::MAX / 4])),
        "abort" => std::process::abort(),
        _ => {}
    }
    Ok(())
}

#[cfg(feature = "poison")]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 512]);
    if frame.first() == Some(&u64::MAX) { 0 } else { recurse(depth.wrapping_add(1)) + u64::from(frame.is_empty()) }
}
