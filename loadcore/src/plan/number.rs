//! Numbers in code: `secs(2)`, `secs(1.5)`, `per_sec(n)`, `ORDERS.add(vu, 3)`.

/// Any integer or float, wherever a plain number is wanted. Beyond 2^53 an integer is rounded to the nearest float.
pub trait Number {
    /// As a float.
    fn into_f64(self) -> f64;
}

macro_rules! numbers {
    ($($number:ty),*) => { $(impl Number for $number {
        fn into_f64(self) -> f64 {
            self as f64
        }
    })* };
}
numbers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f32, f64);

/// `1 VU`, `2 VUs`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    }
}
