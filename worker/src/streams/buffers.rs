//! Buffers for block data, used again so that a read neither allocates nor zeroes a megabyte per chunk.

use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;

/// Idle bytes kept. Enough for a few streams; the rest goes back to the allocator.
const MOST_IDLE: usize = 8 << 20;

#[derive(Default)]
struct Idle {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

/// A pool of buffers. Cheap to clone.
#[derive(Clone, Default)]
pub struct BufferPool {
    idle: Arc<Mutex<Idle>>,
}

/// A buffer of the pool; returns to it when the last `Bytes` over it is dropped.
pub struct Buffer {
    data: Vec<u8>,
    filled: usize,
    pool: BufferPool,
}

impl BufferPool {
    /// A buffer of `length` bytes with arbitrary content.
    pub fn take(&self, length: usize) -> Buffer {
        let reused = {
            let mut idle = self.idle.lock();
            let fit = idle.buffers.iter().position(|buffer| buffer.len() >= length);
            fit.map(|index| {
                let buffer = idle.buffers.swap_remove(index);
                idle.bytes -= buffer.len();
                buffer
            })
        };
        let data = reused.unwrap_or_else(|| vec![0; length]);
        Buffer { data, filled: length, pool: self.clone() }
    }
}

impl Buffer {
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.data[..self.filled]
    }

    /// The first `length` bytes, without a copy.
    pub fn freeze(mut self, length: usize) -> Bytes {
        self.filled = length.min(self.filled);
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.data[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let data = std::mem::take(&mut self.data);
        let mut idle = self.pool.idle.lock();
        if idle.bytes + data.len() <= MOST_IDLE {
            idle.bytes += data.len();
            idle.buffers.push(data);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_when_nobody_holds_it() {
        let pool = BufferPool::default();
        let mut buffer = pool.take(1000);
        buffer.space().fill(7);
        let address = buffer.as_ref().as_ptr();
        let bytes = buffer.freeze(10);
        assert_eq!(&bytes[..], &[7; 10]);
        let other = bytes.slice(2..4);
        drop(bytes);
        assert_ne!(pool.take(900).as_ref().as_ptr(), address, "still held");
        drop(other);
        assert!((0..2).any(|_| pool.take(1000).as_ref().as_ptr() == address));
    }

    #[test]
    fn idle_memory_is_bounded() {
        let pool = BufferPool::default();
        let many: Vec<_> = (0..20).map(|_| pool.take(1 << 20)).collect();
        drop(many);
        assert!(pool.idle.lock().bytes <= MOST_IDLE);
    }
}
