//! The HTTP face of the shop.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::auth::Credentials;
use crate::catalog::{self, Cents, Product};
use crate::options::ShopOptions;
use crate::service::{self, Latency, Service, Unavailable};
use crate::web;

pub(crate) type Shared = Arc<Service>;

/// Every route, over a shop of its own.
pub(crate) fn router(options: &ShopOptions) -> Router {
    Router::new()
        .route("/health", get(async || "ok"))
        .route("/v1/auth/login", post(log_in))
        .route("/v2/products", get(products))
        .route("/v1/orders", post(order))
        .merge(web::router())
        .fallback(async || Failure(StatusCode::NOT_FOUND, "no such page".to_owned()))
        .with_state(Arc::new(Service::new(options)))
}

/// An error as the shop tells it: a status and `{"error": ".."}`.
pub(crate) struct Failure(pub(crate) StatusCode, pub(crate) String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Failure {
        Failure(rejection.status(), rejection.body_text())
    }
}

impl From<Unavailable> for Failure {
    fn from(_: Unavailable) -> Failure {
        Failure(StatusCode::SERVICE_UNAVAILABLE, "the shop is busy, try again".to_owned())
    }
}

#[derive(Serialize)]
struct Token {
    token: String,
}

#[derive(Deserialize)]
struct Filter {
    category: Option<String>,
}

#[derive(Serialize)]
struct ProductList {
    products: Vec<&'static Product>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    product_id: String,
    quantity: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    order_id: String,
    total: Cents,
}

async fn log_in(
    State(shop): State<Shared>,
    credentials: Result<Json<Credentials>, JsonRejection>,
) -> Result<Json<Token>, Failure> {
    let Json(credentials) = credentials?;
    // The time is taken before the verdict: a shop that refuses faster than it accepts tells who its users are.
    shop.work(service::LOGIN).await?;
    let token = shop.auth.log_in(&credentials);
    let token =
        token.ok_or_else(|| Failure(StatusCode::UNAUTHORIZED, "wrong email or password".to_owned()))?;
    Ok(Json(Token { token }))
}

async fn products(
    State(shop): State<Shared>,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<Json<ProductList>, Failure> {
    admit(&shop, &headers, service::PRODUCTS).await?;
    let wanted =
        |product: &&Product| filter.category.as_ref().is_none_or(|wanted| wanted == product.category);
    Ok(Json(ProductList { products: catalog::PRODUCTS.iter().filter(wanted).collect() }))
}

async fn order(
    State(shop): State<Shared>,
    headers: HeaderMap,
    order: Result<Json<NewOrder>, JsonRejection>,
) -> Result<(StatusCode, Json<Order>), Failure> {
    admit(&shop, &headers, service::ORDERS).await?;
    let Json(NewOrder { product_id, quantity }) = order?;
    let product = catalog::PRODUCTS.iter().find(|product| product.id == product_id);
    let product =
        product.ok_or_else(|| Failure(StatusCode::NOT_FOUND, format!("no product {product_id:?}")))?;
    if quantity == 0 {
        return Err(Failure(StatusCode::BAD_REQUEST, "quantity must be at least 1".to_owned()));
    }
    if quantity > product.stock {
        return Err(Failure(StatusCode::CONFLICT, format!("only {} left of {product_id}", product.stock)));
    }
    let order_id = format!("ord-{:08}", shop.next_order());
    Ok((StatusCode::CREATED, Json(Order { order_id, total: product.cents.times(quantity) })))
}

/// Lets in who carries a token of this shop, at the price of the route's latency; all others are refused at once.
async fn admit(shop: &Service, headers: &HeaderMap, latency: Latency) -> Result<(), Failure> {
    if !shop.auth.allows(headers) {
        return Err(Failure(StatusCode::UNAUTHORIZED, "log in first: POST /v1/auth/login".to_owned()));
    }
    Ok(shop.work(latency).await?)
}
