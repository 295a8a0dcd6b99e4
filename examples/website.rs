//! Visitors of the shop's website, as browsers send them: they log in by a form, follow its redirect with the cookie that it
//! sets, load pictures six at a time, read a download as it comes, and upload a picture. Each iteration is a new visitor,
//! who connects anew and has no cookies.
//!
//! `cargo run --release --example website`

use loadcore::http::{Form, Http};
use loadcore::prelude::*;
use serde::{Deserialize, Serialize};
use shop::Shop;

#[derive(Deserialize, Serialize)]
struct User {
    email: String,
    password: String,
}

#[data]
static USERS: SharedArray<User> = SharedArray::json("data/users.json");

/// Until the first line of the export is there, and how much there was in all.
#[metric]
static FIRST_LINE: Trend<Time> = Trend::new("first_line").time();
#[metric]
static EXPORTED: Trend<Bytes> = Trend::new("exported").bytes();

#[scenario(
    executor = constant_vus(20, 10s),
    thresholds = [
        HTTP_REQ_DURATION.named("/account").p(95) < 200ms,
        HTTP_REQ_FAILED.rate() < 0.01,
        CHECKS.rate() > 0.999,
        FIRST_LINE.p(95) < 200ms,
    ],
)]
async fn visit(vu: &Vu) -> Result {
    log_in(vu).await?;
    look_around(vu).await?;
    export(vu).await?;
    review(vu).await?;
    vu.sleep(secs(1)).await;
    Ok(())
}

#[group("Log In")]
async fn log_in(vu: &Vu) -> Result {
    let user = USERS.for_vu(vu);
    // Without a session the account leads to the login.
    let login = vu.get("/account").send().await?.expect(200)?;
    check!(vu, { "led to the login" => login.url().ends_with("/login") });
    // The login sets a cookie and leads back. Each of the two is a request in the metrics.
    let account = vu.post("/login").form(user).send().await?.expect(200)?;
    check!(vu, {
        "led to the account" => account.redirects() == 1 && account.url().ends_with("/account"),
        "which knows the user" => account.text()?.contains(&user.email),
        "by a cookie" => vu.cookies().get("/", "sid")?.is_some(),
    });
    Ok(())
}

const ON_FRONT_PAGE: [&str; 8] =
    ["abc-123", "abc-124", "abc-125", "abc-126", "bok-201", "bok-202", "kit-301", "toy-401"];

#[group("Look Around")]
async fn look_around(vu: &Vu) -> Result {
    // One name for all of them: /pictures/{id}.
    let pictures = ON_FRONT_PAGE.map(|id| vu.get(path!("/pictures/{id}")));
    for response in vu.batch(pictures).await {
        check!(vu, { "is a picture" => response?.content_type() == Some("image/png") });
    }
    Ok(())
}

#[group("Export")]
async fn export(vu: &Vu) -> Result {
    let begun = vu.elapsed();
    let mut orders = vu.get("/export").timeout(secs(10)).send_streaming().await?.expect(200)?;
    let mut bytes = 0;
    while let Some(piece) = orders.chunk().await? {
        if bytes == 0 {
            FIRST_LINE.add(vu, vu.elapsed() - begun);
        }
        bytes += piece.len();
    }
    EXPORTED.add(vu, bytes as u64);
    Ok(())
}

/// Sent as it is by all visitors, and never copied.
static PICTURE: [u8; 200_000] = [7; 200_000];

#[group("Review")]
async fn review(vu: &Vu) -> Result {
    let form = Form::new().text("product", "abc-123").text("text", "Wide sound, warm ears.");
    let form = form.file("picture", &PICTURE[..]).file_name("on-my-desk.png").content_type("image/png");
    let review = vu.post("/reviews").multipart(form).send().await?.expect(201)?;
    let bytes: usize = review.json_at("/pictureBytes")?;
    check!(vu, { "the picture has arrived" => bytes == PICTURE.len() });
    Ok(())
}

fn main() -> std::process::ExitCode {
    let shop = match Shop::start_in_thread() {
        Ok(shop) => shop,
        Err(error) => {
            eprintln!("error: the example shop cannot start: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    let http = Http::new().no_vu_connection_reuse(true).max_connections_per_host(6).connect_timeout(secs(5));
    LoadTest::discovered().base_url(shop.url()).http(http).main()
}
