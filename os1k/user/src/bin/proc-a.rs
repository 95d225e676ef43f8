//! Process A of the book's chapter on processes. It never yields: the timer takes turns
//! between it and its fellow.
#![no_std]
#![no_main]
user::entry!(|_| proc_entry('A'));
