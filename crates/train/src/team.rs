//! The threads of a training, and the kernel that they use.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use crate::kernel::Kernel;

/// Threads that share work. Which thread does a piece never changes its result.
pub struct Team<'a> {
    kernel: &'a dyn Kernel,
    threads: usize,
    pool: Arc<Pool>,
}

/// Buffers that are free: the system would hand out new memory page by page.
#[derive(Debug, Default)]
struct Pool(Mutex<Vec<Vec<f32>>>);

/// A buffer that goes back to its team when it is dropped.
#[derive(Debug)]
pub struct Buffer {
    values: Vec<f32>,
    pool: Arc<Pool>,
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        self.pool.0.lock().unwrap_or_else(PoisonError::into_inner).push(values);
    }
}

impl std::fmt::Debug for Team<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Team").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl<'a> Team<'a> {
    /// Makes a team of at least one thread.
    #[must_use]
    pub fn new(kernel: &'a dyn Kernel, threads: usize) -> Self {
        Self { kernel, threads: threads.max(1), pool: Arc::default() }
    }

    /// The same team with one thread: for work inside of a piece.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self { kernel: self.kernel, threads: 1, pool: Arc::clone(&self.pool) }
    }

    /// Number of threads.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The kernel.
    #[must_use]
    pub fn kernel(&self) -> &'a dyn Kernel {
        self.kernel
    }

    /// A buffer with arbitrary values.
    #[must_use]
    pub fn buffer(&self, length: usize) -> Buffer {
        let mut free = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough.
        let fits = free.iter().enumerate().filter(|(_, values)| values.capacity() >= length);
        let best = fits.min_by_key(|(_, values)| values.capacity()).map(|(index, _)| index);
        let mut values = best.map(|index| free.swap_remove(index)).unwrap_or_default();
        drop(free);
        values.resize(length, 0.0);
        Buffer { values, pool: Arc::clone(&self.pool) }
    }

    /// A buffer of zeros.
    #[must_use]
    pub fn zeros(&self, length: usize) -> Buffer {
        let mut buffer = self.buffer(length);
        buffer.fill(0.0);
        buffer
    }

    /// A buffer with these values.
    #[must_use]
    pub fn copy(&self, values: &[f32]) -> Buffer {
        let mut buffer = self.buffer(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// Number of rows of a piece, if `rows` rows are shared out: a few pieces for each thread.
    #[must_use]
    pub fn share(&self, rows: usize) -> usize {
        rows.div_ceil(4 * self.threads).max(1)
    }

    /// Does each piece of work once, and returns when all are done.
    pub fn each<T: Send>(&self, pieces: Vec<T>, work: impl Fn(T) + Sync) {
        let shares = self.threads.min(pieces.len());
        if shares <= 1 {
            pieces.into_iter().for_each(work);
            return;
        }
        let left = Mutex::new(pieces.into_iter());
        // Bound to a value: a guard in the condition of `while let` would live during the work.
        let next = || {
            let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
            left.next()
        };
        std::thread::scope(|scope| {
            let help = || {
                while let Some(piece) = next() {
                    work(piece);
                }
            };
            for _ in 1..shares {
                scope.spawn(help);
            }
            help();
        });
    }
}
