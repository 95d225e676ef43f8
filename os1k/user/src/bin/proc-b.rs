//! Process B of the book's chapter on processes. It never yields: the timer
//! interrupt switches between the two processes.
#![no_std]
#![no_main]
user::entry!(|_| proc_entry('B'));
