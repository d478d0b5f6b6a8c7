//! What takes long to free: on a thread of its own, wherever it is dropped.

use std::{
    mem::take,
    ops::{Deref, DerefMut},
};

/// A tree of ten million inodes takes seconds to free. The task that drops it may be the one that must notice that this
/// master leads no more.
#[derive(Debug, Default)]
pub struct Aside<T: Default + Send + 'static>(T);

impl<T: Default + Send + 'static> Aside<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    pub fn into_inner(mut self) -> T {
        take(&mut self.0)
    }
}

impl<T: Default + Send + 'static> Deref for Aside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Default + Send + 'static> DerefMut for Aside<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Default + Send + 'static> Drop for Aside<T> {
    fn drop(&mut self) {
        let value = take(&mut self.0);
        // Without a runtime nobody waits.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Sender, channel},
        thread::{ThreadId, current},
    };

    use super::*;

    /// Tells the thread that it is dropped on.
    #[derive(Default)]
    struct Told(Option<Sender<ThreadId>>);

    impl Drop for Told {
        fn drop(&mut self) {
            if let Some(sender) = &self.0 {
                sender.send(current().id()).unwrap();
            }
        }
    }

    #[tokio::test]
    async fn it_is_freed_on_another_thread() {
        let (sender, dropped) = channel();
        drop(Aside::new(Told(Some(sender.clone()))));
        let limit = std::time::Duration::from_secs(10);
        assert_ne!(dropped.recv_timeout(limit).unwrap(), current().id());
        let taken = Aside::new(Told(Some(sender))).into_inner();
        drop(taken);
        assert_eq!(dropped.recv_timeout(limit).unwrap(), current().id());
    }
}
