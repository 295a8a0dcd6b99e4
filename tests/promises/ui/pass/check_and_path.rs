//! Checks and paths in an ordinary function.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub)]

use loadcore::prelude::*;

async fn _look(vu: &Vu, owned: Vu) -> Result<bool> {
    let text = String::from("a b");
    let name = format!("is {text}");
    let all = check!(vu, {
        "question marks belong to the function" => "1".parse::<u8>()? == 1,
        "await does too" => vu.get("/a").send().await?.status() == 200,
        name => text.len() == 3,
        &text => true,
    });
    check!(owned, { "a statement" => all });

    let id = 7;
    let r#type = "x";
    let paths = [
        path!("/users/{id}/profile"),
        path!("/v2/products/{}", id + 1),
        path!("/{}/{name}/{name}", id, name = text.as_str()),
        path!("/{type}/{{literal}}"),
        path!("https://example.com/"),
    ];
    for path in paths {
        vu.get(path).send().await?;
    }
    Ok(all)
}

fn main() {}
