use loadcore::prelude::*;

#[group]
async fn log_in(_vu: &Vu) -> Result {
    Ok(())
}

#[scenario(thresholds = [CHECKS.group(LOGIN_GROUP).rate() > 0.99])]
async fn checkout(vu: &Vu) -> Result {
    log_in(vu).await
}

fn main() {}
