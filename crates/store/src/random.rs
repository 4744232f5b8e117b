//! Random bytes from the system, for keys, salts and ids.

use zeroize::Zeroizing;

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandom;

/// Returns random bytes. They are not overwritten later; the caller must do so if they are secret.
///
/// # Errors
/// When the system gives none.
pub fn random<const N: usize>() -> Result<[u8; N], NoRandom> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

/// Returns random bytes that are overwritten when they are dropped.
///
/// # Errors
/// When the system gives none.
pub(crate) fn secret() -> Result<Zeroizing<[u8; 32]>, NoRandom> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| NoRandom)?;
    Ok(bytes)
}
