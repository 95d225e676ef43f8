//! `Global<T>`: the one way this kernel keeps state that outlives a function.
//! There is one CPU, and kernel code runs with interrupts off. So a value can be in
//! use twice only if a function locks what its caller has locked: that is a panic.
//!
//! Nothing may stay locked while another process runs or an interrupt is let in: they
//! would find it locked. `assert_unlocked` is called before both.

use core::cell::{Ref, RefCell, RefMut};
use core::ops::{Deref, DerefMut};

pub struct Global<T>(RefCell<T>);

/// The right to use a global, until it is dropped.
pub struct Guard<'a, T> {
    value: RefMut<'a, T>,
    _any: Ref<'a, ()>,
}

static ANY: Global<()> = Global::new(()); // borrowed by every guard

// SAFETY: one CPU, and interrupts are off whenever kernel code runs (see above).
unsafe impl<T> Sync for Global<T> {}

impl<T> Global<T> {
    pub const fn new(value: T) -> Self {
        Global(RefCell::new(value))
    }

    #[track_caller]
    pub fn lock(&self) -> Guard<'_, T> {
        Guard { value: self.0.borrow_mut(), _any: ANY.0.borrow() }
    }

    /// For code that runs in a panic.
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        self.0.try_borrow_mut().ok().map(|value| Guard { value, _any: ANY.0.borrow() })
    }

    /// The address, for what the CPU itself reads, and for what is used by one process at
    /// a time although others run meanwhile.
    pub fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// To be called before anybody else may run.
#[track_caller]
pub fn assert_unlocked() {
    assert!(ANY.0.try_borrow_mut().is_ok(), "a global is locked while others may run");
}
