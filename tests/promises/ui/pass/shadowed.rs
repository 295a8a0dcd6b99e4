//! Nothing that the macros write depends on what the user's names mean.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub)]

mod shadowed {
    #![allow(dead_code, unused_macros)]

    // All that generated code could have meant without a leading `::`.
    mod core {}
    mod std {}
    mod loadcore {}
    struct Result;
    struct Option;
    struct Vec;
    struct String;
    struct Box;
    struct Arc;
    struct Group;
    struct Scenario;
    struct Metric;
    struct Vu;
    struct Some;
    struct None;
    struct Ok;
    struct Err;
    trait Default {}
    trait Send {}
    trait Future {}
    macro_rules! vec {
        () => {};
    }
    macro_rules! concat {
        () => {};
    }
    macro_rules! line {
        () => {};
    }

    use ::loadcore as real;
    use ::std::result::Result::Ok as Fine;

    pub(super) struct Catalog(u8);

    pub(super) struct Session(u8);

    impl ::core::default::Default for Session {
        fn default() -> Self {
            Self(0)
        }
    }

    #[real::metric]
    static ORDERS: real::metric::Counter = real::metric::Counter::new("orders");

    #[real::data]
    static WORDS: real::data::SharedArray<::std::string::String> =
        real::data::SharedArray::json("data/words.json");

    #[real::setup]
    async fn catalog(_vu: &real::Vu) -> real::Result<Catalog> {
        Fine(Catalog(1))
    }

    #[real::teardown]
    async fn forget(_vu: &real::Vu, _catalog: &Catalog) -> real::Result {
        Fine(())
    }

    #[real::vu_setup]
    async fn open(_vu: &real::Vu, catalog: &Catalog) -> real::Result<Session> {
        Fine(Session(catalog.0))
    }

    #[real::vu_teardown]
    async fn close(_vu: &real::Vu, session: &mut Session) -> real::Result {
        session.0 = 0;
        Fine(())
    }

    #[real::group("Step")]
    pub(super) async fn step(vu: &real::Vu, id: u8) -> real::Result<bool> {
        ORDERS.add(vu, 1);
        let word = WORDS.for_vu(vu);
        vu.get(real::path!("/{id}/{}", word)).send().await?;
        Fine(real::check!(vu, { "one" => id == 1 }))
    }

    #[real::scenario(
        executor = real::plan::constant_vus(1, 5s),
        thresholds = [real::http::HTTP_REQ_DURATION.p(95) < 500ms],
        tags = [("team", "shop")],
    )]
    pub(super) async fn buy(vu: &real::Vu, catalog: &Catalog, session: &mut Session) -> real::Result {
        step(vu, catalog.0 + session.0).await?;
        Fine(())
    }

    /// The names that generated code uses inside are not the user's either.
    #[real::scenario]
    async fn own_names(slot: &real::Vu, a0: &mut Session, vu: &Catalog, __loadcore_group: &u8) {
        named(slot, a0.0 + vu.0 + *__loadcore_group).await;
    }

    #[real::setup]
    async fn number(private: &real::Vu) -> real::Result<u8> {
        named(private, 1).await;
        Fine(1)
    }

    #[real::group]
    async fn named(group: &real::Vu, __loadcore_group: u8) {
        let (__all, __vu, __path, __value0) = (1, group, 2, __loadcore_group);
        real::check!(__vu, { "all" => __all == 1 });
        let _ = real::path!("/{__path}/{}", __value0);
    }
}

fn main() {
    let _ = [shadowed::BUY_SCENARIO];
    let _ = shadowed::STEP_GROUP;
}
