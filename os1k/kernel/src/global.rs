//! `Global<T>`: the one way this kernel keeps state that outlives a function.
//! There is one CPU, and kernel code runs with interrupts off, so a borrow can
//! only collide with one further up the same stack; RefCell catches that.

use core::cell::{RefCell, RefMut};

pub struct Global<T>(RefCell<T>);

// SAFETY: one CPU, and interrupts are off whenever kernel code runs (see above).
unsafe impl<T> Sync for Global<T> {}

impl<T> Global<T> {
    pub const fn new(value: T) -> Self {
        Global(RefCell::new(value))
    }

    /// Must not be held across a context switch.
    pub fn lock(&self) -> RefMut<'_, T> {
        self.0.borrow_mut()
    }

    /// For code that runs in a panic.
    pub fn try_lock(&self) -> Option<RefMut<'_, T>> {
        self.0.try_borrow_mut().ok()
    }

    /// The address, for structures the CPU itself reads.
    pub fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}
