//! A program without any scenario: the library that has some is not named.

loadcore::main!();
