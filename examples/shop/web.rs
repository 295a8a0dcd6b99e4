//! The shop's website, for those who come with a browser: a session in a cookie, pages, pictures, a download, uploads.

use std::convert::Infallible;
use std::time::Duration;

use axum::Form;
use axum::Json;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde_json::json;

use crate::auth::{Credentials, SESSION};
use crate::catalog;
use crate::routes::{Failure, Shared};
use crate::service::{self, Service};

/// The smallest picture there is: a transparent dot.
static DOT: &[u8] = &[
    137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82, 0, 0, 0, 1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 31,
    21, 196, 137, 0, 0, 0, 13, 73, 68, 65, 84, 120, 156, 99, 96, 96, 96, 96, 0, 0, 0, 5, 0, 1, 165, 246, 69,
    64, 0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130,
];

/// The export: so many pieces of so many lines, at short intervals.
const PIECES: u32 = 64;
const LINES: u32 = 500;
const BETWEEN: Duration = Duration::from_millis(1);

pub(crate) fn router() -> Router<Shared> {
    Router::new()
        .route("/login", get(login_page).post(log_in))
        .route("/account", get(account))
        .route("/pictures/{product}", get(picture))
        .route("/export", get(export))
        .route("/reviews", post(review))
}

async fn login_page() -> Html<&'static str> {
    Html(
        "<form method=post><input name=email><input name=password type=password><button>Log in</button></form>",
    )
}

/// Leads to the account, with a cookie that opens it.
async fn log_in(
    State(shop): State<Shared>,
    credentials: Result<Form<Credentials>, FormRejection>,
) -> Result<Response, Failure> {
    let Form(credentials) = credentials.map_err(|wrong| Failure(wrong.status(), wrong.body_text()))?;
    shop.work(service::LOGIN).await?;
    let token = shop.auth.log_in(&credentials);
    let token =
        token.ok_or_else(|| Failure(StatusCode::UNAUTHORIZED, "wrong email or password".to_owned()))?;
    let cookie = format!("{SESSION}={token}; Path=/; HttpOnly; SameSite=Lax");
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/account")).into_response())
}

/// Who is not logged in is led to where one does that.
async fn account(State(shop): State<Shared>, headers: HeaderMap) -> Result<Response, Failure> {
    let Some(email) = shop.auth.visitor(&headers) else { return Ok(Redirect::to("/login").into_response()) };
    shop.work(service::PRODUCTS).await?;
    Ok(Html(format!("<h1>Account</h1><p>{email}</p><a href=/export>All orders</a>")).into_response())
}

async fn picture(State(shop): State<Shared>, Path(product): Path<String>) -> Result<Response, Failure> {
    if !catalog::PRODUCTS.iter().any(|known| known.id == product) {
        return Err(Failure(StatusCode::NOT_FOUND, format!("no product {product:?}")));
    }
    shop.work(service::PRODUCTS).await?;
    Ok(([(CONTENT_TYPE, "image/png")], DOT).into_response())
}

/// All orders as CSV, piece by piece.
async fn export(State(shop): State<Shared>, headers: HeaderMap) -> Result<Response, Failure> {
    admit(&shop, &headers)?;
    shop.work(service::PRODUCTS).await?;
    let pieces = futures_util::stream::unfold(0, async |piece| {
        tokio::time::sleep(BETWEEN).await;
        (piece < PIECES).then(|| (Ok::<_, Infallible>(lines(piece)), piece + 1))
    });
    Ok(([(CONTENT_TYPE, "text/csv")], Body::from_stream(pieces)).into_response())
}

fn lines(piece: u32) -> Bytes {
    let orders = piece * LINES..(piece + 1) * LINES;
    let product = |order: u32| catalog::PRODUCTS[order as usize % catalog::PRODUCTS.len()].id;
    orders.map(|order| format!("ord-{order:08},{},1\n", product(order))).collect::<String>().into()
}

/// Takes a review with a picture.
async fn review(
    State(shop): State<Shared>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<serde_json::Value>), Failure> {
    admit(&shop, &headers)?;
    let wrong = |problem: String| Failure(StatusCode::BAD_REQUEST, problem);
    let mut form = form.map_err(|problem| wrong(problem.body_text()))?;
    let (mut product, mut bytes) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|problem| wrong(problem.body_text()))? {
        let name = field.name().unwrap_or_default().to_owned();
        let content = field.bytes().await.map_err(|problem| wrong(problem.body_text()))?;
        match &*name {
            "product" => product = Some(String::from_utf8_lossy(&content).into_owned()),
            "picture" => bytes = Some(content.len()),
            _ => {}
        }
    }
    shop.work(service::ORDERS).await?;
    let product = product.filter(|product| catalog::PRODUCTS.iter().any(|known| known.id == product));
    let (Some(product), Some(bytes)) = (product, bytes) else {
        return Err(wrong("a review has a `product` of the shop's and a `picture`".to_owned()));
    };
    Ok((StatusCode::CREATED, Json(json!({ "product": product, "pictureBytes": bytes }))))
}

fn admit(shop: &Service, headers: &HeaderMap) -> Result<(), Failure> {
    match shop.auth.visitor(headers) {
        Some(_) => Ok(()),
        None => Err(Failure(StatusCode::UNAUTHORIZED, "log in first: POST /login".to_owned())),
    }
}
