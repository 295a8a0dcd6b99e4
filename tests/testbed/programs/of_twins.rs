//! A program with two scenarios of one name.

mod mornings {
    use loadcore::prelude::*;

    #[scenario]
    async fn checkout(_vu: &Vu) {}
}

mod evenings {
    use loadcore::prelude::*;

    #[scenario(name = "checkout")]
    async fn pay(_vu: &Vu) {}
}

loadcore::main!();
